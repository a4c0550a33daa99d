"""The least and the most that a rate can be, whatever the outcomes that nobody saw."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.measure import Share
from assay.data.counts import Counts
from assay.fairness.selective.known import NAME, REJECTED, SELECTED, seen

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A rate by the levels of `known`: numerator and denominator when it is lowest, and when it is highest.

    A true positive rate is lowest when every unknown rejected row has the favourable outcome and no unknown selected
    row has it, and highest the other way round; the other rates have one denominator.
    """

    name: str
    low: tuple[Levels, Levels]
    high: tuple[Levels, Levels]


TP, FP, FN, TN = (seen(kind) for kind in ("tp", "fp", "fn", "tn"))
ALL_SELECTED, ALL_REJECTED = (*SELECTED, "selected"), (*REJECTED, "rejected")
EVERY = (*ALL_SELECTED, *ALL_REJECTED)
TPR = Bounded("tpr", (TP, (*TP, *FN, "rejected")), ((*TP, "selected"), (*TP, "selected", *FN)))
FPR = Bounded("fpr", (FP, (*FP, *TN, "rejected")), ((*FP, "selected"), (*FP, "selected", *TN)))
PPV = Bounded("ppv", (TP, ALL_SELECTED), ((*TP, "selected"), ALL_SELECTED))
NPV = Bounded("npv", (TN, ALL_REJECTED), ((*TN, "rejected"), ALL_REJECTED))
BASE_RATE = Bounded("base_rate", ((*TP, *FN), EVERY), ((*TP, *FN, "selected", "rejected"), EVERY))
RATES = (TPR, FPR, PPV, NPV, BASE_RATE)


@dataclass(frozen=True, slots=True)
class Ends:
    """The lowest and the highest share that a rate can be; equal where what is unknown cannot move it."""

    low: Share
    high: Share

    @property
    def defined(self) -> bool:
        """False where the rate has an empty denominator whatever the unknown outcomes are."""
        return self.low.total > 0

    @property
    def settled(self) -> bool:
        """True where the two ends are one."""
        return self.low.value == self.high.value


def ends(counts: Counts, rate: Bounded, /) -> Ends:
    """The sharp bounds of `rate` over every completion of the unknown outcomes for which it is defined (Manski 1989).

    `counts` are by `known` alone. Where all whose outcome could put them in the denominator have one prediction, the
    rate is 1 or 0 however many there are, and both ends say so.
    """
    low, high = (counts.share({NAME: of}, {NAME: among}) for of, among in (rate.low, rate.high))
    return Ends(low if low.total > 0 else high, high if high.total > 0 else low)
