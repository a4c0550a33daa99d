"""Amounts are exact and rounded up; events convert to each measure as the literature says."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Amount, exact, positive, probability
from assay.privacy.loss.conversion import epsilon_of_zcdp
from assay.privacy.loss.event import Event, compose

REPLACE = Adjacency.REPLACE


@given(st.floats(-1e299, 1e299).filter(lambda value: value == 0 or abs(value) > 1e-299))
def test_a_float_is_never_rounded_down_and_hardly_up(value: float) -> None:
    up = exact(value, name="x") - Fraction(value)
    assert 0 <= up <= abs(Fraction(value)) / 10**16


def test_what_is_written_in_decimals_is_taken_exactly() -> None:
    for tenth in ("0.1", "1/10", Decimal("0.1"), Fraction(1, 10)):
        assert exact(tenth, name="x") == Fraction(1, 10)
    assert exact(0.5, name="x") == Fraction(1, 2)
    assert exact(0.1, name="x") == Fraction("0.10000000000000001")
    total = sum((Amount(epsilon="0.1") for _ in range(9)), Amount(epsilon="0.1"))
    assert total == {"epsilon": Fraction(1)}


@pytest.mark.parametrize("bad", ["x", "", float("nan"), float("inf"), True, None, "nan", Decimal("NaN"), "1/0"])
def test_what_is_no_number_is_an_error(bad: object) -> None:
    with pytest.raises(AssayError, match=r"epsilon .* is not a finite number"):
        exact(bad, name="epsilon")  # type: ignore[arg-type]


@pytest.mark.parametrize("far", ["1e999999999", "1e-999999999", "1e9_999_999_999", "1e301", Decimal("1e-400"), 10**400])
def test_a_number_far_beyond_all_use_is_an_error_at_once(far: str | Decimal | int) -> None:
    with pytest.raises(AssayError, match="within 1e-300 and 1e300"):
        exact(far, name="delta")
    assert exact("1e-300", name="delta") == Fraction(1, 10**300)


def test_numbers_out_of_range_are_errors() -> None:
    with pytest.raises(AssayError) as error:
        positive(0, name="epsilon")
    assert error.value.code == "epsilon"
    for bad in (0, 1, -0.5, 2):
        with pytest.raises(AssayError, match="strictly between 0 and 1"):
            probability(bad, name="delta")
    for amount in ({"epsilon": -1}, {"delta": 1}, {}):
        with pytest.raises(AssayError):
            Amount(**amount)


def test_an_adjacency_is_one_of_two_and_never_a_text() -> None:
    assert required(REPLACE) is REPLACE
    with pytest.raises(AssayError, match="not one of Adjacency"):
        required("replace one unit")


def test_zcdp_gives_less_epsilon_than_the_classic_bound_and_more_than_the_exact_gaussian() -> None:
    rho, delta = Fraction(1, 2), Fraction(1, 10**5)
    epsilon = float(epsilon_of_zcdp(rho, delta=delta))
    assert epsilon < 0.5 + 2 * math.sqrt(0.5 * math.log(1e5))
    assert epsilon > 4.377178095681  # sigma 1, sensitivity 1, delta 1e-5: Balle & Wang (2018)


@given(st.fractions(Fraction(1, 1000), 10), st.sampled_from(["1e-3", "1e-6", "1e-12"]))
def test_the_order_that_was_found_is_as_good_as_any_on_a_grid(rho: Fraction, delta: str) -> None:
    r, d = float(rho), float(delta)
    grid = (1 + math.exp(-8 + i / 50) for i in range(1000))
    best = min(a * r - (math.log(d) + math.log(a)) / (a - 1) + math.log1p(-1 / a) for a in grid)
    assert float(epsilon_of_zcdp(rho, delta=Fraction(delta))) <= max(best, 0) + 1e-9


def test_an_event_says_what_it_promises_in_each_measure() -> None:
    pure = Event("geometric", REPLACE, epsilon=Fraction(1))
    assert pure.pure() == {"epsilon": 1}
    assert pure.zcdp() == {"rho": Fraction(1, 2)}
    assert pure.renyi(order="1.5") == {"rdp": Fraction(3, 4)}
    assert pure.renyi(order=8) == {"rdp": 1}
    assert pure.approximate(delta="1e-6") == {"epsilon": 1, "delta": 0}
    gaussian = Event("gaussian", REPLACE, rho=Fraction(1, 8))
    assert gaussian.renyi(order=4) == {"rdp": Fraction(1, 2)}
    assert set(gaussian.approximate(delta="1e-6")) == {"epsilon", "delta"}
    threshold = Event("threshold", REPLACE, epsilon=Fraction(1), delta=Fraction(1, 10**6))
    assert threshold.zcdp() == {"rho": Fraction(1, 2), "delta": Fraction(1, 10**6)}
    for ask in (gaussian.pure, threshold.pure, lambda: threshold.renyi(order=2)):
        with pytest.raises(AssayError) as error:
            ask()
        assert error.value.code == "measure"
    with pytest.raises(AssayError, match="nothing at a delta below"):
        threshold.approximate(delta="1e-7")


def test_composition_adds_and_never_mixes_adjacencies() -> None:
    one = Event("geometric", REPLACE, epsilon=Fraction(1))
    gaussian = Event("gaussian", REPLACE, rho=Fraction(1, 8))
    assert compose([one, one]).pure() == {"epsilon": 2}
    assert compose([one, gaussian]).zcdp() == {"rho": Fraction(5, 8)}
    with pytest.raises(AssayError, match="two kinds"):
        compose([one, Event("geometric", Adjacency.ADD_REMOVE, epsilon=Fraction(1))])
    with pytest.raises(AssayError, match="no measure in common"):
        compose([Event("threshold", REPLACE, epsilon=Fraction(1), delta=Fraction(1, 9)), gaussian])


def test_dp_accounting_reads_the_event_and_finds_no_more_epsilon_than_we_say() -> None:
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    gaussian = Event("gaussian", REPLACE, rho=Fraction(1, 8))
    accountant = RdpAccountant(
        orders=[1 + i / 10 for i in range(1, 1000)],
        neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE,
    )
    accountant.compose(gaussian.dp_event())
    ours = float(gaussian.approximate(delta="1e-6")["epsilon"])
    assert accountant.get_epsilon(1e-6) == pytest.approx(ours, rel=1e-3)
    from dp_accounting.pld import PLDAccountant

    pure = PLDAccountant(dp_accounting.NeighboringRelation.REPLACE_ONE)
    pure.compose(Event("geometric", REPLACE, epsilon=Fraction(1)).dp_event())
    assert pure.get_epsilon(0) == pytest.approx(1, abs=1e-3)
