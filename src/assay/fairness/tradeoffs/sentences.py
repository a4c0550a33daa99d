"""What the conflict between measures means on these numbers, as notes for a reader."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.errors import Message, Scalar
from assay.core.measure import Measure, Slice
from assay.fairness.estimates import Estimate
from assay.fairness.rates import GroupRates
from assay.fairness.tradeoffs.implied import FEWEST, Confusion
from assay.fairness.words import group_name, group_names

DIFFER = "base rates differ, {rate_high} for {high} and {rate_low} for {low}. "
UNCERTAIN = "these rows do not show that base rates differ ({rate_high} for {high}, {rate_low} for {low}). "
PREDICTIVE = (
    "If a favourable prediction meant the same for all (PPV {ppv}) and as many favourable labels were missed (FNR "
    "{fnr}), the false positive rates would have to be {implied_high} and {implied_low}, {gap} apart ({interval})"
)
SELECTED = (
    "If true and false positive rates were the same for all (TPR {tpr}, FPR {fpr}), {implied_high} and {implied_low} "
    "would be selected, {gap} apart ({interval})"
)
NOT_BOTH = {
    "fpr_implied": ", so predictive parity (for scores: calibration) and equalized odds cannot both hold here, unless "
    "predictions are without error",
    "selection_rate_implied": ", so demographic parity and equalized odds cannot both hold here, unless predictions "
    "tell nothing about the label",
}

NOT_TWO_GROUPS = Message(
    "few-labels", "fewer than two groups have {fewest} favourable and {fewest} unfavourable labels", {"fewest": FEWEST}
)


def too_few_labels(slices: Sequence[Slice], /) -> Message:
    """Note: groups too small for the intervals of implied rates."""
    text = "with fewer than {fewest} labels of one kind and not compared: {groups}"
    return Message("groups-of-few-labels", text, {"fewest": FEWEST, "groups": group_names(slices)})


def conflict(
    name: str, base: Measure, widest: Measure, table: GroupRates, found: Sequence[Estimate], whole: Confusion, /
) -> tuple[Message, ...]:
    """The note on the widest implied gap `widest` of the measure `name`; none where there is no such gap.

    It names only the two groups that `widest` compares, so that it is shown or hidden with it. Base rates count as
    different where the interval of their widest gap, `base`, does not begin at 0.
    """
    if widest.value is None or widest.interval is None or base.interval is None:
        return ()
    differ = base.interval.low > 0
    places = [table.slices.index(group) for group in widest.groups]
    rates = [f"{table.shares[i].value or 0.0:.3f}" for i in places]
    implied = [f"{found[i].value or 0.0:.3f}" for i in places]
    params: dict[str, Scalar] = {
        "high": group_name(table.slices[places[0]]),
        "low": group_name(table.slices[places[1]]),
        "rate_high": rates[0],
        "rate_low": rates[1],
        "implied_high": implied[0],
        "implied_low": implied[1],
        "gap": f"{widest.value:.3f}",
        "interval": f"{widest.interval.level:.0%} interval {widest.interval.low:.3f} to {widest.interval.high:.3f}",
        "ppv": f"{whole.tp / (whole.tp + whole.fp):.3f}" if whole.tp + whole.fp > 0 else "",
        "fnr": f"{whole.fn / whole.favourable:.3f}",
        "tpr": f"{whole.tp / whole.favourable:.3f}",
        "fpr": f"{whole.fp / whole.unfavourable:.3f}",
    }
    text = (DIFFER if differ else UNCERTAIN) + (PREDICTIVE if name == "fpr_implied" else SELECTED)
    id = f"{'cannot' if differ else 'may'}-hold-together-{name.replace('_', '-')}"
    return (Message(id, text + (NOT_BOTH[name] if differ else ""), params),)
