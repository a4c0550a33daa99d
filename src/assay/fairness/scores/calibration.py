"""The calibration error of groups and the widest gap between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.data.counts import Counts
from assay.fairness.scores.histogram import histogram
from assay.fairness.scores.reliability import reliability
from assay.fairness.words import empty_denominator, left_out_groups, too_few_groups
from assay.stats.calibration import expected_calibration_error, pooled

DRAWS = 1000
"""Draws for the low end of each group's interval."""


@dataclass(frozen=True, slots=True)
class CalibrationOf:
    """The calibration error of one group, and a wider interval of it that holds for all groups at once."""

    measure: Measure
    wide: Interval | None


def calibration_error(
    counts: Counts,
    bins: Mapping[str, int],
    slice: Slice,
    /,
    *,
    level: float,
    wide: float,
    parts: int,
    rng: np.random.Generator,
) -> CalibrationOf:
    """`calibration_error` of one slice at `level`, and its interval at the level `wide`.

    The group of a single attribute has its reliability curve with it.
    """
    both, positive = histogram(counts, bins, labels=("0", "1")), histogram(counts, bins, labels=("1",))
    if both.rows == 0:
        reason = empty_denominator("rows with label and score")
        return CalibrationOf(Measure("calibration_error", None, 0, slice=slice, reason=reason), None)
    n, hits, scores = pooled(both.size, positive.size, both.scores, bins=parts)
    effective = n * (both.effective / n.sum())
    found, wider = (
        expected_calibration_error(n, hits, scores, level=one, rng=rng, effective=effective, draws=DRAWS)
        for one in (level, wide)
    )
    text = "over {bins} bins; without taking the bias of the estimate out it is {raw}"
    note = Message("plug-in", text, {"bins": found.bins, "raw": f"{found.raw:.4g}"})
    measure = Measure(
        "calibration_error",
        found.value,
        both.rows,
        slice=slice,
        interval=found.interval,
        method="de-biased expected calibration error",
        notes=(note,),
        attachments=reliability(n, hits, scores, slice, effective=effective, level=level) if len(slice) == 1 else {},
    )
    return CalibrationOf(measure, wider.interval)


def calibration_gap(found: Sequence[CalibrationOf], over: tuple[str, ...], /, *, level: float) -> Measure:
    """Largest minus smallest calibration error; its interval follows from the groups' that hold at once."""
    name = "calibration_error_gap"
    known = [(one.measure, one.wide) for one in found if one.wide is not None]
    empty = [one.measure.slice for one in found if one.wide is None]
    notes = (left_out_groups(empty),) if empty else ()
    if len(known) < 2:
        reason = too_few_groups([measure.slice for measure, _ in known])
        return Measure(name, None, sum(m.rows[0] for m, _ in known), over=over, reason=reason, notes=notes)
    known.sort(key=lambda item: item[0].value or 0.0)
    (low, _), (high, _) = known[0], known[-1]
    lows, highs = [wide.low for _, wide in known], [wide.high for _, wide in known]
    value = (high.value or 0.0) - (low.value or 0.0)
    interval = Interval(
        min(value, max(0.0, max(lows) - min(highs))), max(value, max(highs) - min(lows)), level, "Bonferroni"
    )
    return Measure(
        name,
        value,
        (high.rows[0], low.rows[0]),
        over=over,
        groups=(high.slice, low.slice),
        interval=interval,
        method=f"largest minus smallest of {len(known)} groups",
        notes=notes,
    )
