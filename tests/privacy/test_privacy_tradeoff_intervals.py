"""Means over runs: what they are, and how often their intervals hold, simulated with runs and rows both random."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share
from assay.privacy.tradeoffs.runs import LOST, Right, over_runs
from assay.stats.rates import wilson


def measure(right: np.ndarray) -> Measure:
    n, hits = len(right), float(right.sum())
    return Measure("accuracy", hits / n, n, interval=wilson(Share(hits, n, n, n), level=0.95))


def runs_of(rng: np.random.Generator, rows: int, runs: int, *, rate: float, spread: float, common: float) -> np.ndarray:
    """(runs, rows) right or wrong: rows of different difficulty, runs of different quality, the mean being `rate`."""
    ease = rng.choice([-common, common], rows)
    quality = spread * rng.standard_normal(runs)
    return rng.random((runs, rows)) < np.clip(rate + ease + quality[:, None], 0, 1)


def test_a_mean_over_runs_adds_both_kinds_of_chance_in_squares():
    values, half = [0.80, 0.82, 0.81, 0.85, 0.79], 0.02
    found = over_runs(
        [Measure("auc", v, (50, 60), interval=Interval(v - half, v + 2 * half, 0.95, "x")) for v in values], level=0.95
    )
    spread = stats.t.ppf(0.975, 4) * stats.sem(values)
    assert found.value == pytest.approx(np.mean(values))
    assert found.n == (50, 60)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(found.value - math.hypot(half, spread))
    assert found.interval.high == pytest.approx(found.value + math.hypot(2 * half, spread))


def test_a_run_without_a_number_leaves_the_mean_without_one():
    reason = Message("none", "no rows")
    found = over_runs([Measure("a", 0.5, 9), Measure("a", None, 0, reason=reason)], level=0.95)
    assert found.value is None
    assert found.reason == reason


@pytest.mark.parametrize(("rows", "spread", "common"), [(400, 0.0, 0.2), (400, 0.06, 0.1), (60, 0.03, 0.2)])
def test_the_interval_of_a_mean_holds_where_that_of_runs_alone_or_rows_alone_does_not(rows, spread, common):
    rng = np.random.default_rng(7)
    both, alone_runs, alone_rows = [], [], []
    for _ in range(400):
        each = [measure(run) for run in runs_of(rng, rows, 5, rate=0.75, spread=spread, common=common)]
        found = over_runs(each, level=0.95)
        assert found.interval is not None
        assert found.value is not None
        both.append(found.interval.low <= 0.75 <= found.interval.high)
        values = [one.value for one in each]
        half = stats.t.ppf(0.975, 4) * stats.sem(values)
        alone_runs.append(abs(found.value - 0.75) <= half)
        alone_rows.append(abs(found.value - 0.75) <= stats.norm.ppf(0.975) * math.sqrt(0.75 * 0.25 / (5 * rows)))
    assert np.mean(both) >= 0.94
    assert min(np.mean(alone_runs), np.mean(alone_rows)) < 0.93


def lost_case(
    rng: np.random.Generator, rows: int, *, taken: float, more: float, small: float
) -> tuple[Right, np.ndarray]:
    """Runs with and without privacy, whose accuracy falls by `taken`, and by `taken + more` in a small group."""
    ease, mine = rng.uniform(-0.15, 0.15, rows), rng.random(rows) < small
    chance = 0.8 + ease
    plain = rng.random((5, rows)) < chance + 0.02 * rng.standard_normal((5, 1))
    private = rng.random((5, rows)) < chance - taken - more * mine + 0.02 * rng.standard_normal((5, 1))
    return Right(plain, private, rng.integers(0, 2, rows)), mine


@pytest.mark.parametrize("name", LOST)
def test_intervals_of_what_is_lost_hold_and_equal_groups_are_rarely_told_apart(name):
    rng, held, held_more, called = np.random.default_rng(3), [], [], []
    for _ in range(300):
        right, mine = lost_case(rng, 500, taken=0.05, more=0.0, small=0.15)
        found = right.lost(name, mine, level=0.95, slice={"g": "a"})
        more = right.lost_more(name, mine, level=0.95, slice={"g": "a"})
        held.append(found.interval.low <= 0.05 <= found.interval.high)
        held_more.append(more.interval.low <= 0.0 <= more.interval.high)
        called.append(more.p_value < 0.05)
    assert np.mean(held) >= 0.94
    assert np.mean(held_more) >= 0.94
    assert np.mean(called) <= 0.06
    assert [not one for one in called] == held_more  # the interval and the p-value are of one test


@pytest.mark.parametrize("name", LOST)
def test_a_group_that_loses_more_is_found(name):
    rng, found = np.random.default_rng(5), []
    for _ in range(40):
        right, mine = lost_case(rng, 2000, taken=0.02, more=0.15, small=0.2)
        found.append(right.lost_more(name, mine, level=0.95, slice={"g": "a"}).p_value < 0.05)
    assert np.mean(found) > 0.9


def test_what_is_lost_is_the_difference_of_the_accuracies_on_the_same_rows():
    rng = np.random.default_rng(1)
    right, mine = lost_case(rng, 300, taken=0.1, more=0.1, small=0.3)
    rows = [right.plain[:, mine], right.private[:, mine]]
    found = right.lost(LOST[0], mine, level=0.95, slice={})
    assert found.value == pytest.approx(rows[0].mean() - rows[1].mean())
    classes = right.codes[mine]
    recalls = [np.mean([side[:, classes == c].mean() for c in (0, 1)]) for side in rows]
    assert right.lost(LOST[1], mine, level=0.95, slice={}).value == pytest.approx(recalls[0] - recalls[1])
    rest = right.plain[:, ~mine].mean() - right.private[:, ~mine].mean()
    more = right.lost_more(LOST[0], mine, level=0.95, slice={"g": "a"})
    assert more.value == pytest.approx(found.value - rest)
    assert more.n == (int(mine.sum()), int((~mine).sum()))


def test_a_group_in_which_every_answer_is_the_same_has_an_interval_and_an_empty_one_a_reason():
    same = np.ones((5, 12), dtype=bool)
    right = Right(same, same, np.zeros(12, dtype=np.int64))
    found = right.lost(LOST[0], np.arange(12) < 6, level=0.95, slice={})
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.high - found.interval.low > 0.5
    nobody = right.lost(LOST[0], np.zeros(12, dtype=bool), level=0.95, slice={})
    assert nobody.value is None
    assert right.lost_more(LOST[0], np.ones(12, dtype=bool), level=0.95, slice={"g": "a"}).value is None
