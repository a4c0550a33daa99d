"""Attributed texts as HTML: every piece on a ground, over a line and beside a mark that say what it added."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html import escape

import numpy as np

from assay.explain.drawing.terms import Z, decimals_for, on_scale, signed
from assay.explain.drawing.tokens import Tint, tint
from assay.explain.texts.attribution import TextAttributions
from assay.pictures.wording import escaped, number_text

MARKED = 0.2
"""Part of the largest size from which a piece carries its sign as a mark."""
LONGEST = 20_000
"""Most letters of one text that are shown; what follows is counted."""
SHOWN = 50
"""Most texts that are shown."""
_BOX = (
    "font:16px/2.1 system-ui,sans-serif;color:#1c2128;background:#fff;max-width:46rem;padding:.6rem .8rem;"
    "margin:0 0 1rem;border:1px solid #d0d7de;overflow-wrap:anywhere"
)
_SMALL = "font-size:13px;line-height:1.5;color:#57606a;margin:.2rem 0"


def html(found: TextAttributions, /) -> str:
    """One box a text: what is explained, the text with its pieces coloured, and how to read it.

    Blue over a full line added to the answer, brown over a dotted line took from it; the darker and the thicker the
    more, so that it is read in grey too. Every text is escaped, characters that are not seen are written as their code,
    and nothing is asked from anywhere. Behind ± stands half of a 95 % Monte-Carlo interval.
    """
    boxes = "".join(_box(found, i) for i in range(min(len(found), SHOWN)))
    more = len(found) - SHOWN
    return boxes + (f'<p style="{_SMALL}">{more:,} more texts are not shown.</p>' if more > 0 else "")


def named(found: TextAttributions, /) -> str:
    """What is explained, and its scale where the name does not tell it."""
    return found.target if found.scale == "probability" else on_scale(found.target, found.scale)


def _box(found: TextAttributions, text: int) -> str:
    values = found.values[text]
    largest = float(np.abs(values).max()) if len(values) else 0.0
    decimals = decimals_for([largest, float(found.outputs[text])])
    base, output = (number_text(float(side[text]), decimals=decimals) for side in (found.base, found.outputs))
    shown = "".join(_parts(found, text, largest, decimals))
    target = escaped(named(found), longest=80)
    return (
        f'<section style="{_BOX}"><p style="{_SMALL}"><strong>{target} is {output}</strong> · '
        f"{escaped(found.method, longest=40)}, from {base} without any piece</p>"
        f'<p dir="auto" style="margin:.3rem 0;white-space:pre-wrap">{shown}</p>'
        f'<p style="{_SMALL}">{_legend(largest, decimals)} {_left(found, text, decimals)}</p></section>'
    )


def _parts(found: TextAttributions, text: int, largest: float, decimals: int) -> Iterator[str]:
    whole, end = found.texts[text], 0
    errors = None if found.errors is None else found.errors[text]
    for place, ((start, stop), value) in enumerate(zip(found.spans[text], found.values[text].tolist(), strict=True)):
        if start >= LONGEST:
            yield f"{visible(whole[end:start])} … {len(whole) - start:,} more letters"
            return
        error = "" if errors is None or not errors[place] else f" ± {number_text(Z * errors[place], decimals=decimals)}"
        yield visible(whole[end:start])
        yield _piece(whole[start:stop], value, largest, f"{signed(value, decimals)}{error}")
        end = max(end, stop)
    yield visible(whole[end:])


def _piece(text: str, value: float, largest: float, said: str, *, marked: bool = True) -> str:
    part = abs(value) / largest if largest else 0.0
    mark = ("+" if value > 0 else "−") if marked and part >= MARKED else ""
    sign = f'<sup style="font-size:.7em;line-height:0">{mark}</sup>' if mark else ""
    look = tint(value, largest)
    ground = f"background:{look.ground};color:{look.ink};padding:1px 3px;border-radius:2px"
    shown = f'<bdi style="{ground}">{sign}{visible(text)}</bdi>'
    return f'<span title="{said}" style="padding-bottom:3px{_line(look, part)}">{shown}</span>'


def _line(look: Tint, part: float) -> str:
    """The line under a piece, apart from its ground, so that its kind and thickness are seen on any ground."""
    if look.line == "none":
        return ""
    colour = "#08306b" if look.line == "solid" else "#7f2704"
    return f";border-bottom:{max(1, round(4 * part))}px {look.line} {colour}"


def _legend(largest: float, decimals: int) -> str:
    if not largest:
        return "No piece changed the answer."
    low, high = (
        _piece(signed(side * largest, decimals), side, 1.0, "the largest", marked=False) for side in (-1.0, 1.0)
    )
    return f"{low} took from the answer, {high} added to it; darker and thicker is more."


def _left(found: TextAttributions, text: int, decimals: int) -> str:
    """What the method leaves unexplained, where a reader would see it at these decimals."""
    residual = float(found.residual[text])
    if abs(residual) < 0.5 * 10.0**-decimals:
        return ""
    return f"Not explained by the method: {signed(residual, decimals)}."


def visible(text: str, /) -> str:
    """`text` escaped for HTML, line breaks and tabs as they are, every other unseen character as its code."""
    return "".join(_character(char) for char in text)


def _character(char: str) -> str:
    if char in "\n\t" or char == " ":
        return char
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{ord(char):04X}⟩"
    return escape(char, quote=True)
