"""Names of groups and the reasons and notes of fairness checks, for a reader."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.errors import Message
from assay.core.measure import Slice

SHOWN = 8
"""Groups named in one sentence; more are counted."""


def group_name(slice: Slice, /) -> str:
    """The group for a reader: `sex = Female, race = (missing)`."""
    return ", ".join(f"{name} = {'(missing)' if level is None else level}" for name, level in slice.items())


def group_names(slices: Sequence[Slice], /) -> str:
    """Several groups for a reader, the first `SHOWN` by name."""
    shown = "; ".join(group_name(slice) for slice in slices[:SHOWN])
    more = len(slices) - SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def empty_denominator(what: str, /) -> Message:
    """Reason: no row could count, so that there is neither 0 nor 1 to report."""
    return Message("empty-denominator", "no row belongs to the denominator ({what})", {"what": what})


def drowned() -> Message:
    """Reason: counts released with so much noise that there may be no rows at all."""
    return Message("drowned", "the noise in the counts is about as large as the counts themselves")


def too_few_groups(slices: Sequence[Slice], /) -> Message:
    """Reason: a comparison needs two groups with rows; `slices` are those that have any."""
    if slices:
        return Message("one-group", "only one group has rows: {group}", {"group": group_name(slices[0])})
    return Message("no-group", "no group has rows")


def no_verification() -> Message:
    """Reason: rates of pairs of samples mean nothing where rows are no pairs, which only a person can say."""
    words = "asked only with verification: rows are pairs of samples, and the label says whether of one person"
    return Message("no-verification", words)


def nothing_selected() -> Message:
    """Reason: a ratio of rates that are all zero."""
    return Message("zero-rate", "every group's rate is zero, so that their ratio is undefined")


def left_out_groups(slices: Sequence[Slice], /) -> Message:
    """Note: groups that have no denominator are no part of a comparison."""
    return Message(
        "groups-left-out", "without a denominator and not compared: {groups}", {"groups": group_names(slices)}
    )


def left_out_rows(rows: int, what: str, /) -> Message:
    """Note: rows with a missing value are in no denominator."""
    return Message("rows-left-out", "{rows} rows without {what} are in no denominator", {"rows": rows, "what": what})


def widened_by(slice: Slice, rows: int, /) -> Message:
    """Note: the group whose few rows widen the interval of a comparison."""
    return Message(
        "widened-by", "the interval is widened by {group} (n = {rows})", {"group": group_name(slice), "rows": rows}
    )


def not_tested_singly(groups: int, most: int, /) -> Message:
    """Note: so many groups that none is tested against the rest on its own."""
    text = "{groups} groups are too many to test each against the rest (most: {most})"
    return Message("not-tested-singly", text, {"groups": groups, "most": most})


def pulled(raw: float, weight: float, /) -> Message:
    """Note: the rate before it was pulled towards the others, and how much of it is the group's own."""
    text = "pulled from {raw}: {own} of it is the group's own rate, the rest that of all groups"
    return Message("pulled", text, {"raw": f"{raw:.4g}", "own": f"{weight:.0%}"})
