"""How the values of a column become the cells of Counts. Frozen, so that Counts of other rows can be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import AssayError

OTHER = "\x00other"
"""The level that holds every value a frozen coding does not name. No text value can be equal to it."""

FORMAT = 1
"""Number of the format of Codings."""


@dataclass(frozen=True, slots=True)
class Values:
    """Each distinct value is a level. With `kept`, only those; all others share the level OTHER."""

    kept: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The coding as JSON types."""
        return {"kind": "values", "kept": list(self.kept) if self.kept is not None else None}


@dataclass(frozen=True, slots=True)
class Favourable:
    """A binary outcome: level "1" for the favourable value, "0" for every other value.

    `value` is what the favourable outcome is called in one column; it takes no part in comparing codings.
    """

    value: str = field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """The coding as JSON types. The value's name is left out: 0 and 1 mean the same everywhere."""
        return {"kind": "favourable"}


@dataclass(frozen=True, slots=True)
class Bins:
    """Numbers fall into bins by floor on frozen `edges` (strictly increasing).

    Bin 0 is below edges[0]; bin i (1 <= i <= len(edges)) is edges[i-1] <= x < edges[i], the last one open.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise AssayError("Bin edges must be strictly increasing.", code="edges", hint="Sort them; drop doubles.")

    def to_json(self) -> dict[str, Any]:
        """The coding as JSON types; edges as exact hexadecimal floats."""
        return {"kind": "bins", "edges": [edge.hex() for edge in self.edges]}


Coding = Values | Favourable | Bins


def coding_from_json(data: Mapping[str, Any], /) -> Coding:
    """The coding that `to_json` wrote."""
    kind = data.get("kind")
    if kind == "values":
        return Values(tuple(data["kept"]) if data["kept"] is not None else None)
    if kind == "favourable":
        return Favourable("1")
    if kind == "bins":
        return Bins(tuple(float.fromhex(edge) for edge in data["edges"]))
    raise AssayError(
        f"Unknown coding {kind!r} in stored Counts.", code="counts", hint="A newer assay may have written it."
    )


@dataclass(frozen=True, slots=True)
class Dim:
    """One dimension of Counts: the role it plays, its column name, its coding and the levels seen.

    `levels` are sorted text; None is the missing value and comes last. Levels of Bins are bin numbers
    as text, sorted as numbers.
    """

    role: str
    name: str
    coding: Coding
    levels: tuple[str | None, ...]

    @property
    def key(self) -> tuple[str, str]:
        """(role, name): unique in one Counts."""
        return self.role, self.name

    def code(self, level: str | None, /) -> int | None:
        """Position of `level`, or None when no row has it."""
        return self.levels.index(level) if level in self.levels else None


def sort_levels(coding: Coding, levels: set[str | None], /) -> tuple[str | None, ...]:
    """The canonical order of levels: by number for Bins, by code point otherwise, missing last."""
    present = [level for level in levels if level is not None]
    present.sort(key=int if isinstance(coding, Bins) else str)
    return (*present, None) if None in levels else tuple(present)


@dataclass(frozen=True)
class Codings:
    """The codings of one Case, frozen, so that rows that come later are counted into the same cells.

    `columns` maps (role, name) to the coding of scores and features; `exponents` gives for each sum the power of two
    of its fixed-point unit.
    """

    columns: Mapping[tuple[str, str], Coding] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The Codings as JSON types."""
        dims = [
            {"role": role, "name": name, "coding": coding.to_json()} for (role, name), coding in self.columns.items()
        ]
        return {"format": FORMAT, "dims": dims, "exponents": dict(self.exponents)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Codings:
        """The Codings that `to_json` wrote."""
        if data.get("format") != FORMAT:
            raise AssayError(
                f"These codings have format {data.get('format')!r}; this assay reads format {FORMAT}.",
                code="codings",
                hint="A newer format needs a newer assay.",
            )
        columns = {(d["role"], d["name"]): coding_from_json(d["coding"]) for d in data["dims"]}
        return cls(columns, dict(data["exponents"]))
