"""Steps from one number to another: bars that point where they go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.pictures.axes import Names
from assay.pictures.marks import Frame, Place, at, line, path
from assay.pictures.paint import INK, MUTED, PAPER, SERIES, coordinate
from assay.pictures.wording import escaped, width_of

HEAD = 7.0
"""How long the head of an arrow is, where the step is longer."""

UP, DOWN = SERIES[0], SERIES[1]
PALE = "#f7cfae"
"""The ground of a step downwards: it is outlined and pale, one upwards is full, so that grey is enough."""


def arrow(first: float, last: float, y: float, /, *, thick: float, colour: str = "") -> str:
    """A bar from x `first` to x `last` whose head points to `last`; full to the right, outlined and pale to the left.

    With a `colour` (of what has no direction) it is outlined in that colour and white.
    """
    right = last >= first
    head = min(HEAD, abs(last - first)) * (1 if right else -1)
    top, bottom = y - thick / 2, y + thick / 2
    outline = [(first, top), (last - head, top), (last, y), (last - head, bottom), (first, bottom)]
    ink, fill = (colour, PAPER) if colour else (UP, UP) if right else (DOWN, PALE)
    return (
        f'<polygon points="{path(outline)}" fill="{fill}" stroke="{ink}" stroke-width="1.2" stroke-linejoin="round"/>'
    )


def whisker(low: float, high: float, y: float, /, *, cap: float = 3.5) -> str:
    """An error bar along x with caps, white-edged, so that it is seen on a bar too."""
    a, b, c, d = coordinate(low), coordinate(high), coordinate(y), coordinate(cap)
    drawn = f"M{a} {c}H{b}M{a} {coordinate(y - cap)}v{coordinate(2 * cap)}M{b} {coordinate(y - cap)}v{d}v{d}"
    return (
        f'<path d="{drawn}" fill="none" stroke="{PAPER}" stroke-width="3.2"/>'
        f'<path d="{drawn}" fill="none" stroke="{INK}" stroke-width="1.3"/>'
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """A step a name, from `starts` to `ends`, one below the other, each joined to the next; a `text` stands at each.

    A step from a number to itself is a resting place: a diamond. `errors` are half-widths of a whisker at the end of a
    step, None where there is none. `plain` steps have no direction (what a method left unexplained).
    """

    names: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    texts: tuple[str, ...]
    errors: tuple[float | None, ...] = ()
    rests: tuple[bool, ...] = ()
    plain: tuple[bool, ...] = ()
    name: str = ""

    def x_values(self) -> Iterable[Place]:
        """Where steps begin and end, and the ends of whiskers."""
        yield from (*self.starts, *self.ends)
        for end, error in zip(self.ends, self.errors, strict=False):
            if error:
                yield from (end - error, end + error)

    def y_values(self) -> Iterable[Place]:
        """The names."""
        return self.names

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """Each step with its joint to the next, its whisker and its text."""
        assert isinstance(frame.y, Names)
        thick = min(18.0, 0.62 * frame.y.band)
        for i, name in enumerate(self.names):
            y, first, last = frame.y.at(name), at(frame.x, self.starts[i]), at(frame.x, self.ends[i])
            assert first is not None
            assert last is not None
            if i + 1 < len(self.names):
                yield line(last, last, y, y + frame.y.band, colour=MUTED, width=0.8)
            if self.rests and self.rests[i]:
                yield f'<path d="M{coordinate(last)} {coordinate(y - 6)}l6 6l-6 6l-6 -6z" fill="{INK}"/>'
            else:
                grey = MUTED if self.plain and self.plain[i] else ""
                yield arrow(first, last, y, thick=thick, colour=grey)
            error = self.errors[i] if self.errors else None
            reach = 0.0
            if error:
                low, high = at(frame.x, self.ends[i] - error), at(frame.x, self.ends[i] + error)
                assert low is not None
                assert high is not None
                reach = (high - low) / 2
                yield whisker(low, high, y)
            yield self._text(frame, i, first, last, y, reach)

    def _text(self, frame: Frame, i: int, first: float, last: float, y: float, reach: float) -> str:
        """The text beyond the end of the step, else before its start, else over it with a pale edge."""
        assert not isinstance(frame.x, Names)
        wide, gap = width_of(self.texts[i]), 10.0 if self.rests and self.rests[i] else 8.0
        right = max(first, last + reach) + gap
        left = min(first, last - reach) - gap
        fits_right, fits_left = right + wide <= frame.x.end + 20, left - wide >= frame.x.start
        halo = ""
        if (last >= first and fits_right) or (fits_right and not fits_left):
            x, anchor = right, "start"
        elif fits_left:
            x, anchor = left, "end"
        else:
            x, anchor, halo = frame.x.end, "end", f' stroke="{PAPER}" stroke-width="4" paint-order="stroke"'
        place = f'x="{coordinate(x)}" y="{coordinate(y + 4)}" text-anchor="{anchor}"'
        return f"<text {place}{halo}>{escaped(self.texts[i])}</text>"

    def key(self, x: float, y: float, /) -> str:
        """A short step."""
        return arrow(x, x + 24, y, thick=10)
