"""An attributed text for a terminal: the text in colour, and a table of its strongest pieces with bars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.explain.drawing.terms import Z, decimals_for, signed
from assay.explain.texts.attribution import TextAttributions
from assay.explain.texts.html import named
from assay.pictures.wording import clean, number_text

BAR = 24
"""Cells of the longest bar."""
PIECE = 40
LONGEST = 2000
"""Most pieces that are written out."""
RESET = "\x1b[0m"
STRONG, FAINT = 0.5, 0.1
"""Parts of the largest size from which a piece is on a dark ground, and from which it is marked at all."""
_UP = ("\x1b[97;44m", "\x1b[34;4m")
_DOWN = ("\x1b[30;43m", "\x1b[33;4m")


def terminal(found: TextAttributions, text: int = 0, /, *, count: int = 10, colour: bool = True) -> str:
    """The answer, the text with signed marks (and blue or yellow where `colour`), and its `count` strongest pieces.

    A piece that added much is between `[+` and `]`, one that took much between `[-` and `]`, so that the text can be
    read without colour. Characters of the text that are not seen are written as their code.
    Behind ± stands half of a 95 % Monte-Carlo interval.
    """
    values = found.values[text]
    largest = float(np.abs(values).max()) if len(values) else 0.0
    decimals = decimals_for([largest, float(found.outputs[text])])
    base, output = (number_text(float(side[text]), decimals=decimals) for side in (found.base, found.outputs))
    lines = [
        f"{clean(named(found), longest=80)} is {output}, from {base} without any piece",
        "",
        "  " + "".join(_parts(found, text, largest, colour)),
        "",
        *_bars(found, text, largest, decimals, count),
    ]
    residual = float(found.residual[text])
    if abs(residual) >= 0.5 * 10.0**-decimals:
        lines.append(f"Not explained by {found.method}: {signed(residual, decimals)}")
    return "\n".join(line.rstrip() for line in lines)


def _parts(found: TextAttributions, text: int, largest: float, colour: bool) -> Iterator[str]:
    whole, end = found.texts[text], 0
    pieces = list(zip(found.spans[text], found.values[text].tolist(), strict=True))
    for (start, stop), value in pieces[:LONGEST]:
        yield _between(whole[end:start])
        part = value / largest if largest else 0.0
        yield _marked(clean(whole[start:stop], longest=10 * PIECE), part, colour)
        end = max(end, stop)
    if len(pieces) > LONGEST:
        yield f" … {len(pieces) - LONGEST:,} more pieces"
    else:
        yield _between(whole[end:])


def _between(text: str) -> str:
    """What stands between two pieces, in one line."""
    inner = clean(text, longest=10 * PIECE)
    if not inner:
        return " " if text else ""
    return (" " if text[0].isspace() else "") + inner + (" " if text[-1].isspace() else "")


def _marked(shown: str, part: float, colour: bool) -> str:
    if abs(part) < FAINT:
        return shown
    strong = abs(part) >= STRONG
    marked = f"[{'+' if part > 0 else '-'}{shown}]" if strong else shown
    if not colour:
        return marked
    styles = _UP if part > 0 else _DOWN
    return f"{styles[0] if strong else styles[1]}{marked}{RESET}"


def _bars(found: TextAttributions, text: int, largest: float, decimals: int, count: int) -> Iterator[str]:
    values = found.values[text]
    order = np.argsort(-np.abs(values), kind="stable")[:count]
    labels = {i: clean(piece, longest=PIECE) for i, piece in enumerate(found.pieces(text)) if i in set(order.tolist())}
    wide = max(map(len, labels.values()), default=0)
    for i in order:
        value = float(values[i])
        error = "" if found.errors is None or not found.errors[text][i] else _error(found, text, int(i), decimals)
        length = max(1, round(BAR * abs(value) / largest)) if value else 0
        bar = ("+" if value > 0 else "-") * length
        yield f"  {labels[int(i)]:<{wide}}  {signed(value, decimals):>{decimals + 4}}{error}  {bar}"
    if len(values) > count:
        yield f"  and {len(values) - count:,} more"


def _error(found: TextAttributions, text: int, place: int, decimals: int) -> str:
    assert found.errors is not None
    return f" ± {number_text(Z * float(found.errors[text][place]), decimals=decimals)}"
