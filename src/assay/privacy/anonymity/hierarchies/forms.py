"""Hierarchies from functions, dictionaries and files."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from assay.core.errors import AssayError
from assay.privacy.anonymity.hierarchies.hierarchy import ALL, Hierarchy


def intervals(widths: Sequence[float], /, *, origin: float = 0.0) -> Hierarchy:
    """Numbers become half-open intervals of `widths`, each a whole multiple of the one before, from `origin` on.

    >>> intervals([5, 20]).steps("37")
    ('[35, 40)', '[20, 40)')
    """
    listed = [float(width) for width in widths]
    if not listed or not all(math.isfinite(width) and width > 0 for width in listed):
        raise AssayError("Widths of intervals are numbers above 0.", code="hierarchy", hint="For example [5, 10, 20].")
    for narrow, wide in pairwise(listed):
        times = wide / narrow
        if times < 1 or abs(times - round(times)) > 1e-9:
            raise AssayError(
                f"Intervals of {wide:g} do not consist of whole intervals of {narrow:g}.",
                code="hierarchy",
                hint="Make each width a whole multiple of the one before.",
            )
    counts = [round(width / listed[0]) for width in listed]

    def steps(text: str) -> Sequence[str] | None:
        try:
            cell = math.floor((float(text) - origin) / listed[0])
        except ValueError:
            return None
        return tuple(_interval(cell // n * n, n, listed[0], origin) for n in counts)

    return Hierarchy("intervals", steps)


def _interval(cell: int, cells: int, width: float, origin: float) -> str:
    return f"[{origin + cell * width:.12g}, {origin + (cell + cells) * width:.12g})"


def prefixes(kept: Sequence[int], /) -> Hierarchy:
    """Texts keep so many of their first characters, and a star for each of the rest: `kept` falls, like [4, 3, 1].

    >>> prefixes([3, 1]).steps("02139")
    ('021**', '0****')
    """
    if not kept or any(more <= less for more, less in pairwise(kept)) or min(kept) < 0:
        raise AssayError(
            "Kept characters of prefixes must fall, and not below 0.", code="hierarchy", hint="For example [4, 3, 1]."
        )
    return Hierarchy("prefixes", lambda text: tuple(text[:n] + ALL * max(len(text) - n, 0) for n in kept))


def dates(forms: Sequence[str] = ("month", "quarter", "year", "decade"), /) -> Hierarchy:
    """Dates and times in ISO 8601 become months, quarters, years and decades, or those of them that are named.

    >>> dates().steps("1987-05-03")
    ('1987-05', '1987-Q2', '1987', '198x')
    """
    known = ("month", "quarter", "year", "decade")
    if not forms or [form for form in known if form in forms] != list(forms):
        raise AssayError(f"Forms of dates are, in this order: {', '.join(known)}.", code="hierarchy")

    def steps(text: str) -> Sequence[str] | None:
        year, month = text[:4], text[5:7]
        if not (year.isdecimal() and month.isdecimal() and text[4:5] == "-" and 1 <= int(month) <= 12):
            return None
        made = {"month": text[:7], "quarter": f"{year}-Q{(int(month) + 2) // 3}", "year": year}
        return tuple((made | {"decade": f"{year[:3]}x"})[form] for form in forms)

    return Hierarchy("dates", steps)


def dictionary(chains: Mapping[str, str | Sequence[str]], /) -> Hierarchy:
    """Each value becomes what the mapping says: one coarser form, or a list of them from fine to coarse.

    >>> dictionary({"Paris": ["France", "Europe"]}).steps("Paris")
    ('France', 'Europe')
    """
    listed = {str(value): (chain,) if isinstance(chain, str) else tuple(chain) for value, chain in chains.items()}
    return Hierarchy("of the dictionary", listed.get)


def from_csv(path: str | Path, /, *, delimiter: str = ";") -> Hierarchy:
    """A hierarchy file: a line for each value, without a header: the value, then its coarser forms from fine to coarse.

    Raises AssayError where the file cannot be read, a value comes twice, or a line has no coarser form.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, delimiter=delimiter) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AssayError(f"The hierarchy {str(path)!r} cannot be read: {error}.", code="hierarchy") from None
    chains: dict[str, tuple[str, ...]] = {}
    for value, *chain in lines:
        if not chain or value in chains:
            problem = "comes twice" if value in chains else "has no coarser form"
            raise AssayError(
                f"The value {value!r} {problem} in the hierarchy {str(path)!r}.",
                code="hierarchy",
                hint=f"Each line is value{delimiter}coarser{delimiter}coarsest.",
            )
        chains[value] = tuple(chain)
    return Hierarchy(f"in {Path(path).name}", chains.get)
