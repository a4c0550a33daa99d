"""What would have to be different for another answer, one record for each way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.core.errors import AssayError, Message
from assay.explain.columns import Columns, Floats
from assay.explain.target import Scale

if TYPE_CHECKING:
    import pandas as pd

Value = str | float | None
SHOWN = 10
"""Rows that a notebook shows."""


@dataclass(frozen=True, slots=True)
class Change:
    """`column` (or one-hot group) goes from `before` to `after`: a number, the text of a category, None if missing."""

    column: str
    before: Value
    after: Value


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """One way to another answer: the row `before` and `after` (columns,), and what can be said of it.

    - `cost` in the units of the Constraints, `distance` without their costs (robust standard deviations of numbers, 1
      for a category), `sparsity` the number of things that change.
    - `output_before`, `output_after`: the explained number of the model. `valid`: the model itself gives the wanted
      answer for `after`. `violated`: the constraints that it breaks; none but in a blocked one.
    - `nearness`: mean distance to the five nearest background rows; `plausible` where that is within the 95th
      percentile of the background rows' own.
    - `robust_share`: share of retrained models that give the wanted answer too; None with `robust_reason` where there
      are none. `exact`: proven to be the cheapest.
    """

    before: Floats
    after: Floats
    changes: tuple[Change, ...]
    cost: float
    distance: float
    sparsity: int
    output_before: float
    output_after: float
    valid: bool
    nearness: float
    plausible: bool
    violated: tuple[str, ...] = ()
    robust_share: float | None = None
    robust_reason: Message | None = None
    exact: bool = False

    def to_json(self) -> dict[str, Any]:
        """Everything but the whole rows as JSON types; `changes` say what differs."""
        return {
            "changes": [{"column": c.column, "before": c.before, "after": c.after} for c in self.changes],
            "cost": self.cost,
            "distance": self.distance,
            "sparsity": self.sparsity,
            "output_before": self.output_before,
            "output_after": self.output_after,
            "valid": self.valid,
            "nearness": self.nearness,
            "plausible": self.plausible,
            "violated": list(self.violated),
            "robust_share": self.robust_share,
            "robust_reason": None if self.robust_reason is None else self.robust_reason.text(),
            "exact": self.exact,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What an exact search proved for one row.

    `status`: "optimal" (the first way is the cheapest), "infeasible" (there is none within the constraints), or "time
    limit" (nothing costs less than `bound`, and `gap` is how far the cost of the first way is above it, relatively).
    A `gap` that is not known is None.
    """

    status: Literal["optimal", "infeasible", "time limit"]
    bound: float | None
    gap: float | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"status": self.status, "bound": self.bound, "gap": self.gap, "seconds": self.seconds}


@dataclass(frozen=True, eq=False)
class Ways:
    """What was found for one row: `found`, the first the cheapest (the sparsest within 1 % of it).

    Where none was found within the constraints, `blocked` is the one that breaks fewest of them, the cheapest of
    those, and its `violated` says which; None where the search found none at all. `already`: the row has the wanted
    answer as it is. `proof` is that of an exact search.
    """

    found: tuple[Counterfactual, ...]
    blocked: Counterfactual | None = None
    already: bool = False
    proof: Proof | None = None


@dataclass(frozen=True, eq=False)
class Recourse:
    """What would change the answers for `rows` (rows, columns): one Ways a row, in their order.

    `goal` says in words what was wanted, `target` and `scale` what `output_before` and `output_after` are, `calls` how
    many rows the model was asked for each row (what is read from its trees or coefficients is not counted). `places`
    are the rows' places in the data, where known. `settings` repeat the call.
    """

    columns: Columns
    rows: Floats
    ways: tuple[Ways, ...]
    goal: str
    target: str
    scale: Scale
    method: str
    calls: float
    places: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ways)

    def __getitem__(self, row: int) -> Ways:
        if not 0 <= row < len(self):
            raise AssayError(
                f"There is no row {row} among those asked about.", code="row", hint=f"Give 0 to {len(self) - 1}."
            )
        return self.ways[row]

    def __iter__(self) -> Iterator[Ways]:
        return iter(self.ways)

    def _repr_html_(self) -> str:
        from assay.explain.drawing.recourse import recourse

        return "".join(recourse(self, row).html() for row in range(min(len(self), SHOWN)) if self.ways[row].found)

    @property
    def costs(self) -> Floats:
        """(rows,) the cost of the cheapest way: 0 where the answer is as wanted already, NaN where none was found."""
        return np.array([0.0 if w.already else w.found[0].cost if w.found else np.nan for w in self.ways])

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "method": self.method,
            "goal": self.goal,
            "target": self.target,
            "scale": self.scale,
            "calls": self.calls,
            "columns": list(self.columns.names),
            "rows": [self._row(i) for i in range(len(self))],
            "settings": dict(self.settings),
        }

    def _row(self, i: int) -> dict[str, Any]:
        ways = self.ways[i]
        return {
            "row": self.places[i] if self.places else None,
            "shown": list(self.columns.show(self.rows[i])),
            "already": ways.already,
            "found": [one.to_json() for one in ways.found],
            "blocked": None if ways.blocked is None else ways.blocked.to_json(),
        } | ({} if ways.proof is None else {"proof": ways.proof.to_json()})

    def to_frame(self) -> pd.DataFrame:
        """One line a change: row, way (from 0; -1 is blocked), column, before, after, and the numbers of the way."""
        import pandas as pd

        lines = []
        for i, ways in enumerate(self.ways):
            blocked = [] if ways.blocked is None else [(-1, ways.blocked)]
            for k, one in [*enumerate(ways.found), *blocked]:
                known = {"row": self.places[i] if self.places else i, "way": k}
                numbers = {name: getattr(one, name) for name in _NUMBERS} | {"violated": "; ".join(one.violated)}
                lines += [
                    known | {"column": c.column, "before": c.before, "after": c.after} | numbers for c in one.changes
                ]
        return pd.DataFrame(lines, columns=[*_LEADING, *_NUMBERS, "violated"])


_LEADING = ("row", "way", "column", "before", "after")
_NUMBERS = ("cost", "distance", "sparsity", "output_before", "output_after", "valid", "plausible", "robust_share")
