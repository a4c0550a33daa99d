"""Mixed-integer linear programs, put together line by line and solved by HiGHS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats

SOLVED, TIME_LIMIT, INFEASIBLE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Solution:
    """`values` (variables,) of the best solution found, None without one; nothing costs less than `bound`.

    `finished`: the solution is the best, or there is none (then the bound is infinite).
    """

    values: Floats | None
    bound: float
    finished: bool


@dataclass(eq=False)
class Program:
    """Variables with bounds and costs, and lines low <= Σ coefficient · variable <= high. Costs are to be least."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    _at: list[tuple[int, int, float]] = field(default_factory=list)
    _ends: list[tuple[float, float]] = field(default_factory=list)

    def variable(self, low: float, high: float, /, *, cost: float = 0.0, whole: bool = False) -> int:
        """A new variable; its number."""
        self.low.append(low)
        self.high.append(high)
        self.cost.append(cost)
        self.whole.append(whole)
        return len(self.low) - 1

    def line(self, coefficients: Mapping[int, float], /, *, low: float = -np.inf, high: float = np.inf) -> None:
        """A new line."""
        self._at += [(len(self._ends), variable, value) for variable, value in coefficients.items()]
        self._ends.append((low, high))

    def reach(self, coefficients: Mapping[int, float], /) -> float:
        """The highest value that Σ coefficient · variable has between the variables' own bounds."""
        return sum(c * (self.high[v] if c > 0 else self.low[v]) for v, c in coefficients.items() if c)

    def solve(self, *, seconds: float) -> Solution:
        """The solution of least cost, proven with a gap of 0, or the best one and a bound when time is up.

        HiGHS keeps lines within 1e-7 only: check what you do with it. AssayError where HiGHS fails.
        """
        if not self.low:
            fits = all(low <= 0 <= high for low, high in self._ends)
            return Solution(np.zeros(0), 0.0, True) if fits else Solution(None, np.inf, True)
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        rows, columns, values = zip(*self._at, strict=True) if self._at else ((), (), ())
        lines = coo_array((values, (rows, columns)), shape=(len(self._ends), len(self.low))).tocsr()
        ends = np.array(self._ends, dtype=np.float64).reshape(-1, 2)
        found = milp(
            np.array(self.cost),
            integrality=np.array(self.whole, dtype=np.int64),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=LinearConstraint(lines, ends[:, 0], ends[:, 1]) if len(ends) else None,
            options={"mip_rel_gap": 0.0, "time_limit": max(0.01, seconds)},
        )
        if found.status == INFEASIBLE:
            return Solution(None, np.inf, True)
        if found.status not in (SOLVED, TIME_LIMIT):
            raise AssayError(
                f"HiGHS could not solve the program: {found.message}",
                code="exact",
                hint="Give `ranges` with finite ends, or use explain.counterfactuals.",
            )
        bound = found.mip_dual_bound if found.mip_dual_bound is not None else found.fun
        bound = -np.inf if bound is None else float(bound)
        done = found.status == SOLVED
        return Solution(None if found.x is None else np.asarray(found.x), bound, done)
