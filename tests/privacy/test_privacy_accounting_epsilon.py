"""Epsilons of private training against published tables, closed forms and each other."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from dp_accounting import dp_event
from dp_accounting.pld import privacy_loss_distribution
from dp_accounting.privacy_accountant import NeighboringRelation
from dp_accounting.rdp import rdp_privacy_accountant
from scipy import optimize, stats

from assay.core.errors import AssayError, MissingExtra
from assay.privacy.accounting import Accountant, Adjacency, Plan, Sampling, epsilon, noise_for
from assay.privacy.accounting.mixtures import mixture_losses, profile
from assay.privacy.accounting.pairs import Pair, pair_of
from assay.privacy.accounting.renyi import _divergence, _either, divergences

LAB = Plan(examples=60000, batch=32, noise_multiplier=0.5, epochs=1)
TABLE = [
    # examples, batch, noise, epochs, delta, older RDP, newer RDP, PLD
    (60000, 256, 1.3, 15, 1e-5, 1.1923, 0.9546, 0.8646),
    (60000, 256, 1.1, 60, 1e-5, 3.0084, 2.5967, 2.3818),
    (60000, 256, 0.7, 45, 1e-5, 7.1016, 6.3197, 5.6397),
    (60000, 240, 1.3, 15, 1e-5, 1.1597, 0.9220, 0.8336),
    (60000, 240, 1.1, 60, 1e-5, 2.9050, 2.5029, 2.2955),
    (60000, 240, 0.7, 45, 1e-5, 6.8596, 6.0937, 5.4312),
    (10000, 100, 4.0, 100, 1e-5, 1.2586, 1.0355, 0.9470),
    (60000, 250, 1.3, 15, 1e-5, 1.1799, 0.9422, 0.8530),
    (60000, 150, 1.3, 15, 1e-5, 0.9419, 0.7242234026, 0.64011),
    (100000, 100, 1.0, 30, 1e-7, 1.7093, 1.4154988495, 1.09820),
    (60000, 32, 0.5, 1, 1e-5, 4.600, 3.800, 2.598),
    (1000, 40, 1.5, 90, 1e-5, 8.073865, 7.32933, 6.76879),
]


def gaussian_delta(eps: float, sd: float, shift: float = 1.0) -> float:
    """The exact delta of one Gaussian answer (Balle & Wang 2018, theorem 8)."""
    a, b = shift / (2 * sd), eps * sd / shift
    return float(stats.norm.cdf(a - b) - math.exp(eps) * stats.norm.cdf(-a - b))


@pytest.mark.parametrize(("n", "batch", "noise", "epochs", "delta", "old", "new", "pld"), TABLE)
def test_published_epsilons_of_poisson_sampling(
    n: int, batch: int, noise: float, epochs: int, delta: float, old: float, new: float, pld: float
) -> None:
    plan = Plan(examples=n, batch=batch, noise_multiplier=noise, epochs=epochs)
    found = [epsilon(plan, delta=delta, accountant=kind) for kind in ("rdp-old", "rdp", "pld")]  # type: ignore[arg-type]
    for value, known in zip(found, (old, new, pld), strict=True):
        digits = len(str(known).partition(".")[2])
        assert value == pytest.approx(known, abs=0.6 * 10**-digits)


def test_each_example_once_per_epoch_gains_nothing_from_chance() -> None:
    once = replace(LAB, sampling=Sampling.EACH_ONCE)
    assert epsilon(once, delta=1e-5, accountant=Accountant.RDP) == pytest.approx(10.726, abs=5e-4)
    assert epsilon(once, delta=1e-5) == pytest.approx(9.997, abs=5e-4)
    exact = optimize.brentq(lambda eps: gaussian_delta(eps, 0.5) - 1e-5, 1, 20)
    assert exact <= epsilon(once, delta=1e-5) <= exact + 1e-3
    twice = replace(once, adjacency=Adjacency.REPLACE)
    exact = optimize.brentq(lambda eps: gaussian_delta(eps, 0.25) - 1e-5, 1, 40)
    assert exact <= epsilon(twice, delta=1e-5) <= exact + 5e-3


@pytest.mark.parametrize(
    ("sampling", "microbatches", "rdp", "pld"),
    [
        (Sampling.POISSON, None, 0.43336, 0.39374),
        (Sampling.POISSON, 32, 1.616, 1.199),
        (Sampling.EACH_ONCE, 32, 13.376, 12.595),
    ],
)
def test_microbatches_double_the_sensitivity(
    sampling: Sampling, microbatches: int | None, rdp: float, pld: float
) -> None:
    plan = Plan(examples=10000, batch=64, noise_multiplier=2.0, epochs=5, sampling=sampling, microbatches=microbatches)
    assert epsilon(plan, delta=1e-6, accountant=Accountant.RDP) == pytest.approx(rdp, abs=6e-4)
    assert epsilon(plan, delta=1e-6) == pytest.approx(pld, abs=6e-4)


def test_microbatches_of_one_example_change_nothing() -> None:
    assert pair_of(replace(LAB, microbatches=32)) == pair_of(LAB)


def test_a_custom_sampler_is_counted_as_full_batches() -> None:
    plan = Plan(examples=1000, batch=40, noise_multiplier=20.0, steps=100, sampling=Sampling.CUSTOM)
    exact = optimize.brentq(lambda eps: gaussian_delta(eps, 2.0) - 1e-5, 0.01, 20)
    assert exact <= epsilon(plan, delta=1e-5) <= exact + 2e-3
    repeated = replace(plan, repeats=3, noise_multiplier=60.0)
    assert epsilon(repeated, delta=1e-5) == pytest.approx(epsilon(plan, delta=1e-5), abs=1e-6)


def test_full_batches_need_no_luck() -> None:
    """Sampling with rate 1 is none, under either adjacency."""
    for adjacency, sd in ((Adjacency.ADD_REMOVE, 3.0), (Adjacency.REPLACE, 1.5)):
        plan = Plan(examples=100, batch=100, noise_multiplier=3.0, steps=1, adjacency=adjacency)
        exact = optimize.brentq(lambda eps, sd=sd: gaussian_delta(eps, sd) - 1e-5, 0.01, 20)
        for sampling in (Sampling.POISSON, Sampling.FIXED):
            assert exact <= epsilon(replace(plan, sampling=sampling), delta=1e-5) <= exact + 2e-3


def test_adaptive_clipping_pays_for_its_count() -> None:
    """Andrew and others 2021, theorem 1: z and the count with σ_b are one answer of (z⁻² + (2σ_b)⁻²)^(−1/2)."""
    plain = Plan(examples=10000, batch=100, noise_multiplier=2.0, steps=100)
    sigma_b = 10.0
    split = replace(plain, noise_multiplier=(0.25 - (2 * sigma_b) ** -2) ** -0.5, clip_count_noise=sigma_b)
    assert split.released_multiplier == pytest.approx(2.0, abs=1e-12)
    assert epsilon(split, delta=1e-6) == pytest.approx(epsilon(plain, delta=1e-6), abs=1e-9)
    assert epsilon(replace(split, noise_multiplier=2.0), delta=1e-6) > epsilon(plain, delta=1e-6)


def binomial_delta(eps: float, sd: float, rows: int, rate: float) -> float:
    """The exact delta of one step where a unit has `rows` rows, by integration of both directions."""
    x = np.linspace(-12 * sd, rows + 12 * sd, 100_001)
    top = sum(stats.binom.pmf(i, rows, rate) * stats.norm.pdf(x, i, sd) for i in range(rows + 1))
    base = stats.norm.pdf(x, 0, sd)
    step = x[1] - x[0]
    both = [np.clip(p - math.exp(eps) * q, 0, None).sum() * step for p, q in ((top, base), (base, top))]
    return float(max(both))


def test_a_unit_with_several_rows_by_integration() -> None:
    plan = Plan(examples=1000, batch=100, noise_multiplier=2.0, steps=1, unit="person", max_rows=3)
    exact = optimize.brentq(lambda eps: binomial_delta(eps, 2.0, 3, 0.1) - 1e-5, 0.1, 30)
    found = epsilon(plan, delta=1e-5)
    assert exact - 1e-4 <= found <= exact + 0.01
    assert epsilon(plan, delta=1e-5, accountant=Accountant.RDP) >= found
    once = replace(plan, sampling=Sampling.EACH_ONCE, epochs=1, steps=None)
    assert epsilon(once, delta=1e-5) == pytest.approx(
        epsilon(replace(once, unit="row", max_rows=None, noise_multiplier=2 / 3), delta=1e-5), abs=1e-9
    )


def test_mixtures_of_shifts_agree_with_dp_accounting() -> None:
    plan = Plan(examples=1000, batch=100, noise_multiplier=3.0, steps=20, unit="person", max_rows=4)
    pair, step = pair_of(plan), 2e-3
    known = privacy_loss_distribution.from_mixture_gaussian_mechanism(
        pair.sd, list(pair.upper), list(pair.upper.values()), value_discretization_interval=step
    ).self_compose(20)
    found = mixture_losses(pair, step=step).self_compose(20)
    for eps in (0.0, 0.5, 1.0, 2.0):
        assert found.get_delta_for_epsilon(eps) == pytest.approx(known.get_delta_for_epsilon(eps), rel=1e-6)
    for delta in (1e-3, 1e-6, 1e-9):
        assert found.get_epsilon_for_delta(delta) == pytest.approx(known.get_epsilon_for_delta(delta), abs=1e-6)


def test_whole_units_as_examples_are_counted_like_rows() -> None:
    assert pair_of(replace(LAB, unit="person")) == pair_of(LAB)


def test_quadrature_agrees_with_the_series_of_the_sampled_gaussian() -> None:
    """At whole orders; at others dp-accounting adds the absolute values of an alternating series, which is more."""
    for noise, batch in ((0.6, 10), (1.0, 100), (4.0, 400)):
        pair = pair_of(Plan(examples=1000, batch=batch, noise_multiplier=noise, steps=1))
        orders, known = divergences(pair)
        for place in (3, 9, 40, 99, 130, 154):
            forward, back = (_divergence(pair, float(orders[place]), way) for way in (1, -1))
            whole = float(orders[place]).is_integer()
            assert forward == pytest.approx(known[place], rel=1e-6) if whole else 0 < forward <= known[place]
            assert back <= forward * (1 + 1e-9)


def test_replacement_and_fixed_batches_by_two_accountants() -> None:
    for change in ({"adjacency": Adjacency.REPLACE}, {"sampling": Sampling.FIXED}):
        plan = replace(Plan(examples=10000, batch=100, noise_multiplier=1.5, steps=500), **change)  # type: ignore[arg-type]
        pld, new, old = (epsilon(plan, delta=1e-6, accountant=kind) for kind in ("pld", "rdp", "rdp-old"))  # type: ignore[arg-type]
        assert epsilon(replace(plan, adjacency=Adjacency.ADD_REMOVE, sampling=Sampling.POISSON), delta=1e-6) < pld
        assert pld < new < old < 2 * pld


def divergences_of_mixtures(first: list[float], second: list[float], sd: float, epsilons: Any) -> Any:
    """sup over events of P − e^ε Q for equal mixtures of Gaussians at these places."""
    x = np.linspace(-12, 12, 24_001)
    p, q = (np.mean([stats.norm.pdf(x, place, sd) for place in places], axis=0) for places in (first, second))
    return np.array([np.clip(p - math.exp(eps) * q, 0, None).sum() * (x[1] - x[0]) for eps in epsilons])


@pytest.mark.parametrize("batch", [1, 2])
def test_fixed_batches_are_dominated_by_their_pair(batch: int) -> None:
    """Every pair of neighbouring data sets of three gradients −1, 0 or 1, replaced or removed, by brute force."""
    sd, epsilons = 0.9, np.linspace(0, 3, 7)

    def sums(data: tuple[float, ...]) -> list[float]:
        return [float(sum(chosen)) for chosen in combinations(data, batch)]

    for adjacency in Adjacency:
        fixed = Plan(
            examples=3, batch=batch, noise_multiplier=sd, steps=1, sampling=Sampling.FIXED, adjacency=adjacency
        )
        pair = pair_of(fixed)
        removed, added = profile(pair, epsilons)
        replaced = adjacency is Adjacency.REPLACE
        assert pair.either == replaced
        worst = np.zeros((2, len(epsilons)))
        for data in product((-1.0, 0.0, 1.0), repeat=3):
            for other in [(*data[:2], new) for new in (-1.0, 0.0, 1.0)] if replaced else [data[:2]]:
                there = divergences_of_mixtures(sums(data), sums(other), sd, epsilons)
                back = divergences_of_mixtures(sums(other), sums(data), sd, epsilons)
                worst = np.maximum(worst, [there, back])
        assert (worst[0] <= removed + 1e-6).all()
        assert (worst[1] <= (removed if replaced else added) + 1e-6).all()
        assert worst[0][2] > removed[2] / 3


def test_the_divergence_of_either_way_is_the_integral_of_its_profile() -> None:
    """E[(P/Q)^α] from the profile is E[(P/Q)^α] from the densities, and the larger profile gives no less."""
    pair = Pair(1.3, {0.0: 0.8, 2.0: 0.2}, {0.0: 1.0}, 1)
    epsilons = np.linspace(0, 60, 600_001)
    forward, back = profile(pair, epsilons)
    for order in (1.5, 2.0, 4.0):
        # dt = e^ε dε
        integrand = np.exp((order - 1) * epsilons) * forward + np.exp(-order * epsilons) * back
        moment = 1 + order * (order - 1) * float(np.trapezoid(integrand, epsilons))
        direct = _divergence(pair, order, 1)
        assert math.log(moment) / (order - 1) == pytest.approx(direct, rel=1e-6)
        larger = np.exp((order - 1) * epsilons) * forward + np.exp(-order * epsilons) * np.maximum(forward, back)
        moment = 1 + order * (order - 1) * float(np.trapezoid(larger, epsilons))
        (found,) = _either(replace(pair, either=True), np.array([order]))
        assert found == pytest.approx(math.log(moment) / (order - 1), rel=1e-5)


def test_fixed_batches_cost_less_than_the_general_theorem_says() -> None:
    plan = Plan(examples=10000, batch=100, noise_multiplier=1.5, steps=500, sampling=Sampling.FIXED)
    general = rdp_privacy_accountant.RdpAccountant(neighboring_relation=NeighboringRelation.REPLACE_ONE)
    half = dp_event.GaussianDpEvent(0.75)
    general.compose(dp_event.SampledWithoutReplacementDpEvent(10000, 100, half), 500)
    replaced = replace(plan, adjacency=Adjacency.REPLACE)
    found = [epsilon(one, delta=1e-6, accountant=Accountant.RDP) for one in (plan, replaced)]
    assert found[0] < found[1] < general.get_epsilon(1e-6)


def test_prv_of_opacus() -> None:
    plan = Plan(examples=1000, batch=40, noise_multiplier=1.5, steps=2249)
    assert epsilon(plan, delta=1e-5, accountant=Accountant.PRV) == pytest.approx(6.777395712, abs=1e-6)
    with pytest.raises(AssayError, match="Poisson"):
        epsilon(replace(plan, sampling=Sampling.CUSTOM), delta=1e-5, accountant=Accountant.PRV)


def test_an_accountant_beyond_its_numbers_says_so() -> None:
    """Opacus' PRV answers 700.58 for an epsilon of 5317: numbers that overflow are no promise."""
    loud = Plan(examples=100_000, batch=10, noise_multiplier=0.01, steps=10)
    assert epsilon(loud, delta=1e-6) == pytest.approx(5317, rel=1e-3)
    assert epsilon(loud, delta=1e-6, accountant=Accountant.RDP) > 5317
    for plan, delta, kind, why in (
        (loud, 1e-6, Accountant.PRV, "no number for so little noise"),
        (replace(loud, noise_multiplier=1e-4), 1e-6, Accountant.PLD, "no number for so little noise"),
        (replace(loud, noise_multiplier=1.0), 1e-30, Accountant.PRV, "says nothing at a delta"),
        (replace(loud, noise_multiplier=1.0), 1e-30, Accountant.PLD, "say nothing at a delta"),
    ):
        with pytest.raises(AssayError, match=why):
            epsilon(plan, delta=delta, accountant=kind)


