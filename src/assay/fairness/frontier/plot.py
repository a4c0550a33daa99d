"""The frontier as a picture."""

from __future__ import annotations

from html import escape

from assay.core.measure import Interval
from assay.fairness.frontier.labels import Box, Label, Point, place
from assay.fairness.frontier.outcomes import Outcome
from assay.fairness.frontier.record import Entry, Frontier
from assay.pictures.axes import Scale, nice_scale

WIDTH, HEIGHT, EDGE = 760, 480, 64
INK, FAINT, PALE, TEXT = "#14506b", "#8a979d", "#d7dee2", "#222222"
"""Line and filled points, leader lines, intervals and grid, words: each darker than the next but one when grey."""
LONGEST = 40


def svg(frontier: Frontier, /) -> str:
    """Accuracy against the gap, with intervals; a line joins the methods that none dominates, the others are hollow.

    Better is up and left. Names stand where they cover no other name, with a line to a point that is further off. Every
    name is escaped; the picture needs nothing from outside.
    """
    shown = [(entry, entry.outcome) for entry in frontier.entries if entry.outcome]
    gaps = [end for _, found in shown for end in _ends(found.gap.interval)]
    x = nice_scale([0.0, *gaps], start=EDGE, end=WIDTH - EDGE / 2)
    rates = [end for _, found in shown for end in _ends(found.accuracy.interval)]
    y = nice_scale(rates, start=HEIGHT - EDGE, end=EDGE)
    points = [Point(x.at(f.gap.value), y.at(f.accuracy.value), e.method[:LONGEST]) for e, f in shown]
    best = [f"{x.at(e.outcome.gap.value):.1f},{y.at(e.outcome.accuracy.value):.1f}" for e in frontier.best if e.outcome]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="11" fill="{TEXT}">',
        f"<title>Accuracy against the gap of {escape(frontier.rate)}, {len(shown)} methods</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(x, y, frontier.rate),
        *(_interval(found, x, y) for _, found in shown),
        f'<polyline points="{" ".join(best)}" fill="none" stroke="{INK}" stroke-dasharray="4 3"/>',
        *(_name(label) for label in place(points, Box(EDGE + 2, 8, WIDTH - 4, HEIGHT - EDGE - 2))),
        *(_dot(point, entry) for point, (entry, _) in zip(points, shown, strict=True)),
        "</svg>",
    ]
    return "\n".join(parts)


def _interval(found: Outcome, x: Scale, y: Scale) -> str:
    cx, cy = x.at(found.gap.value), y.at(found.accuracy.value)
    left, right = (x.at(end) for end in _ends(found.gap.interval))
    bottom, top = (y.at(end) for end in _ends(found.accuracy.interval))
    return f'<path d="M{left:.1f} {cy:.1f}H{right:.1f}M{cx:.1f} {bottom:.1f}V{top:.1f}" stroke="{PALE}"/>'


def _dot(point: Point, entry: Entry) -> str:
    fill = INK if entry.dominated_by is None else "#ffffff"
    return f'<circle cx="{point.x:.1f}" cy="{point.y:.1f}" r="4" fill="{fill}" stroke="{INK}"/>'


def _name(label: Label) -> str:
    """The name, and a line to its point where that is not beside it; a white rim keeps it readable over lines."""
    box, (x, y) = label.box, label.end
    line = ""
    if label.far:
        line = f'<path d="M{label.point.x:.1f} {label.point.y:.1f}L{x:.1f} {y:.1f}" stroke="{FAINT}"/>'
    side = min((abs(box.left - x), "start", box.left), (abs(box.right - x), "end", box.right))
    _, anchor, at_x = side if x in (box.left, box.right) else (0.0, "middle", (box.left + box.right) / 2)
    rim = 'paint-order="stroke" stroke="#ffffff" stroke-width="2.5" stroke-linejoin="round"'
    at = f'x="{at_x:.1f}" y="{box.bottom - 3:.1f}" text-anchor="{anchor}"'
    return f"{line}<text {at} {rim}>{escape(label.point.name)}</text>"


def _axes(x: Scale, y: Scale, rate: str) -> list[str]:
    bottom, right = HEIGHT - EDGE, WIDTH - EDGE / 2
    out = [f'<path d="M{EDGE} {EDGE}V{bottom}H{right:g}" fill="none" stroke="#444444"/>']
    for tick in x.ticks:
        out.append(f'<text x="{tick.at:.1f}" y="{bottom + 16}" text-anchor="middle">{tick.text}</text>')
    for tick in y.ticks:
        out.append(f'<text x="{EDGE - 6}" y="{tick.at + 4:.1f}" text-anchor="end">{tick.text}</text>')
    said = f"gap of {escape(rate)} (less is better)"
    out.append(f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 24}" text-anchor="middle">{said}</text>')
    keys = "accuracy, with intervals · filled: dominated by none"
    out.append(f'<text x="{EDGE - 40}" y="{EDGE - 36}">{keys}</text>')
    return out


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
