"""Rates of all rows, with the randomised slice standing for the rows whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import Message
from assay.data.counts import Counts
from assay.fairness.selective.composite import Between, Composite, Factor, Formula, plain
from assay.fairness.selective.ends import ALL_SELECTED, EVERY, Bounded, Ends
from assay.fairness.selective.known import NAME, SLICE, UNKNOWN

DRAWN_FROM = ("all", "unobserved")
"""Who could come into the slice: everybody, or those whose outcome would otherwise not have been seen."""
NO_OUTCOME = Message("no-outcome-in-slice", "nobody who stands for the group has the outcome of the denominator")


GOOD, BAD = 1.0, 0.0
WORST = {
    "tpr": {"1": BAD, "0": GOOD},
    "fpr": {"1": GOOD, "0": BAD},
    "ppv": {"1": BAD},
    "npv": {"0": GOOD},
    "base_rate": {"1": BAD, "0": BAD},
}
"""Rate -> prediction -> the unknown outcome that makes the rate lowest; the other one makes it highest."""


@dataclass(frozen=True)
class Stratum:
    """The rows of one group with one prediction: the share of favourable outcomes as a formula of counted factors.

    `present` is False for a stratum without rows; `reason` says why unknown outcomes were taken at their worst.
    """

    formula: Formula
    factors: tuple[Factor, ...]
    present: bool = True
    reason: Message | None = None


@dataclass(frozen=True)
class Tightened:
    """What a slice leaves open of a rate: nothing, or what lies `between`, and then the `reason`."""

    between: Between
    reason: Message | None = None


def tightened(counts: Counts, rate: Bounded, ends: Ends, /, *, drawn_from: str) -> Tightened:
    """`rate` over all rows of `counts` (by `known` alone), the slice standing for unknown outcomes where it has rows.

    Unknown outcomes that nothing stands for are taken at their worst, either way. A rate that the unknown outcomes
    cannot move is the plain share.
    """
    if ends.settled:
        least = min(ends.low, ends.high, key=lambda share: share.effective)
        return Tightened(Between(plain(least), plain(least)))
    found: list[Composite] = []
    for flip in (False, True):
        fills = {prediction: 1 - fill if flip else fill for prediction, fill in WORST[rate.name].items()}
        strata = {prediction: _stratum(counts, prediction, drawn_from, fill) for prediction, fill in fills.items()}
        formula, factors = _whole(counts, rate.name, strata)
        value = formula([factor.value for factor in factors])
        if value is None:
            return Tightened(Between(plain(ends.low), plain(ends.high)), NO_OUTCOME)
        found.append(Composite(formula, factors, value))
        reason = next((stratum.reason for stratum in strata.values() if stratum.reason), None)
        if reason is None:
            break
    return Tightened(Between(found[0], found[-1]), reason)


def _stratum(counts: Counts, prediction: str, drawn_from: str, fill: float) -> Stratum:
    """The share of favourable outcomes among the rows with `prediction`, the unknown ones included.

    Without rows of the slice the unknown outcomes are all favourable (`fill` 1) or all not (0).
    """
    good, bad = ("tp", "fp") if prediction == "1" else ("fn", "tn")
    unknown = UNKNOWN[prediction]
    every = (good, bad, SLICE + good, SLICE + bad, unknown)
    unseen = counts.share({NAME: unknown}, {NAME: every})
    if unseen.total <= 0:
        return Stratum(_first, (), present=False)
    drawn = counts.share({NAME: SLICE + good}, {NAME: (SLICE + good, SLICE + bad)})
    if unseen.hits <= 0 or drawn.total <= 0:
        filled = (good, SLICE + good, *((unknown,) if fill == GOOD else ()))
        text = "no row of the randomised slice is among the {which} of this group"
        reason = Message("no-slice-rows", text, {"which": unknown}) if unseen.hits > 0 else None
        return Stratum(_first, (Factor(counts.share({NAME: filled}, {NAME: every})),), reason=reason)
    if drawn_from == "all":
        least, rest = (counts.share({NAME: kind}, {NAME: (good, bad, unknown)}) for kind in (good, bad))
        known = least.hits + rest.hits > 0
        return Stratum(_first, (Factor(drawn, least, rest) if known else Factor(drawn),))
    seen_rate = counts.share({NAME: good}, {NAME: (good, bad)})
    if seen_rate.total <= 0:
        return Stratum(_first, (Factor(drawn),))
    eligible = (SLICE + good, SLICE + bad, unknown)
    part = counts.share({NAME: eligible}, {NAME: every})
    return Stratum(lambda r: r[1] * r[0] + (1 - r[1]) * r[2], (Factor(drawn), Factor(part), Factor(seen_rate)))


def _first(rates: Sequence[float]) -> float | None:
    return rates[0]


def _whole(counts: Counts, name: str, strata: dict[str, Stratum]) -> tuple[Formula, tuple[Factor, ...]]:
    """The rate as a formula of the factors of its strata, and of the selection rate where it takes both."""
    if name in ("ppv", "npv"):
        (only,) = strata.values()
        own = only.formula
        return (own if name == "ppv" else lambda rates: _less_than_one(own(rates))), only.factors
    selected, rejected = strata["1"], strata["0"]
    if not (selected.present and rejected.present):
        one = selected if selected.present else rejected
        return one.formula, one.factors
    selection = counts.share({NAME: ALL_SELECTED}, {NAME: EVERY})
    first = 1 + len(selected.factors)

    def whole(rates: Sequence[float]) -> float | None:
        good, less = selected.formula(rates[1:first]), rejected.formula(rates[first:])
        return None if good is None or less is None else _joined(name, rates[0], good, less)

    return whole, (Factor(selection), *selected.factors, *rejected.factors)


def _less_than_one(rate: float | None) -> float | None:
    return None if rate is None else 1 - rate


def _joined(name: str, selected: float, good: float, less: float) -> float | None:
    """TPR, FPR or base rate from the selection rate and the shares of favourable outcomes in both strata."""
    if name == "fpr":
        good, less = 1 - good, 1 - less
    hits = selected * good
    total = hits + (1 - selected) * less
    if name == "base_rate":
        return total
    return hits / total if total > 0 else None
