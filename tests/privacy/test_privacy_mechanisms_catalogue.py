"""Each mechanism keeps its promise: known answers, exact distributions, neighbours that cannot be told apart."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections import Counter
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import Any

import pytest
from scipy import stats

from assay.core.errors import AssayError
from assay.core.part import Part
from assay.privacy import mechanisms
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.noise.entropy import Entropy, insecure_seeded

REPLACE = Adjacency.REPLACE
Draw = Callable[[Any, Entropy, int], list[Hashable]]


def catalogue() -> dict[str, Part[Any]]:
    found = {}
    for info in pkgutil.iter_modules(mechanisms.__path__):
        module = importlib.import_module(f"{mechanisms.__name__}.{info.name}")
        found |= {
            thing.id: thing for thing in vars(module).values() if isinstance(thing, Part) and thing.kind == "mechanism"
        }
    return found


PARTS = catalogue()


def many(id: str, **fixed: Any) -> Draw:
    """Independent answers of an additive mechanism to one number."""

    def draw(value: Any, source: Entropy, n: int) -> list[Hashable]:
        release = PARTS[id].make([value] * n, sensitivity=1, adjacency=REPLACE, source=source, **fixed)
        return list(release.values)

    return draw


def each(id: str, **fixed: Any) -> Draw:
    """Independent answers of a selecting mechanism to one list of scores."""

    def draw(scores: Any, source: Entropy, n: int) -> list[Hashable]:
        make = PARTS[id].make
        return [make(scores, sensitivity=1, adjacency=REPLACE, source=source, **fixed).chosen for _ in range(n)]

    return draw


def local(id: str, **fixed: Any) -> Draw:
    """Reports of people who all have one value."""

    def draw(value: Any, source: Entropy, n: int) -> list[Hashable]:
        made = PARTS[id].make([value] * n, categories=3, adjacency=REPLACE, source=source, **fixed)
        return list(made.reports)

    return draw


FAST, SLOW = 40_000, 2_000
CASES: dict[str, tuple[Draw, Any, Any, int]] = {
    "geometric": (many("geometric", epsilon=1), 0, 1, FAST),
    "laplace": (many("laplace", epsilon=1, granularity="1/4", coordinates=1), 0.0, 1.0, FAST),
    "exponential": (each("exponential", epsilon=1), [0, 1, 2], [1, 0, 1], SLOW),
    "permute-and-flip": (each("permute-and-flip", epsilon=1), [0, 1, 2], [1, 0, 1], SLOW),
    "report-noisy-max": (each("report-noisy-max", epsilon=1), [0, 0, 0], [1, -1, -1], SLOW),
    "sparse-vector": (each("sparse-vector", epsilon=1, threshold=1), [0, 1, 2], [1, 0, 1], SLOW),
    "randomized-response": (local("randomized-response", epsilon=1), 0, 1, FAST),
    "unary-encoding": (local("unary-encoding", epsilon=1), 0, 1, FAST),
}


def epsilon_seen(draw: Draw, one: Any, other: Any, n: int) -> float:
    """A lower bound of epsilon, wrong once in ten thousand: of each outcome, Clopper-Pearson on both sides.

    In the rest of the space outcomes that were seen on one side only are tested as well, being one outcome each.
    """
    a, b = Counter(draw(one, insecure_seeded(11), n)), Counter(draw(other, insecure_seeded(12), n))
    outcomes = set(a) | set(b)
    level = 1e-4 / (4 * len(outcomes))
    worst = 0.0
    for outcome in outcomes:
        for more, less in ((a[outcome], b[outcome]), (b[outcome], a[outcome])):
            low = stats.beta.ppf(level, more, n - more + 1) if more else 0.0
            high = stats.beta.ppf(1 - level, less + 1, n - less)
            worst = max(worst, math.log(low / high) if low else 0.0)
    return worst


@pytest.mark.parametrize("id", CASES)
def test_neighbours_are_no_easier_told_apart_than_was_promised(id: str) -> None:
    assert epsilon_seen(*CASES[id]) <= 1


def delta_seen(at: float, /, **calibrated: Any) -> float:
    """A lower bound of the delta that discrete Gaussian noise needs at epsilon `at`, over all thresholds."""
    draw = many("gaussian", **calibrated)
    zero, one = (Counter(draw(value, insecure_seeded(value + 40), FAST)) for value in (0, 1))
    worst = 0.0
    for threshold in range(-10, 11):
        more, less = (sum(n for value, n in counts.items() if value >= threshold) for counts in (one, zero))
        low = stats.beta.ppf(1e-6, more, FAST - more + 1) if more else 0.0
        worst = max(worst, low - math.exp(at) * stats.beta.ppf(1 - 1e-6, less + 1, max(1, FAST - less)))
    return worst


def test_the_gaussian_keeps_its_delta_and_would_be_caught_if_not() -> None:
    assert delta_seen(0.5, epsilon="1/2", delta="0.05") <= 0.05
    assert delta_seen(0.5, epsilon="3/2", delta="0.05") > 0.05


def test_the_same_test_catches_half_the_noise() -> None:
    assert epsilon_seen(many("geometric", epsilon=2), 0, 1, FAST) > 1
    assert epsilon_seen(local("randomized-response", epsilon=2), 0, 1, FAST) > 1


@pytest.mark.parametrize("id", ["geometric", "laplace", "gaussian"])
def test_both_neighbours_reach_the_same_lattice_and_nothing_else(id: str) -> None:
    """The distinguisher that tells float noise apart: numbers that only one of 0 and 1 can become."""
    fixed = {"rho": "1/32"} if id == "gaussian" else {"epsilon": 1}
    step = Fraction(1) if id == "geometric" else Fraction(1, 4)
    more = {} if id == "geometric" else {"granularity": step, "coordinates": 1}
    draw = many(id, **fixed, **more)
    zero, one = (Counter(draw(value, insecure_seeded(value + 20), 20_000)) for value in (0, 1))
    assert all((value / step).denominator == 1 for value in {*zero, *one})
    common = [value for value in zero if zero[value] + one[value] >= 40]
    assert all(zero[value] and one[value] for value in common)
    assert len(common) > 5


def test_numbers_between_steps_are_rounded_before_noise_so_digits_tell_nothing() -> None:
    release = PARTS["laplace"].make(
        [0.1234567, math.pi],
        sensitivity=1,
        epsilon=1,
        granularity="0.001",
        adjacency=REPLACE,
        source=insecure_seeded(1),
    )
    assert all((value * 1000).denominator == 1 for value in release.values)


def p_value(draws: list[Hashable], expected: dict[Hashable, float]) -> float:
    counts = Counter(draws)
    assert set(counts) <= set(expected)
    total = sum(expected.values())
    return float(
        stats.chisquare([counts[k] for k in expected], [len(draws) * p / total for p in expected.values()]).pvalue
    )


def test_the_geometric_mechanism_is_silent_as_often_as_published() -> None:
    draws = many("geometric", epsilon=1)(5, insecure_seeded(30), FAST)
    p = (1 - math.exp(-1)) / (1 + math.exp(-1))  # Ghosh et al. (2009), section 2
    assert stats.binomtest(draws.count(5), FAST, p).pvalue > 1e-4


def test_the_gaussian_is_calibrated_as_stated() -> None:
    make = PARTS["gaussian"].make
    by_rho = make([3, 4], sensitivity=2, rho="1/8", adjacency=REPLACE)
    assert by_rho.noise.sigma_squared == 16
    assert by_rho.event.zcdp() == {"rho": Fraction(1, 8)}
    one = make([3], sensitivity=1000, epsilon="1", delta="1e-5", adjacency=REPLACE)
    assert math.sqrt(one.noise.sigma_squared) / 1000 == pytest.approx(3.730631634816, rel=1e-5)
    assert one.event.approximate(delta="1e-5") == {"epsilon": 1, "delta": Fraction(1, 10**5)}
    vector = make([3, 4], sensitivity=1, epsilon="1", delta="1e-5", adjacency=REPLACE)
    assert float(vector.event.approximate(delta="1e-5")["epsilon"]) == pytest.approx(1, abs=1e-5)
    assert vector.noise.sigma_squared > one.noise.sigma_squared / 10**6


def test_selections_have_their_closed_forms() -> None:
    scores, source = [0, 1, 3], insecure_seeded(31)
    weights = {(i,): math.exp(s / 2) for i, s in enumerate(scores)}
    assert p_value(each("exponential", epsilon=1)(scores, source, SLOW), weights) > 1e-4
    widths = {(i,): w * math.exp(s / 2) for i, (s, w) in enumerate(zip(scores, (5, 2, 1), strict=True))}
    assert p_value(each("exponential", epsilon=1, weights=[5, 2, 1])(scores, source, SLOW), widths) > 1e-4
    steep = {(i,): math.exp(s) for i, s in enumerate(scores)}
    assert p_value(each("exponential", epsilon=1, monotonic=True)(scores, source, SLOW), steep) > 1e-4
    coin = math.exp(-1 / 2)  # two candidates: the worse wins half of the times that its coin falls on heads
    flipped = each("permute-and-flip", epsilon=1)([1, 2], source, SLOW)
    assert p_value(flipped, {(0,): coin / 2, (1,): 1 - coin / 2}) > 1e-4


def laplace_pmf(scale: float, reach: int = 120) -> dict[int, float]:
    return {x: math.tanh(1 / (2 * scale)) * math.exp(-abs(x) / scale) for x in range(-reach, reach + 1)}


def test_report_noisy_max_and_sparse_vector_meet_the_convolutions() -> None:
    noise = laplace_pmf(2)
    first = sum(p * q for x, p in noise.items() for y, q in noise.items() if x >= 1 + y)
    drawn = each("report-noisy-max", epsilon=1)([0, 1], insecure_seeded(32), SLOW)
    assert p_value(drawn, {(0,): first, (1,): 1 - first}) > 1e-4
    e1 = round(1000 / (1 + 2 ** (2 / 3))) / 1000
    bar, own = laplace_pmf(1 / e1), laplace_pmf(2 / (1 - e1))
    above = sum(p * q for x, p in bar.items() for y, q in own.items() if y >= 2 + x)
    asked = each("sparse-vector", epsilon=1, threshold=2)([0], insecure_seeded(33), SLOW)
    assert p_value(asked, {(0,): above, (): 1 - above}) > 1e-4


def test_sparse_vector_asks_no_further_than_it_must() -> None:
    asked: list[int] = []

    def answers() -> Any:
        for place, value in enumerate([0, 10**6, 0, 10**6, 10**6, 0]):
            asked.append(place)
            yield value

    found = PARTS["sparse-vector"].make(
        answers(), threshold=10**5, sensitivity=1, epsilon=1, adjacency=REPLACE, count=2, source=insecure_seeded(34)
    )
    assert found.chosen == (1, 3)
    assert asked == [0, 1, 2, 3]
    assert found.event.pure() == {"epsilon": 1}


@pytest.mark.parametrize(("id", "kept", "noise", "fixed"), [
    ("randomized-response", math.e / (math.e + 2), 1 / (math.e + 2), {}),
    ("unary-encoding", 1 / 2, 1 / (1 + math.e), {"kind": "optimised"}),
    ("unary-encoding", 1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(0.5)), {"kind": "symmetric"}),
])  # fmt: skip
def test_local_reports_have_the_published_odds_and_no_bias(
    id: str, kept: float, noise: float, fixed: dict[str, str]
) -> None:
    made = PARTS[id].make([1] * 20_000, categories=3, epsilon=1, adjacency=REPLACE, source=insecure_seeded(35), **fixed)
    assert (made.kept, made.noise) == pytest.approx((kept, noise), rel=1e-12)
    for category, support in enumerate(made.support):
        assert stats.binomtest(support, made.n, kept if category == 1 else noise).pvalue > 1e-4
    for category, found in enumerate(made.frequencies(level=0.9999)):
        truth = float(category == 1)
        assert found.interval.low <= truth <= found.interval.high
        assert found.share == pytest.approx(truth, abs=0.1)


def test_intervals_hold_the_number_without_noise_as_often_as_they_say() -> None:
    for id, fixed in (("geometric", {"epsilon": "1/20"}), ("gaussian", {"rho": "1/800"})):
        release = PARTS[id].make([100] * 5000, sensitivity=1, adjacency=REPLACE, source=insecure_seeded(36), **fixed)
        inside = sum(i.low <= 100 <= i.high for i in release.intervals(level=0.9))
        assert 0.885 <= inside / 5000 <= 0.925


def a_call(id: str, **changed: Any) -> Any:
    """`id` with arguments that are right but for `changed`."""
    given: dict[str, Any] = {"epsilon": 1, "adjacency": REPLACE, "source": insecure_seeded(1)}
    if id in ("randomized-response", "unary-encoding"):
        given["categories"] = 3
    else:
        given["sensitivity"] = 1
    given |= {"laplace": {"granularity": 1}, "gaussian": {"delta": "1e-6"}, "sparse-vector": {"threshold": 3}}.get(
        id, {}
    )
    return PARTS[id].make([1, 0, 2], **(given | changed))


@pytest.mark.parametrize("id", PARTS)
def test_each_says_what_it_promises_and_a_seed_takes_the_promise_back(id: str) -> None:
    part = PARTS[id]
    assert part.kind == "mechanism"
    assert "arXiv" in part.statement or "(20" in part.statement
    assert part.parameters["adjacency"].required
    assert not a_call(id).private
    made = a_call(id, source=None)
    assert made.private
    assert made.event.adjacency is REPLACE
    assert made.event.mechanism == id
    assert made.event.approximate(delta="1e-6")["epsilon"] <= 1


@pytest.mark.parametrize("id", PARTS)
@pytest.mark.parametrize(("name", "bad"), [
    ("epsilon", 0), ("epsilon", -1), ("epsilon", float("nan")), ("epsilon", float("inf")), ("epsilon", "much"),
    ("adjacency", "replace"), ("adjacency", None),
])  # fmt: skip
def test_bad_input_is_one_clear_error(id: str, name: str, bad: object) -> None:
    with pytest.raises(AssayError, match=rf"(?i){name}"):
        a_call(id, **{name: bad})


@pytest.mark.parametrize("id", [id for id in PARTS if "sensitivity" in PARTS[id].parameters])
@pytest.mark.parametrize("bad", [0, -2, float("nan"), float("inf")])
def test_a_sensitivity_is_a_positive_number(id: str, bad: float) -> None:
    with pytest.raises(AssayError, match="sensitivity"):
        a_call(id, sensitivity=bad)


def test_what_else_can_be_wrong() -> None:
    for bad in (0, 1, 2, float("nan")):
        with pytest.raises(AssayError, match="delta"):
            a_call("gaussian", delta=bad)
    for changed in ({"rho": 1}, {"delta": None}):
        with pytest.raises(AssayError, match="Give rho, or both"):
            a_call("gaussian", **changed)
    with pytest.raises(AssayError, match="granularity"):
        a_call("laplace", granularity=0)
    for id in ("randomized-response", "unary-encoding"):
        with pytest.raises(AssayError, match="from 0 to 1"):
            a_call(id, categories=2)
        with pytest.raises(AssayError, match="Local privacy"):
            a_call(id, adjacency=Adjacency.ADD_REMOVE)
    with pytest.raises(AssayError, match="Unknown unary encoding"):
        a_call("unary-encoding", kind="best")
    with pytest.raises(AssayError, match="count must be 1"):
        a_call("sparse-vector", count=0)
    with pytest.raises(AssayError, match="Weights must be 3"):
        a_call("exponential", weights=[1, 2])
    with pytest.raises(AssayError, match="Scores must be"):
        PARTS["exponential"].make([0.5], sensitivity=1, epsilon=1, adjacency=REPLACE)
