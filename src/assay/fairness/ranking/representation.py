"""Places by group: how far the top of a ranking differs from all of it (rKL, skew)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share
from assay.fairness.comparisons import equal_rates
from assay.fairness.individual.judged import RowGroups
from assay.fairness.ranking.order import Codes, Floats, Ranking, Resample
from assay.stats.rates import koopman
from assay.stats.tests import two_proportions

STEP = 10
"""rKL looks at the first 10, 20, 30 … places."""


def above(ranking: Ranking, codes: Codes, places: Floats, /, *, groups: int) -> Floats:
    """(places, groups) expected rows of each group among the first so many places; equal scores share theirs."""
    ends = np.r_[0, ranking.starts[1:], len(codes)]
    run = np.repeat(np.arange(len(ranking.starts)), np.diff(ends))
    cells = np.bincount(run * groups + codes[ranking.order], minlength=len(ranking.starts) * groups)
    reached = np.vstack([np.zeros((1, groups)), np.cumsum(cells.reshape(-1, groups), axis=0)])
    return np.stack([np.interp(places, ends, column) for column in reached.T], axis=1)


def rkl(counts: Floats, places: Floats, shares: Floats, rows: int, /) -> Floats:
    """(groups,) rKL of each group against all others: 0 where every top has the shares of the whole, at most 1.

    Sum over the places i of KL((share of the group in the first i, rest) || (share in all, rest)) / log2 i, over its
    highest value, that of the group all in front or all behind. Source: Yang & Stoyanovich (2017), SSDBM, eq. 3.
    """
    size = shares * rows
    first = np.minimum(places[:, None], size[None, :])
    last = np.maximum(0.0, places[:, None] - (rows - size)[None, :])
    observed, front, behind = (_discounted(count / places[:, None], shares, places) for count in (counts, first, last))
    return np.asarray(observed / np.maximum(front, behind), dtype=np.float64)


def _discounted(top: Floats, shares: Floats, places: Floats) -> Floats:
    from scipy.special import rel_entr

    divergence = rel_entr(top, shares) + rel_entr(np.maximum(1 - top, 0.0), 1 - shares)
    return np.asarray((divergence / np.log2(places)[:, None]).sum(axis=0), dtype=np.float64)


def rkl_measures(
    groups: RowGroups,
    scores: Floats,
    draws: Sequence[Resample],
    /,
    *,
    level: float,
    permutations: int,
    rng: np.random.Generator,
) -> Iterator[Measure]:
    """`rkl` of each group against all others, less what chance alone gives, with a permutation p-value.

    The interval adds the two sources of error: its low end is that of the bootstrap less the quantile of the rKL of
    rankings in which the groups are shuffled, its high end that of the bootstrap. It holds 0 where groups have the
    same scores; away from there it is wide.
    """
    n, k, ranking = len(scores), len(groups.slices), Ranking.of(scores)
    places = np.arange(STEP, n + 1, STEP, dtype=np.float64)
    if not len(places) or k < 2:
        reason = Message(
            "short-ranking", "a ranking of {rows} rows, {groups} groups, has no top", {"rows": n, "groups": k}
        )
        yield Measure("rkl", None, n, over=groups.over, reason=reason)
        return

    def of(order: Ranking, codes: Codes) -> Floats:
        shares = np.clip(np.bincount(codes, minlength=k) / n, 0.5 / n, 1 - 0.5 / n)
        return rkl(above(order, codes, places, groups=k), places, shares, n)

    raw = of(ranking, groups.codes)
    null = np.array([of(ranking, rng.permutation(groups.codes)) for _ in range(permutations)])
    again = np.array([of(Ranking.of(one.scores), groups.codes[one.source]) for one in draws])
    tail = (1 - level) / 2
    for g, slice_ in enumerate(groups.slices):
        value = max(0.0, float(raw[g] - null[:, g].mean()))
        low = min(float(raw[g]), float(np.quantile(again[:, g], tail))) - float(np.quantile(null[:, g], level))
        high = float(np.quantile(again[:, g], 1 - tail))
        text = "without taking off what chance gives it is {raw}"
        rows = int((groups.codes == g).sum())
        yield Measure(
            "rkl",
            value,
            (rows, n - rows),
            slice=slice_,
            over=groups.over,
            groups=(slice_,),
            interval=Interval(min(value, max(0.0, low)), max(value, high), level, "bootstrap and permutation"),
            p_value=float(1 + (null[:, g] >= raw[g]).sum()) / (1 + permutations),
            family="rkl",
            method="group against all others, de-biased; p: groups shuffled over places",
            notes=(Message("plug-in-rkl", text, {"raw": f"{raw[g]:.4g}"}),),
        )


def skew_measures(groups: RowGroups, scores: Floats, /, *, k: int, level: float) -> Iterator[Measure]:
    """`skew_at_k` of each group: ln(share of the first k places / share of all rows), 0 where they are equal.

    Source: Geyik, Ambler & Kenthapadi (2019), KDD, eq. 1, with the shares of all rows as those desired. With r the
    share behind the first k over that within, skew = -ln(k/n + (1 - k/n) r), so that Koopman's interval for r gives one
    for the skew.
    """
    n, found = len(scores), Ranking.of(scores)
    if n <= k:
        reason = Message("short-ranking", "there are {rows} rows for a top of {k}", {"rows": n, "k": k})
        yield Measure("skew_at_k", None, n, over=groups.over, reason=reason)
        return
    top = above(found, groups.codes, np.array([float(k)]), groups=len(groups.slices))[0]
    sizes = np.bincount(groups.codes, minlength=len(groups.slices))
    for g, slice_ in enumerate(groups.slices):
        within = Share(float(top[g]), float(k), k, float(k))
        behind = Share(float(sizes[g] - top[g]), float(n - k), n - k, float(n - k))
        whole = abs(top[g] - round(top[g])) < 1e-9
        test = equal_rates(within, behind) if whole else two_proportions(within, behind)
        reason = Message(
            "none-in-top", "none of the first {k} places is the group's: its skew is minus infinity", {"k": k}
        )
        ratio = koopman(behind, within, level=level) if top[g] > 0 else None
        value = math.log(top[g] / k / (sizes[g] / n)) if top[g] > 0 else None
        yield Measure(
            "skew_at_k",
            value,
            (k, n),
            slice=slice_,
            over=groups.over,
            groups=(slice_,),
            interval=_skew_interval(ratio, k / n, level) if ratio is not None else None,
            p_value=test.p_value,
            family="skew_at_k",
            method=f"first {k} places against all; p: {test.method}",
            reason=reason if value is None else None,
        )


def _skew_interval(ratio: Interval, top: float, level: float) -> Interval:
    low, high = (-math.log(top + (1 - top) * end) for end in (ratio.high, ratio.low))
    return Interval(low, high, level, ratio.method)
