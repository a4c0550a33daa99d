"""What one release did to privacy, in every measure in which it promises something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from assay.core.errors import AssayError, MissingExtra
from assay.privacy.loss import conversion
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Amount, Number, exact, probability


@dataclass(frozen=True, slots=True)
class Event:
    """A release by `mechanism`, and what holds of it under `adjacency`.

    It is (epsilon, delta)-differentially private where `epsilon` is given (purely so where `delta` is 0), and rho-zCDP
    where `rho` is given; at least one of the two. Each method gives the Amount to reserve on a Ledger of that measure,
    rounded up, or AssayError "measure" where nothing is promised in it.
    """

    mechanism: str
    adjacency: Adjacency
    epsilon: Fraction | None = None
    delta: Fraction = Fraction()
    rho: Fraction | None = None

    def __post_init__(self) -> None:
        if self.epsilon is None and self.rho is None:
            raise ValueError("an event promises an epsilon or a rho")

    def pure(self) -> Amount:
        """Pure epsilon."""
        if self.epsilon is None or self.delta > 0:
            raise self._nothing("no pure epsilon", "Use a mechanism of pure privacy, or a ledger of another measure.")
        return Amount(epsilon=self.epsilon)

    def approximate(self, *, delta: Number) -> Amount:
        """The smallest epsilon known at a delta of at most `delta`, and the delta that it takes."""
        limit = probability(delta, name="delta")
        found = []
        if self.epsilon is not None and self.delta <= limit:
            found.append(Amount(epsilon=self.epsilon, delta=self.delta))
        if self.rho is not None:
            found.append(Amount(epsilon=conversion.epsilon_of_zcdp(self.rho, delta=limit), delta=limit))
        if not found:
            raise self._nothing(f"nothing at a delta below {float(self.delta):g}", "Allow it that delta.")
        return min(found, key=lambda amount: amount["epsilon"])

    def zcdp(self) -> Amount:
        """The rho of zCDP; with a delta, approximate zCDP (Bun & Steinke 2016, arXiv 1605.02065, section 8)."""
        if self.rho is not None:
            return Amount(rho=self.rho)
        assert self.epsilon is not None
        rho = conversion.zcdp_of_pure(self.epsilon)
        return Amount(rho=rho, delta=self.delta) if self.delta else Amount(rho=rho)

    def renyi(self, *, order: Number) -> Amount:
        """Rényi differential privacy at one order above 1, as unit `rdp`."""
        alpha = exact(order, name="order")
        if alpha <= 1:
            raise AssayError(f"The order {order} is not above 1.", code="order", hint="Orders from 2 to 64 are usual.")
        found = [] if self.rho is None else [alpha * self.rho]
        if self.epsilon is not None and self.delta == 0:
            found.append(conversion.renyi_of_pure(self.epsilon, order=alpha))
        if not found:
            raise self._nothing("nothing in Rényi differential privacy", "Use a ledger of (epsilon, delta).")
        return Amount(rdp=min(found))

    def dp_event(self) -> Any:
        """A `dp_accounting.DpEvent` that is at least as revealing.

        For pure epsilon binary `RandomizedResponseDpEvent`, which dominates every purely ε-private release (Kairouz, Oh
        & Viswanath 2015, arXiv 1311.0776), for rho `ZCDpEvent`; nothing for epsilon with a delta. Its
        floats are next to the exact numbers, not above them: for plans and comparisons, not for a Ledger. Raises
        MissingExtra without dp-accounting.
        """
        try:
            from dp_accounting import dp_event
        except ImportError as error:
            raise MissingExtra("A DpEvent", extra="privacy") from error
        if self.epsilon is not None and self.delta == 0:
            return dp_event.RandomizedResponseDpEvent(2 / (1 + math.exp(self.epsilon)), 2)
        if self.rho is not None:
            return dp_event.ZCDpEvent(float(self.rho))
        raise self._nothing("nothing that dp-accounting has an event for", "Add its amounts instead.")

    def _nothing(self, what: str, hint: str) -> AssayError:
        return AssayError(f"The mechanism {self.mechanism!r} promises {what}.", code="measure", hint=hint)


def compose(events: Sequence[Event], /) -> Event:
    """The Event of releasing all of `events`: epsilons, deltas and rhos add up, where every event has them.

    Basic composition; right also where a mechanism is chosen after earlier answers were seen, as long as its parameters
    were fixed before (a Ledger looks after parameters that are not). Rho sums: Bun & Steinke (2016), Lemma 1.7. Raises
    AssayError "adjacency" for events of two adjacencies and "events" for none.
    """
    if not events:
        raise AssayError("No events to compose.", code="events", hint="Give at least one.")
    if len({event.adjacency for event in events}) > 1:
        raise AssayError(
            "Promises about two kinds of neighbouring data sets cannot be added.",
            code="adjacency",
            hint="Make all releases under one Adjacency.",
        )
    epsilons = [event.epsilon for event in events if event.epsilon is not None]
    rhos = [event.rho if event.rho is not None else conversion.zcdp_of_pure(event.pure()["epsilon"])
            for event in events if event.rho is not None or event.delta == 0]  # fmt: skip
    all_epsilons, all_rhos = len(epsilons) == len(events), len(rhos) == len(events)
    if not (all_epsilons or all_rhos):
        raise AssayError(
            "These events have no measure in common.",
            code="measure",
            hint="Convert each with approximate(delta=...) and add the amounts.",
        )
    return Event(
        mechanism=" + ".join(event.mechanism for event in events),
        adjacency=events[0].adjacency,
        epsilon=sum(epsilons, Fraction()) if all_epsilons else None,
        delta=sum((event.delta for event in events), Fraction()) if all_epsilons else Fraction(),
        rho=sum(rhos, Fraction()) if all_rhos else None,
    )
