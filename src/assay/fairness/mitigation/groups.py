"""Protected values as codes of groups, frozen when a mitigation is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.models.outputs import class_text

Codes = NDArray[np.int64]
Level = tuple[str | None, ...]
SHOWN = 10


@dataclass(frozen=True)
class Coded:
    """Groups found in rows, and (rows,) the number of each row's group."""

    groups: Groups
    codes: Codes


@dataclass(frozen=True)
class _Column:
    """(rows,) codes, and the level each code stands for."""

    codes: Codes
    levels: list[Level]


@dataclass(frozen=True)
class Groups:
    """The groups of one or several protected attributes, in the order of their codes.

    `levels[i]` has one text an attribute; None is the missing value, a group of its own.
    """

    attributes: tuple[str, ...]
    levels: tuple[Level, ...]

    def __len__(self) -> int:
        return len(self.levels)

    @classmethod
    def find(cls, protected: Any, /) -> Coded:
        """The groups in `protected`: one column (rows,), or several (rows, attributes) that are crossed."""
        given = _columns(protected)
        crossed = _cross([_coded(column) for column in given.values()])
        levels = crossed.levels
        order = sorted(range(len(levels)), key=lambda i: [(text is None, text or "") for text in levels[i]])
        place = np.empty(len(levels), dtype=np.int64)
        place[order] = np.arange(len(levels))
        return Coded(cls(tuple(given), tuple(levels[i] for i in order)), place[crossed.codes])

    def code(self, protected: Any, /) -> Codes:
        """(rows,) code of each row's group; a group that was not there at fitting is an error that names it."""
        given = _columns(protected)
        if len(given) != len(self.attributes):
            raise AssayError(
                f"{len(given)} protected attributes were given, the mitigation was fitted with {len(self.attributes)}.",
                code="protected",
                hint=f"Give {', '.join(map(repr, self.attributes))}, in that order.",
            )
        crossed = _cross([_coded(column) for column in given.values()])
        levels = crossed.levels
        known = {level: i for i, level in enumerate(self.levels)}
        new = [level for level in levels if level not in known]
        if new:
            raise AssayError(
                f"{len(new)} groups were not there when the mitigation was fitted: {shown(new)}.",
                code="unknown-group",
                hint=f"Fit it again with rows of them. Known: {shown(self.levels)}.",
            )
        return np.array([known[level] for level in levels], dtype=np.int64)[crossed.codes]

    def slice(self, code: int, /) -> dict[str, str | None]:
        """The group as attribute -> level."""
        return dict(zip(self.attributes, self.levels[code], strict=True))

    def to_json(self) -> dict[str, Any]:
        """The groups as JSON types."""
        return {"attributes": list(self.attributes), "levels": [list(level) for level in self.levels]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Groups:
        """The groups that `to_json` wrote."""
        return cls(tuple(map(str, data["attributes"])), tuple(_level(level) for level in data["levels"]))


def shown(levels: Sequence[Level], /) -> str:
    """The first groups for a message, and how many more there are."""
    texts = [" and ".join("(missing)" if text is None else repr(text) for text in level) for level in levels[:SHOWN]]
    more = f" and {len(levels) - SHOWN} more" if len(levels) > SHOWN else ""
    return ", ".join(texts) + more


def _level(texts: Sequence[Any]) -> Level:
    return tuple(None if text is None else str(text) for text in texts)


def _columns(protected: Any) -> dict[str, Any]:
    """Columns by name, of one column, a frame, an Arrow table or an array (rows, attributes)."""
    import pandas as pd

    if protected is None:
        raise AssayError(
            "The protected attribute of each row is missing.",
            code="protected",
            hint="Give protected=, one value a row.",
        )
    if hasattr(protected, "column_names"):
        return {str(name): protected[name].to_pandas() for name in protected.column_names}
    if isinstance(protected, pd.DataFrame):
        return {str(name): protected[name] for name in protected.columns}
    if isinstance(protected, pd.Series):
        return {"group" if protected.name is None else str(protected.name): protected}
    array = protected if isinstance(protected, np.ndarray) else _array(protected)
    if array.ndim == 2:
        return {f"attribute {i + 1}": column for i, column in enumerate(array.T)}
    return {"group": array}


def _array(values: Any) -> NDArray[Any]:
    """A list as an array that keeps None and the kinds of its values."""
    if hasattr(values, "to_pylist"):
        values = values.to_pylist()
    elif hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy())
    rows = list(values)
    if rows and isinstance(rows[0], list | tuple):
        out = np.empty((len(rows), len(rows[0])), dtype=object)
        for i, row in enumerate(rows):
            out[i] = row
        return out
    flat = np.empty(len(rows), dtype=object)
    flat[:] = rows
    return flat


def _coded(column: Any) -> _Column:
    """Equal texts share a code, and the missing value has its own."""
    import pandas as pd

    codes, values = pd.factorize(column)
    texts: list[str | None] = [class_text(value) for value in values]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < len(texts):
        codes = np.array([distinct.index(text) for text in texts], dtype=np.int64)[codes]
    missing = codes < 0
    if missing.any():
        codes = np.where(missing, len(distinct), codes)
        distinct.append(None)
    return _Column(np.asarray(codes, dtype=np.int64), [(text,) for text in distinct])


def _cross(columns: Sequence[_Column]) -> _Column:
    """The combinations of levels that occur."""
    found = columns[0]
    for more in columns[1:]:
        size = len(more.levels)
        joint, codes = np.unique(found.codes * size + more.codes, return_inverse=True)
        levels = [found.levels[int(j) // size] + more.levels[int(j) % size] for j in joint]
        found = _Column(codes.reshape(-1), levels)
    return found
