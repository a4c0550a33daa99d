"""An answer costs what its event says in the measure of the ledger, and leaves only when it is paid for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import Terms
from assay.core.canonical import digest
from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Amount
from assay.privacy.loss.event import Event
from assay.privacy.spending.release import price, release
from assay.store import open_store

HALF = Fraction(1, 2)
LAPLACE = Event("laplace", Adjacency.ADD_REMOVE, epsilon=HALF)
GAUSSIAN = Event("gaussian", Adjacency.ADD_REMOVE, rho=Fraction(1, 50))
THRESHOLD = Event("threshold", Adjacency.ADD_REMOVE, epsilon=HALF, delta=Fraction("1e-9"))


def terms(accounting, order=None, **limit):
    budget = Budget(accounting, {unit: Fraction(text) for unit, text in limit.items()}, order)
    return Terms(budget, ("sha256:" + "a" * 64,), Adjacency.ADD_REMOVE.value)


PURE = terms(Accounting.PURE, epsilon="1")
SUMS = terms(Accounting.SUMS, epsilon="1", delta="1e-6")
FILTER = terms(Accounting.FILTER, epsilon="1", delta="1e-6")
ZCDP = terms(Accounting.ZCDP, rho="1", delta="1e-6")
RDP = terms(Accounting.RDP, order=Fraction(10), rdp="2")


@pytest.mark.parametrize(
    ("event", "of", "costs"),
    [
        (LAPLACE, PURE, {"epsilon": HALF}),
        (LAPLACE, SUMS, {"epsilon": HALF, "delta": 0}),
        (THRESHOLD, FILTER, {"epsilon": HALF, "delta": Fraction("1e-9")}),
        (LAPLACE, ZCDP, {"rho": Fraction(1, 8)}),
        (THRESHOLD, ZCDP, {"rho": Fraction(1, 8), "delta": Fraction("1e-9")}),
        (GAUSSIAN, ZCDP, {"rho": Fraction(1, 50)}),
        (GAUSSIAN, RDP, {"rdp": Fraction(1, 5)}),
    ],
)
def test_an_event_has_a_price_in_the_measure_of_the_ledger(event, of, costs):
    assert price(event, of) == costs
    assert of.budget.charged(price(event, of))


def test_a_rho_is_converted_at_the_delta_that_is_given():
    """rho 0.02 at delta 1e-6: below rho + 2 √(rho ln(1/delta)) = 1.0713 (Bun & Steinke, Proposition 1.3)."""
    found = price(GAUSSIAN, SUMS, delta="1e-6")
    assert found["delta"] == Fraction("1e-6")
    assert 0.8 < found["epsilon"] < 1.0713


@pytest.mark.parametrize(("event", "of"), [(GAUSSIAN, PURE), (GAUSSIAN, SUMS), (THRESHOLD, PURE), (THRESHOLD, RDP)])
def test_a_measure_in_which_nothing_is_promised_is_refused(event, of):
    with pytest.raises(AssayError) as caught:
        price(event, of)
    assert caught.value.code == "measure"


def test_losses_for_other_neighbours_are_refused():
    with pytest.raises(AssayError, match="replace one unit") as caught:
        price(Event("laplace", Adjacency.REPLACE, epsilon=HALF), PURE)
    assert caught.value.code == "adjacency"


@pytest.fixture
def ledger(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        yield store.ledgers.create("census", PURE, who="owner")


def ask(ledger, answer, epsilon="0.5"):
    return release(ledger, Amount(epsilon=epsilon), answer, digest=digest, who="ann", what="count")


def test_the_reservation_is_there_before_the_answer_and_the_commit_before_it_leaves(ledger):
    seen = []

    def answer():
        seen.extend(ledger.history())
        return [41]

    assert ask(ledger, answer) == [41]
    assert [spend.state for spend in seen] == ["reserved"]
    (spend,) = ledger.history()
    assert (spend.state, spend.release) == ("committed", digest([41]))


def test_a_refused_answer_is_never_computed(ledger):
    with pytest.raises(AssayError, match="what remains is epsilon 1"):
        ask(ledger, lambda: pytest.fail("the data were read"), epsilon="1.5")
    assert ledger.history() == []


def test_an_answer_that_fails_is_spent_and_nothing_leaves(ledger):
    def answer():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(ledger, answer)
    assert ledger.remaining() == {"epsilon": HALF}
    assert [spend.state for spend in ledger.history()] == ["reserved"]


def test_nothing_leaves_where_the_commit_cannot_be_written(ledger, monkeypatch):
    def full(spend, /, *, release):
        raise AssayError("The disk is full.", code="store-full")

    monkeypatch.setattr(ledger, "commit", full)
    with pytest.raises(AssayError, match="disk is full"):
        ask(ledger, lambda: [41])
    assert ledger.remaining() == {"epsilon": HALF}
