"""Pictures and tables of what is true of the model over all rows, as attachments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from assay.core.measure import Attachment, Interval, attached_table
from assay.explain.drawing.beeswarm import beeswarm
from assay.explain.drawing.dependence import dependence
from assay.explain.drawing.effects import effects
from assay.explain.overall.effects.accumulated import Accumulated
from assay.explain.overall.effects.dependence import Dependence
from assay.explain.overall.effects.surface import Surface
from assay.explain.overall.importance import Importance
from assay.explain.overall.interactions import Interactions
from assay.explain.overall.intrinsic import Intrinsic
from assay.explain.overall.permuting.loss import NAMES
from assay.explain.overall.shap_pairs import PairMeans
from assay.explain.overall.summary import Summary
from assay.explain.overall.surrogate import Surrogate
from assay.pictures import Chart

BARS = 15
DEPENDENCES = 3
LISTED = 500
FEWEST = 10
SHORT = 28
Attached = dict[str, Attachment]


def importance_drawn(found: Importance, given_others: Importance | None, /) -> Attached:
    """Bars of the greatest importances with intervals, the conditional ones beside them; all of them as a table."""
    loss = NAMES[found.loss]
    title = f"Rise of the {loss} when a column is exchanged"
    ranked = found.ranked()
    chart = Chart(title, x=f"rise of the {loss}")
    shown = ranked[:BARS]
    names = _names([each.name for each in shown])
    low, high = _ends([each.interval for each in shown], [each.importance for each in shown])
    chart.bars(names, [each.importance for each in shown], low=low, high=high, name="exchanged among all rows")
    after = {} if given_others is None else {each.name: each for each in given_others.reliances}
    if after:
        values = [after[each.name].importance for each in shown]
        low, high = _ends([after[each.name].interval for each in shown], values)
        chart.bars(names, values, low=low, high=high, name="among rows alike in the others")
    columns = ("column", "importance", "low", "high", "loss over loss", "given the others", "low", "high")
    rows = []
    for each in ranked:
        other = after.get(each.name)
        ends = _both(each.interval), _both(other.interval if other else None)
        rows.append((each.name, each.importance, *ends[0], each.ratio, other.importance if other else None, *ends[1]))
    caption = f"{title}: {found.base:.4g} on {found.n} rows as it is, {found.repeats} exchanges of each row"
    return _both_of("importance", chart, title, columns, rows, caption)


def effect_drawn(found: Dependence, local: Accumulated | None, /) -> Attached:
    """The mean answer along a column, its accumulated effect and individual curves in one picture; and as tables."""
    name = found.column.name
    picture = effects(found, accumulated=local).attachment()
    columns = (name, "mean answer", "low", "high", "spread of the curves")
    rows = [
        (shown, each.value, *_both(each.interval), float(spread))
        for shown, each, spread in zip(found.shown, found.means, found.spread, strict=True)
    ]
    caption = f"Partial dependence of {found.target} on {name}, {len(found.curves)} rows"
    out = {"effect": picture, "effect_table": attached_table(columns, rows, caption=caption)}
    if local is not None:
        ends = zip(local.ends.tolist(), local.effect.tolist(), local.low.tolist(), local.high.tolist(), strict=True)
        caption = f"Accumulated local effect of {name} on {found.target}, {int(local.rows.sum())} rows"
        out["accumulated_table"] = attached_table((name, "effect", "low", "high"), ends, caption=caption)
    return out


def interactions_drawn(found: Interactions, /) -> Attached:
    """How strongly columns work together as a heat map of unnormalised H; all numbers as a table."""
    title = f"Interactions in {found.target}"
    columns = ("columns", "H²", "low", "high", "bias of H²", "unnormalised H")
    rows = [
        (" × ".join(each.columns), each.h_squared, *_both(each.interval), each.bias, each.strength)
        for each in (*found.pairs, *found.totals)
    ]
    caption = f"{title}: pairs, then each column with all others; {found.n} rows"
    out = {"interactions_table": attached_table(columns, rows, caption=caption)}
    names = sorted({name for each in found.pairs for name in each.columns})
    if not names:
        return out
    strength = {frozenset(each.columns): each.strength for each in found.pairs}
    chart = Chart(f"{title}: unnormalised H")
    chart.heat(_names(names), _names(names), [[strength.get(frozenset({a, b})) for b in names] for a in names])
    return {"interactions": _picture(chart, title), **out}


def surface_drawn(found: Surface, /) -> Attached:
    """The mean answer at each pair of values of two columns, as a heat map with the first column's values downwards."""
    first, second = found.columns
    title = f"Mean {found.target} over {first.name} and {second.name}"
    chart = Chart(title, x=second.name, y=first.name)
    down, across = (
        [column.show(float(v)) for v in grid] for column, grid in zip(found.columns, found.grids, strict=True)
    )
    chart.heat(_names(down), _names(across), found.values)
    rows = [(name, *values) for name, values in zip(down, found.values.tolist(), strict=True)]
    caption = f"{title}: partial dependence, {found.n} rows; {first.name} downwards"
    return _both_of("strongest_pair", chart, title, (first.name, *across), rows, caption)


def shap_pairs_drawn(found: PairMeans, /) -> Attached:
    """All pairs by their mean absolute SHAP interaction value, as a table."""
    rows = [(" × ".join(each.columns), each.mean.value, *_both(each.mean.interval)) for each in found.pairs[:LISTED]]
    caption = f"Mean absolute SHAP interaction value, {found.scale}, {found.method}"
    return {"shap_interactions": attached_table(("columns", "mean |value|", "low", "high"), rows, caption=caption)}


