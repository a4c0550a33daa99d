"""The arithmetic of budgets: exact, and rounded only where that spends more."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.rounding import GRID, decimal_text, log_up, rounded_up, sqrt_down, sqrt_up
from assay.core.errors import AssayError

ONE = Fraction(1)
positive = st.fractions(min_value=Fraction(1, 10**12), max_value=10**6)


def budget(accounting: Accounting = Accounting.FILTER, **limit: str) -> Budget:
    return Budget(accounting, {unit: Fraction(text) for unit, text in limit.items()})


def epsilon_of(spent_epsilons: list[float], slack: float) -> float:
    """The left side of the filter's condition, in floats (Whitehouse et al., theorem 2)."""
    squares = sum(e * e for e in spent_epsilons)
    return math.sqrt(2 * math.log(1 / slack) * squares) + squares / 2


@given(positive)
def test_rounding_never_spends_less(value):
    up = rounded_up(value)
    assert value <= up < value + Fraction(1, GRID)
    assert rounded_up(up) == up
    assert up.denominator <= 1000 or GRID % up.denominator == 0


@given(positive)
def test_roots_enclose(value):
    assert sqrt_down(value) ** 2 <= value <= sqrt_up(value) ** 2
    assert sqrt_up(value) - sqrt_down(value) <= Fraction(2, GRID)


@given(st.fractions(min_value=1, max_value=10**40))
def test_the_logarithm_is_above_and_close(value):
    getcontext().prec = 50
    exact = Fraction((Decimal(value.numerator) / Decimal(value.denominator)).ln())
    assert Fraction(-1, 10**40) <= log_up(value) - exact < Fraction(1, 10**28)


def test_the_logarithm_of_less_than_one_is_refused():
    assert log_up(ONE) == 0
    with pytest.raises(ValueError, match="1 or more"):
        log_up(Fraction(1, 2))


@given(positive)
def test_what_is_shown_promises_nothing(value):
    assert Fraction(decimal_text(value, toward="down")) <= value <= Fraction(decimal_text(value, toward="up"))


@pytest.mark.parametrize(("parts", "price"), [(10, "0.1"), (3, "1/3"), (7, "1/7"), (1000, "0.001")])
def test_equal_parts_spend_the_whole_and_nothing_more(parts, price):
    whole, charge = budget(Accounting.PURE, epsilon="1"), {"epsilon": Fraction(price)}
    spent = whole.nothing()
    for _ in range(parts):
        spent = whole.added(spent, whole.charged(charge))
        assert whole.allows(spent)
    assert whole.remaining(spent) == {"epsilon": 0}
    assert not whole.allows(whole.added(spent, whole.charged({"epsilon": Fraction(1, 10**100)})))


def test_the_sums_stay_short_whatever_is_asked():
    many = budget(Accounting.ZCDP, rho="1")
    spent = many.nothing()
    for n in range(1, 2000):
        spent = many.added(spent, many.charged({"rho": Fraction(1, 10**40 + n)}))
    assert len(str(spent["rho"].denominator)) < 40


@given(st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(1, 5)), min_size=1, max_size=60))
def test_the_filter_stops_where_the_formula_does(epsilons):
    whole = budget(epsilon="1", delta="1e-6")
    spent, so_far = whole.nothing(), []
    for epsilon in epsilons:
        spent = whole.added(spent, whole.charged({"epsilon": epsilon}))
        so_far.append(float(epsilon))
        loss = epsilon_of(so_far, 5e-7)
        if abs(loss - 1) > 1e-9:
            assert whole.allows(spent) == (loss <= 1)


def test_the_filter_allows_more_small_answers_than_sums():
    """400 answers of epsilon 0.01 cost 4 by sums; by the filter with delta' 1e-6, 0.2 √(2 ln 1e6) + 0.02 = 1.0713."""
    tight = Budget(Accounting.FILTER, {"epsilon": Fraction("1.0714"), "delta": Fraction("2e-6")})
    sums = budget(Accounting.SUMS, epsilon="1.0714", delta="2e-6")
    spent, summed = tight.nothing(), sums.nothing()
    for _ in range(400):
        spent = tight.added(spent, tight.charged({"epsilon": Fraction("0.01")}))
        summed = sums.added(summed, sums.charged({"epsilon": Fraction("0.01")}))
    assert tight.allows(spent)
    assert not sums.allows(summed)
    assert float(tight.used(spent)["epsilon"]) == pytest.approx(1.07130 / 1.0714, rel=1e-4)
    assert not tight.allows(tight.added(spent, tight.charged({"epsilon": Fraction("0.01")})))


