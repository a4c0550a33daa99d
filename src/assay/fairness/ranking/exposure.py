"""Attention by group: the mean discount of their places, alone and held against merit, and NDCG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.fairness.individual.judged import RowGroups
from assay.fairness.ranking.order import Codes, Floats, Ranking, Resample, cumulative_discounts
from assay.fairness.words import empty_denominator, left_out_groups, too_few_groups
from assay.stats.gaps.pairs import critical_values, extreme_pair
from assay.stats.quantiles import two_sided, two_sided_p


@dataclass(frozen=True, eq=False)
class Attention:
    """(groups,) of one way to divide people: relative exposure, and with labels exposure over merit, and NDCG.

    Exposure is the mean of 1/log2(1 + place) over the group divided by that over all rows (Singh & Joachims 2018,
    KDD, eq. 1), merit the share of favourable labels divided by that of all rows. NaN where undefined.
    """

    exposure: Floats
    per_merit: Floats
    ndcg: Floats


def attention(scores: Floats, codes: Codes, labels: Floats | None, /, *, groups: int) -> Attention:
    """The Attention of rows with these scores and group codes.

    `labels` (rows,) are 1, 0 or NaN; rows without a label have places but neither merit nor relevance.
    """
    places = _places(scores)
    size = np.bincount(codes, minlength=groups)
    seen = np.bincount(codes, weights=places, minlength=groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        exposure = seen / size / places.mean()
        if labels is None:
            return Attention(exposure, np.full(groups, np.nan), np.full(groups, np.nan))
        known = ~np.isnan(labels)
        good, of = labels[known], codes[known]
        hits, total = np.bincount(of, weights=good, minlength=groups), np.bincount(of, minlength=groups)
        per_merit = np.where(hits > 0, exposure / (hits / total / good.mean()), np.nan) if len(good) else hits * np.nan
        apart = Ranking.of(scores[known], apart=of)
        gain = apart.discounts() * apart.runs(good)
        ideal = cumulative_discounts(len(good))[np.rint(hits).astype(np.int64)]
        ndcg = np.bincount(apart.ranking, weights=gain, minlength=groups) / ideal
    return Attention(exposure, np.asarray(per_merit, dtype=np.float64), np.where(hits > 0, ndcg, np.nan))


def _places(scores: Floats) -> Floats:
    """(rows,) discount of each row's place."""
    ranking = Ranking.of(scores)
    return ranking.spread(ranking.discounts())


def attention_measures(
    groups: RowGroups, scores: Floats, labels: Floats | None, draws: Sequence[Resample], /, *, level: float
) -> Iterator[Measure]:
    """`exposure`, `exposure_per_merit` and `ndcg` of each group, and the widest gap of the first two.

    `draws` are bootstrap resamples; every replicate is ranked anew.
    """
    k, codes = len(groups.slices), groups.codes
    found = attention(scores, codes, labels, groups=k)
    again = [
        attention(one.scores, codes[one.source], None if labels is None else labels[one.source], groups=k)
        for one in draws
    ]
    chance = _by_chance(scores, groups)
    for name, values, drawn in (
        ("exposure", found.exposure, np.array([one.exposure for one in again])),
        ("exposure_per_merit", found.per_merit, np.array([one.per_merit for one in again])),
    ):
        if name == "exposure_per_merit" and labels is None:
            return
        for g in range(k):
            p_value = chance[g] if name == "exposure" else None
            yield group_attention(groups, name, g, float(values[g]), drawn[:, g], level=level, p_value=p_value)
        yield attention_gap(groups, name, values, drawn, level=level)
    for g in range(k):
        drawn = np.array([one.ndcg[g] for one in again])
        yield group_ndcg(groups, g, float(found.ndcg[g]), drawn, level=level)


def _by_chance(scores: Floats, groups: RowGroups) -> list[float | None]:
    """p-value of each group's exposure where places are dealt out at random: normal, moments exact.

    The mean of a sample of m of the n discounts has variance S²/m × (1 - m/n) (Cochran 1977, Sampling Techniques,
    th. 2.2).
    """
    n, places = len(scores), _places(scores)
    size = np.bincount(groups.codes, minlength=len(groups.slices))
    mean = np.bincount(groups.codes, weights=places, minlength=len(groups.slices)) / size
    variance = (places.var(ddof=1)) / size * (1 - size / n)
    return [
        two_sided_p(float(m - places.mean()) / math.sqrt(v)) if v > 0 else None
        for m, v in zip(mean, variance, strict=True)
    ]


