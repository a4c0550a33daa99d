"""Names beside points, so that no name covers another name, a point or a leader line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

RADII = (9, 14, 20, 28, 38, 50, 64, 80, 98, 118, 140, 164, 190, 220, 250)
"""How far a name may be from its point, in pixels."""
ANGLES = tuple(i * pi / 12 for i in range(-2, 22))
MARKER, LETTER, LINE = 5.0, 6.3, 13.0
"""Half the side of a point, and the room that a letter and a line of 11 px text take at most."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """True where both cover some place."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """True where `other` lies within."""
        inside = self.left <= other.left and other.right <= self.right
        return inside and self.top <= other.top and other.bottom <= self.bottom

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The place in the box nearest to (x, y)."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


@dataclass(frozen=True, slots=True)
class Point:
    """A named place."""

    x: float
    y: float
    name: str

    @property
    def box(self) -> Box:
        """What its marker covers."""
        return Box(self.x - MARKER, self.y - MARKER, self.x + MARKER, self.y + MARKER)


@dataclass(frozen=True, slots=True)
class Label:
    """Where the name of a point stands: the box it may fill, and where its leader line ends."""

    point: Point
    box: Box

    @property
    def end(self) -> tuple[float, float]:
        """The place of the box that is nearest to the point."""
        return self.box.nearest(self.point.x, self.point.y)

    @property
    def far(self) -> bool:
        """True where a leader line is needed to say whose name it is."""
        return hypot(self.end[0] - self.point.x, self.end[1] - self.point.y) > RADII[1]


def place(points: Sequence[Point], within: Box, /) -> tuple[Label, ...]:
    """One Label a point, in their order; the most crowded points choose first, and each takes the nearest free place.

    A name never covers another or leaves `within` while there is room; it covers no point and no leader line, and its
    own crosses none, while that is possible too.
    """
    crowd = {p: sum(hypot(p.x - q.x, p.y - q.y) < RADII[6] for q in points) for p in points}
    made: dict[Point, Label] = {}
    for point in sorted(points, key=lambda p: -crowd[p]):
        options = [label for label in _options(point) if within.holds(label.box)]
        taken = list(made.values())
        tests = (_clear, _open, _apart)
        found = (label for test in tests for label in options if test(label, taken, points))
        made[point] = next(found, None) or (options or list(_options(point)))[0]
    return tuple(made[point] for point in points)


def _options(point: Point) -> Iterator[Label]:
    width = LETTER * len(point.name)
    for radius in RADII:
        for angle in ANGLES:
            x, y = point.x + radius * cos(angle), point.y - radius * sin(angle)
            left = x - width * (1 - cos(angle)) / 2
            top = y - LINE * (1 + sin(angle)) / 2
            yield Label(point, Box(left, top, left + width, top + LINE))


def _apart(label: Label, taken: Sequence[Label], points: Sequence[Point]) -> bool:
    return not any(label.box.meets(other.box) for other in taken)


def _open(label: Label, taken: Sequence[Label], points: Sequence[Point]) -> bool:
    return _apart(label, taken, points) and not any(label.box.meets(p.box) for p in points)


def _clear(label: Label, taken: Sequence[Label], points: Sequence[Point]) -> bool:
    own = (label.point.x, label.point.y)
    others = [p for p in points if hypot(p.x - own[0], p.y - own[1]) > MARKER]
    return (
        _open(label, taken, points)
        and not any(_crosses(own, label.end, other.box) for other in taken)
        and not any(_crosses(own, label.end, p.box) for p in others)
        and not any(_crosses((o.point.x, o.point.y), o.end, label.box) for o in taken if o.far)
    )


def _crosses(start: tuple[float, float], end: tuple[float, float], box: Box) -> bool:
    """True where the line from `start` to `end` touches the box, looked at every two pixels."""
    steps = max(1, int(hypot(end[0] - start[0], end[1] - start[1]) / 2))
    for i in range(steps + 1):
        x, y = (a + (b - a) * i / steps for a, b in zip(start, end, strict=True))
        if box.left < x < box.right and box.top < y < box.bottom:
            return True
    return False
