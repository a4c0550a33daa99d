"""The rows of a Case for fitting and for judging: features, outcome, group and id of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.data.roles.observed import selective
from assay.fairness.mitigation.columns.filling import Filling
from assay.fairness.mitigation.columns.tables import as_frame
from assay.fairness.mitigation.groups import Codes, Groups
from assay.fairness.mitigation.mitigation import Ints
from assay.models.outputs import class_text

if TYPE_CHECKING:
    from assay.data.case import Case


@dataclass(frozen=True, eq=False)
class Rows:
    """`x` a pandas frame of features, `y` (rows,) 1 favourable or 0, `protected` a frame, `codes` of all groups."""

    x: Any
    y: Ints
    protected: Any
    codes: Codes
    groups: Groups
    ids: Any

    def __len__(self) -> int:
        return len(self.y)

    def only(self, rows: Any, /) -> Rows:
        """The rows at some positions."""
        x, protected = self.x.iloc[rows], self.protected.iloc[rows]
        return Rows(x, self.y[rows], protected, self.codes[rows], self.groups, self.ids[rows])


@dataclass(frozen=True, eq=False)
class Divided:
    """Rows to fit on, and rows to judge on, which nothing is fitted on; `how` they were divided, and gaps filled."""

    train: Rows
    test: Rows
    how: str
    filling: Filling

    def facts(self) -> dict[str, Any]:
        """How many rows on either side, how they were divided, and the attributes whose groups are compared."""
        counted = {"fitted": len(self.train), "held_out": len(self.test)}
        return {"rows": counted, "division": self.how, "attributes": list(self.test.groups.attributes)}


def divided(
    case: Case,
    /,
    *,
    attributes: Sequence[str] = (),
    share: float = 0.3,
    limit: int | None = None,
    seed: int = 0,
) -> Divided:
    """The rows of a binary Case with a label, by its `split`, or else a seeded `share` of the rows held out.

    `attributes` are crossed; by default the first protected attribute. Rows without a label are left out. A missing
    number becomes the median of the fitted rows, and a column says so; a missing name is a name of its own. `limit`
    takes a seeded sample of rows. A Case with weights, or with rows to fit on that lack consent, is an error.
    """
    roles = case.roles
    chosen = tuple(attributes) or roles.protected[:1]
    _check(case, chosen)
    needed = dict.fromkeys([*roles.features, *chosen, *(c for c in (roles.label, roles.split, roles.unit) if c)])
    table = case.rows(tuple(needed), limit=limit, seed=seed)
    label = [class_text(value) for value in table.column(roles.label).to_pylist()]
    known = np.array([text is not None for text in label])
    y = np.array([text == roles.favourable for text in label], dtype=np.int64)
    frame = as_frame(table)
    coded = Groups.find(frame[list(chosen)])
    ids = np.array([str(i) for i in (frame[roles.unit] if roles.unit else range(len(y)))], dtype=object)
    every = Rows(frame[list(roles.features)], y, frame[list(chosen)], coded.codes, coded.groups, ids)
    if roles.split:
        held = np.array([class_text(v) in set(case.held_out) for v in table.column(roles.split).to_pylist()])
        how = f"column {roles.split}"
    else:
        units = np.unique(ids, return_inverse=True)[1].reshape(-1)
        held = (np.random.default_rng(seed).random(int(units.max()) + 1) < share)[units]
        how = f"a share of {share:g} held out, seed {seed}"
    train, test = every.only(np.flatnonzero(known & ~held)), every.only(np.flatnonzero(known & held))
    if not len(train) or not len(test):
        raise AssayError(
            f"{len(train)} rows to fit on and {len(test)} to judge on are left ({how}).",
            code="split",
            hint="Give a split with both, or none.",
        )
    return _filled(train, test, how)


def _check(case: Case, chosen: Sequence[str]) -> None:
    roles = case.roles
    if case.task != "binary" or roles.label is None:
        raise AssayError(
            "Mitigations need a case with a label of two values.", code="task", hint="Give label= and favourable=."
        )
    if roles.observed is not None:
        raise selective("Mitigation")
    case.require_consent("Mitigation")
    if roles.weight is not None:
        raise AssayError("Cases with weights are not compared.", code="weighted", hint="Leave the weight out.")
    if not chosen or not roles.features:
        raise AssayError(
            "The case has no protected attribute or no features.", code="roles", hint="Give protected= and features=."
        )
    for name in chosen:
        if name not in roles.protected:
            raise unknown("protected attribute", name, roles.protected, code="roles")


def _filled(train: Rows, test: Rows, how: str) -> Divided:
    """Numbers without gaps, by what the fitted rows say."""
    filling = Filling.learn(train.x, test.x)
    made = [Rows(filling.fill(p.x), p.y, p.protected, p.codes, p.groups, p.ids) for p in (train, test)]
    return Divided(made[0], made[1], how, filling)
