"""From rows that a search found to records: everything that is said of a counterfactual is measured here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.explain.columns import Column, Floats
from assay.explain.recourse.counterfactual import Change, Counterfactual, Value
from assay.explain.recourse.goal import Goal
from assay.explain.recourse.plausibility import Neighbourhood
from assay.explain.recourse.space import Space

NO_TRAINER = Message("explain.recourse.no_trainer", "no way to train the model again was given")


@dataclass(frozen=True, eq=False)
class Robustness:
    """`share` (m,) of retrained models that give the wanted answer; or None and the `reason`."""

    share: Floats | None = None
    reason: Message = NO_TRAINER


@dataclass(frozen=True, eq=False)
class Judge:
    """Turns pairs of rows into records: against a `goal`, within a `space`, near the data of a `neighbourhood`."""

    goal: Goal
    space: Space
    neighbourhood: Neighbourhood

    def appraise(
        self,
        before: Floats,
        after: Floats,
        rows: NDArray[np.int64],
        /,
        *,
        robustness: Robustness | None = None,
        exact: bool = False,
    ) -> tuple[Counterfactual, ...]:
        """One Counterfactual for each row of `before` and `after` (m, columns); `rows` (m,) are their rows of the goal.

        `after` is taken as the model gets it: through the types of its columns and back. The model is asked once.
        """
        if not len(after):
            return ()
        space, columns = self.space, self.space.columns
        after = columns.encode(columns.decode(after))
        pair = self.goal.ask(np.concatenate([before, after]), np.concatenate([rows, rows]))
        m = len(after)
        broken = space.violations(before, after)
        near = self.neighbourhood.nearness(after)
        cost, distance = space.cost(before, after), space.distance(before, after)
        sparsity = space.sparsity(before, after)
        judged = robustness or Robustness()
        return tuple(
            Counterfactual(
                before=before[i],
                after=after[i],
                changes=changes(space, before[i], after[i]),
                cost=float(cost[i]),
                distance=float(distance[i]),
                sparsity=int(sparsity[i]),
                output_before=float(pair.output[i]),
                output_after=float(pair.output[m + i]),
                valid=bool(pair.met[m + i]),
                nearness=float(near[i]),
                plausible=bool(near[i] <= self.neighbourhood.typical),
                violated=broken.of(i),
                robust_share=None if judged.share is None else float(judged.share[i]),
                robust_reason=judged.reason if judged.share is None else None,
                exact=exact,
            )
            for i in range(m)
        )


def changes(space: Space, before: Floats, after: Floats, /) -> tuple[Change, ...]:
    """What differs between two rows (columns,): a one-hot group is one Change between the names of its columns."""
    out: list[Change] = []
    differs = space.changed(before[None], after[None])[0]
    for group in space.groups:
        if differs[group.places].any():
            names = [space.columns.names[place] for place in group.places]
            states = [
                ", ".join(name for name, on in zip(names, group.active(row[None])[0], strict=True) if on) or None
                for row in (before, after)
            ]
            out.append(Change(group.name, *states))
            differs[group.places] = False
    for j in np.flatnonzero(differs):
        column = space.columns.columns[j]
        out.append(Change(column.name, _value(column, before[j]), _value(column, after[j])))
    return tuple(out)


def _value(column: Column, number: float) -> Value:
    if np.isnan(number):
        return None
    return column.levels[int(number)] if column.kind == "category" else float(number)
