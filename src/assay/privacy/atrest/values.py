"""The cells of a column as bytes, and bytes as the cells again, exactly and of the same type."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Protocol

from assay.core.errors import AssayError
from assay.seal.atrest.cells import damaged

_NOTE = b"assay.sealed"


class Form(Protocol):
    """How the cells of one column are written; `kind` says it all, and every sealed cell is bound to it."""

    name: str

    @property
    def kind(self) -> bytes:
        """What is needed to read the values again."""

    def values(self, column: Any, /) -> list[bytes | None]:
        """The bytes of each cell of a pyarrow column."""

    def sealed(self, cells: Sequence[bytes], /) -> Any:
        """Sealed cells as the pyarrow array that is stored."""

    def unsealed(self, column: Any, /) -> list[bytes]:
        """The sealed cells of a stored column."""

    def restored(self, values: Sequence[bytes | None], /) -> Any:
        """The values as the pyarrow array that there was."""

    @property
    def sealed_field(self) -> Any:
        """The pyarrow field of the stored column."""

    @property
    def field(self) -> Any:
        """The pyarrow field that there was."""


class TextForm:
    """A column of a CSV file: texts, stored as texts in the URL-safe base64 alphabet. An empty cell is missing."""

    kind = b"csv"

    def __init__(self, name: str, /) -> None:
        self.name = name

    def values(self, column: Any, /) -> list[bytes | None]:
        """UTF-8."""
        return [None if text is None else text.encode() for text in column.to_pylist()]

    def sealed(self, cells: Sequence[bytes], /) -> Any:
        """Base64, so that a spreadsheet leaves it alone."""
        import pyarrow as pa

        return pa.array([base64.urlsafe_b64encode(cell).decode() for cell in cells], pa.string())

    def unsealed(self, column: Any, /) -> list[bytes]:
        """Base64 read strictly: no other text stands for the same bytes."""
        cells = []
        for text in column.to_pylist():
            try:
                cell = base64.b64decode(text or "", altchars=b"-_", validate=True)
            except (binascii.Error, ValueError):
                raise damaged(self.name) from None
            if base64.urlsafe_b64encode(cell).decode() != text:
                raise damaged(self.name)
            cells.append(cell)
        return cells

    def restored(self, values: Sequence[bytes | None], /) -> Any:
        """The texts."""
        import pyarrow as pa

        return pa.array([None if value is None else value.decode() for value in values], pa.string())

    @property
    def sealed_field(self) -> Any:
        """Text."""
        return self.field

    @property
    def field(self) -> Any:
        """Text."""
        import pyarrow as pa

        return pa.field(self.name, pa.string())


class ArrowForm:
    """A column of a Parquet file: texts, bytes, or values of a fixed width, stored as bytes.

    The type stands in the metadata of the stored column, as an Arrow schema; it is not looked into before the cells,
    which are bound to it, were opened.
    """

    def __init__(self, name: str, kind: bytes, /) -> None:
        self.name, self._kind = name, kind

    @classmethod
    def of(cls, field: Any, /) -> ArrowForm:
        """For a plain pyarrow field."""
        import pyarrow as pa

        if _stored_type(field.type) is None:
            raise AssayError(
                f"The cells of {field.name!r} are of type {field.type}; only texts, bytes, numbers, dates, times and "
                "flags are sealed one by one.",
                code="type",
                hint="Encrypt the whole file, or split the column.",
            )
        return cls(field.name, pa.schema([field]).serialize().to_pybytes())

    @classmethod
    def of_sealed(cls, field: Any, /) -> ArrowForm:
        """For the field of a column that was sealed."""
        note = (field.metadata or {}).get(_NOTE)
        try:
            return cls(field.name, base64.b64decode(note or b"!", validate=True))
        except binascii.Error:
            raise AssayError(
                f"The column {field.name!r} is not sealed, or was written anew by a program that drops metadata.",
                code="sealed",
                hint="Name the columns that were encrypted, in the file that was written then.",
            ) from None

    @property
    def kind(self) -> bytes:
        """The field as an Arrow schema."""
        return self._kind

    def values(self, column: Any, /) -> list[bytes | None]:
        """UTF-8, bytes, or the bytes of a value as it lies in memory (little-endian)."""
        import pyarrow as pa

        plain = _whole(column, self.field.type)
        stored = _stored_type(plain.type)
        if pa.types.is_boolean(plain.type):
            plain = plain.cast(pa.uint8())
        found: list[bytes | None] = (plain.cast(stored) if _is_text(plain.type) else plain.view(stored)).to_pylist()
        return found

    def sealed(self, cells: Sequence[bytes], /) -> Any:
        """Bytes."""
        import pyarrow as pa

        return pa.array(cells, pa.binary())

    def unsealed(self, column: Any, /) -> list[bytes]:
        """Bytes, all of them there."""
        import pyarrow as pa

        cells = column.to_pylist() if pa.types.is_binary(column.type) else [None]
        if any(cell is None for cell in cells):
            raise damaged(self.name)
        return list(cells)

    def restored(self, values: Sequence[bytes | None], /) -> Any:
        """The array of the type that there was."""
        import pyarrow as pa

        kind = self.field.type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        array = pa.array(values, _stored_type(plain))
        if pa.types.is_boolean(plain):
            return array.view(pa.uint8()).cast(plain)
        array = array.cast(plain) if _is_text(plain) else array.view(plain)
        return array.cast(kind) if plain != kind else array

    @property
    def sealed_field(self) -> Any:
        """Bytes, with the kind beside."""
        import pyarrow as pa

        return pa.field(self.name, pa.binary(), metadata={_NOTE: base64.b64encode(self._kind)})

    @property
    def field(self) -> Any:
        """As it was."""
        import pyarrow as pa

        try:
            return pa.ipc.read_schema(pa.py_buffer(self._kind)).field(0)
        except (pa.ArrowException, OSError):
            raise damaged(self.name) from None


def _whole(column: Any, kind: Any) -> Any:
    """A chunked column as one array, a dictionary as its values."""
    import pyarrow as pa

    plain = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
    return plain.combine_chunks() if isinstance(plain, pa.ChunkedArray) else plain


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_large_binary))


def _stored_type(kind: Any) -> Any:
    """The type of bytes that holds the cells of a column of type `kind`, None where there is none."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _stored_type(kind.value_type)
    if _is_text(kind) or pa.types.is_binary(kind):
        return pa.binary()
    if pa.types.is_boolean(kind):
        return pa.binary(1)
    if pa.types.is_nested(kind) or (not pa.types.is_primitive(kind) and not pa.types.is_decimal(kind)):
        return kind if pa.types.is_fixed_size_binary(kind) else None
    return pa.binary(kind.bit_width // 8)
