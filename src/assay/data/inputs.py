"""What a model is fed, in batches: rows of a table, texts, images, arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, MissingExtra
from assay.data.rows.protocol import Rows, named_column


class Inputs(Protocol):
    """One modality."""

    def check(self, rows: Rows, /) -> None:
        """Raise where the inputs do not belong to these rows."""

    def batches(self, rows: Rows, /, *, size: int) -> Iterator[Any]:
        """Batches of at most `size` inputs, in the order of the rows."""


@dataclass(frozen=True, slots=True)
class TableInputs:
    """pyarrow Tables of the named columns, in this order."""

    columns: tuple[str, ...]

    def check(self, rows: Rows, /) -> None:
        """Raise where a column is not in the data."""
        lacking = [name for name in self.columns if name not in rows.columns]
        if lacking:
            shown = ", ".join(repr(name) for name in lacking[:5])
            raise AssayError(
                f"The model wants {len(self.columns)} columns; the data lack {len(lacking)} of them: {shown}.",
                code="model-inputs",
                hint=f"The data have: {', '.join(list(rows.columns)[:30])}.",
            )

    def batches(self, rows: Rows, /, *, size: int) -> Iterator[Any]:
        """Batches of at most `size` inputs, in the order of the rows."""
        if not self.columns:
            raise AssayError(
                "There are no feature columns to feed the model.", code="model-inputs", hint="Give features=."
            )
        return rows.stream(self.columns, size=size)


@dataclass(frozen=True, slots=True)
class TextInputs:
    """Lists of the texts of one column; a missing text is an empty one."""

    column: str

    def check(self, rows: Rows, /) -> None:
        """Raise where the column is not one of text."""
        column = named_column(rows, self.column, "text input")
        if column.kind != "text":
            raise AssayError(
                f"Column {self.column!r} has values of type {column.type}, not text.",
                code="model-inputs",
                hint="Give the column with the texts.",
            )

    def batches(self, rows: Rows, /, *, size: int) -> Iterator[list[str]]:
        """Batches of at most `size` inputs, in the order of the rows."""
        for table in rows.stream([self.column], size=size):
            yield [text or "" for text in table[self.column].to_pylist()]


@dataclass(frozen=True, slots=True)
class ImageInputs:
    """uint8 arrays (rows, height, width, channels) of the files that a column names, all under the folder `root`.

    Names that lead out of `root` are refused, also by way of a link. Files are .npy, or what Pillow reads, as RGB.
    """

    column: str
    root: Path

    def check(self, rows: Rows, /) -> None:
        """Raise where the column is not one of text, or the folder is not there."""
        TextInputs(self.column).check(rows)
        if not self.root.is_dir():
            raise AssayError(
                f"There is no folder {str(self.root)!r}.", code="file", hint="Give the folder of the images."
            )

    def batches(self, rows: Rows, /, *, size: int) -> Iterator[NDArray[np.uint8]]:
        """Batches of at most `size` inputs, in the order of the rows."""
        root = self.root.resolve()
        for names in TextInputs(self.column).batches(rows, size=size):
            images = [_image(_inside(root, name)) for name in names]
            if len({image.shape for image in images}) > 1:
                raise AssayError(
                    "The images of one batch differ in size.",
                    code="model-inputs",
                    hint="Resize them to one size first.",
                )
            yield np.stack(images)


def _inside(root: Path, name: str) -> Path:
    try:
        path = (root / name).resolve()
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise AssayError(
            f"{name!r} names no file under {str(root)!r}.", code="file", hint="Name images relative to that folder."
        )
    return path


def _image(path: Path) -> NDArray[np.uint8]:
    if path.suffix.lower() == ".npy":
        array = _load(path)
        if array.dtype != np.uint8 or array.ndim != 3:
            raise AssayError(
                f"{path.name!r} is no image: it has type {array.dtype} and {array.ndim} dimensions.",
                code="model-inputs",
                hint="An image is uint8 of height × width × channels.",
            )
        return array
    try:
        from PIL import Image, UnidentifiedImageError  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise MissingExtra(f"Reading the image {path.name!r}", extra="deep") from None
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise AssayError(f"{path.name!r} is no image that Pillow reads: {error}.", code="file") from None


@dataclass(frozen=True, slots=True, eq=False)
class ArrayInputs:
    """An array with one entry a row (tensors, or uint8 images), in memory or mapped from a .npy file."""

    array: NDArray[Any]

    @classmethod
    def of_file(cls, path: str | Path, /) -> ArrayInputs:
        """The array of a .npy file, read from disk as it is needed."""
        return cls(_load(Path(path)))

    def check(self, rows: Rows, /) -> None:
        """Raise where the array has not one entry a row."""
        if self.array.ndim == 0 or len(self.array) != rows.n:
            entries = len(self.array) if self.array.ndim else 0
            raise AssayError(
                f"The inputs have {entries:,} entries and the data {rows.n:,} rows.",
                code="model-inputs",
                hint="Give one entry for each row, in the same order.",
            )

    def batches(self, rows: Rows, /, *, size: int) -> Iterator[NDArray[Any]]:
        """Batches of at most `size` inputs, in the order of the rows."""
        for start in range(0, rows.n, size):
            yield np.asarray(self.array[start : start + size])


def _load(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise AssayError(
            f"{path.name!r} is no .npy file of numbers: {error}.", code="file", hint="Write it with numpy.save."
        ) from None
    return array
