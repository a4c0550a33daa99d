"""What a privacy budget allows: one measure of loss, fixed at birth, added exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from assay.core.budget.rounding import decimal_text, log_up, rounded_up, sqrt_down, sqrt_up, text_of
from assay.core.errors import AssayError, unknown

Loss = Mapping[str, Fraction]
"""Unit ("epsilon", "delta", "rho", "rdp") -> an exact amount of privacy loss."""


class Accounting(StrEnum):
    """How the losses of answers add up, where the amounts themselves may be chosen after seeing earlier answers.

    PURE: the epsilons are summed. SUMS: the epsilons and the deltas are summed (Rogers, Roth, Ullman and Vadhan 2016,
    arXiv 1605.08294, section 3). FILTER: the filter of Whitehouse, Ramdas, Rogers and Wu (arXiv 2203.05481v3, theorem
    2). ZCDP: rho, and the delta of approximate zCDP, are summed (the same, theorem 1). RDP: the Rényi divergences at
    one order are summed (Feldman and Zrnic 2021, arXiv 2008.11193). That answers are asked for at the same time changes
    nothing (Haney and others 2023, arXiv 2309.05901).
    """

    PURE = "pure"
    SUMS = "sums"
    FILTER = "filter"
    ZCDP = "zcdp"
    RDP = "rdp"


UNITS: Mapping[Accounting, tuple[str, ...]] = {
    Accounting.PURE: ("epsilon",),
    Accounting.SUMS: ("epsilon", "delta"),
    Accounting.FILTER: ("epsilon", "delta"),
    Accounting.ZCDP: ("rho", "delta"),
    Accounting.RDP: ("rdp",),
}
"""The units an amount may have; the first must be there and positive."""

SQUARES = "epsilon_squared"
"""Sum of the squared epsilons: what the filter watches."""


@dataclass(frozen=True)
class Budget:
    """The most that may be spent under one Accounting, and the arithmetic of spending.

    `limit` has the units of the Accounting; delta may be left out where it is 0. `order` is the Rényi order (above 1)
    of RDP. `slack`, for FILTER, is the part of delta that pays for the tighter sum (delta' in the paper; half of delta
    where nothing is said); the deltas of the answers share the rest. An impossible budget is an AssayError.
    """

    accounting: Accounting
    limit: Loss
    order: Fraction | None = None
    slack: Fraction | None = None
    _log: Fraction = field(init=False, repr=False, compare=False, default=Fraction(0))

    def __post_init__(self) -> None:
        first, *others = UNITS[self.accounting]
        for unit in self.limit:
            if unit not in UNITS[self.accounting]:
                raise unknown(
                    f"unit of a budget by {self.accounting}", unit, UNITS[self.accounting], code="budget-terms"
                )
        limit = {first: self.limit.get(first, Fraction(0)), **{u: self.limit.get(u, Fraction(0)) for u in others}}
        _check(limit[first] > 0, f"A budget needs {first} above 0; {first} is {_shown(limit[first])}.")
        delta = limit.get("delta", Fraction(0))
        _check(0 <= delta < 1, f"delta must be at least 0 and below 1; it is {_shown(delta)}.")
        _check(self.accounting is not Accounting.SUMS or delta > 0, "A budget with delta 0 is one of pure epsilon.")
        is_rdp = self.accounting is Accounting.RDP
        _check((self.order is not None) == is_rdp, "An order belongs to a budget by rdp, and such a budget needs one.")
        _check(self.order is None or self.order > 1, "The order of a budget by rdp must be above 1.")
        object.__setattr__(self, "limit", limit)
        if self.accounting is Accounting.FILTER:
            slack = delta / 2 if self.slack is None else self.slack
            _check(0 < slack <= delta, "The slack of a filter must be above 0 and at most delta.")
            object.__setattr__(self, "slack", slack)
            object.__setattr__(self, "_log", log_up(1 / slack))
        else:
            _check(self.slack is None, "A slack belongs to a budget by filter.")

    def charged(self, amount: Loss, /) -> dict[str, Fraction]:
        """`amount` in the units of this budget, rounded up; an amount of another measure is refused."""
        units = UNITS[self.accounting]
        for unit, value in amount.items():
            if not isinstance(value, Fraction | int) or isinstance(value, bool):
                raise TypeError(f"an amount is exact: {unit} is a {type(value).__name__}, not a Fraction")
            _check(value >= 0, f"{unit} is {_shown(Fraction(value))}: an amount is never negative.", code="amount")
            if unit not in units and value:
                raise AssayError(
                    f"This budget counts {' and '.join(units)}; the amount has {unit}.",
                    code="budget-measure",
                    hint="Convert the loss first, or use a ledger of that measure.",
                )
        found = {unit: rounded_up(Fraction(amount.get(unit, 0))) for unit in units}
        _check(found[units[0]] > 0, f"An answer costs {units[0]} above 0.", code="amount")
        return found

    def nothing(self) -> dict[str, Fraction]:
        """What is spent at first."""
        return dict.fromkeys(self._kept, Fraction(0))

    def added(self, spent: Loss, charge: Loss, /) -> dict[str, Fraction]:
        """What is spent after `charge`, an answer of `charged`."""
        grown = dict(charge)
        if self.accounting is Accounting.FILTER:
            grown[SQUARES] = charge["epsilon"] ** 2
        return {unit: spent[unit] + grown[unit] for unit in self._kept}

    def allows(self, spent: Loss, /) -> bool:
        """True when `spent` lies within the budget; exact, or on the safe side by less than 1e-27."""
        if self.accounting is not Accounting.FILTER:
            return all(spent[unit] <= most for unit, most in self.limit.items())
        # √(2 ln(1/δ') S) + S/2 ≤ ε, without the root: both sides of √(2LS) ≤ ε - S/2 squared.
        squares, epsilon = spent[SQUARES], self.limit["epsilon"]
        rest = epsilon - squares / 2
        return spent["delta"] <= self._delta and rest >= 0 and 2 * self._log * squares <= rest * rest

    def remaining(self, spent: Loss, /) -> dict[str, Fraction]:
        """The most that one more answer may cost, by unit; for FILTER, the largest epsilon of a single answer."""
        if self.accounting is not Accounting.FILTER:
            return {unit: max(most - spent[unit], Fraction(0)) for unit, most in self.limit.items()}
        # √S may reach √(2L + 2ε) - √(2L).
        top = max(sqrt_down(2 * self._log + 2 * self.limit["epsilon"]) - sqrt_up(2 * self._log), Fraction(0))
        left = max(top * top - spent[SQUARES], Fraction(0))
        return {"epsilon": sqrt_down(left), "delta": max(self._delta - spent["delta"], Fraction(0))}

    def used(self, spent: Loss, /) -> dict[str, Fraction]:
        """The share of each limit that is gone, in [0, 1]; a unit with limit 0 is left out.

        For FILTER, epsilon is the loss that the answers so far amount to by the same formula.
        """
        gone = {unit: spent[unit] for unit in self.limit}
        whole = dict(self.limit)
        if self.accounting is Accounting.FILTER:
            squares = spent[SQUARES]
            gone["epsilon"] = min(sqrt_up(2 * self._log * squares) + squares / 2, self.limit["epsilon"])
            whole["delta"] = self._delta
        return {unit: gone[unit] / most for unit, most in whole.items() if most}

    @property
    def _kept(self) -> tuple[str, ...]:
        return (*UNITS[self.accounting], *((SQUARES,) if self.accounting is Accounting.FILTER else ()))

    @property
    def _delta(self) -> Fraction:
        return self.limit["delta"] - (self.slack or 0)

    def to_json(self) -> dict[str, Any]:
        """`{"accounting", "limit", "order", "slack"}`, rationals as text."""
        return {
            "accounting": self.accounting.value,
            "limit": loss_to_json(self.limit),
            "order": text_of(self.order) if self.order is not None else None,
            "slack": text_of(self.slack) if self.slack is not None else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Budget:
        """The Budget that `to_json` wrote."""
        order, slack = (Fraction(data[name]) if data[name] else None for name in ("order", "slack"))
        return cls(Accounting(data["accounting"]), loss_from_json(data["limit"]), order, slack)


def loss_to_json(loss: Loss, /) -> dict[str, str]:
    """Every amount as `numerator/denominator`."""
    return {unit: text_of(value) for unit, value in loss.items()}


def loss_from_json(data: Mapping[str, str], /) -> dict[str, Fraction]:
    """The amounts that `loss_to_json` wrote."""
    return {unit: Fraction(data[unit]) for unit in sorted(data, key=lambda unit: (unit == "delta", unit))}


def loss_text(loss: Loss, /, *, left: bool) -> str:
    """The amounts in words; `left` says that they remain (rounded down), else they are spent (rounded up)."""
    toward = "down" if left else "up"
    return ", ".join(f"{unit} {decimal_text(value, toward=toward)}" for unit, value in loss.items()) or "nothing"  # type: ignore[arg-type]


def _check(holds: bool, message: str, *, code: str = "budget-terms") -> None:
    if not holds:
        raise AssayError(message, code=code)


def _shown(value: Fraction) -> str:
    return decimal_text(value, toward="down")
