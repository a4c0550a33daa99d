"""Whether what is rebuilt of a class lies nearer to rows that were trained on than to others of that class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share, Slice
from assay.privacy.inference.encoding import Encoding, encoding_of
from assay.privacy.inference.inversion.rebuild import Rebuilt, rebuild
from assay.privacy.inference.victim import Victim
from assay.privacy.membership.answers import Floats, Places, take
from assay.privacy.membership.scoring import area
from assay.stats.auc import AUC
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson

AUC_WARN, AUC_FAIL = 0.55, 0.65
SHARE_WARN, SHARE_FAIL = 0.65, 0.80
MOST_CLASSES = 10
"""Classes that are rebuilt, the most frequent ones."""
FEWEST = 20
"""Rows of a class on either side below which it has no number."""


@dataclass(frozen=True, eq=False)
class _Class:
    name: str
    rebuilt: Rebuilt
    found: AUC
    blind: AUC
    nearest: Floats


def inversion_measures(victim: Victim, /, *, level: float, seed: int) -> Iterator[Measure]:
    """Per class and over all: the AUC of nearness to what was rebuilt, and who is nearest."""
    labels = np.asarray(victim.rows.codes, dtype=np.int64)
    known = take(victim.rows.inputs, victim.told)
    encoding = encoding_of(known)
    rng = np.random.default_rng([seed, 26])
    listed, few = [], []
    for code in np.argsort(-np.bincount(labels, minlength=len(victim.model.classes)), kind="stable")[:MOST_CLASSES]:
        sides = [side[labels[side] == code] for side in (victim.members, victim.others)]
        if min(len(side) for side in sides) < FEWEST:
            few.append((victim.model.classes[code], (len(sides[0]), len(sides[1]))))
            continue
        listed.append(_of_class(victim, known, encoding, int(code), sides, level=level, rng=rng))
    for name, n in few:
        yield Measure("distance_auc", None, n, {"class": name}, reason=_too_few(n))
    if not listed:
        n = (len(victim.members), len(victim.others))
        yield Measure("distance_auc", None, n, reason=_too_few(n))
        return
    yield from _overall(listed, level=level)
    for one in listed:
        where: Slice = {"class": one.name}
        yield _area(
            "distance_auc",
            one.found,
            where,
            method=f"nearness to {len(one.rebuilt.confidence)} rebuilt by {one.rebuilt.how}",
        )
        method = f"mean probability of the class, of {len(one.rebuilt.confidence)} rebuilt"
        yield Measure(
            "confidence", float(one.rebuilt.confidence.mean()), len(one.rebuilt.confidence), where, method=method
        )


def _of_class(
    victim: Victim,
    known: Any,
    encoding: Encoding,
    code: int,
    sides: Sequence[Places],
    /,
    *,
    level: float,
    rng: np.random.Generator,
) -> _Class:
    rebuilt = rebuild(victim.model, known, code, rng=rng)
    records = [encoding.matrix(take(victim.rows.inputs, side)) for side in sides]
    found, blind = (
        area(-_least(records[0], points), -_least(records[1], points), level=level)
        for points in (_encoded(encoding, part, known) for part in (rebuilt.inputs, rebuilt.starts))
    )
    # As many of either side, in random order, so that a member is nearest by chance half of the time, ties included.
    size = min(len(part) for part in records)
    pool = np.concatenate([part[rng.permutation(len(part))[:size]] for part in records])
    order = rng.permutation(2 * size)
    nearest = np.unique(order[_squares(_encoded(encoding, rebuilt.inputs, known), pool[order]).argmin(axis=1)])
    return _Class(victim.model.classes[code], rebuilt, found, blind, (nearest < size).astype(np.float64))


def _encoded(encoding: Encoding, inputs: Any, known: Any) -> Floats:
    """Rebuilt rows in the space of the records: a matrix of the columns of a Table becomes one."""
    if hasattr(known, "column_names") and not hasattr(inputs, "column_names"):
        import pyarrow as pa

        return encoding.matrix(pa.table([pa.array(column) for column in inputs.T], names=known.column_names))
    return encoding.matrix(inputs)


def _squares(a: Floats, b: Floats) -> Floats:
    """(a, b) squared distances."""
    found = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)
    return np.asarray(np.maximum(found, 0.0))


def _least(records: Floats, points: Floats) -> Floats:
    """(records,) distance to the nearest point."""
    return np.asarray(np.sqrt(_squares(records, points).min(axis=1)))


def _overall(listed: list[_Class], /, *, level: float) -> Iterator[Measure]:
    nearest = np.concatenate([one.nearest for one in listed])
    found = _mean([one.found for one in listed], level)
    notes = _advice(found, nearest, level)
    how = listed[0].rebuilt.how
    yield _area("distance_auc", found, {}, method=f"nearness to rows rebuilt by {how}, mean over classes", notes=notes)
    blind = _mean([one.blind for one in listed], level)
    yield _area("blind_auc", blind, {}, method="nearness to the made-up starts, which never asked the model")
    n, members = len(nearest), float(nearest.sum())
    yield Measure(
        *("nearest_member_share", members / n, n),
        interval=wilson(Share(members, n, n, n), level=level),
        p_value=_exact(int(members), n),
        method="share of training rows among the distinct rows that are nearest; half by chance",
    )


def _mean(found: Sequence[AUC], level: float) -> AUC:
    """The mean over classes, weighted by their smaller side; its error from DeLong's of each."""
    if len(found) == 1:
        return found[0]
    weights = np.array([min(one.positives, one.negatives) for one in found])
    weights = weights / weights.sum()
    value = float(weights @ [one.value for one in found])
    error = math.sqrt(sum((w * (one.standard_error or 0.0)) ** 2 for w, one in zip(weights, found, strict=True)))
    half = two_sided(level) * error
    ends = Interval(max(0.0, value - half), min(1.0, value + half), level, "DeLong, mean over classes")
    return AUC(value, ends, error, 0.0, sum(one.positives for one in found), sum(one.negatives for one in found))


def _exact(hits: int, n: int) -> float:
    """The two-sided binomial p-value that a member is nearest half of the time."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(hits, n - hits), n, 0.5)))


def _advice(found: AUC, nearest: Floats, level: float) -> tuple[Message, ...]:
    n = len(nearest)
    share = wilson(Share(float(nearest.sum()), n, n, n), level=level)
    leaks = (
        found.interval is not None and found.interval.low > 0.5 and found.value > AUC_WARN
    ) or share.low > SHARE_WARN
    if not leaks:
        return ()
    words = (
        "what is rebuilt of a class lies nearer to rows that were trained on than to others: "
        "train with differential privacy, regularise more, or show labels only"
    )
    return (Message("inversion-remembers", words),)


def _area(name: str, found: AUC, where: Slice, /, *, method: str, notes: tuple[Message, ...] = ()) -> Measure:
    n = (int(found.positives), int(found.negatives))
    return Measure(name, found.value, n, where, interval=found.interval, method=method, notes=notes)


def _too_few(n: tuple[int, int]) -> Message:
    words = "{members} training rows and {others} others of the class are too few: {needed} of each are needed"
    return Message("too-few-of-class", words, {"members": n[0], "others": n[1], "needed": FEWEST})
