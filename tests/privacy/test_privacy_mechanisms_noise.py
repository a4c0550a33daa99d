"""Samples are those of the exact distributions, on every path of the samplers; noise is calibrated by the exact sum."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from assay.core.errors import AssayError
from assay.privacy.loss.amount import Amount
from assay.privacy.noise import weighted
from assay.privacy.noise.bernoulli import Odds, exponential, geometric, integers, logistic
from assay.privacy.noise.calibration import delta_of, rho_for, sigma_squared_for
from assay.privacy.noise.entropy import Entropy, insecure_seeded
from assay.privacy.noise.gaussian import DiscreteGaussian
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.lattice import l1, l2_squared, rounded, step_of, whole, whole_sensitivity
from assay.privacy.noise.weighted import choose

N = 100_000
BIG = 10**25


def fits(draws: np.ndarray, pmf: dict[int, float]) -> float:
    """The p-value of Pearson's test; outcomes that are expected less than ten times are one."""
    counts = Counter(draws.tolist())
    kept = {x: p for x, p in pmf.items() if p * len(draws) >= 10}
    seen = [counts[x] for x in kept]
    rest = 1 - sum(kept.values())
    expected = [p * len(draws) for p in kept.values()]
    if rest * len(draws) >= 10:
        seen.append(len(draws) - sum(seen))
        expected.append(rest * len(draws))
    scale = sum(seen) / sum(expected)
    return float(stats.chisquare(seen, [e * scale for e in expected]).pvalue)


@pytest.mark.parametrize("scale", ["1/5", "1", "7/3", "20", "30000000000000000000/10000000000000000001", "12345/678"])
def test_laplace_samples_have_the_exact_probabilities(scale: str) -> None:
    noise = DiscreteLaplace(Fraction(scale))
    draws = noise.sample(N, insecure_seeded(1))
    assert fits(draws, {x: noise.pmf(x) for x in range(-400, 401)}) > 1e-4


@pytest.mark.parametrize("squared", ["1/5", "1", "10", "1234567/1000", "30000000000000000000/10000000000000000001"])
def test_gaussian_samples_have_the_exact_probabilities(squared: str) -> None:
    noise = DiscreteGaussian(Fraction(squared))
    draws = noise.sample(N, insecure_seeded(2))
    assert fits(draws, {x: noise.pmf(x) for x in range(-400, 401)}) > 1e-4


def test_huge_scales_follow_the_continuous_distributions() -> None:
    laplace = DiscreteLaplace(Fraction(BIG)).sample(20_000, insecure_seeded(3)).astype(float)
    assert stats.kstest(laplace, stats.laplace(scale=BIG).cdf).pvalue > 1e-4
    gaussian = DiscreteGaussian(Fraction(BIG)).sample(20_000, insecure_seeded(4)).astype(float)
    assert stats.kstest(gaussian, stats.norm(scale=math.sqrt(BIG)).cdf).pvalue > 1e-4


