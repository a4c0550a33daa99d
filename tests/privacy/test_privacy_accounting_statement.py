"""What a private training promises in words, what it costs a ledger, and what fixed releases cost together."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from assay.cli.main import main
from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Bounds, Terms
from assay.core.errors import AssayError
from assay.privacy.accounting import (
    Accountant,
    Adjacency,
    Plan,
    Releases,
    Sampling,
    amount,
    charge,
    composed,
    epsilon,
    statement,
)
from assay.privacy.loss.event import Event
from assay.store import open_store

LAB = Plan(examples=60000, batch=32, noise_multiplier=0.5, epochs=1)
SMALL = Plan(examples=100, batch=100, noise_multiplier=4.0, steps=1)
SUMS = Budget(Accounting.SUMS, {"epsilon": Fraction(3), "delta": Fraction(1, 10**4)})


def terms(budget: Budget = SUMS, adjacency: str = ADJACENCIES[0], bounds: Bounds | None = None) -> Terms:
    return Terms(budget, ("sha256:" + "a" * 64,), adjacency, bounds or Bounds())


def test_the_statement_names_everything_that_the_promise_depends_on() -> None:
    found = statement(LAB, delta=1e-5, accountant=Accountant.RDP)
    assert found.text().splitlines() == [
        "The training is (3.800, 1e-05)-differentially private: epsilon 3.800 at delta 1e-05, if it did what stands "
        "here.",
        "  examples   60,000 (rows)",
        "  batch      32 expected",
        "  epochs     1 (1,875 steps)",
        "  sampling   Poisson sampling: each example enters each batch with probability 0.000533333, by itself",
        "  noise      multiplier 0.5, clip 1; floating-point noise",
        "  protects   each row",
        "  neighbours add-or-remove one unit; the number of examples is public",
        "  delta      1e-05",
        "  accountant Rényi differential privacy, newer conversion (Canonne, Kamath & Steinke 2020)",
        "  Drawn as floating-point noise, the answers are private up to the rounding of floats.",
        "  epsilon by accountant, at the same delta:",
        "    Rényi differential privacy, older conversion (Mironov 2017): 4.600 "
        "(11.598 were each example once per epoch)",
        "    Rényi differential privacy, newer conversion (Canonne, Kamath & Steinke 2020): 3.800 "
        "(10.726 were each example once per epoch)",
        "    privacy loss distributions (PLD), rounded up: 2.599 (9.998 were each example once per epoch)",
    ]
    data = json.loads(json.dumps(found.to_json()))
    assert data["plan"]["sampling"] == "poisson"
    assert data["epsilons"]["rdp-old"] == pytest.approx(4.600, abs=5e-4)
    assert data["epsilon"] == data["epsilons"]["rdp"] == pytest.approx(3.800, abs=5e-4)


def test_the_statement_says_what_weakens_the_promise() -> None:
    plan = Plan(
        examples=500,
        batch=50,
        noise_multiplier=30.0,
        steps=20,
        sampling=Sampling.CUSTOM,
        unit="per\x1bson",
        max_rows=4,
        microbatches=10,
        clip_count_noise=40.0,
        repeats=2,
    )
    text = statement(
        plan, delta=1e-5, accountant=Accountant.RDP, notes=("The choice of settings was not private.",)
    ).text()
    for words in (
        "no gain from sampling",
        "rows, at most 4 of one 'per\\x1bson'",
        "microbatches of 5",
        "count with noise 40",
        "2 times in one batch",
        "The choice of settings was not private.",
    ):
        assert words in text
    assert "\x1b" not in text


def test_an_accountant_without_a_bound_says_so_beside_the_others() -> None:
    tiny, sampled = 1e-18, replace(SMALL, batch=50, steps=20)
    found = statement(sampled, delta=tiny, accountant=Accountant.RDP)
    assert isinstance(found.epsilons[Accountant.PLD], str)
    assert found.to_json()["epsilons"]["pld"] is None
    assert "say nothing" in found.to_json()["reasons"]["pld"]
    with pytest.raises(AssayError, match="say nothing"):
        statement(sampled, delta=tiny)


def test_the_price_is_exact_and_rounded_up() -> None:
    found = amount(SMALL, delta=1e-5)
    known = epsilon(SMALL, delta=1e-5)
    assert Fraction(known) < found["epsilon"] < Fraction(known) + Fraction(3, 10**6)
    assert charge(SMALL, terms(), delta=1e-5) == found


@pytest.mark.parametrize("text", ["1e-5", "2e-5", "0.00003", "1e-6", "7e-7"])
def test_a_delta_costs_what_is_written(text: str) -> None:
    """The float 1e-5 is a little more than that: a ledger of 1e-5 would refuse the training that it was made for."""
    found = amount(SMALL, delta=np.float64(text))
    assert found["delta"] == Fraction(text)
    assert Fraction(epsilon(SMALL, delta=math.nextafter(float(text), 0))) < found["epsilon"]


def test_a_ledger_takes_the_training_as_one_event() -> None:
    ledger = open_store("sqlite:///:memory:").ledgers.create("people", terms(), who="ann")
    price = charge(SMALL, ledger.terms, delta=1e-5)
    ledger.commit(ledger.reserve(price, who="ann", what="training"), release="sha256:" + "b" * 64)
    assert ledger.remaining()["epsilon"] == 3 - price["epsilon"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"budget": Budget(Accounting.ZCDP, {"rho": Fraction(1)})}, "by zcdp cannot take"),
        ({"budget": Budget(Accounting.PURE, {"epsilon": Fraction(1)})}, "by pure cannot take"),
        ({"budget": Budget(Accounting.RDP, {"rdp": Fraction(1)}, order=Fraction(8))}, "by rdp cannot take"),
        ({"adjacency": ADJACENCIES[1]}, "neighbours"),
        ({"bounds": Bounds("person", 3)}, "protects person"),
    ],
)
def test_a_ledger_of_another_kind_refuses(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(AssayError, match=message):
        charge(SMALL, terms(**changed), delta=1e-5)


def test_a_ledger_of_people_takes_a_training_that_protects_them() -> None:
    held = terms(bounds=Bounds("person", 3))
    for rows, fits in ((2, False), (3, True), (5, True), (None, True)):
        plan = replace(SMALL, unit="person", max_rows=rows)
        if fits:
            assert charge(plan, held, delta=1e-5)["epsilon"] > 0
        else:
            with pytest.raises(AssayError, match="allows 3 rows"):
                charge(plan, held, delta=1e-5)


def optimal_delta(eps: float, one: float, count: int) -> float:
    """δ of `count` answers of pure epsilon `one` (Kairouz, Oh & Viswanath 2015, theorem 3.3), by the binomial."""
    top, low = math.exp(one) / (1 + math.exp(one)), 1 / (1 + math.exp(one))
    total = 0.0
    for wins in range(count + 1):
        loss = (2 * wins - count) * one
        if loss > eps:
            total += stats.binom.pmf(wins, count, top) - math.exp(eps) * stats.binom.pmf(wins, count, low)
    return float(total)


def test_fixed_pure_releases_compose_optimally() -> None:
    pure = Event("laplace", Adjacency.ADD_REMOVE, epsilon=Fraction(1, 10))
    found = composed([Releases(pure, 100)], delta=1e-6)
    exact = optimize.brentq(lambda eps: optimal_delta(eps, 0.1, 100) - 1e-6, 0.1, 9.99)
    assert found.accountant is Accountant.PLD
    assert exact - 1e-9 <= found.epsilon <= exact * 1.005
    assert found.epsilons[Accountant.RDP] > found.epsilon


def test_fixed_releases_of_a_rho_and_of_a_delta() -> None:
    rho = Event("gaussian", Adjacency.ADD_REMOVE, rho=Fraction(1, 50))
    pure = Event("laplace", Adjacency.ADD_REMOVE, epsilon=Fraction(1, 2))
    rough = Event("DP-SGD", Adjacency.ADD_REMOVE, epsilon=Fraction(1, 2), delta=Fraction(1, 10**7))
    mixed = composed([Releases(rho, 10), Releases(pure), Releases(rough, 2)], delta=1e-6)
    assert list(mixed.epsilons) == [Accountant.RDP]
    alone = composed([Releases(rho, 10)], delta=1e-6).epsilon
    assert alone < mixed.epsilon < alone + 1.5 + 0.2
    tight = composed([Releases(rough, 2)], delta=1e-6)
    assert tight.epsilon <= 1.001
    with pytest.raises(AssayError, match="leave nothing"):
        composed([Releases(rough, 20), Releases(rho)], delta=1e-6)
    with pytest.raises(AssayError, match="neighbouring"):
        composed([Releases(pure), Releases(replace(pure, adjacency=Adjacency.REPLACE))], delta=1e-6)


def exit_code(words: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(words)
    return int(left.value.code or 0)


def test_the_command_states_calibrates_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    lab = ["privacy", "statement", "--examples", "1000", "--batch", "100", "--epochs", "3", "--delta", "1e-5"]
    assert exit_code([*lab, "--noise", "1.0", "--accountant", "rdp", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    plan = Plan(examples=1000, batch=100, noise_multiplier=1.0, epochs=3)
    assert data["epsilon"] == epsilon(plan, delta=1e-5, accountant=Accountant.RDP)
    assert Fraction(data["reserve"]["epsilon"]) > Fraction(data["epsilon"])
    assert exit_code([*lab, "--target-epsilon", "2", "--accountant", "rdp", "--sampling", "each-once"]) == 0
    assert "(2.000, 1e-05)" in capsys.readouterr().out
    for wrong in ([], ["--noise", "1", "--target-epsilon", "1"], ["--noise", "1", "--sampling", "shuffle"]):
        assert exit_code([*lab, *wrong]) == 2
    assert "each-once" in capsys.readouterr().err
