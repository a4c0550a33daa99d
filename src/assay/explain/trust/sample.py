"""Rows drawn so that every group has some, and numbers of those rows as Measures, overall and by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share, Slice
from assay.explain.columns import Floats
from assay.explain.overall.uncertainty import mean_over_rows
from assay.explain.question import Question, question
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

Places = NDArray[np.int64]
READ = 5000
"""Rows among which those of rare groups are sought."""
LEAST = 30
"""Rows of each group, where there are so many."""
MOST_GROUPS = 12
"""Groups of an attribute that have rows of their own, the most frequent ones."""
BACKGROUND = 500
NOTHING = Message("explain.trust.nothing", "every row has an explanation of nothing but zeros")


@dataclass(frozen=True, eq=False)
class Sample:
    """A Question about the rows drawn: `everyone` are places of a random sample of all, `groups` those of each group.

    Groups are (slice, places); the rows of a group are a random sample of it, some of them outside `everyone` where the
    group is rare. `notes` say how many were drawn. `read` are the rows from which they were.
    """

    question: Question
    everyone: Places
    groups: tuple[tuple[Slice, Places], ...]
    notes: tuple[Message, ...]
    read: Question

    def slices(self, attribute: str | None = None, /) -> tuple[tuple[Slice, Places], ...]:
        """Everyone, then each group, or each group of the attribute."""
        mine = [each for each in self.groups if attribute is None or attribute in each[0]]
        return (({}, self.everyone), *mine)

    @property
    def ungrouped(self) -> Sample:
        """The same without groups."""
        return replace(self, groups=())


def sample(case: Case, /, *, rows: int, seed: int = 0, background: int = BACKGROUND) -> Sample:
    """A Sample of `rows` rows of a Case and, for each group of each protected attribute, LEAST rows or all it has.

    Rows of groups, of at most MOST_GROUPS an attribute, are sought among READ rows. Each counts once, whatever its
    weight.
    """
    asked = question(case, limit=max(rows, READ), background=background, seed=seed)
    order = np.random.default_rng(seed).permutation(len(asked.rows))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    members: list[tuple[Slice, Places]] = []
    left_out: list[str] = []
    for name, levels in levels_of(asked).items():
        texts, frequent = np.array(levels, dtype=object), Counter(levels).most_common(MOST_GROUPS)
        left_out += [name] if len(set(levels)) > MOST_GROUPS else []
        for level in sorted((each for each, _ in frequent), key=lambda each: (each is None, each or "")):
            mine = order[texts[order] == level]
            enough = max(LEAST, int((rank[mine] < rows).sum()))
            members.append(({name: level}, mine[:enough]))
    chosen = np.unique(np.concatenate([order[:rows], *(places for _, places in members)]))
    found = tuple((which, np.searchsorted(chosen, np.sort(places))) for which, places in members)
    everyone = np.searchsorted(chosen, np.sort(order[:rows]))
    notes = tuple(_notes(case, len(everyone), bool(members), left_out))
    return Sample(asked.of(asked.rows[chosen]), everyone, found, notes, asked)


def levels_of(asked: Question, /) -> dict[str, list[str | None]]:
    """Protected attribute -> the group of each row."""
    import pyarrow as pa

    if asked.groups is None:
        return {}
    return {name: asked.groups.column(name).cast(pa.string()).to_pylist() for name in asked.groups.column_names}


def _notes(case: Case, rows: int, grouped: bool, left_out: Sequence[str]) -> Iterator[Message]:
    if rows < case.n:
        text = "{rows} rows out of {all}, drawn by the seed"
        if grouped:
            text += "; of each group {least}, or all among {read} rows"
        yield Message("explain.trust.sampled", text, {"rows": rows, "all": case.n, "least": LEAST, "read": READ})
    if left_out:
        text = "of {attributes} the {most} most frequent groups are shown"
        names = ", ".join(left_out)
        yield Message("explain.trust.frequent", text, {"attributes": names, "most": MOST_GROUPS})
    if case.roles.weight is not None:
        yield Message("unweighted", "each row counts once, whatever its weight")
    if case.roles.unit is not None:
        yield Message("explain.trust.units", "rows of one person count as rows of several")


def means(
    name: str,
    values: Floats,
    of: Sample,
    /,
    *,
    level: float,
    method: str = "",
    attribute: str | None = None,
    within: tuple[float, float] | None = None,
) -> Iterator[Measure]:
    """The mean of `values` (rows,) overall and by group, each with Student's interval; NaN are rows left out.

    With an `attribute` they are about it, and by its groups only.

    With bounds `within` which every value lies, intervals are cut to them, and where all rows are alike it is Wilson's,
    for a share that cannot vary more; without, there is none. Fewer than two values are a reason.
    """
    over = () if attribute is None else (attribute,)
    for which, places in of.slices(attribute):
        some = values[places]
        some = some[~np.isnan(some)]
        if len(some) < 2:
            yield too_few(name, which, len(some), over)
            continue
        interval = _interval(some, within, level=level)
        about: dict[str, Any] = {"slice": which, "over": over, "interval": interval}
        yield Measure(name, float(some.mean()), len(some), method=method, notes=of.notes, **about)


def _interval(values: Floats, within: tuple[float, float] | None, *, level: float) -> Interval | None:
    found = mean_over_rows(values, level=level).interval
    if within is None:
        return found
    low, high = within
    if found is not None:
        return Interval(max(low, found.low), min(high, found.high), level, f"{found.method}, cut to its bounds")
    n, wide = len(values), high - low
    part = min(1.0, max(0.0, float(values.mean() - low) / wide))
    share = wilson(Share(part * n, float(n), n, float(n)), level=level)
    return Interval(low + wide * share.low, low + wide * share.high, level, f"{share.method}, of bounded values")


def ratios(
    name: str,
    above: Floats,
    below: Floats,
    of: Sample,
    /,
    *,
    level: float,
    method: str = "",
    attribute: str | None = None,
    within: tuple[float, float] | None = None,
    nothing: Message = NOTHING,
) -> Iterator[Measure]:
    """Σ above / Σ below over the rows, overall and by group, each with the interval of a linearised ratio.

    NaN are rows left out; `attribute` and `within` as in `means`. `nothing` is the reason where all of `below` is 0.
    Source: Cochran (1977), Sampling Techniques, eq. 6.13, with Student's quantile.
    """
    over = () if attribute is None else (attribute,)
    for which, places in of.slices(attribute):
        places = places[~(np.isnan(above[places]) | np.isnan(below[places]))]
        if len(places) < 2:
            yield too_few(name, which, len(places), over)
        elif below[places].mean() <= 0:
            yield Measure(name, None, len(places), slice=which, over=over, reason=nothing)
        else:
            value = float(above[places].mean() / below[places].mean())
            each = value + (above[places] - value * below[places]) / below[places].mean()
            about: dict[str, Any] = {"slice": which, "over": over, "interval": _interval(each, within, level=level)}
            yield Measure(name, value, len(places), method=method, notes=of.notes, **about)


def too_few(name: str, which: Slice, n: int, over: tuple[str, ...] = (), /) -> Measure:
    """A Measure without a number, for fewer than two rows."""
    text = "{n} rows have a value; two are needed"
    return Measure(name, None, n, slice=which, over=over, reason=Message("explain.trust.too_few", text, {"n": n}))


def unmeasured(names: tuple[str, ...], reason: Message, /) -> Iterator[Measure]:
    """A Measure without a number for each name."""
    for name in names:
        yield Measure(name, None, 0, reason=reason)


def obstacle(case: Case, /) -> Message | None:
    """Why explanations of this Case's model cannot be put to the test, or None."""
    if len(case.model_columns) >= 2:
        return None
    if case.model_columns:
        return Message("explain.trust.one_column", "the model is fed one column: there is nothing to choose from")
    return Message("no-table", "the model is not fed columns of a table")
