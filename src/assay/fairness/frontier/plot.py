"""The frontier as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assay.core.measure import Interval
from assay.fairness.frontier.record import Entry, Frontier

WIDTH, HEIGHT, EDGE = 720, 440, 60
TICKS = 5


@dataclass(frozen=True, slots=True)
class _Scale:
    """Numbers from `low` to `high` onto pixels from `start` to `stop`."""

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def svg(frontier: Frontier, /) -> str:
    """Accuracy against the gap, with intervals; a line joins the methods that none dominates, the others are hollow.

    Better is up and left. Every name is escaped; the picture needs nothing from outside.
    """
    shown = [entry for entry in frontier.entries if entry.outcome]
    x = _scale([end for e in shown if e.outcome for end in _ends(e.outcome.gap.interval)], EDGE, WIDTH - EDGE)
    y = _scale([end for e in shown if e.outcome for end in _ends(e.outcome.accuracy.interval)], HEIGHT - EDGE, EDGE)
    line = [f"{x.at(e.outcome.gap.value):.1f},{y.at(e.outcome.accuracy.value):.1f}" for e in frontier.best if e.outcome]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        'font-size="11">',
        f"<title>Accuracy against the gap of {escape(frontier.rate)}, {len(shown)} methods</title>",
        *_axes(x, y, frontier.rate),
        f'<polyline points="{" ".join(line)}" fill="none" stroke="#1b5e7a" stroke-dasharray="4 3"/>',
        *(_mark(entry, x, y) for entry in shown),
        "</svg>",
    ]
    return "\n".join(parts)


def _mark(entry: Entry, x: _Scale, y: _Scale) -> str:
    if entry.outcome is None:
        return ""
    gap, accuracy = entry.outcome.gap, entry.outcome.accuracy
    cx, cy = x.at(gap.value), y.at(accuracy.value)
    left, right = x.at(gap.interval.low), x.at(gap.interval.high)
    bottom, top = y.at(accuracy.interval.low), y.at(accuracy.interval.high)
    fill = "#1b5e7a" if entry.dominated_by is None else "#ffffff"
    side, anchor = (-8, "end") if cx > WIDTH * 0.7 else (8, "start")
    return (
        f'<g><path d="M{left:.1f} {cy:.1f}H{right:.1f}M{cx:.1f} {bottom:.1f}V{top:.1f}" stroke="#9bb7c4"/>'
        f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="{fill}" stroke="#1b5e7a"/>'
        f'<text x="{cx + side:.1f}" y="{cy - 6:.1f}" text-anchor="{anchor}">{escape(entry.method)}</text></g>'
    )


def _axes(x: _Scale, y: _Scale, rate: str) -> list[str]:
    bottom = HEIGHT - EDGE
    out = [f'<path d="M{EDGE} {EDGE}V{bottom}H{WIDTH - EDGE}" fill="none" stroke="#444444"/>']
    for i in range(TICKS):
        gap, accuracy = (s.low + (s.high - s.low) * i / (TICKS - 1) for s in (x, y))
        out.append(f'<text x="{x.at(gap):.1f}" y="{bottom + 16}" text-anchor="middle">{gap:.3f}</text>')
        out.append(f'<text x="{EDGE - 6}" y="{y.at(accuracy) + 4:.1f}" text-anchor="end">{accuracy:.3f}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 16}" text-anchor="middle">gap of {escape(rate)}</text>')
    out.append(f'<text x="{EDGE}" y="{EDGE - 14}" text-anchor="middle">accuracy</text>')
    return out


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _scale(values: Sequence[float], start: float, stop: float) -> _Scale:
    low, high = min(values), max(values)
    room = max((high - low) * 0.05, 1e-6)
    return _Scale(low - room, high + room, start, stop)
