"""Files that hold a secret: readable by their owner alone, never overwritten unless that is what was asked for."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from assay.core.errors import AssayError


def write_secret(path: Path, data: bytes, /) -> None:
    """`path` is a new file of mode 0600 that holds `data`; a file already there is an error and stays as it is.

    The file is created with its mode, so that there is no moment when others may read it. On Windows the mode is
    that of the folder.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise AssayError(
            f"{path} exists already; a key is never overwritten.", code="key", hint="Choose another path."
        ) from None
    except OSError as error:
        raise AssayError(f"{path} cannot be written: {error.strerror}.", code="key") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise AssayError(f"{path} cannot be written: {error.strerror}.", code="key") from None


def replace_secret(path: Path, data: bytes, /) -> None:
    """`path` holds `data` instead of what it held, whole or not at all, with mode 0600."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_secret(beside, data)
    try:
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise AssayError(f"{path} cannot be written: {error.strerror}.", code="key") from None


def read_secret(path: Path, /) -> bytes:
    """The content of `path`, or an error that says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise AssayError(f"The key file {path} cannot be read: {error.strerror}.", code="key") from None
