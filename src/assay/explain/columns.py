"""The columns a model is fed, as one matrix of numbers and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Kind = Literal["number", "integer", "category"]


@dataclass(frozen=True, eq=False)
class Column:
    """One column: "number", "integer", or "category", whose numbers are places in `levels`.

    `type` is its Arrow type and `values` the distinct values of a category, in the order of `levels` (their text).
    Text, dictionaries, booleans and times are categories. Missing is NaN in every kind.
    """

    name: str
    kind: Kind
    type: Any
    levels: tuple[str, ...] = ()
    values: Any = None

    def show(self, value: float, /) -> str:
        """The value for people: the name of a category, a number with at most six digits, "missing"."""
        if np.isnan(value):
            return "missing"
        if self.kind == "category":
            return self.levels[int(value)]
        return f"{value:.0f}" if self.kind == "integer" else f"{value:.6g}"


@dataclass(frozen=True, eq=False)
class Columns:
    """How the columns of a table become a matrix of float64, and a matrix becomes such a table again.

    Everything that perturbs a model's inputs does so on the matrix; `decode` gives the model the types that it knows.
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, table: pa.Table, /) -> Columns:
        """The Columns of a table; categories are the values found in it, in the order of their text."""
        return cls(tuple(_column(name, table.column(name)) for name in table.column_names))

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def same(self, other: Columns, /) -> bool:
        """True where both turn tables into the same matrices and back: names, kinds, types and levels are equal."""
        mine, theirs = (
            [(one.name, one.kind, one.type, one.levels) for one in columns.columns] for columns in (self, other)
        )
        return mine == theirs

    def place(self, name: str, /) -> int:
        """Where the column called `name` stands."""
        if name not in self.names:
            raise unknown("column of the model", name, self.names, code="column")
        return self.names.index(name)

    def places(self, names: Sequence[str], /) -> list[int]:
        """Where the columns stand."""
        return [self.place(name) for name in names]

    @property
    def nominal(self) -> NDArray[np.bool_]:
        """(columns,) True for categories."""
        return np.array([column.kind == "category" for column in self.columns], dtype=bool)

    def encode(self, table: pa.Table, /) -> Floats:
        """(rows, columns) numbers of the table's columns of these names; missing is NaN.

        A category that was not among those known is an error that names it.
        """
        lacking = [name for name in self.names if name not in table.column_names]
        if lacking:
            raise AssayError(
                f"The rows lack {len(lacking)} of the model's columns: {', '.join(map(repr, lacking[:5]))}.",
                code="features",
                hint=f"They have {', '.join(table.column_names[:30])}.",
            )
        out = np.empty((table.num_rows, len(self.columns)), order="F")
        for i, column in enumerate(self.columns):
            out[:, i] = _numbers(column, table.column(column.name))
        return out

    def decode(self, matrix: Floats, /) -> pa.Table:
        """The table whose numbers these are, with the types of the original; NaN becomes missing."""
        import pyarrow as pa

        return pa.table(
            [_array(column, matrix[:, i]) for i, column in enumerate(self.columns)],
            schema=pa.schema([(column.name, column.type) for column in self.columns]),
        )

    def show(self, row: Floats, /) -> tuple[str, ...]:
        """The values of one row for people."""
        return tuple(column.show(float(value)) for column, value in zip(self.columns, row, strict=True))


def _column(name: str, data: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = data.type
    if t.is_null(kind):
        return Column(name, "number", pa.float64())
    if t.is_integer(kind):
        return Column(name, "integer", kind)
    if t.is_floating(kind) or t.is_decimal(kind):
        return Column(name, "number", kind)
    if t.is_nested(kind) or t.is_binary(kind) or t.is_large_binary(kind):
        raise AssayError(
            f"Column {name!r} has values of type {kind}, which cannot be explained one by one.",
            code="type",
            hint="Explain texts with `assay explain text`; leave other columns out of the features.",
        )
    plain = data.cast(kind.value_type) if t.is_dictionary(kind) else data
    distinct = pc.drop_null(pc.unique(plain))
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in distinct.to_pylist()]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    return Column(name, "category", kind, tuple(texts[i] for i in order), distinct.take(pa.array(order, pa.int64())))


def _numbers(column: Column, data: Any) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    if column.kind != "category":
        try:
            return np.asarray(data.cast(pa.float64()).to_numpy(), dtype=np.float64)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if t.is_integer(data.type):
                raise AssayError(
                    f"Column {column.name!r} holds whole numbers beyond 2^53, which a matrix of float64 cannot keep.",
                    code="size",
                    hint="Leave it out of the features if it is an identifier; else give it to the model as a float.",
                ) from None
            raise _not_fitting(column, data) from None
    plain = data.cast(data.type.value_type) if t.is_dictionary(data.type) else data
    try:
        codes = pc.index_in(plain.cast(column.values.type), value_set=column.values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise _not_fitting(column, data) from None
    new = pc.drop_null(pc.unique(plain.filter(pc.and_(pc.is_null(codes), pc.is_valid(plain)))))
    if len(new):
        raise AssayError(
            f"Column {column.name!r} holds {str(new[0].as_py())[:80]!r}, which is not among the values of the data.",
            code="category",
            hint=f"Known: {', '.join(repr(level) for level in column.levels[:20])}.",
        )
    return np.asarray(codes.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _not_fitting(column: Column, data: Any) -> AssayError:
    return AssayError(
        f"Column {column.name!r} has values of type {data.type}; the model's data have {column.type}.",
        code="type",
        hint="Give rows of the same kind as the Case.",
    )


def _array(column: Column, numbers: Floats) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    absent = np.isnan(numbers)
    if column.kind == "number":
        return pa.array(np.ascontiguousarray(numbers), from_pandas=True).cast(column.type, safe=False)
    whole = np.where(absent, 0, np.rint(numbers)).astype(np.int64)
    mask = absent if absent.any() else None
    if column.kind == "integer":
        return pa.array(whole, mask=mask).cast(column.type)
    if t.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(pa.array(whole, mask=mask), column.values).cast(column.type)
    return column.values.take(pa.array(whole, mask=mask))
