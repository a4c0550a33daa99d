"""What is drawn of one row: its largest terms, the rest of them together, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.target import Scale
from assay.pictures.wording import number_text

LABEL = 30
"""Most letters of "column = value"."""

Z = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""

_SCALES = {"probability": "probability", "log-odds": "log-odds", "value": "", "decision": "share that decides so"}


@dataclass(frozen=True, slots=True)
class Term:
    """What one column, or several `together`, added; `error` is a Monte-Carlo standard error, None without sampling."""

    label: str
    value: float
    error: float | None = None
    together: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one row, the largest first, from `base` to `output`; `residual` is what they leave unexplained.

    `residual` is None where they sum to the output as exactly as arithmetic allows. `decimals` suit them all.
    """

    row: str
    base: float
    output: float
    terms: tuple[Term, ...]
    residual: float | None
    decimals: int

    def signed(self, value: float, /) -> str:
        """The number with its sign."""
        return signed(value, self.decimals)

    def plain(self, value: float, /) -> str:
        """The number as it is."""
        return number_text(value, decimals=self.decimals)


def terms_of(found: Attributions, row: int, /, *, most: int, longest: int = LABEL) -> Terms:
    """The Terms of one row: the `most` largest columns, all others as one.

    Labels have at most `longest` letters. Columns that are put together have no error: those of single columns are
    correlated in a way that is not kept. Raises AssayError where the row does not exist, or `most` is none.
    """
    check_rows(found)
    if not 0 <= row < len(found):
        raise AssayError(
            f"There is no explained row {row}.", code="row", hint=f"They are numbered from 0 to {len(found) - 1}."
        )
    values = found.values[row]
    order = np.argsort(-np.abs(values), kind="stable")
    kept, rest = split(order, most)
    shown = found.columns.show(found.rows[row])
    errors = None if found.errors is None else found.errors[row]
    listed = [
        Term(
            label(found.columns.names[i], shown[i], longest=longest),
            float(values[i]),
            None if errors is None else float(errors[i]),
        )
        for i in kept
    ]
    if len(rest):
        listed.append(Term(others(len(rest)), float(values[rest].sum()), together=True))
    residual = None if found.holds[row] else float(found.residual[row])
    base, output = float(found.base[row]), float(found.outputs[row])
    decimals = decimals_for([*(term.value for term in listed), output - base])
    name = f"row {found.places[row]}" if found.places else f"row {row} of those explained"
    return Terms(name, base, output, tuple(listed), residual, decimals)


def check_rows(found: Attributions, /) -> None:
    """Raises AssayError where there is nothing to draw."""
    if not len(found) or not len(found.columns):
        raise AssayError(
            f"{found.method} explained {len(found)} rows of {len(found.columns)} columns: there is nothing to draw.",
            code="empty",
            hint="Explain at least one row of a model with columns.",
        )


class Split(NamedTuple):
    """Which columns stand alone and which are put together."""

    kept: NDArray[np.int64]
    rest: NDArray[np.int64]


def split(order: NDArray[np.int64], most: int, /) -> Split:
    """The first `most` of an order alone; one alone that would be left over is shown as well."""
    if most < 1:
        raise AssayError(f"{most} columns are none to draw.", code="most", hint="Give a number from 1.")
    cut = len(order) if len(order) <= most + 1 else most
    return Split(order[:cut], order[cut:])


def others(count: int, /) -> str:
    """What columns that are put together are called."""
    return f"{count} other columns"


def label(name: str, value: str, /, *, longest: int = LABEL) -> str:
    """ "name = value" of at most `longest` letters; a long name is cut before the value is."""
    name, value = " ".join(name.split()), " ".join(value.split())
    room = longest - 3
    value_room = max(room - len(name), min(len(value), room // 2))
    return f"{cut_middle(name, room - min(len(value), value_room))} = {cut(value, value_room)}"


def cut(text: str, longest: int, /) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= longest else f"{text[: max(0, longest - 1)]}…"


def cut_middle(text: str, longest: int, /) -> str:
    """The text, or its two ends and an ellipsis: names of many columns differ at the end."""
    if len(text) <= longest:
        return text
    tail = max(0, longest - 1) // 3
    return f"{text[: max(0, longest - 1 - tail)]}…{text[len(text) - tail :]}"


def distinct(names: Sequence[str], /) -> tuple[str, ...]:
    """The names, those that were cut to the same letters numbered, so that each stays one of its own."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        times = seen[name]
        numbered = name if times == 1 else f"{cut(name, LABEL - 4)} ({times})"
        while times > 1 and numbered in seen:
            times += 1
            numbered = f"{cut(name, LABEL - 4)} ({times})"
        seen.setdefault(numbered, 1)
        out.append(numbered)
    return tuple(out)


def decimals_for(values: Sequence[float] | Floats, /) -> int:
    """So many decimals that the largest has three digits: 0 to 6."""
    largest = max((abs(float(value)) for value in values), default=0.0)
    return min(6, max(0, 2 - math.floor(math.log10(largest)))) if largest > 1e-12 else 2


def signed(value: float, decimals: int, /) -> str:
    """The number with its sign, a true minus; none for what rounds to zero."""
    text = number_text(value, decimals=decimals)
    return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text


def on_scale(target: str, scale: Scale, /) -> str:
    """What is explained and in which numbers: "P(good) (probability)", "log-odds of good"."""
    words = _SCALES[scale]
    return f"{target} ({words})" if words and words not in target else target


def compared(found: Attributions, /, *, errors: str = "whiskers: 95 % Monte-Carlo intervals") -> str:
    """By which method, what the rows were compared with, and how the error of sampled values is drawn."""
    origin = f" · compared with {found.origin}" if found.origin else ""
    sampled = f" · {errors}" if errors and found.errors is not None else ""
    return f"{found.method}{origin}{sampled}"
