"""The widest gap and ratio: their definition, pair by pair, and what must not change them."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.gaps import pairs, widest_gap, widest_gap_of_means, widest_ratio
from assay.stats.quantiles import normal_quantile, studentised_range
from assay.stats.rates import newcombe, wilson


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


EMPTY = Share(0, 0, 0, 0)
groups = st.lists(
    st.integers(1, 400).flatmap(lambda n: st.builds(share, st.integers(0, n), st.just(n))), min_size=2, max_size=7
)


def level_of(z: float) -> float:
    return math.erf(z / math.sqrt(2))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_interval_is_the_stated_construction(level: float) -> None:
    sample = [share(50, 200), share(20, 90), share(300, 1000), share(3, 8), share(0, 30)]
    alpha = 1 - level
    z_low = studentised_range(1 - 0.6 * alpha, 5) / math.sqrt(2)
    z_high = normal_quantile(1 - 0.4 * alpha)
    got = widest_gap(sample, level=level)
    lows = [newcombe(a, b, level=level_of(z_low)).low for a, b in permutations(sample, 2)]
    highs = [newcombe(a, b, level=level_of(z_high)).high for a, b in permutations(sample, 2)]
    assert got.interval.low == pytest.approx(max(0.0, *lows), abs=1e-12)
    assert got.interval.high == pytest.approx(max(highs), abs=1e-12)
    assert (got.value, got.high, got.low) == (0.375, 3, 4)
    assert (got.interval.level, got.interval.method) == (level, "studentised-range Newcombe")


def test_two_groups_are_plain_newcombe_cut_at_zero() -> None:
    got = widest_gap([share(48, 80), share(56, 70)])
    assert (round(got.interval.low, 4), round(got.interval.high, 4)) == (0.0524, 0.3339)
    assert (got.high, got.low, got.interval.method) == (1, 0, "Newcombe 10, cut at 0")
    near = widest_gap([share(48, 80), share(40, 70)])
    assert near.interval.low == 0
    assert near.interval.high == pytest.approx(newcombe(share(48, 80), share(40, 70)).high, abs=1e-12)


def test_blocks_of_rows_give_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = [share(7 * i % 50, 50 + i) for i in range(41)]
    whole = widest_gap(sample), widest_ratio(sample)
    monkeypatch.setattr(pairs, "BLOCK", 100)
    assert (widest_gap(sample), widest_ratio(sample)) == whole


def test_one_person_proves_no_gap_and_no_ratio() -> None:
    for groups in ([share(475, 500), share(0, 1)], [share(475, 500), share(475, 500), share(0, 1)]):
        assert widest_gap(groups).interval.low == 0
        ratio = widest_ratio(groups).interval
        assert ratio is not None
        assert ratio.high == 1


@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_equal_groups_of_very_unequal_sizes_are_seldom_found_apart(rate: float) -> None:
    rng = np.random.default_rng(0)
    sizes = np.repeat([1, 2, 4, 8, 16, 60, 300, 1000], 20)
    apart = 0
    for _ in range(60):
        groups = [share(int(hits), int(n)) for hits, n in zip(rng.binomial(sizes, rate), sizes, strict=True)]
        ratio = widest_ratio(groups).interval
        apart += widest_gap(groups).interval.low > 0 or (ratio is not None and ratio.high < 1)
    assert apart <= 3  # with Wilson's limits alone about every third


def test_a_group_that_is_too_small_is_named() -> None:
    large = [share(300 + i, 1000) for i in range(9)]
    assert widest_gap(large).widened_by is None
    assert widest_gap([*large, share(2, 5)]).widened_by == 9
    assert widest_gap([EMPTY, share(2, 5), *large]).widened_by == 1
    assert widest_gap([share(15, 50), share(1500, 5000)]).widened_by == 0
    assert widest_gap([share(15, 50), share(20, 70)]).widened_by is None


def test_fewer_than_two_groups_with_rows_are_refused() -> None:
    for call in (
        lambda: widest_gap([share(1, 2), EMPTY]),
        lambda: widest_ratio([EMPTY, EMPTY]),
        lambda: widest_gap_of_means([1.0], [0.1], [10]),
    ):
        with pytest.raises(AssayError, match="needs two") as caught:
            call()
        assert caught.value.code == "too-few-groups"


@given(groups, st.randoms(use_true_random=False))
def test_order_mirror_and_empty_groups_do_not_matter(sample: list[Share], random: object) -> None:
    got = widest_gap(sample)
    assert 0 <= got.interval.low <= got.value <= got.interval.high <= 1
    mirrored = widest_gap([share(int(s.total - s.hits), s.rows) for s in sample])
    for other in (widest_gap(sample[::-1]), widest_gap([EMPTY, *sample]), mirrored):
        assert other.value == pytest.approx(got.value, abs=1e-12)
        assert other.interval.low == pytest.approx(got.interval.low, abs=1e-12)
        assert other.interval.high == pytest.approx(got.interval.high, abs=1e-12)
    wider = widest_gap(sample, level=0.99).interval
    assert wider.low <= got.interval.low + 1e-12
    assert wider.high >= got.interval.high - 1e-12


@given(groups)
def test_the_ratio_holds_its_value_and_follows_the_gap(sample: list[Share]) -> None:
    got = widest_ratio(sample)
    if all(s.hits == 0 for s in sample):
        assert got.value is None
        assert got.interval is None
        return
    assert got.value is not None
    assert got.interval is not None
    assert 0 <= got.interval.low <= got.value <= got.interval.high <= 1
    if widest_gap(sample).value == 0:
        assert got.interval.high == 1


def test_a_pair_of_the_ratio_is_the_published_mover_r() -> None:
    # Newcombe (2016) eq. 4–5 for p/q, written out plainly
    a, b = share(30, 100), share(45, 90)
    p, q, (l1, u1), (l2, u2) = 0.3, 0.5, (wilson(a).low, wilson(a).high), (wilson(b).low, wilson(b).high)
    m = p * q
    low = (m - math.sqrt(m * m - l1 * u2 * (2 * p - l1) * (2 * q - u2))) / (u2 * (2 * q - u2))
    high = (m + math.sqrt(m * m - u1 * l2 * (2 * p - u1) * (2 * q - l2))) / (l2 * (2 * q - l2))
    got = widest_ratio([a, b]).interval
    assert got is not None
    assert (got.low, got.high) == pytest.approx((low, high), abs=1e-12)


def test_a_rate_of_zero_gives_a_ratio_of_zero_with_a_useful_upper_end() -> None:
    got = widest_ratio([share(0, 50), share(20, 50), share(22, 50)])
    assert got.value == 0
    assert got.interval is not None
    assert got.interval.low == 0
    assert 0 < got.interval.high < 0.5


def test_means_follow_the_same_construction() -> None:
    means, errors, ns = [0.70, 0.74, 0.80, 0.71], [0.02, 0.01, 0.03, 0.01], [400, 900, 90, 800]
    got = widest_gap_of_means(means, errors, ns)
    z_low, z_high = studentised_range(0.97, 4) / math.sqrt(2), normal_quantile(0.98)
    both = [(means[i] - means[j], math.hypot(errors[i], errors[j])) for i, j in permutations(range(4), 2)]
    assert got.interval.low == pytest.approx(max(0.0, *(d - z_low * e for d, e in both)))
    assert got.interval.high == pytest.approx(max(d + z_high * e for d, e in both))
    assert (got.high, got.low, got.widened_by) == (2, 0, 2)
    two = widest_gap_of_means([0.7, 0.8], [0.02, 0.03], [400, 90])
    assert two.interval.low == pytest.approx(0.1 - 1.959963984540054 * math.hypot(0.02, 0.03))
    with pytest.raises(AssayError, match="finite"):
        widest_gap_of_means([0.7, float("nan")], [0.1, 0.1], [5, 5])


def test_a_mean_of_a_handful_of_rows_proves_no_gap() -> None:
    few = widest_gap_of_means([0.9, 0.2], [0.01, 0.01], [3, 400])
    assert few.interval.low == 0
    assert few.interval.high > 0.7
    three = widest_gap_of_means([0.9, 0.7, 0.2], [0.01, 0.01, 0.01], [400, 400, 3])
    assert 0 < three.interval.low < 0.2
    assert three.value == pytest.approx(0.7)
