"""Whether an attack on membership tells more of one group than of another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share, Slice
from assay.privacy.anonymity.table import CodedColumn
from assay.privacy.membership.answers import Bools, Floats
from assay.privacy.membership.attack import Success
from assay.privacy.membership.scoring import area
from assay.stats.auc import AUC
from assay.stats.gaps import widest_gap_of_means
from assay.stats.quantiles import two_sided, two_sided_p
from assay.stats.rates import newcombe

MOST_GROUPS = 30
"""Groups of an attribute that are compared, the most frequent ones."""
FEWEST = 10
"""Members, and non-members, of a group below which it has no number."""


@dataclass(frozen=True, eq=False)
class _Group:
    slice: Slice
    mine: Bools
    found: AUC | None
    rest: AUC | None


def by_group(success: Success, groups: dict[str, CodedColumn], /, *, level: float = 0.95) -> Iterator[Measure]:
    """Per group: the attack's AUC and advantage among its own rows, and its AUC minus that among all other rows; over
    each attribute the widest gap of the AUCs.

    `groups` are protected attributes of all rows. The differences of an attribute are one family of tests. Sources:
    Kulynych et al. (2022), PoPETs, arXiv 1906.00389, on disparate vulnerability (advantage TPR − FPR by group); DeLong
    et al. (1988) for the errors.
    """
    for name, column in groups.items():
        codes = column.codes[success.places]
        order = np.argsort(-np.bincount(codes, minlength=column.size), kind="stable")[:MOST_GROUPS]
        kept = sorted(int(code) for code in order if (codes == code).any())
        listed = [_group({name: column.levels[code]}, codes == code, success, level) for code in kept]
        for group in listed:
            yield from _alone(group, success, level=level)
        for group in listed if len(listed) > 1 else ():
            yield from _against_rest(group, name, level=level)
        yield _gap(name, listed, level=level)


def _group(where: Slice, mine: Bools, success: Success, level: float) -> _Group:
    return _Group(where, mine, _area(success, mine, level), _area(success, ~mine, level))


def _area(success: Success, mine: Bools, level: float) -> AUC | None:
    members, others = (success.scores[mine & side] for side in (success.own, ~success.own))
    return area(members, others, level=level) if min(len(members), len(others)) >= FEWEST else None


def _alone(group: _Group, success: Success, *, level: float) -> Iterator[Measure]:
    sides = (int((group.mine & success.own).sum()), int((group.mine & ~success.own).sum()))
    if group.found is None:
        words = "{members} members and {others} non-members of the group are too few: {needed} of each are needed"
        params = {"members": sides[0], "others": sides[1], "needed": FEWEST}
        yield Measure("auc", None, sides, group.slice, reason=Message("too-few-of-group", words, params))
        return
    yield Measure("auc", group.found.value, sides, group.slice, interval=group.found.interval, method=success.method)
    judged = group.mine & success.judged
    shares = [_caught(success.scores[judged & side], success.threshold) for side in (success.own, ~success.own)]
    if min(share.rows for share in shares):
        interval = newcombe(shares[0], shares[1], level=level)
        value = shares[0].hits / shares[0].total - shares[1].hits / shares[1].total
        n = (shares[0].rows, shares[1].rows)
        method = "TPR minus FPR at the threshold for everyone, from other rows"
        yield Measure("advantage", value, n, group.slice, interval=interval, method=method)


def _caught(scores: Floats, threshold: float) -> Share:
    return Share(float((scores >= threshold).sum()), len(scores), len(scores), len(scores))


def _against_rest(group: _Group, name: str, *, level: float) -> Iterator[Measure]:
    own, rest = group.found, group.rest
    if own is None or rest is None or not own.standard_error or not rest.standard_error:
        return
    difference, error = own.value - rest.value, math.hypot(own.standard_error, rest.standard_error)
    half = two_sided(level) * error
    ends = Interval(max(-1.0, difference - half), min(1.0, difference + half), level, "DeLong, independent rows")
    yield Measure(
        "auc_difference",
        difference,
        (_rows(own), _rows(rest)),
        group.slice,
        over=(name,),
        groups=(group.slice,),
        interval=ends,
        p_value=two_sided_p(difference / error),
        family="auc_difference",
        method="group minus all other rows; p: DeLong z",
    )


def _gap(name: str, listed: list[_Group], *, level: float) -> Measure:
    usable = [(group, found) for group in listed if (found := group.found) is not None and found.standard_error]
    rows = [_rows(found) for _, found in usable]
    if len(usable) < 2:
        reason = Message("too-few-groups", "fewer than two groups have enough members and non-members")
        return Measure("auc_gap", None, sum(rows), over=(name,), reason=reason)
    errors = [found.standard_error or 0.0 for _, found in usable]
    smaller = [2 * min(found.positives, found.negatives) for _, found in usable]
    gap = widest_gap_of_means([found.value for _, found in usable], errors, smaller, level=level)
    left_out = len(listed) - len(usable)
    words = "{groups} groups with too few members or non-members are left out"
    return Measure(
        "auc_gap",
        gap.value,
        (rows[gap.high], rows[gap.low]),
        over=(name,),
        groups=(usable[gap.high][0].slice, usable[gap.low][0].slice),
        interval=replace(gap.interval, high=min(1.0, gap.interval.high)),
        method=f"highest minus lowest of {len(usable)} groups",
        notes=(Message("groups-left-out", words, {"groups": left_out}),) if left_out else (),
    )


def _rows(found: AUC) -> int:
    return int(found.positives + found.negatives)
