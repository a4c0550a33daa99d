"""What attacks on membership found, as Measures with what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from assay.core.errors import Message, Scalar
from assay.core.measure import Attachment, Measure, Share, attached_table
from assay.privacy.membership.attack import FALSE_POSITIVE_RATES, Membership, Success
from assay.privacy.membership.scoring import Rate, needed, tpr_at
from assay.stats.auc import AUC
from assay.stats.rates import newcombe

TPR = {0.01: "tpr_at_fpr_1pct", 0.001: "tpr_at_fpr_0_1pct"}
AUC_WARN, AUC_FAIL = 0.55, 0.65
TPR_WARN, TPR_FAIL = 0.02, 0.05
ROC = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
GAP = 0.02
"""A difference of accuracy on training rows and others from which less fitting is advised."""


def measures(found: Membership, /, *, level: float = 0.95, notes: tuple[Message, ...] = ()) -> Iterator[Measure]:
    """Every number of every attack, the accuracy gap, and what a classifier finds without the model."""
    sides = (int(found.member.sum()), int((~found.member).sum()))
    shares = [Share(rate * n, n, n, n) for rate, n in zip(found.right, sides, strict=True)]
    interval = newcombe(shares[0], shares[1], level=level)
    gap = found.right[0] - found.right[1]
    yield Measure("accuracy_gap", gap, sides, interval=interval, method="accuracy on training rows minus on others")
    yield _blind(found)
    strongest = _strongest(found)
    for success in found.successes.values():
        said, curve = notes, None
        if success is strongest:
            said, curve = (*notes, *advice(found, success)), {"roc": roc(found)}
        yield from of_attack(success, notes=said, attachments=curve)


def roc(found: Membership, /) -> Attachment:
    """The true positive rate of each attack at false positive rates from 0.1 %; None where there are too few others."""
    made = [success for success in found.successes.values() if success.auc is not None]
    rows: list[list[float | None]] = []
    for rate in ROC:
        line = [_at(success, rate) for success in made]
        rows += [[rate, *line]] if any(value is not None for value in line) else []
    names = ["false positive rate", *(success.attack for success in made)]
    return attached_table(names, rows, caption="Members found, by attack")


def _at(success: Success, rate: float) -> float | None:
    others = success.scores[~success.own]
    return tpr_at(success.scores[success.own], others, fpr=rate).value if len(others) >= needed(rate) else None


def of_attack(
    success: Success, /, *, notes: tuple[Message, ...] = (), attachments: Mapping[str, Attachment] | None = None
) -> Iterator[Measure]:
    """The numbers of one attack, or the one Measure that says why there is none."""
    where: dict[str, str | None] = {"attack": success.attack}
    if success.auc is None or success.accuracy is None:
        yield Measure("balanced_accuracy", None, success.sides, where, reason=success.reason)
        return
    area = _area("auc", success.auc, where, method=success.method, notes=notes)
    yield replace(area, attachments=attachments or {})
    method = f"{success.method}; at a threshold from other rows"
    found = success.accuracy
    yield Measure("balanced_accuracy", found.value, success.judged_sides, where, interval=found.interval, method=method)
    for rate in FALSE_POSITIVE_RATES:
        yield _tpr(success, rate, where)
    if success.null is not None:
        chance = "the same attack where random non-members are called members"
        yield _area("null_auc", success.null, where, method=chance)


def advice(found: Membership, success: Success, /) -> tuple[Message, ...]:
    """What follows from an attack that succeeds beyond the limits; nothing from one that does not.

    Under (ε, 0)-differential privacy TPR <= e^ε FPR, and the largest AUC is e^ε/(1 + e^ε) (the trade-off function of
    Wasserman & Zhou 2010 and Kairouz, Oh & Viswanath 2015, ICML, integrated).
    """
    area, rate = success.auc, success.tpr.get(0.01)
    exposed = (area is not None and area.value > AUC_WARN) or (rate is not None and rate.value > TPR_WARN)
    if area is None or not exposed:
        return ()
    said = []
    ruled = 0.0 if _shifted(found) else _ruled_out(area, rate)
    if ruled > 0:
        words = "an attack this good rules out a promise of epsilon below {epsilon} (delta 0)"
        said.append(Message("membership-rules-out", words, {"epsilon": ruled}))
    words = (
        "trained with differential privacy at epsilon {epsilon} (delta 0), no attack has an AUC above {auc};"
        " at {epsilon_low}, none finds more than {tpr} of the members at 1 % false positives"
    )
    params: dict[str, Scalar] = {
        "epsilon": _down(_odds(AUC_FAIL)),
        "auc": AUC_FAIL,
        "epsilon_low": _down(math.log(TPR_FAIL / 0.01)),
        "tpr": f"{TPR_FAIL:.0%}",
    }
    said.append(Message("membership-train-privately", words, params))
    return (*said, *_less_fitting(found), *_fewer_outputs(found, area), *_shifted(found))


def _ruled_out(area: AUC, rate: Rate | None) -> float:
    """The epsilon that the low ends of the intervals are out of reach of, rounded down."""
    by_area = _odds(area.interval.low) if area.interval else 0.0
    by_rate = math.log(rate.interval.low / 0.01) if rate is not None and rate.interval.low > 0.01 else 0.0
    return _down(max(by_area, by_rate, 0.0))


def _less_fitting(found: Membership) -> tuple[Message, ...]:
    seen, unseen = found.right
    if seen - unseen < GAP:
        return ()
    words = "accuracy is {seen} on training rows and {unseen} on others: regularise more, or stop earlier"
    return (Message("membership-regularise", words, {"seen": f"{seen:.3f}", "unseen": f"{unseen:.3f}"}),)


def _fewer_outputs(found: Membership, strongest: AUC) -> tuple[Message, ...]:
    labels = found.successes.get("label-only")
    own = labels.auc if labels is not None else None
    if own is None or own.interval is None or strongest.interval is None or own.interval.high >= strongest.interval.low:
        return ()
    words = "answers without probabilities would leave the label-only attack, of AUC {auc}"
    return (Message("membership-limit-outputs", words, {"auc": f"{own.value:.3f}"}),)


def _shifted(found: Membership) -> tuple[Message, ...]:
    blind = found.blind
    if blind is None or blind.interval is None or blind.interval.low <= 0.5:
        return ()
    words = "members and others differ without the model (AUC {auc}), so that not all of this need come from the model"
    return (Message("membership-shift", words, {"auc": f"{blind.value:.3f}"}),)


def _strongest(found: Membership) -> Success | None:
    made = [success for success in found.successes.values() if success.auc is not None]
    return max(made, key=lambda success: success.auc.value if success.auc else 0.0, default=None)


def _blind(found: Membership) -> Measure:
    if found.blind is None:
        reason = Message("blind-inputs", "the inputs are texts or have too many numbers for a table of them")
        return Measure("blind_auc", None, len(found.member), reason=reason)
    method = "boosted trees over inputs and label, which never ask the model"
    return _area("blind_auc", found.blind, {}, method=method, notes=_shifted(found))


def _area(
    name: str, found: AUC, where: dict[str, str | None], /, *, method: str, notes: tuple[Message, ...] = ()
) -> Measure:
    n = (int(found.positives), int(found.negatives))
    return Measure(name, found.value, n, where, interval=found.interval, method=method, notes=notes)


def _tpr(success: Success, rate: float, where: dict[str, str | None]) -> Measure:
    sides, found = success.sides, success.tpr.get(rate)
    if found is None:
        words = "a true positive rate at {rate} false positives needs {needed} non-members, and there are {others}"
        params = {"rate": f"{100 * rate:g} %", "needed": f"{needed(rate):,}", "others": f"{sides[1]:,}"}
        return Measure(TPR[rate], None, sides, where, reason=Message("too-few-others", words, params))
    return Measure(TPR[rate], found.value, sides, where, interval=found.interval, method=success.method)


def _odds(rate: float) -> float:
    """ln (rate/(1 − rate)): the ε at which no attack has a larger AUC."""
    return math.log(rate / (1 - rate)) if 0 < rate < 1 else 0.0 if rate <= 0 else 50.0


def _down(epsilon: float) -> float:
    return math.floor(epsilon * 100) / 100
