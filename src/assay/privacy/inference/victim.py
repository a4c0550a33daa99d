"""The model that is attacked, behind a defence where one is asked for, with its training rows and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Measure, Share
from assay.core.subject import Model
from assay.models.trainers import TrainingRows, trainer_named
from assay.privacy.anonymity.table import CodedColumn
from assay.privacy.inference.guarded import Undefended, defended
from assay.privacy.membership.answers import Bools, Places, answers_of, taken
from assay.privacy.membership.candidates import candidates
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

MOST = 2000
"""Training rows that are attacked: each is asked of the model many times."""
FEWEST = 50
"""Rows that the attacker has, and rows of either side by which an attack is judged."""


@dataclass(frozen=True, eq=False)
class Victim:
    """A classifier, labelled rows, and (rows,) which of them it was trained on.

    `told` are places of half of the other rows: people like those that are attacked, whom the attacker knows and by
    whom nothing is judged. `groups` are the protected attributes.
    """

    model: Model
    rows: TrainingRows
    member: Bools
    told: Places
    notes: tuple[Message, ...] = ()
    groups: Mapping[str, CodedColumn] = field(default_factory=dict)

    @property
    def members(self) -> Places:
        """Places of the training rows."""
        return np.flatnonzero(self.member)

    @property
    def others(self) -> Places:
        """Places of the other rows that the attacker does not know."""
        return np.setdiff1d(np.flatnonzero(~self.member), self.told)


@dataclass(frozen=True, eq=False)
class Aim:
    """A Victim, or the `reason` why there is none; `counts` are the training rows and the others."""

    victim: Victim | None
    counts: tuple[int, int]
    reason: Message | None = None


def aim(case: Case, /, *, defence: str = "", trainer: str = "", rows: int = MOST, seed: int = 0) -> Aim:
    """At most `rows` training rows of the Case and twice as many others, half of which are told to the attacker.

    `defence` names a part that stands before the model. `trainer` is "module:function", for a defence that trains
    again.
    """
    drawn = candidates(case, most=2 * rows, seed=seed)
    if drawn.rows is None or case.model is None:
        return Aim(None, (case.n, 0), drawn.reason)
    members, others = drawn.counts
    if others < 2 * FEWEST or members < FEWEST:
        words = "{members} training rows and {others} others are too few: {least} and {needed} are needed"
        params = {"members": members, "others": others, "least": FEWEST, "needed": 2 * FEWEST}
        return Aim(None, drawn.counts, Message("too-few-to-attack", words, params))
    model = case.model
    if defence:
        train = trainer_named(trainer)
        model = defended(defence, Undefended(model, lambda: training_rows(case, seed=seed), train))
    rng = np.random.default_rng([seed, 21])
    mine = rng.permutation(np.flatnonzero(drawn.member))[:rows]
    other = rng.permutation(np.flatnonzero(~drawn.member))
    kept = np.sort(np.concatenate([mine, other]))
    told = np.searchsorted(kept, np.sort(other[: len(other) // 2]))
    notes = tuple(note for note in drawn.notes if note.id != "members-sampled")
    groups = {name: replace(column, codes=column.codes[kept]) for name, column in drawn.groups.items()}
    return Aim(Victim(model, taken(drawn.rows, kept), drawn.member[kept], told, notes, groups), drawn.counts)


def training_rows(case: Case, /, *, seed: int = 0) -> TrainingRows:
    """All training rows of a Case that has candidates."""
    drawn = candidates(case, most=case.n, seed=seed)
    assert drawn.rows is not None
    return taken(drawn.rows, np.flatnonzero(drawn.member))


def accuracy_measure(victim: Victim, /, *, level: float) -> Measure:
    """`accuracy`: the model's, on the rows that are neither trained on nor told: what a defence costs."""
    answers = answers_of(victim.model, taken(victim.rows, victim.others))
    n = len(answers.labels)
    share = Share(float(answers.correct.sum()), n, n, n)
    interval = wilson(share, level=level)
    method = "of the model, on rows it was not trained on"
    return Measure("accuracy", share.value, n, interval=interval, method=method, notes=victim.notes)
