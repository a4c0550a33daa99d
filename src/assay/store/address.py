"""Which store a URL names, and how it is called without giving its password away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from assay.core.errors import AssayError, unknown

VARIABLE = "ASSAY_STORE"
DEFAULT = Path(".assay") / "assay.db"
MEMORY = ":memory:"

_KINDS = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}


@dataclass(frozen=True)
class Address:
    """A store's `url` with the driver filled in and no relative path, so that a change of folder changes nothing.

    `kind` is "sqlite" or "postgresql"; `label` is the place for people, without user, password or options.
    """

    url: URL
    kind: str
    label: str

    @property
    def in_memory(self) -> bool:
        """True where the store lives in this process alone."""
        return self.label == MEMORY

    def without_secrets(self, text: str, /) -> str:
        """`text` with the password of the URL masked, should a driver repeat it."""
        password = self.url.query.get("password", "")
        for secret in (str(self.url.password or ""), password if isinstance(password, str) else ""):
            text = text.replace(secret, "***") if secret else text
        return text


def address(url: str | None, /) -> Address:
    """The address in `url`, else in ASSAY_STORE, else the SQLite file under `.assay/`, whose folder is made."""
    text = url or os.environ.get(VARIABLE) or ""
    if not text:
        _make_folder(DEFAULT.parent)
        text = f"sqlite:///{DEFAULT.as_posix()}"
    if text == MEMORY:
        text = "sqlite://"
    try:
        parsed = make_url(text)
        dialect, _, driver = parsed.drivername.partition("+")
    except (ArgumentError, ValueError):
        raise AssayError(
            "The store's address is no URL.",
            code="store-address",
            hint="Expected sqlite:///path/to/file.db or postgresql://user:password@host:5432/database "
            "(write @ in a password as %40).",
        ) from None
    if dialect not in _KINDS or driver not in ("", "psycopg", "pysqlite"):
        raise unknown("kind of store", parsed.drivername, _KINDS, code="store-address")
    return _sqlite(parsed) if _KINDS[dialect] == "sqlite" else _postgresql(parsed)


def _sqlite(url: URL) -> Address:
    place = url.database or MEMORY
    if place != MEMORY and not place.startswith("file:"):
        url = url.set(database=str(Path(place).absolute()))
    return Address(url.set(drivername="sqlite"), "sqlite", place)


def _postgresql(url: URL) -> Address:
    port = f":{url.port}" if url.port else ""
    place = f"{url.database or 'postgres'} at {url.host or 'localhost'}{port} (PostgreSQL)"
    return Address(url.set(drivername="postgresql+psycopg"), "postgresql", place)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise AssayError(
            f"The folder {folder} for the store cannot be made: {error.strerror}.",
            code="store",
            hint=f"Name another store with --store or {VARIABLE}.",
        ) from None
