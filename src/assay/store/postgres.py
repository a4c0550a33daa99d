"""PostgreSQL through psycopg 3, for a store that a team shares."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, create_engine, event

from assay.core.errors import AssayError, MissingExtra
from assay.store.address import Address

WAIT_SECONDS = 30
"""How long a writer waits for a lock."""

_LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 40_000,
}
"""A server that is gone is noticed in under a minute (seconds; the last in milliseconds; libpq's names)."""

_MEANINGS = {
    "55P03": ("store-locked", "is locked by another program that did not finish in time", "Try again when it is done."),
    "40P01": ("store-locked", "is busy: two writers waited for each other", "Try again."),
    "53100": ("store-full", "cannot be written: its disk is full", "Free some space and try again."),
    "25006": ("store-read-only", "is read-only", "Use the primary server, or another --store."),
    "42501": ("store-read-only", "does not let you do this", "Ask its owner for the right to read and write."),
    "3D000": ("store-address", "does not exist", "Create the database first, with createdb."),
}
"""SQLSTATE -> (code, what is wrong, what to do). PostgreSQL manual, appendix A."""


def connect(address: Address, /) -> Engine:
    """An engine that notices a lost server, and whose writers wait for a lock a limited time."""
    limits = {name: value for name, value in _LIMITS.items() if name not in address.url.query}
    try:
        engine = create_engine(address.url, pool_pre_ping=True, connect_args={"application_name": "assay", **limits})
    except ModuleNotFoundError:
        raise MissingExtra("A PostgreSQL store", extra="postgres") from None
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("write"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")


def explain(error: BaseException | None, label: str, /) -> AssayError:
    """What the driver's error means for a person."""
    state = getattr(error, "sqlstate", None)
    if state in _MEANINGS:
        code, words, hint = _MEANINGS[state]
        return AssayError(f"The store {label} {words}.", code=code, hint=hint)
    said = str(error).strip().splitlines()
    first = said[0] if said else type(error).__name__
    lost = state is None and type(error).__name__ == "OperationalError"
    if lost or (state or "").startswith(("08", "28", "57P")):
        return AssayError(
            f"The store {label} cannot be reached: {first}",
            code="store-unreachable",
            hint="Check that the server runs, and the address, user and password.",
        )
    return AssayError(f"The store {label} refused: {first}", code="store")
