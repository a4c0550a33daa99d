"""Colours, dashes and markers, each to be told apart without the others."""

from __future__ import annotations

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito (2008), Color universal design, https://jfly.uni-koeln.de/color/; without the yellow, too pale here."""

DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4")
"""Five, while there are seven colours: thirty-five lines differ."""

INK, MUTED, GRID, PAPER = "#1c2128", "#57606a", "#e3e6ea", "#ffffff"

LIGHT, DARK, WARM = (247, 251, 255), (8, 48, 107), (127, 39, 4)
"""Ends of the shades: one hue that darkens for size, two hues for sign."""

_MARKERS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.6 -3.6h7.2v7.2h-7.2z",
    "M0 -4.6L4.4 3.4H-4.4z",
    "M0 -5L5 0L0 5L-5 0z",
    "M0 4.6L4.4 -3.4H-4.4z",
    "M-4.2 -1.4h2.8v-2.8h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8z",
    "M-4.5 0L0 -4.5L4.5 0L1.5 0L1.5 4.5L-1.5 4.5L-1.5 0z",
)


def coordinate(value: float, /) -> str:
    """A length to a tenth of a unit, without a trailing zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def colour_of(index: int, /) -> str:
    """The colour of the series with that number."""
    return SERIES[index % len(SERIES)]


def dash_of(index: int, /) -> str:
    """The attribute that dashes the line of the series with that number."""
    dash = DASHES[index % len(DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def marker(x: float, y: float, index: int, /, *, size: float = 1.0, fill: str = "") -> str:
    """The marker of the series with that number at (x, y)."""
    scale = "" if size == 1 else f" scale({size:.2f})"
    place = f"translate({coordinate(x)} {coordinate(y)}){scale}"
    return f'<path d="{_MARKERS[index % len(_MARKERS)]}" transform="{place}" fill="{fill or colour_of(index)}"/>'


def shade(part: float, /) -> str:
    """A colour for `part` in [-1, 1]: pale at 0, dark blue at 1, dark orange at -1."""
    end = DARK if part >= 0 else WARM
    part = min(1.0, abs(part))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(LIGHT, end, strict=True))


def ink_on(part: float, /) -> str:
    """The colour of text on `shade(part)`."""
    return PAPER if abs(part) > 0.5 else INK
