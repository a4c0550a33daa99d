"""Privacy ledgers, the data they are bound to, and their entries; none can be changed or deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_APPEND_ONLY = ("ledgers", "ledger_sources", "ledger_entries")


def upgrade() -> None:
    """The tables are there and guard themselves."""
    op.create_table("ledgers", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "ledger_sources",
        sa.Column("source", sa.Text, primary_key=True, comment="SHA-256 of a file, or the identity of a table"),
        sa.Column("ledger", sa.Text, sa.ForeignKey("ledgers.name"), nullable=False),
    )
    op.create_index("ix_ledger_sources_ledger", "ledger_sources", ["ledger"])
    op.create_table(
        "ledger_entries",
        sa.Column("ledger", sa.Text, sa.ForeignKey("ledgers.name"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False, comment="0, 1, 2, …"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("spend", sa.Text, comment="id of the reservation that the entry makes or commits"),
        sa.Column("who", sa.Text, comment="who reserved"),
        sa.Column(
            "body", sa.Text, nullable=False, comment="the entry as canonical JSON, with the hash of the one before"
        ),
        sa.Column("hash", sa.Text, nullable=False, comment="SHA-256 of the body"),
        sa.UniqueConstraint("ledger", "spend", "kind", name="uq_ledger_entries_once"),
    )
    op.create_index("ix_ledger_entries_who", "ledger_entries", ["ledger", "who", "place"])
    guard = _guard_sqlite if op.get_context().dialect.name == "sqlite" else _guard_postgres
    for table in _APPEND_ONLY:
        guard(table)


def _guard_sqlite(table: str) -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_postgres(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
