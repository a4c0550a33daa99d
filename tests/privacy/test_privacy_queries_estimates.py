"""Estimates and their intervals against simulations, closed forms and brute force; thresholds against their proof."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.budget.terms import Bounds as Units
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.noise.entropy import insecure_seeded
from assay.privacy.noise.gaussian import DiscreteGaussian
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.lattice import COARSE_STEPS, STEPS, Bounds, cells, spread
from assay.privacy.queries.estimates.mean import _quantiles, means
from assay.privacy.queries.estimates.table import consistent, entries
from assay.privacy.queries.estimates.variance import variances
from assay.privacy.queries.quantiles import QuantilePlan
from assay.privacy.queries.thresholds import Threshold

ADD, REPLACE = Adjacency.ADD_REMOVE, Adjacency.REPLACE
ENDS = Bounds(Fraction(10), Fraction(30))
NOISES = {
    "laplace": lambda scale: DiscreteLaplace(Fraction(scale)),
    "gaussian": lambda scale: DiscreteGaussian(Fraction(scale) ** 2),
}


def drawn(kind, rng, shape):
    return rng.laplace(size=shape) if kind == "laplace" else rng.standard_normal(shape)


@pytest.mark.parametrize("kind", NOISES)
def test_quantiles_of_the_weighted_difference_are_those_of_draws(kind):
    noise = drawn(kind, np.random.default_rng(1), (200_000, 2))
    found = _quantiles(NOISES[kind](2**40), 0.95)
    for place in (0, 100, 512, 900, 1024):
        m = place / 1024
        size = np.abs((1 - m) * noise[:, 0] - m * noise[:, 1])
        assert (size <= found[place]).mean() == pytest.approx(0.95, abs=0.003)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize(("rows", "share"), [(4, 0.5), (15, 0.02), (15, 0.4), (200, 0.0), (200, 0.9), (5000, 0.5)])
def test_the_interval_of_a_mean_covers_the_mean_without_noise(kind, rows, share):
    """4,000 answers; exact where the rows are told from none, and never below."""
    places, rng = spread(ENDS, STEPS), np.random.default_rng(rows)
    truth = np.array([rows * share, rows * (1 - share)])
    sums = np.rint((truth + drawn(kind, rng, (4000, 2))) * STEPS).astype(int).tolist()
    found = means(sums, NOISES[kind](STEPS), places, level=0.95)
    covered = np.mean([e.low - 1e-9 <= 10 + 20 * share <= e.high + 1e-9 for e in found])
    assert covered >= 0.935
    if rows >= 200 and 0 < share < 1:
        assert covered <= 0.965
    assert all(10 <= e.low <= e.high <= 30 for e in found)
    assert all(e.value is None or e.low <= e.value <= e.high for e in found)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_of_a_variance_covers_it(kind, level):
    places, rng, rows = spread(ENDS, COARSE_STEPS), np.random.default_rng(5), 400
    u = rng.beta(2, 5, rows)
    truth = np.array([((1 - u) ** 2).sum(), (2 * u * (1 - u)).sum(), (u * u).sum()])
    sums = np.rint((truth + drawn(kind, rng, (3000, 3))) * COARSE_STEPS**2).astype(int).tolist()
    found = variances(sums, NOISES[kind](COARSE_STEPS**2), places, level=level)
    covered = np.mean([e.low <= 400 * u.var() <= e.high for e in found])
    assert covered == pytest.approx(level, abs=0.025)


def test_a_mean_without_noise_is_the_mean():
    tiny = DiscreteLaplace(Fraction(1, 100))
    (mean,) = means([(3 * STEPS, STEPS)], tiny, spread(ENDS, STEPS), level=0.95)
    assert mean.value == 25
    assert mean.rows == 4
    assert mean.high - mean.low < 1e-6
    m = COARSE_STEPS
    (variance,) = variances([(m * m, 0, m * m)], tiny, spread(ENDS, m), level=0.95)
    assert variance.value == 100
    (none,) = means([(-5, 3)], tiny, spread(ENDS, STEPS), level=0.95)
    assert none.value is None
    assert none.reason.id == "noisy-count-below-one"
    assert (none.low, none.high) == (10, 30)


TABLES = st.lists(st.integers(-30, 60), min_size=6, max_size=6)


@given(TABLES, st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_the_consistent_table_is_the_nearest_that_is_not_negative(numbers, other):
    """Nearer than any other table of that total, as an argument of convexity wants."""
    noisy = np.array(numbers, dtype=float).reshape(2, 3)
    found, total = consistent(noisy), max(0.0, float(noisy.sum()))
    assert found.min() >= 0
    assert found.sum() == pytest.approx(total, abs=1e-9)
    if sum(other) > 0 and total > 0:
        rival = np.array(other).reshape(2, 3) / sum(other) * total
        assert ((found - noisy) ** 2).sum() <= ((rival - noisy) ** 2).sum() + 1e-9
        assert ((found - noisy) * (rival - found)).sum() >= -1e-7


@given(TABLES)
@settings(max_examples=15, deadline=None)
def test_margins_are_the_sums_of_cells(numbers):
    found = {e.levels: e.estimate for e in entries(numbers, (2, 3), DiscreteLaplace(Fraction(2)), level=0.95)}
    assert len(found) == 6 + 2 + 3 + 1
    for i in range(2):
        row = sum(found[i, j].value for j in range(3))
        assert found[i, None].value == pytest.approx(row, abs=1e-9)
    assert found[None, None].value == pytest.approx(sum(found[i, None].value for i in range(2)), abs=1e-9)
    assert all(0 <= e.low <= e.value <= e.high for e in found.values())


def test_intervals_of_margins_cover_them():
    rng, truth = np.random.default_rng(2), np.array([40, 50, 60, 70, 80, 90])
    inside = 0
    for _ in range(150):
        noisy = (truth + np.rint(rng.laplace(scale=3, size=6))).astype(int).tolist()
        by = {e.levels: e.estimate for e in entries(noisy, (2, 3), DiscreteLaplace(Fraction(3)), level=0.9)}
        inside += by[0, None].low <= 150 <= by[0, None].high
    assert inside / 150 == pytest.approx(0.9, abs=0.08)


def plan(q, epsilon, *, level=0.9, adjacency=ADD, one=None):
    one = one or Contribution(1, 1, 1, True)
    return QuantilePlan(Fraction(q), cells(ENDS, 40), Fraction(epsilon), one, adjacency, level)


@pytest.mark.parametrize(
    ("q", "rows", "epsilon"), [("1/2", 400, "1"), ("9/10", 400, "1"), ("1/4", 30, "1"), ("1", 9, "1/2")]
)
def test_the_interval_of_a_quantile_covers_it(q, rows, epsilon):
    """The quantile of the clamped values lies between the ends at least as often as the level says."""
    rng = np.random.default_rng(4)
    values = np.sort(rng.beta(2, 4, rows) * 20 + 10)
    truth = values[max(0, math.ceil(Fraction(q) * rows) - 1)]
    places = Counter(np.clip((values - 10) * 2, 0, 39).astype(int).tolist())
    asked, source = plan(q, epsilon), insecure_seeded(8)
    found = [asked.estimate(places, source=source) for _ in range(60)]
    assert sum(e.low <= truth <= e.high for e in found) >= 54
    assert all(10 <= e.low <= e.value <= e.high <= 30 for e in found)
    if rows == 400:
        assert abs(np.median([e.value for e in found]) - truth) <= 0.75


def test_scores_of_a_quantile_change_by_their_sensitivity_at_most():
    """Brute force: the probability of each cell changes by at most exp(epsilon) when any row comes."""
    asked = plan("1/3", "1")
    share = asked.per_key / 2

    def chances(rows):
        ends = np.cumsum([0, *[rows.get(i, 0) for i in range(40)]])
        target = int(ends[-1])
        off = np.maximum(np.maximum(3 * ends[:-1] - target, target - 3 * ends[1:]), 0)
        weights = np.exp(-float(share) * off / (2 * asked.sensitivity))
        return weights / weights.sum()

    rng = np.random.default_rng(0)
    for _ in range(30):
        rows = Counter(rng.integers(0, 40, rng.integers(0, 12)).tolist())
        for place in (0, 7, 39):
            ratio = np.log(chances(rows + Counter([place])) / chances(rows))
            assert np.abs(ratio).max() <= float(share) + 1e-12
    counts = Counter()
    source = insecure_seeded(3)
    target, before = 2, np.array([0, 3, 3, 6] + [6] * 36, dtype=object)
    through = np.array([3, 3, 6] + [6] * 37, dtype=object)
    counts.update(asked._chosen(before, through, target, share, source) for _ in range(2000))
    off = np.maximum(np.maximum(before - target, target - through), 0).astype(float)
    expected = np.exp(-float(share) * off / (2 * asked.sensitivity))
    expected /= expected.sum()
    statistic = sum((counts[i] - 2000 * p) ** 2 / (2000 * p) for i, p in enumerate(expected))
    assert statistic < 39 + 5 * math.sqrt(78)


def test_keys_share_the_loss_of_quantiles():
    one = Contribution(6, 3, 2, False)
    assert plan("1/2", "1", one=one).per_key == Fraction(1, 3)
    assert plan("1/2", "1", one=one, adjacency=REPLACE).per_key == Fraction(1, 6)
    assert plan("1/2", "1", one=one).event.epsilon == 1
    assert plan("1/4", "1", one=one).sensitivity == 3 * 2
    shares = [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)]
    assert plan("1/2", "1").event.rho == sum(s * s for s in shares) / 8
    assert plan("1/2", "1", adjacency=REPLACE).event.rho == sum(s * s for s in shares) / 8


@pytest.mark.parametrize("adjacency", list(Adjacency))
@pytest.mark.parametrize(("keys", "per_key", "rows"), [(1, 1, False), (3, 2, False), (3, 2, True)])
@pytest.mark.parametrize(("epsilon", "delta"), [("1", "1e-6"), ("1/10", "1e-9"), ("3", "1/20")])
def test_the_threshold_is_the_least_that_its_proof_allows(adjacency, keys, per_key, rows, epsilon, delta):
    """P(alone + X ≥ threshold), summed term by term, for all keys of a unit, against delta."""
    one = Contribution(keys * per_key, keys, per_key, False)
    found = Threshold.of(one, epsilon=Fraction(epsilon), delta=Fraction(delta), adjacency=adjacency, rows=rows)
    noise = DiscreteLaplace(Fraction(found.sensitivity) / Fraction(epsilon))
    alone = per_key if rows else 1
    limit = float(Fraction(delta)) / (1 if adjacency is ADD else 1 + math.exp(float(Fraction(epsilon))))

    def appears(least):
        return keys * math.fsum(noise.pmf(x) for x in range(least - alone, least - alone + 6000))

    assert appears(found.least) <= limit
    assert appears(found.least - 1) > limit or found.least == alone + 1


@pytest.mark.parametrize("rows", [False, True])
def test_a_key_of_one_unit_appears_with_probability_below_delta(rows):
    """A unit with three keys of its own, 3,000 times: any of them appears at most delta of the time, and nearly so."""
    one, delta = Contribution(6, 3, 2, False), 0.06
    found = Threshold.of(one, epsilon=Fraction(1), delta=Fraction("0.06"), adjacency=ADD, rows=rows)
    source = insecure_seeded(6)
    own = {("a",): 2 if rows else 1, ("b",): 2 if rows else 1, ("c",): 2 if rows else 1, ("known",): 500}
    seen = shown = 0
    for _ in range(3000):
        keys = found.shown(own, source=source).keys
        seen += len(keys) > 1
        shown += ("known",) in keys
    assert shown == 3000
    assert 0.5 * delta < seen / 3000 < delta + 4 * math.sqrt(delta / 3000)


def test_shown_keys_do_not_tell_the_order_of_the_data():
    found = Threshold.of(
        Contribution(1, 1, 1, False), epsilon=Fraction(1), delta=Fraction("1e-6"), adjacency=ADD, rows=True
    )
    one = found.shown({("b",): 900, ("a",): 800}, source=insecure_seeded(1)).keys
    assert one == found.shown({("a",): 800, ("b",): 900}, source=insecure_seeded(1)).keys == (("a",), ("b",))


def test_a_unit_bounds_what_is_needed_of_the_ledger():
    one = Contribution.of(Units("u", 5, 3, 2), keys=None, grouped=True)
    assert (one.rows, one.keys, one.per_key) == (5, 3, 2)
