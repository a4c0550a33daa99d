"""The trade-off as one picture: small panels that share the axis of epsilon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.core.measure import Slice
from assay.pictures.chart import Chart
from assay.pictures.paint import coordinate
from assay.pictures.picture import Picture
from assay.pictures.sheet import note, sheet
from assay.pictures.wording import clean
from assay.privacy.tradeoffs.report import Level, Member, Tradeoff
from assay.privacy.tradeoffs.runs import LOST

WIDE, TALL, TOP, ACROSS = 420, 370, 58, 3
MOST = 6
"""Groups of an attribute that are drawn, the smallest; the table has all."""
MORE = "more than all others lose"
GAPS = {
    "equalized_odds_difference": "equalized odds",
    "selection_rate_gap": "selection rate",
    "accuracy_gap": "accuracy",
}


def picture(found: Tradeoff, /) -> Picture:
    """Accuracy, membership, and for each attribute its groups' accuracy, what each lost, and the gaps.

    Each with its interval at every epsilon; where there is one number, the runs without privacy are a line across.
    """
    charts = [
        _single(found, "accuracy", "Accuracy, all held-out rows"),
        _single(found, "membership_auc", "Membership: AUC of the loss (0.5 is a guess)"),
        _single(found, "membership_tpr_at_fpr_1pct", "Members found at 1 % false positives"),
    ]
    for attribute in found.attributes:
        charts += [_groups(found, attribute), *(_losses(found, attribute, name) for name in LOST)]
    charts += [_gaps(found, attribute) for attribute in found.attributes]
    drawn = [chart for chart in charts if chart is not None]
    title = f"What privacy costs: {found.facts['model']} model of {found.facts['label']}"
    small = (
        f"{found.facts['runs']} runs an epsilon, {found.facts['held_out']:,} held-out rows, intervals at "
        f"{found.facts['level']:.0%}; epsilon from left to right, at delta {found.facts['delta']:g}. Not private."
    )
    body = [note(small, 46, width=ACROSS * WIDE)]
    for place, chart in enumerate(drawn):
        x, y = WIDE * (place % ACROSS), TOP + TALL * (place // ACROSS)
        body.append(f'<g transform="translate({coordinate(x)} {coordinate(y)})">{chart.svg()}</g>')
    tall = TOP + TALL * -(-len(drawn) // ACROSS)
    return Picture(title, sheet(title, body, width=ACROSS * WIDE, height=tall, said=small))


def _chart(title: str, *, y: str = "", note: str = "") -> Chart:
    return Chart(title, x="epsilon", y=y, note=note, width=WIDE, height=TALL)


def _single(found: Tradeoff, name: str, title: str) -> Chart | None:
    """One number, and the same without privacy as a line; None where it was not measured."""
    chart = _chart(title)
    if not any(m.name == name and m.value is not None for level in found.private for m in level.measures):
        return None
    _curve(chart, found.private, name, "private")
    same = [replace(level, measures=found.plain.measures) for level in found.private]
    _curve(chart, same, name, "without privacy", dots=False)
    return chart


def _groups(found: Tradeoff, attribute: str) -> Chart:
    """The accuracy of each group, "none" being the runs without privacy."""
    chart = _chart(f"Accuracy by {attribute}", note=_left_out(found, attribute))
    for group in _shown(found, attribute):
        _curve(chart, found.levels, "accuracy", _named(group), slice=group.slice)
    return chart


def _losses(found: Tradeoff, attribute: str, name: str) -> Chart:
    """What privacy takes from each group."""
    chart = _chart(f"{name.replace('_', ' ').capitalize()}, by {attribute}", note=_left_out(found, attribute))
    for group in _shown(found, attribute):
        _curve(chart, found.private, name, _named(group), slice=group.slice)
    stars = [
        (level.text, measure.value)
        for level in found.private
        for group in _shown(found, attribute)
        if (level.text, name, attribute, group.slice[attribute]) in found.marked
        and (measure := level.get(name, slice=group.slice)) is not None
    ]
    if stars:
        chart.points([at for at, _ in stars], [value for _, value in stars], sizes=[1] * len(stars), name=MORE)
    return chart


def _gaps(found: Tradeoff, attribute: str) -> Chart | None:
    """The widest gaps between groups, "none" being the runs without privacy."""
    chart = _chart(f"Widest gaps over {attribute}")
    here = [name for name in GAPS if found.plain.get(name, over=(attribute,))]
    for name in here:
        _curve(chart, found.levels, name, GAPS[name], over=(attribute,))
    return chart if here else None


def _shown(found: Tradeoff, attribute: str) -> list[Member]:
    """The smallest groups of an attribute, the smallest first."""
    mine = [group for group in found.groups if attribute in group.slice]
    return sorted(mine, key=lambda group: group.held_out)[:MOST]


def _left_out(found: Tradeoff, attribute: str) -> str:
    more = sum(attribute in group.slice for group in found.groups) - MOST
    return f"the {MOST} smallest groups; {more} more are in the table" if more > 0 else ""


def _named(group: Member) -> str:
    (value,) = group.slice.values()
    return f"{'(missing)' if value is None else clean(value, longest=20)} (n {group.held_out:,})"


def _curve(
    chart: Chart,
    levels: Sequence[Level],
    measure: str,
    name: str,
    /,
    *,
    slice: Slice | None = None,
    over: tuple[str, ...] = (),
    dots: bool = True,
) -> None:
    """A line over the levels with a band, and dots on it; nothing where a level has no number."""
    found = [level.get(measure, slice=slice, over=over) for level in levels]
    values = [None if one is None else one.value for one in found]
    ends = [one.interval if one is not None else None for one in found]
    low, high = ([None if end is None else getattr(end, side) for end in ends] for side in ("low", "high"))
    texts = [level.text for level in levels]
    chart.line(texts, values, low=low, high=high, name=name)
    if dots:
        chart.points(texts, values)
