"""Sealed files: written whole or not at all, and never a plaintext that was not checked to its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.seal.atrest.stream import Readable, open_stream, read_header, rewrap_stream, seal_stream
from assay.seal.key_sources import KeySource, WrappedKey


def seal_file(
    source: Path, target: Path, /, *, record_id: str, keys: KeySource, progress: Progress | None = None
) -> None:
    """`target` is a new file with the sealed content of `source`, of any size, bound to `record_id`."""
    with _told("encrypt", source, progress) as told:
        _transform(source, target, lambda read, write: seal_stream(told(read), write, record_id=record_id, keys=keys))


def open_file(
    source: Path, target: Path, /, *, record_id: str, keys: KeySource, progress: Progress | None = None
) -> None:
    """`target` is a new file of mode 0600 with the plaintext; where anything was changed, there is no such file."""
    with _told("decrypt", source, progress) as told:
        _transform(source, target, lambda read, write: open_stream(told(read), write, record_id=record_id, keys=keys))


def rewrap_file(path: Path, /, *, keys: KeySource) -> None:
    """The sealed file has its data key wrapped by the current key of `keys`; its body is copied, not decrypted."""
    _transform(path, path, lambda read, write: rewrap_stream(read, write, keys=keys), over=True)


def wrapped_key_of(path: Path, /) -> WrappedKey:
    """The wrapped data key of the sealed file, whose key id says what unwraps it."""
    with _reading(path) as stream:
        return read_header(stream)


@contextmanager
def new_file(target: Path, /, *, over: bool = False) -> Iterator[Path]:
    """A path to write to, of mode 0600 beside `target`; it becomes `target` when all went well, else it is gone.

    A file already at `target` is an error, unless `over`.
    """
    if not over:
        require_free(target)
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".assay-")
    except OSError as error:
        raise AssayError(f"{target} cannot be written: {error.strerror}.", code="output") from None
    os.close(descriptor)
    made = Path(name)
    try:
        yield made
        with made.open("rb+") as stream:
            os.fsync(stream.fileno())
        made.replace(target)
    except OSError as error:
        raise AssayError(f"{target} cannot be written: {error.strerror or error}.", code="output") from None
    finally:
        made.unlink(missing_ok=True)


def require_free(target: Path, /) -> None:
    """Raise where there is something at `target` already."""
    if target.exists():
        raise AssayError(f"The file {target} is there already.", code="output", hint="Name a new file.")


def _transform(source: Path, target: Path, change: Callable[[BinaryIO, BinaryIO], None], *, over: bool = False) -> None:
    with _reading(source) as read, new_file(target, over=over) as made, made.open("wb") as write:
        change(read, write)


@contextmanager
def _told(task: str, path: Path, progress: Progress | None) -> Iterator[Callable[[BinaryIO], Readable]]:
    """Gives a function that makes a stream say how many of its bytes were read."""
    if progress is None:
        yield lambda stream: stream
        return
    progress.started(task, total=path.stat().st_size if path.is_file() else 0)
    yield lambda stream: _Told(stream, task, progress)
    progress.ended(task)


class _Told:
    """A stream that reports how far it was read."""

    def __init__(self, stream: BinaryIO, task: str, progress: Progress, /) -> None:
        self._stream, self._task, self._progress = stream, task, progress

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        data = self._stream.read(size)
        self._progress.advanced(self._task, done=self._stream.tell())
        return data


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise AssayError(f"The file {path} cannot be read: {error.strerror}.", code="input") from None
    with stream:
        yield stream