def test_a_small_sampling_rate_keeps_its_digits() -> None:
    for rows in (10**9, 10**12, 3 * 10**15, 10**18):
        plan = Plan(examples=rows, batch=7, noise_multiplier=1.0, steps=1)
        assert pair_of(plan).chance == pytest.approx(plan.sampling_rate, rel=1e-14)


@pytest.mark.parametrize(
    ("steps", "accountant", "published"),
    [(2250, "rdp", 1.416015625), (2250, "pld", 1.34765625), (2000, "rdp", 1.3562)],
)
def test_noise_for_a_target_is_enough_and_no_more(steps: int, accountant: Any, published: float) -> None:
    plan = Plan(examples=1000, batch=40, noise_multiplier=1.0, steps=steps)
    found = noise_for(plan, target_epsilon=8.0, delta=1e-5, accountant=accountant)
    assert 8.0 * (1 - 5e-4) < epsilon(replace(plan, noise_multiplier=found), delta=1e-5, accountant=accountant) <= 8.0
    assert found == pytest.approx(published, rel=2e-3)


@pytest.mark.parametrize("target", [0.05, 12.0])
def test_noise_never_overshoots_far_from_the_usual(target: float) -> None:
    plan = Plan(examples=200, batch=50, noise_multiplier=1.0, epochs=3, sampling=Sampling.EACH_ONCE)
    found = noise_for(plan, target_epsilon=target, delta=1e-3)
    assert target * (1 - 1e-3) < epsilon(replace(plan, noise_multiplier=found), delta=1e-3) <= target