def group_attention(
    groups: RowGroups, name: str, g: int, value: float, drawn: Floats, /, *, level: float, p_value: float | None
) -> Measure:
    """The exposure (by merit) of one group with the interval that its bootstrap replicates `drawn` give."""
    slice_, rows = groups.slices[g], int((groups.codes == g).sum())
    if not math.isfinite(value):
        return Measure(name, None, rows, slice=slice_, reason=empty_denominator("favourable labels"))
    error = float(np.log(drawn[np.isfinite(drawn)]).std(ddof=1)) if _enough(drawn) else 0.0
    reach = two_sided(level) * error
    interval = Interval(value * math.exp(-reach), value * math.exp(reach), level, "bootstrap, log-normal")
    return Measure(
        name,
        value,
        rows,
        slice=slice_,
        interval=interval if error > 0 else None,
        p_value=p_value,
        family=name if p_value is not None else "",
        method="relative to all rows" + ("; p: places dealt out at random" if p_value is not None else ""),
    )


def attention_gap(groups: RowGroups, name: str, values: Floats, drawn: Floats, /, *, level: float) -> Measure:
    """Highest minus lowest; the construction of `stats.gaps` with the errors of the pairs' differences.

    One group's places are not another's, so that groups are not independent: each pair has its own error.
    """
    sizes = np.bincount(groups.codes, minlength=len(groups.slices))
    usable = [g for g in range(len(values)) if math.isfinite(values[g]) and _enough(drawn[:, g])]
    usable = [g for g in usable if np.nanstd(drawn[:, g]) > 0]
    left_out = [groups.slices[g] for g in range(len(values)) if g not in usable]
    notes = (left_out_groups(left_out),) if left_out else ()
    if len(usable) < 2:
        reason = too_few_groups(groups.slices if len(values) == 1 else [groups.slices[g] for g in usable])
        return Measure(f"{name}_gap", None, int(sizes[usable].sum()), over=groups.over, reason=reason, notes=notes)
    value, some = values[usable], drawn[:, usable]
    covariance = np.cov(some[np.isfinite(some).all(axis=1)].T)
    squares = np.diag(covariance)
    errors = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * covariance, 0.0))
    apart = value[:, None] - value[None, :]
    z_low, z_high = critical_values(len(usable), level)
    low = extreme_pair(len(usable), lambda rows: apart[rows] - z_low * errors[rows]).bound
    high = extreme_pair(len(usable), lambda rows: apart[rows] + z_high * errors[rows]).bound
    top, bottom = usable[int(value.argmax())], usable[int(value.argmin())]
    widest = float(value.max() - value.min())
    interval = Interval(
        min(max(0.0, float(low)), widest), max(float(high), widest), level, "studentised range, bootstrap errors"
    )
    return Measure(
        f"{name}_gap",
        widest,
        (int(sizes[top]), int(sizes[bottom])),
        over=groups.over,
        groups=(groups.slices[top], groups.slices[bottom]),
        interval=interval,
        method=f"highest minus lowest of {len(usable)} groups",
        notes=notes,
    )


def group_ndcg(groups: RowGroups, g: int, value: float, drawn: Floats, /, *, level: float) -> Measure:
    """The NDCG of one group with the interval that its bootstrap replicates `drawn` give."""
    slice_, rows = groups.slices[g], int((groups.codes == g).sum())
    if not math.isfinite(value):
        return Measure("ndcg", None, rows, slice=slice_, reason=empty_denominator("favourable labels"))
    error = float(np.nanstd(drawn, ddof=1)) if _enough(drawn) else 0.0
    reach = two_sided(level) * error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach), level, "bootstrap, normal")
    note = Message("own-ranking", "of the group's own rows, ranked among themselves")
    return Measure("ndcg", value, rows, slice=slice_, interval=interval if error > 0 else None, notes=(note,))


def _enough(drawn: Floats) -> bool:
    """True where nearly every replicate has a value."""
    return bool(np.isfinite(drawn).mean() > 0.9)
