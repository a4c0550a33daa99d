"""Texts and numbers as they stand in a picture."""

from __future__ import annotations

import unicodedata
from html import escape

LETTER = 6.6
"""About so many units wide is a letter of the size the axes use; SVG cannot be asked without drawing it."""

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean(text: object, /, *, longest: int = 32) -> str:
    """`text` in one line of at most `longest` characters; what is not seen, or no XML, is written as its code."""
    line = " ".join(str(text).split())
    short = line if len(line) <= longest else f"{line[: longest - 1]}…"
    return "".join(
        f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in _UNSEEN or ord(char) & 0xFFFE == 0xFFFE else char
        for char in short
    )


def escaped(text: object, /, *, longest: int = 32) -> str:
    """`clean` text that is safe between tags and in attributes."""
    return escape(clean(text, longest=longest), quote=True)


def width_of(text: object, /, *, longest: int = 32) -> float:
    """About how wide `clean` text is; East Asian letters count twice."""
    return LETTER * sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in clean(text, longest=longest))


def number_text(value: float, /, *, decimals: int | None = None) -> str:
    """A number for people: three significant digits, or so many decimals; a true minus sign."""
    plain = decimals is not None and abs(value) < 1e7
    text = f"{value:,.{decimals}f}" if plain else f"{value:.3g}"
    return text.replace("-", "−") if any(digit in text for digit in "123456789") else text.lstrip("-")
