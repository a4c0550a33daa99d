"""Brings a store to the latest revision, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from assay.core.errors import AssayError
from assay.store.schema import LATEST, REVISION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x61737361795F3031
"""Key of the PostgreSQL advisory lock under which one process migrates and the others wait."""


def migrate(engine: Engine, label: str, /) -> None:
    """The store is at revision LATEST.

    One that is already costs a plain query. A new or older one is migrated in one transaction under a lock; one
    of an unknown (newer) revision, or a database of something else, is refused and stays as it is.
    """
    with engine.begin() as connection:
        if _revision(connection) == LATEST:
            return
    with engine.execution_options(write=True, durable=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _revision(connection)
        if found is None:
            _refuse_foreign_tables(connection, label)
        if found != LATEST:
            _upgrade(connection, found, label)


def _revision(connection: Connection) -> str | None:
    """The revision that the store says it has, None for a new one."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    found: str | None = connection.scalar(select(column("version_num")).select_from(table(REVISION_TABLE)))
    return found


def _refuse_foreign_tables(connection: Connection, label: str) -> None:
    """A PostgreSQL database may be shared with tables of other names; a SQLite file is ours alone."""
    tables = set(inspect(connection).get_table_names()) - {REVISION_TABLE}
    foreign = tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables)
    if foreign:
        named = ", ".join(sorted(foreign)[:5])
        raise AssayError(
            f"The store {label} is no assay store: it holds tables of something else ({named}).",
            code="store-address",
            hint="Name a new file or database.",
        )


def _upgrade(connection: Connection, found: str | None, label: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        raise AssayError(
            f"The store {label} was written by a newer assay: this one reads revisions up to {LATEST}, not {found}.",
            code="store-newer",
            hint="Install a newer assay to open it. It was not changed.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
