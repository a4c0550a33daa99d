"""Whether a counterfactual outlives the next training of the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, Message
from assay.core.subject import Model
from assay.explain.columns import Floats
from assay.explain.recourse.goal import Goal
from assay.explain.target import Calls

TIMES = 20
ROBUST = 0.9
"""Share of the retrained models that must agree."""


@dataclass(frozen=True, eq=False)
class Retrained:
    """`models` trained anew on bootstrap samples; or none and the `reason`."""

    models: tuple[Model, ...] = ()
    reason: Message | None = None

    def share(self, goal: Goal, after: Floats, rows: NDArray[np.int64], /) -> Floats:
        """(m,) share of the models that give the wanted answer for `after`, versions of the goal's `rows`."""
        if not self.models:
            raise AssayError("No model was trained again.", code="robust", hint="Give a trainer.")
        agreed = np.zeros(len(after))
        for model in self.models:
            target = replace(goal.target, model=model, calls=Calls(), output=_place(goal, model))
            agreed += replace(goal, target=target).ask(after, rows).met
        return np.asarray(agreed / len(self.models))


def _place(goal: Goal, model: Model) -> int | None:
    label = goal.target.label
    if label is None:
        return None
    if label not in model.classes:
        raise AssayError(
            f"A model that was trained again knows no class {label!r}.",
            code="class",
            hint=f"Its classes are {', '.join(model.classes) or 'none'}; the trainer must give the same.",
        )
    return model.classes.index(label)
