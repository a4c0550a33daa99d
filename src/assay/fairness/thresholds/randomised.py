"""The best rule that may mix cutoffs by chance within a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.thresholds.hull import lower_hull
from assay.fairness.thresholds.problem import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Points of one group, by position, and the probability with which each is used; these sum to 1."""

    points: NDArray[np.int64]
    chances: Floats


def mixtures(task: Problem, /) -> list[Mixture]:
    """One Mixture a group with the least cost of all rules within the tolerance.

    What mixing can reach in a group is the convex hull of its points (Hardt, Price & Srebro 2016, section 4.2). With
    one rate to hold, the cost of a group is convex and piecewise linear in it, and so is the sum over groups in the
    place of the window that all rates must share; its minimum lies where a vertex enters or leaves the window. With two
    rates it is a linear programme over the vertices. Both are exact but for rounding.
    """
    return _along_one_rate(task) if task.rates[0].shape[1] == 1 else _by_programme(task)


def _along_one_rate(task: Problem) -> list[Mixture]:
    rates = [rate[:, 0] for rate in task.rates]
    vertices = [lower_hull(rate, cost) for rate, cost in zip(rates, task.costs, strict=True)]
    x = [rate[v] for rate, v in zip(rates, vertices, strict=True)]
    y = [cost[v] for cost, v in zip(task.costs, vertices, strict=True)]
    best = [float(px[np.argmin(py)]) for px, py in zip(x, y, strict=True)]
    ends = np.concatenate(x)
    window = np.unique(np.clip(np.concatenate([ends, ends - task.tolerance]), 0.0, 1.0))
    held = [np.clip(b, window, np.minimum(window + task.tolerance, 1.0)) for b in best]
    total = sum(np.interp(h, px, py) for h, px, py in zip(held, x, y, strict=True))
    chosen = int(np.argmin(total))
    return [_between(px, v, float(h[chosen])) for px, v, h in zip(x, vertices, held, strict=True)]


def _between(x: Floats, vertices: NDArray[np.int64], rate: float) -> Mixture:
    """The two neighbouring vertices whose mixture has the wanted rate, or the one that has it."""
    right = int(np.searchsorted(x, rate))
    if right == len(x) or x[right] == rate or right == 0:
        place = min(right, len(x) - 1)
        return Mixture(vertices[[place]], np.ones(1))
    share = (rate - x[right - 1]) / (x[right] - x[right - 1])
    return Mixture(vertices[[right - 1, right]], np.array([1 - share, share]))


def _by_programme(task: Problem) -> list[Mixture]:
    """The linear programme in the chances of all vertices and the low end of each rate's window."""
    from scipy.optimize import linprog

    vertices = [_both_hulls(rate) for rate in task.rates]
    width = task.rates[0].shape[1]
    costs = np.concatenate([*(cost[v] for cost, v in zip(task.costs, vertices, strict=True)), np.zeros(width)])
    reached = [rate[v].T for rate, v in zip(task.rates, vertices, strict=True)]
    rows = _constraints(reached, task.tolerance)
    found: Any = linprog(costs, **rows, bounds=(0, 1), method="highs-ds")
    if not found.success:
        raise AssayError(f"The linear programme of the thresholds failed: {found.message}", code="thresholds")
    out, start = [], 0
    for v in vertices:
        chances = np.where(found.x[start : start + len(v)] < 1e-12, 0.0, found.x[start : start + len(v)])
        used = np.flatnonzero(chances)
        out.append(Mixture(v[used], chances[used] / chances.sum()))
        start += len(v)
    return out


def _constraints(reached: list[Floats], tolerance: float) -> dict[str, Any]:
    """Each group's rates (rates, vertices) lie in the window [low, low + tolerance], and its chances sum to 1."""
    import scipy.sparse as sparse

    groups, width = len(reached), len(reached[0])
    rates: Any = sparse.block_diag(reached, format="csr")
    window: Any = sparse.csr_array(np.tile(np.eye(width), (groups, 1)))
    sums: Any = sparse.block_diag([np.ones((1, part.shape[1])) for part in reached])
    above: list[Any] = [[rates, -window], [-rates, window]]
    return {
        "A_ub": sparse.bmat(above, format="csr"),
        "b_ub": np.concatenate([np.full(groups * width, tolerance), np.zeros(groups * width)]),
        "A_eq": sparse.hstack([sums, sparse.csr_array((groups, width))], format="csr"),
        "b_eq": np.ones(groups),
    }


def _both_hulls(rates: Floats) -> NDArray[np.int64]:
    """Vertices of the whole convex hull of (fpr, tpr) points."""
    lower, upper = lower_hull(rates[:, 0], rates[:, 1]), lower_hull(rates[:, 0], -rates[:, 1])
    return np.unique(np.concatenate([lower, upper]))