def test_huge_samples_end_in_every_digit() -> None:
    last = [abs(x) % 10 for x in DiscreteLaplace(Fraction(BIG)).sample(20_000, insecure_seeded(5))]
    assert stats.chisquare(np.bincount(last, minlength=10)).pvalue > 1e-4


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 3), (1, 1), (5, 2), (BIG // 2, BIG), (7, 1 << 40)])
def test_coins_of_exp_fall_as_often_as_they_should(numerator: int, denominator: int) -> None:
    p = math.exp(-numerator / denominator)
    for numbers in (integers([numerator] * N), np.array([min(numerator, 2**63)] * N, dtype=np.uint64)):
        if numerator < 2**63 or numbers.dtype == np.object_:
            heads = int(exponential(numbers, denominator, insecure_seeded(6)).sum())
            assert stats.binomtest(heads, N, p).pvalue > 1e-4


def test_equal_prefixes_are_settled_by_the_remainder() -> None:
    odds = Odds.of(integers([1]), 3)
    remainder = 2**64 % 3
    ties = iter([int(odds.prefixes[0]).to_bytes(8, "little"), *(bytes([k << 6]) for k in (2, 0))])
    assert remainder == 1
    assert not odds.toss(np.array([0]), Entropy(lambda n: next(ties)))[0]  # 2 of {0, 1, 2} is not below 1
    tie = iter([int(odds.prefixes[0]).to_bytes(8, "little"), bytes([0])])
    assert odds.toss(np.array([0]), Entropy(lambda n: next(tie)))[0]


def test_logistic_and_geometric_coins() -> None:
    heads = int(logistic(Fraction(3, 2), N, insecure_seeded(7)).sum())
    assert stats.binomtest(heads, N, 1 / (1 + math.exp(1.5))).pvalue > 1e-4
    runs = geometric(N, insecure_seeded(8))
    assert fits(runs, {k: math.exp(-k) * (1 - math.exp(-1)) for k in range(30)}) > 1e-4


@pytest.mark.parametrize("bits", [1, 128])
def test_a_weighted_choice_is_exact_however_few_bits_settle_it(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighted, "_BITS", bits)
    gammas = [Fraction(0), Fraction(1), Fraction(7, 3), Fraction(500), Fraction(1, 2)]
    sizes = [1, 2, 9, 50, 0]
    mass = [w * math.exp(-g) for w, g in zip(sizes, gammas, strict=True)]
    source = insecure_seeded(9)
    n = 20_000 if bits == 128 else 3_000
    draws = np.array([choose(gammas, sizes, source) for _ in range(n)])
    assert fits(draws, {i: m / sum(mass) for i, m in enumerate(mass)}) > 1e-4
    assert not np.isin(draws, [3, 4]).any()


def test_integers_below_a_bound_are_uniform_and_reach_both_ends() -> None:
    source = insecure_seeded(10)
    for bound in (1, 2, 3, 7, 1000):
        drawn = source.below(bound, 50_000)
        assert (int(drawn.min()), int(drawn.max())) == (0, bound - 1)
        assert bound == 1 or stats.chisquare(np.bincount(drawn, minlength=bound)).pvalue > 1e-4
        one_by_one = np.array([source.integer(bound) for _ in range(2000)])
        assert bound == 1 or stats.chisquare(np.bincount(one_by_one, minlength=bound)).pvalue > 1e-4
    assert source.below(1 << 64, 4).dtype == np.uint64


def test_only_the_operating_system_makes_noise_private() -> None:
    assert Entropy().private
    assert not insecure_seeded(1).private
    assert not np.array_equal(Entropy().words(4), Entropy().words(4))
    assert np.array_equal(insecure_seeded(1).words(4), insecure_seeded(1).words(4))


@pytest.mark.parametrize(
    "noise", [DiscreteLaplace(Fraction(3, 2)), DiscreteGaussian(Fraction(7)), DiscreteLaplace(Fraction(1, 9))]
)
def test_quantiles_and_variances_are_those_of_the_probabilities(noise: DiscreteLaplace | DiscreteGaussian) -> None:
    inside = np.cumsum([noise.pmf(0), *(2 * noise.pmf(x) for x in range(1, 200))])
    assert inside[-1] == pytest.approx(1, abs=1e-12)
    for level in (0.5, 0.9, 0.95, 0.999):
        k = noise.within(level)
        assert inside[k] >= level
        assert k == 0 or inside[k - 1] < level
    assert noise.variance == pytest.approx(2 * sum(x * x * noise.pmf(x) for x in range(200)), rel=1e-9)


def test_quantiles_of_wide_noise_meet_the_sums() -> None:
    for sigma in (4096, 4097):
        k = DiscreteGaussian(Fraction(sigma**2)).within(0.95)
        assert abs(k - 1.959963984540054 * sigma) <= 1
    assert DiscreteLaplace(Fraction(BIG)).within(0.95) == pytest.approx(BIG * math.log(20), rel=1e-9)
    with pytest.raises(AssayError, match="no confidence level"):
        DiscreteLaplace(Fraction(1)).within(1.0)


@pytest.mark.parametrize(
    ("epsilon", "squared", "width"), [("1", "9", 1), ("1/2", "1/3", 1), ("2", "40", 7), ("1/10", "4", 5)]
)
def test_delta_is_the_exact_sum_and_never_below_it(epsilon: str, squared: str, width: int) -> None:
    with localcontext(prec=40):
        e, s = (Decimal(Fraction(x).numerator) / Decimal(Fraction(x).denominator) for x in (epsilon, squared))
        mass = {y: (-Decimal(y) * y / (2 * s)).exp() for y in range(-400, 401)}
        gains = (mass[y] - e.exp() * mass[y + width] for y in range(-400, 401 - width))
        exact = float(sum(gain for gain in gains if gain > 0) / sum(mass.values()))
    ours = delta_of(float(Fraction(epsilon)), sigma_squared=Fraction(squared), sensitivity=width)
    assert exact <= ours <= exact * (1 + 1e-8)


def test_a_smaller_distance_needs_no_more_delta_and_blocks_cost_little() -> None:
    deltas = [delta_of(0.5, sigma_squared=Fraction(400), sensitivity=d) for d in (1, 5, 20, 40)]
    assert deltas == sorted(deltas)
    wide = delta_of(1, sigma_squared=Fraction(10**12), sensitivity=10**6)
    fine = delta_of(1, sigma_squared=Fraction(4 * 10**6), sensitivity=2000)
    assert fine <= wide <= fine * 1.02
    assert fine == pytest.approx(stats.norm.cdf(0.5 - 1) - math.e * stats.norm.cdf(-0.5 - 1), rel=1e-3)


def test_calibrated_noise_is_next_to_the_analytic_one_and_holds_the_exact_delta() -> None:
    epsilon, delta = Fraction(1), Fraction(1, 10**5)
    fine = sigma_squared_for(epsilon, delta, sensitivity=1000)
    assert math.sqrt(fine) / 1000 == pytest.approx(3.730631634816, rel=1e-5)  # Balle & Wang (2018)
    coarse = sigma_squared_for(epsilon, delta, sensitivity=1)
    assert delta_of(1, sigma_squared=coarse, sensitivity=1) <= 1e-5
    assert delta_of(1, sigma_squared=coarse * (1 - Fraction(1, 10**5)), sensitivity=1) > 1e-5
    rho = rho_for(epsilon, delta)
    assert math.sqrt(1 / (2 * float(rho))) == pytest.approx(4.0451, rel=1e-4)
    assert Amount(rho=rho)["rho"] == rho


def test_rounding_to_a_lattice_widens_the_sensitivity_as_proved() -> None:
    assert [l1(1, Fraction(1, 10), 1), l1("1.05", Fraction(1, 10), 1), l1(1, Fraction(1, 10), 3)] == [10, 11, 12]
    assert l2_squared(1, Fraction(1, 10), 1) == 100
    assert l2_squared(1, Fraction(1, 10), 4) >= 144
    step = step_of(0.1)
    assert step == Fraction(1, 10)
    rng = np.random.default_rng(0)
    for _ in range(300):
        d = int(rng.integers(1, 5))
        x, move = rng.normal(size=d), rng.normal(size=d)
        y = x + move
        apart = np.abs(np.array(rounded(x.tolist(), step)) - np.array(rounded(y.tolist(), step)))
        exact = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert apart.sum() <= l1(sum(exact), step, d)
        assert (apart**2).sum() <= l2_squared(math.sqrt(sum(e * e for e in exact)) * (1 + 1e-12), step, d)


def test_lattices_refuse_what_is_no_finite_number_without_showing_it() -> None:
    for bad in (float("nan"), float("inf")):
        with pytest.raises(AssayError) as error:
            rounded([1.0, bad], Fraction(1))
        assert str(bad) not in error.value.message.replace("finite", "")
    with pytest.raises(AssayError, match="must be integers"):
        whole([1, 2.5], name="values")
    with pytest.raises(AssayError, match="cannot be"):
        whole_sensitivity("0.5")
    for step in (0, -1, float("nan")):
        with pytest.raises(AssayError):
            step_of(step)
