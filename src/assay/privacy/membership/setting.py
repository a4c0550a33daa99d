"""What an attacker on membership is given, and what an attack gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.core.errors import Message
from assay.core.house import Progress
from assay.core.subject import Model
from assay.models.trainers import TrainingRows
from assay.privacy.membership.answers import Answers, Bools, Floats, Places, taken
from assay.privacy.membership.shadows import Shadows

KIND = "privacy-attack"
"""Kind of the parts that attack membership: `make(setting)` gives a Scored."""

NO_PROBABILITIES = Message("no-probabilities", "the model gives no probabilities; the label-only attack needs none")


@dataclass(frozen=True, eq=False)
class Setting:
    """Labelled rows, a model with its answers for them, and for some rows whether the model was trained on them.

    `told` are places of rows of which the attacker knows, (told,) `told_member`, whether they are members: what is
    fitted is fitted on them. Which of the other rows are members no attack is given. `shadows` trains models like the
    attacked one, or says why it cannot.
    """

    model: Model
    rows: TrainingRows
    answers: Answers
    told: Places
    told_member: Bools
    shadows: Callable[[], Shadows]
    seed: int = 0
    progress: Progress | None = None

    @property
    def untold(self) -> Places:
        """Places of the rows of which the attacker does not know."""
        return np.setdiff1d(np.arange(len(self.answers.labels)), self.told)

    def only(self, places: Places, told: Places, told_member: Bools, /) -> Setting:
        """The Setting of the rows at `places`; `told` are places among these."""
        answers = self.answers
        own = None if answers.probabilities is None else answers.probabilities[places]
        return Setting(
            self.model,
            taken(self.rows, places),
            Answers(answers.labels[places], answers.predicted[places], own),
            told,
            told_member,
            lambda: self.shadows().only(places),
            self.seed,
            self.progress,
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """(places,) `scores` of the rows at `places` (of all, where it is None), larger for who looks like a member.

    An attack that was fitted on rows that it was told of gives scores of others only, and its own `threshold`. An
    attack that cannot be made says the `reason`.
    """

    scores: Floats | None = None
    places: Places | None = None
    threshold: float | None = None
    method: str = ""
    reason: Message | None = None
    notes: tuple[Message, ...] = ()