@given(st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(1, 20)), max_size=20))
def test_what_the_filter_says_remains_can_be_spent_and_a_little_more_cannot(epsilons):
    whole = budget(epsilon="2", delta="1e-5")
    spent = whole.nothing()
    for epsilon in epsilons:
        spent = whole.added(spent, whole.charged({"epsilon": epsilon, "delta": Fraction("1e-9")}))
    left = whole.remaining(spent)
    assert left["delta"] == Fraction("5e-6") - len(epsilons) * Fraction("1e-9")
    assert whole.allows(whole.added(spent, left))
    assert not whole.allows(whole.added(spent, {**left, "epsilon": left["epsilon"] + Fraction(1, 10**20)}))


def test_the_deltas_of_answers_share_what_the_slack_leaves():
    whole = Budget(Accounting.FILTER, {"epsilon": ONE, "delta": Fraction("1e-6")}, slack=Fraction("9e-7"))
    spent = whole.added(whole.nothing(), {"epsilon": Fraction("0.01"), "delta": Fraction("1e-7")})
    assert whole.allows(spent)
    assert not whole.allows(whole.added(spent, {"epsilon": Fraction("0.01"), "delta": Fraction("1e-12")}))


@pytest.mark.parametrize(
    ("accounting", "limit", "terms", "says"),
    [
        (Accounting.PURE, {"epsilon": 0}, {}, "epsilon above 0"),
        (Accounting.PURE, {"epsilon": 1, "delta": Fraction("1e-6")}, {}, "Unknown unit of a budget by pure 'delta'"),
        (Accounting.SUMS, {"epsilon": 1}, {}, "delta 0 is one of pure epsilon"),
        (Accounting.SUMS, {"epsilon": 1, "delta": 1}, {}, "below 1"),
        (Accounting.FILTER, {"epsilon": 1, "delta": 0}, {}, "slack of a filter"),
        (Accounting.FILTER, {"epsilon": 1, "delta": Fraction("1e-6")}, {"slack": Fraction("2e-6")}, "at most delta"),
        (Accounting.SUMS, {"epsilon": 1, "delta": Fraction("1e-6")}, {"slack": Fraction("1e-7")}, "slack belongs"),
        (Accounting.RDP, {"rdp": 1}, {}, "such a budget needs one"),
        (Accounting.RDP, {"rdp": 1}, {"order": ONE}, "above 1"),
        (Accounting.ZCDP, {"rho": 1}, {"order": Fraction(2)}, "belongs to a budget by rdp"),
        (Accounting.ZCDP, {"rho": -1}, {}, "rho above 0"),
    ],
)
def test_impossible_budgets_are_refused(accounting, limit, terms, says):
    with pytest.raises(AssayError, match=says):
        Budget(accounting, {unit: Fraction(value) for unit, value in limit.items()}, **terms)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"epsilon": Fraction(-1)}, "amount"),
        ({"epsilon": Fraction(0)}, "amount"),
        ({}, "amount"),
        ({"rho": ONE}, "budget-measure"),
        ({"epsilon": ONE, "delta": Fraction("1e-9")}, "budget-measure"),
    ],
)
def test_an_amount_that_is_none_or_of_another_measure_is_refused(amount, code):
    with pytest.raises(AssayError) as caught:
        budget(Accounting.PURE, epsilon="1").charged(amount)
    assert caught.value.code == code


def test_an_inexact_amount_is_a_mistake_of_the_program():
    with pytest.raises(TypeError, match="float"):
        budget(Accounting.PURE, epsilon="1").charged({"epsilon": 0.1})
    with pytest.raises(TypeError, match="bool"):
        budget(Accounting.PURE, epsilon="1").charged({"epsilon": True})


def test_a_delta_of_zero_is_no_other_measure():
    assert budget(Accounting.PURE, epsilon="1").charged({"epsilon": ONE, "delta": Fraction(0)}) == {"epsilon": 1}


@pytest.mark.parametrize(
    "whole",
    [
        budget(Accounting.PURE, epsilon="1/3"),
        budget(Accounting.SUMS, epsilon="3", delta="1e-6"),
        budget(Accounting.FILTER, epsilon="3", delta="1e-6"),
        budget(Accounting.ZCDP, rho="0.5"),
        Budget(Accounting.RDP, {"rdp": ONE}, order=Fraction(19)),
    ],
)
def test_a_budget_comes_back_as_it_was_written(whole):
    assert Budget.from_json(whole.to_json()) == whole
    assert whole.allows(whole.nothing())
