"""What a training costs a Ledger: one event of epsilon and delta."""

from __future__ import annotations

import math
from fractions import Fraction

from assay.core.budget.accounting import Accounting
from assay.core.budget.terms import Terms
from assay.core.errors import AssayError
from assay.privacy.accounting.accountants import Accountant, epsilon
from assay.privacy.accounting.plan import ROW, Plan
from assay.privacy.loss.amount import Amount, written
from assay.privacy.loss.event import Event

DECIMALS = 6
"""Decimals of an epsilon that is reserved; what accountants know is far coarser than their floats."""


def event(plan: Plan, /, *, delta: float, accountant: Accountant = Accountant.PLD) -> Event:
    """The whole training as one privacy event: epsilon rounded up to DECIMALS, delta as the decimal it is written as.

    Where that lies below the float, epsilon is found for the float before it.
    """
    said = written(delta)
    found = epsilon(plan, delta=delta if Fraction(delta) <= said else math.nextafter(delta, 0), accountant=accountant)
    scale = 10**DECIMALS
    rounded = Fraction(math.ceil(found * (1 + 1e-9) * scale), scale)
    return Event("DP-SGD", plan.adjacency, epsilon=rounded, delta=said)


def amount(plan: Plan, /, *, delta: float, accountant: Accountant = Accountant.PLD) -> Amount:
    """The exact (epsilon, delta) to reserve for the training, see `event`; `charge` asks first whether it may be."""
    made = event(plan, delta=delta, accountant=accountant)
    assert made.epsilon is not None
    return Amount(epsilon=made.epsilon, delta=made.delta)


def charge(plan: Plan, terms: Terms, /, *, delta: float, accountant: Accountant = Accountant.PLD) -> Amount:
    """The Amount to reserve for the training on a ledger with `terms`, or why that ledger cannot take it.

    Raises AssayError "adjacency" where the ledger compares other neighbours, "unit" where it protects another unit or
    more rows of one, and "measure" where it adds up anything but epsilon and delta: an (epsilon, delta) promise says
    nothing in zCDP, in pure privacy or at an order of Rényi's.
    """
    if terms.adjacency != plan.adjacency.value:
        raise AssayError(
            f"The ledger counts losses for neighbours that {terms.adjacency}, the training is private for those that "
            f"{plan.adjacency.value}.",
            code="adjacency",
            hint="Make the plan under the adjacency of the ledger.",
        )
    _same_unit(plan, terms)
    if terms.budget.accounting not in (Accounting.SUMS, Accounting.FILTER):
        raise AssayError(
            f"A ledger by {terms.budget.accounting} cannot take a training, which promises an epsilon at a delta.",
            code="measure",
            hint="Use a ledger of epsilon and delta (measure sums or filter).",
        )
    return amount(plan, delta=delta, accountant=accountant)


def _same_unit(plan: Plan, terms: Terms) -> None:
    bounds = terms.bounds
    if plan.unit != (bounds.unit_column or ROW):
        raise AssayError(
            f"The ledger protects {bounds.unit_column or 'each row'}, the training {plan.unit}.",
            code="unit",
            hint="Protect the unit of the ledger: name its column as the unit of the plan.",
        )
    if plan.max_rows is not None and bounds.max_rows is not None and plan.max_rows < bounds.max_rows:
        raise AssayError(
            f"The ledger allows {bounds.max_rows} rows of one {plan.unit}, the training counts on {plan.max_rows}.",
            code="unit",
            hint="Plan with max_rows of the ledger.",
        )
