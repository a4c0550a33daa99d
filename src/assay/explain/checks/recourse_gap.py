"""Whether one group has a longer way to the favourable decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure, Share, Slice
from assay.explain.question import Question, question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.steps.hunt import Effort
from assay.stats.gaps import widest_gap, widest_gap_of_means
from assay.stats.moments import Estimate, mean
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

READ = 20_000
"""Rows among which those are sought that did not get the favourable decision."""
BACKGROUND = 1000
QUICK = Effort(variants=6, nearest=4, kept=4, rounds=1, others=0)
UNIT = Message(
    "explain.recourse.unit",
    "1 is a robust standard deviation of a number (of all rows, not of the group's), or one change of a category; "
    "what the protected attributes say is not changed",
)


@check(
    "explain.recourse_gap",
    version=2,
    title="One group has a longer way to the favourable decision",
    needs=("rows", "model", "protected"),
    tasks=("binary",),
    limit=(
        Limit("recourse_cost_gap", better="lower", warn=0.25, fail=0.5),
        Limit("no_recourse_gap", better="lower", warn=0.05, fail=0.10),
    ),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.4(a)"),
)
def recourse_gap(
    case: Case,
    /,
    *,
    immutable: str = "",
    one_way: str = "",
    rows: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """Least cost of the changes that would bring the favourable decision, by group, among those who do not have it.

    `recourse_cost`: the mean over the group's rows for which a way was found; `no_recourse`: the share for which none
    was found within the constraints. `_gap` is the widest of each over the groups of an attribute, with intervals as
    for other gaps. Protected attributes never change, nor do the columns named in `immutable` ("marital_status,
    relationship"); `one_way` ("age=up") gives directions. Values stay within what the data show. Name what people
    cannot change: without it the cost is that of changing the model's inputs, not of what a person can do.

    At most `rows` rows a group, a seeded sample of those that the model decides against. The search is a heuristic:
    costs are upper bounds of the true least costs, by a few percent on average. A gap may have good reason: groups
    differ in how far they are from the boundary. The limits (0.25 and 0.5 robust standard deviations; 0.05 and 0.10)
    are convention. Sources: Ustun, Spangher & Liu (2019), FAT*, on the cost of recourse in linear models; Sharma,
    Henderson & Ghosh (2020), AIES, "burden".
    """
    if not case.model_columns:
        reason = Message("no-table", "the model is not fed columns of a table, so that none can be changed")
        yield Measure("recourse_cost", None, 0, reason=reason)
        return
    asked = question(case, limit=READ, background=BACKGROUND, seed=seed)
    favourable = str(case.roles.favourable)
    if asked.target.label != favourable:
        text = "the model does not decide on the favourable outcome {favourable}"
        yield Measure("recourse_cost", None, 0, reason=Message("no-favourable", text, {"favourable": favourable}))
        return
    against = np.flatnonzero(~asked.target.decides(asked.rows))
    samples = {name: _sampled(asked, name, against, rows, seed) for name in case.roles.protected}
    chosen = np.unique(np.concatenate([np.concatenate([*some.values(), _NONE]) for some in samples.values()]))
    fixed = (*case.roles.protected, *_names(immutable))
    limits = {
        "immutable": [name for name in dict.fromkeys(fixed) if name in asked.columns.names or name in _names(immutable)]
    }
    constraints = Constraints.parse(limits | ({"one_way": one_way} if one_way else {}))
    found = counterfactuals(
        asked.of(asked.rows[chosen]), constraints=constraints, count=1, target=favourable, effort=QUICK
    )
    costs = np.full(len(asked.rows), np.nan)
    costs[chosen] = found.costs
    for name, places in samples.items():
        yield from _attribute(name, {group: costs[where] for group, where in places.items()}, level=level)


_NONE = np.zeros(0, dtype=np.int64)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _sampled(
    asked: Question, name: str, against: NDArray[np.int64], rows: int, seed: int
) -> dict[str | None, NDArray[np.int64]]:
    """Group -> places of at most `rows` of its rows that were decided against."""
    import pyarrow as pa

    levels = asked.groups.column(name).cast(pa.string()).to_pylist()
    texts = np.array(levels, dtype=object)
    rng = np.random.default_rng(seed)
    out: dict[str | None, NDArray[np.int64]] = {}
    for group in sorted(set(levels), key=lambda level: (level is None, level or "")):
        mine = against[np.array([level == group for level in texts[against]], dtype=bool)]
        out[group] = np.sort(rng.permutation(mine)[:rows])
    return out


@dataclass(frozen=True, eq=False)
class _Group:
    slice: Slice
    costs: Any


def _attribute(name: str, costs: dict[str | None, Any], *, level: float) -> Iterator[Measure]:
    groups = [_Group({name: group}, some) for group, some in costs.items()]
    estimates: list[Estimate | None] = []
    for group in groups:
        known = group.costs[~np.isnan(group.costs)]
        if not len(known):
            text = "no row of the group was decided against" if not len(group.costs) else "no way was found for any row"
            reason = Message("no-recourse-rows", text)
            yield Measure("recourse_cost", None, len(group.costs), slice=group.slice, reason=reason)
            estimates.append(None)
            continue
        found = mean(float(known.sum()), float((known**2).sum()), len(known), level=level)
        estimates.append(found if found.standard_error is not None else None)
        yield Measure(
            "recourse_cost", found.value, len(known), slice=group.slice, interval=found.interval, notes=(UNIT,)
        )
    able = [(g, e) for g, e in zip(groups, estimates, strict=True) if e is not None]
    if len(able) < 2:
        yield _too_few("recourse_cost_gap", name, len(able))
    else:
        gap = widest_gap_of_means(
            [e.value for _, e in able], [e.standard_error or 0.0 for _, e in able], [e.n for _, e in able], level=level
        )
        high, low = able[gap.high], able[gap.low]
        yield Measure(
            "recourse_cost_gap",
            gap.value,
            (int(high[1].n), int(low[1].n)),
            over=(name,),
            groups=(high[0].slice, low[0].slice),
            interval=gap.interval,
            notes=(UNIT,),
        )
    yield from _without(name, groups, level=level)


def _without(name: str, groups: list[_Group], *, level: float) -> Iterator[Measure]:
    """The share of each group's rows for which no way was found, and the widest gap."""
    shares = []
    for group in groups:
        n, hits = len(group.costs), float(np.isnan(group.costs).sum())
        share = Share(hits, float(n), n, float(n))
        shares.append(share)
        if n:
            interval = wilson(share, level=level)
            yield Measure("no_recourse", hits / n, n, slice=group.slice, interval=interval)
    if sum(share.rows > 0 for share in shares) < 2:
        yield _too_few("no_recourse_gap", name, sum(share.rows > 0 for share in shares))
        return
    gap = widest_gap(shares, level=level)
    high, low = groups[gap.high], groups[gap.low]
    yield Measure(
        "no_recourse_gap",
        gap.value,
        (len(high.costs), len(low.costs)),
        over=(name,),
        groups=(high.slice, low.slice),
        interval=gap.interval,
    )


def _too_few(measure: str, name: str, n: int) -> Measure:
    reason = Message("too-few-groups", "{n} groups have rows; a comparison needs two", {"n": n})
    return Measure(measure, None, 0, over=(name,), reason=reason)
