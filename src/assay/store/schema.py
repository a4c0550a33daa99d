"""The tables as they are at the latest revision; how they came to be is in `migrations/`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

REVISION_TABLE = "assay_revision"
LATEST = "0002"
"""The revision this assay reads and writes."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("started", BigInteger, nullable=False, index=True, comment="microseconds since 1970, UTC"),
    Column("seen", BigInteger, nullable=False, comment="last sign of life, microseconds since 1970, UTC"),
    Column("status", Text, nullable=False),
    Column("verdict", Text),
    Column("owner", Text, nullable=False, comment="the process that makes the Run, as JSON"),
    Column("header", Text, nullable=False, comment="the Run without its Findings, as JSON"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, index=True),
    Column("check", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("verdict", Text),
    Column("body", Text, nullable=False, comment="the Finding as JSON, in ASCII"),
)

run_findings = Table(
    "run_findings",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("finding_id", Text, ForeignKey("findings.id"), nullable=False, index=True),
    UniqueConstraint("run_id", "finding_id", name="uq_run_findings_once"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, comment="microseconds since 1970, UTC"),
    Column("person", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("body", Text, nullable=False, comment="the Decision as JSON, in ASCII"),
)

decision_findings = Table(
    "decision_findings",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("finding_id", Text, ForeignKey("findings.id"), primary_key=True),
    Index("ix_decision_findings_finding_id", "finding_id"),
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("name", Text, primary_key=True),
)

ledger_sources = Table(
    "ledger_sources",
    metadata,
    Column("source", Text, primary_key=True, comment="SHA-256 of a file, or the identity of a table"),
    Column("ledger", Text, ForeignKey("ledgers.name"), nullable=False, index=True),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("ledger", Text, ForeignKey("ledgers.name"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False, comment="0, 1, 2, …"),
    Column("kind", Text, nullable=False),
    Column("spend", Text, comment="id of the reservation that the entry makes or commits"),
    Column("who", Text, comment="who reserved"),
    Column("body", Text, nullable=False, comment="the entry as canonical JSON, with the hash of the one before"),
    Column("hash", Text, nullable=False, comment="SHA-256 of the body"),
    UniqueConstraint("ledger", "spend", "kind", name="uq_ledger_entries_once"),
    Index("ix_ledger_entries_who", "ledger", "who", "place"),
)