def surrogate_drawn(found: Surrogate, /) -> Attached:
    """The rules of the tree, the largest share of rows first."""
    columns = ("rule", f"tree: {found.target}", "model's mean there", "rows", "share")
    rows = [(leaf.rule, leaf.answer, *_enough(leaf.n, leaf.model, leaf.n, leaf.share)) for leaf in found.leaves]
    caption = f"A tree that copies {found.target}, on rows that it was not fitted on; none are told of under {FEWEST}"
    return {"rules": attached_table(columns, rows, caption=caption)}


def intrinsic_drawn(found: Intrinsic, /) -> Attached:
    """All that was read, as one table; coefficients and terms as bars too."""
    caption = f"What the model adds up for {found.target}, on the scale of {found.scale}, from {found.base:.6g}"
    if found.rules:
        rows: list[tuple[Any, ...]] = [(r.tree + 1, r.rule, r.adds, *_enough(r.n, r.n, r.share)) for r in found.rules]
        return {"rules": attached_table(("tree", "rule", "adds", "rows", "share"), rows[:LISTED], caption=caption)}
    if found.terms:
        chart = Chart("Terms of the model", x="mean absolute score")
        shown = found.terms[:BARS]
        chart.bars(_names([term.name for term in shown]), [term.importance for term in shown])
        rows = [(term.name, term.importance, term.low, term.high) for term in found.terms[:LISTED]]
        return _both_of("terms", chart, "Terms", ("term", "mean absolute score", "lowest", "highest"), rows, caption)
    columns = (
        "column",
        "per unit",
        "per standard deviation",
        "standard deviation",
        "level",
        "against",
        "adds",
        "why not",
    )
    rows = [
        (*(c.column, c.per_unit, c.per_deviation, c.deviation), *(c.level, c.reference, c.against), _why(c.reason))
        for c in found.coefficients[:LISTED]
    ]
    adds = [(_label(c.column, c.level), c.per_deviation if c.level is None else c.against) for c in found.coefficients]
    known = sorted(((name, value) for name, value in adds if value is not None), key=lambda each: -abs(each[1]))[:BARS]
    if not known:
        return {"coefficients_table": attached_table(columns, rows, caption=caption)}
    title = "Coefficients: per standard deviation, of levels against the most frequent"
    chart = Chart(title, x=f"adds to the {found.scale}")
    chart.bars(_names([name for name, _ in known]), [value for _, value in known])
    return _both_of("coefficients", chart, title, columns, rows, caption)


def summary_drawn(found: Summary, /) -> Attached:
    """Bars of the mean absolute values with intervals, all of them by group as a table; a dot for each row and column,
    and the values of the first columns over what the columns were."""
    about = found.attributions
    title = f"Mean absolute SHAP value for {about.target}"
    shown = found.columns[:BARS]
    values = [each.mean.value for each in shown]
    low, high = _ends([each.mean.interval for each in shown], values)
    chart = Chart(title, x=f"mean |value|, {about.scale}")
    chart.bars(_names([each.column for each in shown]), values, low=low, high=high)
    columns = ("column", "group", "mean |value|", "low", "high", "mean value", "above all others", "rows")
    rows: list[tuple[Any, ...]] = []
    for each in found.columns:
        ends = _both(each.mean.interval)
        rows.append((each.column, "", each.mean.value, *ends, each.signed, None, len(about)))
        for group in each.groups:
            ends = _both(group.mean.interval)
            label = ", ".join(f"{name} = {_label_of(level)}" for name, level in group.slice.items())
            rows.append((each.column, label, group.mean.value, *ends, None, group.difference, int(group.mean.n)))
    caption = f"{title}, {about.method}, {len(about)} rows, against {about.origin}"
    out = _both_of("summary", chart, title, columns, rows[:LISTED], caption)
    out["beeswarm"] = beeswarm(about, most=BARS).attachment()
    known = [each.column for each in shown if not np.isnan(about.rows[:, about.columns.place(each.column)]).all()]
    for i, name in enumerate(known[:DEPENDENCES]):
        out[f"dependence_{i + 1}"] = dependence(about, name).attachment()
    return out


def _enough(n: int, /, *cells: float | None) -> tuple[float | None, ...]:
    """The cells of a rule; none where it holds for so few rows that they are people: no table is checked later."""
    return cells if n >= FEWEST else (None,) * len(cells)


def _why(reason: Any) -> str | None:
    return None if reason is None else str(reason.text())


def _label(column: str, level: str | None) -> str:
    return column if level is None else f"{column} = {level}"


def _label_of(level: str | None) -> str:
    return "(missing)" if level is None else level


def _both_of(
    name: str, chart: Chart, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str
) -> Attached:
    return {name: _picture(chart, title), f"{name}_table": attached_table(columns, rows, caption=caption)}


def _picture(chart: Chart, title: str) -> Attachment:
    return Attachment(chart.svg().encode(), "image/svg+xml", title)


def _both(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _ends(intervals: Sequence[Interval | None], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Both ends of each interval; the value itself where there is none, which draws no whisker."""
    low = [value if each is None else each.low for each, value in zip(intervals, values, strict=True)]
    high = [value if each is None else each.high for each, value in zip(intervals, values, strict=True)]
    return low, high


def _names(names: Sequence[str]) -> list[str]:
    """Names that are told apart in a picture, which shortens them."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        line = " ".join(name.split())
        short = line if len(line) <= SHORT else f"{line[: SHORT - 1]}…"
        seen[short] = seen.get(short, 0) + 1
        out.append(short if seen[short] == 1 else f"{short} ({seen[short]})")
    return out
