"""Mixed tables: which columns are numbers and which are names, and both as one matrix of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.models.inputs import listed
from assay.models.outputs import class_text

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def as_frame(x: Any, /) -> pd.DataFrame:
    """A frame, Arrow table or array (rows, columns) as a pandas frame whose column names are text."""
    import pandas as pd

    if hasattr(x, "column_names"):
        from assay.models.inputs import frame

        return frame(x)
    if isinstance(x, pd.DataFrame):
        return x.set_axis([str(name) for name in x.columns], axis=1)
    array = np.asarray(x)
    if array.ndim != 2:
        raise AssayError("X is not a table (rows, columns).", code="features", hint="Give a frame or a 2-d array.")
    return pd.DataFrame(array, columns=[str(i) for i in range(array.shape[1])])


def like(x: Any, made: pd.DataFrame, /) -> Any:
    """The frame `made`, whose columns are among those of `x`, as the kind of thing that `x` is."""
    if hasattr(x, "column_names"):
        import pyarrow as pa

        return pa.Table.from_pandas(made, preserve_index=False)
    if hasattr(x, "columns"):
        own = {str(name): name for name in x.columns}
        return made.set_axis([own.get(name, name) for name in made.columns], axis=1)
    return made.to_numpy()


def nominal_columns(table: pd.DataFrame, given: Sequence[str | int] | None = None, /) -> tuple[str, ...]:
    """Names of the columns that hold names, not numbers: those `given`, or else by their type (text, boolean)."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if given is not None:
        names = [str(name) for name in given]
        for name in names:
            if name not in table.columns:
                raise unknown("column", name, map(str, table.columns), code="features")
        return tuple(names)
    kinds = {str(name): dtype for name, dtype in table.dtypes.items()}
    return tuple(name for name, kind in kinds.items() if is_bool_dtype(kind) or not is_numeric_dtype(kind))


def numbers(table: pd.DataFrame, names: Sequence[str], /) -> Floats:
    """(rows, names) finite numbers; a missing number is an error that names its columns."""
    values = table[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)
    bad = [name for name, column in zip(names, values.T, strict=True) if not np.isfinite(column).all()]
    if bad:
        raise AssayError(
            f"Numbers are missing or infinite in {listed(bad)}.", code="missing", hint="Fill them in before this step."
        )
    return values


def texts(column: Any, /) -> list[str | None]:
    """The text of each value; None where it is missing."""
    import pandas as pd

    codes, values = pd.factorize(column)
    names = [*(class_text(value) for value in values), None]
    return [names[code] for code in codes]


@dataclass(frozen=True)
class Encoder:
    """A mixed table as a matrix: numbers as they are, one 0/1 column for each level of the others.

    `levels[name]` is None for a number. A level that was not there at fitting is 0 everywhere.
    """

    levels: Mapping[str, tuple[str | None, ...] | None]

    @classmethod
    def fit(cls, table: pd.DataFrame, /) -> Encoder:
        """The Encoder of the columns of a frame."""
        nominal = set(nominal_columns(table))
        found: dict[str, tuple[str | None, ...] | None] = {}
        for name in table.columns:
            distinct = sorted(set(texts(table[name])), key=lambda text: (text is None, text or ""))
            found[str(name)] = tuple(distinct) if name in nominal else None
        return cls(found)

    def matrix(self, table: pd.DataFrame, /) -> Floats:
        """(rows, encoded columns) numbers; a column that is missing from the table is an error."""
        lacking = [name for name in self.levels if name not in table.columns]
        if lacking:
            raise AssayError(f"The data lack the columns {listed(lacking)}.", code="features")
        parts: list[Floats] = []
        for name, levels in self.levels.items():
            if levels is None:
                parts.append(numbers(table, [name]))
            else:
                place = {level: i for i, level in enumerate(levels)}
                codes = np.array([place.get(text, -1) for text in texts(table[name])])
                parts.append((codes[:, None] == np.arange(len(levels))).astype(np.float64))
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(table), 0))

    def to_json(self) -> dict[str, Any]:
        """The Encoder as JSON types; the order of the columns counts."""
        return {name: None if levels is None else list(levels) for name, levels in self.levels.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Encoder:
        """The Encoder that `to_json` wrote."""
        return cls({name: None if levels is None else tuple(levels) for name, levels in data.items()})