def test_a_target_that_cannot_be_met_says_why() -> None:
    plan = Plan(examples=1000, batch=100, noise_multiplier=1.0, steps=1000, clip_count_noise=0.5)
    with pytest.raises(AssayError, match="No noise gives"):
        noise_for(plan, target_epsilon=0.1, delta=1e-5)
    for target in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(AssayError, match="above 0"):
            noise_for(plan, target_epsilon=target, delta=1e-5)


@pytest.mark.parametrize("delta", [1e-4, 1 / 60000, 0.5])
def test_a_delta_that_publishes_rows_is_refused(delta: float) -> None:
    with pytest.raises(AssayError, match="too large") as caught:
        epsilon(LAB, delta=delta)
    assert "1e-06" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": 0},
        {"noise_multiplier": 1e-300},
        {"noise_multiplier": 1e300},
        {"batch": 60001},
        {"noise_multiplier": 0.0},
        {"noise_multiplier": math.nan},
        {"epochs": None},
        {"steps": 5},
        {"max_rows": 3},
        {"microbatches": 5},
        {"repeats": 2},
        {"adjacency": "replace"},
        {"clip_count_noise": -1.0},
    ],
)
def test_impossible_plans_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssayError):
        replace(LAB, **wrong)


def test_steps_and_passes() -> None:
    assert LAB.total_steps == 1875
    assert replace(LAB, batch=256, epochs=15).total_steps == 3516
    assert replace(LAB, batch=240, epochs=0.1).total_steps == 25
    assert replace(LAB, epochs=None, steps=1876).passes == 2
    assert replace(LAB, epochs=1.5).passes == 2


def test_without_dp_accounting_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingExtra, match=r"\[privacy\]"):
        epsilon(replace(LAB, noise_multiplier=0.51), delta=1e-5)
