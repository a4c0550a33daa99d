"""False alarms and power of the limits, and coverage of the intervals, by simulation with fixed seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from assay.core.measure import Limit, Measure
from assay.data.coding import Dim, Favourable, Values
from assay.data.counts import Counts
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.selection_rates import selection_rates

DIMS = (
    Dim("protected", "g", Values(), ()),
    Dim("protected", "h", Values(), ()),
    Dim("label", "label", Favourable("1"), ()),
    Dim("prediction", "prediction", Favourable("1"), ()),
)
OUTCOMES = (("0", "0"), ("0", "1"), ("1", "0"), ("1", "1"))


def drawn(
    rng: np.random.Generator, groups: Sequence[tuple[str, str]], n: int, tpr: Sequence[float], fpr: Sequence[float]
) -> Counts:
    """`n` favourable and `n` unfavourable labels a group, predicted with these rates."""
    cells, counts = [], []
    for (g, h), t, f in zip(groups, tpr, fpr, strict=True):
        hit, false = int(rng.binomial(n, t)), int(rng.binomial(n, f))
        for outcome, count in zip(OUTCOMES, (n - false, false, n - hit, hit), strict=True):
            cells.append((g, h, *outcome))
            counts.append(count)
    return Counts.from_cells(DIMS, cells, {"n": counts})


def failed(measures: Sequence[Measure], limits: Sequence[Limit]) -> set[tuple[str, tuple[str, ...]]]:
    """Comparisons whose whole interval lies beyond the fail limit."""
    by_name = {limit.measure: limit for limit in limits}
    out = set()
    for m in measures:
        limit = by_name.get(m.name)
        if limit is not None and m.interval is not None:
            beyond = m.interval.high < limit.fail if limit.better == "higher" else m.interval.low > limit.fail
            if beyond:
                out.add((m.name, m.over))
    return out


@pytest.mark.parametrize(("n", "sizes"), [(25, (2, 3)), (50, (2, 5)), (500, (2, 5))])
def test_a_fair_model_hardly_ever_fails_anything(n: int, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    groups = [(f"g{i}", f"h{j}") for i in range(sizes[0]) for j in range(sizes[1])]
    runs, alarms = 80, 0
    for _ in range(runs):
        counts = drawn(rng, groups, n, [0.7] * len(groups), [0.2] * len(groups))
        found = failed(list(error_rates(counts)), error_rates.limits)
        found |= failed(list(selection_rates(counts)), selection_rates.limits)
        alarms += bool(found)
    assert alarms / runs <= 0.05


@pytest.mark.parametrize("k", [2, 5, 10])
def test_a_gap_of_a_fifth_fails_its_limit(k: int) -> None:
    rng = np.random.default_rng(12)
    groups = [(f"g{i}", "h") for i in range(k)]
    tpr = [0.5] + [0.7] * (k - 1)
    runs, caught = 60, 0
    for _ in range(runs):
        counts = drawn(rng, groups, 500, tpr, [0.2] * k)
        caught += ("tpr_gap", ("g",)) in failed(list(error_rates(counts, depth=1)), error_rates.limits)
    assert caught / runs >= 0.80


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("lift", [0.0, 0.2])
def test_the_gap_and_the_differences_cover_the_truth(k: int, lift: float, find: Callable[..., Measure]) -> None:
    rng = np.random.default_rng(13)
    groups = [(f"g{i}", "h") for i in range(k)]
    tpr = [0.5 + lift] + [0.5] * (k - 1)
    runs, gaps, differences = 160, 0, 0
    for _ in range(runs):
        measures = list(error_rates(drawn(rng, groups, 100, tpr, [0.3] * k), depth=1))
        gap = find(measures, "tpr_gap", None, "g").interval
        difference = find(measures, "tpr_difference", {"g": "g0"}, "g").interval
        assert gap is not None
        assert difference is not None
        gaps += gap.low <= lift <= gap.high
        differences += difference.low <= lift <= difference.high
    assert gaps / runs >= 0.92
    assert 0.91 <= differences / runs <= 0.985
