"""Runs, Findings, attachments and Decisions; a Decision can be neither changed nor deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY = ("decisions", "decision_findings")


def upgrade() -> None:
    """The tables are there, and the append-only ones guard themselves."""
    _records()
    _decisions()
    guard = _guard_sqlite if op.get_context().dialect.name == "sqlite" else _guard_postgres
    for table in _APPEND_ONLY:
        guard(table)


def _records() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False, comment="microseconds since 1970, UTC"),
        sa.Column("seen", sa.BigInteger, nullable=False, comment="last sign of life, microseconds since 1970, UTC"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("owner", sa.Text, nullable=False, comment="the process that makes the Run, as JSON"),
        sa.Column("header", sa.Text, nullable=False, comment="the Run without its Findings, as JSON"),
    )
    op.create_index("ix_runs_started", "runs", ["started"])
    op.create_table(
        "findings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("body", sa.Text, nullable=False, comment="the Finding as JSON, in ASCII"),
    )
    op.create_index("ix_findings_key", "findings", ["key"])
    op.create_table(
        "run_findings",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("finding_id", sa.Text, sa.ForeignKey("findings.id"), nullable=False),
        sa.UniqueConstraint("run_id", "finding_id", name="uq_run_findings_once"),
    )
    op.create_index("ix_run_findings_finding_id", "run_findings", ["finding_id"])
    op.create_table(
        "attachments",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, comment="microseconds since 1970, UTC"),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False, comment="the Decision as JSON, in ASCII"),
    )
    op.create_table(
        "decision_findings",
        sa.Column("decision_id", sa.Text, sa.ForeignKey("decisions.id"), primary_key=True),
        sa.Column("finding_id", sa.Text, sa.ForeignKey("findings.id"), primary_key=True),
    )
    op.create_index("ix_decision_findings_finding_id", "decision_findings", ["finding_id"])


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
