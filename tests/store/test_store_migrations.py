"""A new store is made, an older one migrated, a newer one or a stranger's refused and left as it is."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from assay.core.errors import AssayError
from assay.core.finding import Findings, Run
from assay.store import migrate, open_store, schema

GUARDED = ("decisions", "decision_findings", "ledgers", "ledger_sources", "ledger_entries")

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text, nullable=False, server_default="added by 0003"))
"""


def keep_a_run(url: str) -> None:
    with open_store(url) as store:
        store.begin(Run("run-1", "credit", datetime.now(UTC), 0.0, Findings()))


def set_revision(url: str, revision: str) -> None:
    with open_store(url) as store, store._engine.execution_options(write=True).begin() as connection:
        connection.execute(text(f"UPDATE {schema.REVISION_TABLE} SET version_num = :r"), {"r": revision})


@pytest.fixture
def next_revision(tmp_path, monkeypatch):
    """An assay one revision ahead of this one."""
    folder = tmp_path / "a folder with % in it"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r0003_note.py").write_text(NEXT)

    def install() -> None:
        monkeypatch.setattr(migrate, "MIGRATIONS", folder)
        monkeypatch.setattr(migrate, "LATEST", "0003")

    return install


def test_the_revisions_make_the_tables_that_the_code_reads(store_url):
    with open_store(store_url) as store, store._engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": schema.REVISION_TABLE}
        )
        assert compare_metadata(context, schema.metadata) == []


def test_the_latest_revision_is_the_head():
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.LATEST]


def test_an_older_store_is_migrated_and_keeps_what_it_holds(store_url, next_revision):
    keep_a_run(store_url)
    next_revision()
    for _ in range(2):
        with open_store(store_url) as store, store._engine.connect() as connection:
            assert connection.scalar(text("SELECT note FROM runs")) == "added by 0003"
            assert store.run("latest").id == "run-1"


def test_a_new_store_takes_every_revision(store_url, next_revision):
    next_revision()
    with open_store(store_url) as store, store._engine.connect() as connection:
        assert "note" in {column["name"] for column in inspect(connection).get_columns("runs")}


def test_an_empty_revision_table_is_a_new_store(store_url):
    with open_store(store_url) as store, store._engine.execution_options(write=True).begin() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
        connection.execute(text(f"DELETE FROM {schema.REVISION_TABLE}"))
        if connection.dialect.name == "postgresql":
            for table in GUARDED:
                connection.execute(text(f"DROP FUNCTION {table}_append_only"))
    keep_a_run(store_url)


def test_a_failing_migration_leaves_the_store_as_it_was(store_url, next_revision):
    keep_a_run(store_url)
    next_revision()
    broken = NEXT + '    op.execute("SELECT * FROM nowhere")\n'
    (migrate.MIGRATIONS / "versions" / "r0003_note.py").write_text(broken)
    with pytest.raises(AssayError, match="nowhere"):
        open_store(store_url)
    (migrate.MIGRATIONS / "versions" / "r0003_note.py").write_text(NEXT)
    with open_store(store_url) as store:
        assert store.run("latest").id == "run-1"


def test_a_newer_store_is_refused_with_words(store_url):
    keep_a_run(store_url)
    set_revision(store_url, "9999")
    with pytest.raises(AssayError, match="newer assay: this one reads revisions up to 0002, not 9999") as caught:
        open_store(store_url)
    assert caught.value.code == "store-newer"
    assert "Install a newer assay" in caught.value.hint


def test_a_sqlite_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "music.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    with pytest.raises(AssayError, match=r"no assay store: it holds tables of something else \(songs\)"):
        open_store(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    connection.close()


def test_a_shared_database_may_hold_other_tables_but_not_of_our_names(store_url):
    if store_url.startswith("sqlite"):
        with open_store(store_url) as store, store._engine.execution_options(write=True).begin() as connection:
            connection.execute(text(f"DROP TABLE {schema.REVISION_TABLE}"))
        with pytest.raises(AssayError, match="attachments, decision_findings, decisions, findings, ledger_entries"):
            open_store(store_url)
        return
    with open_store(store_url) as store, store._engine.execution_options(write=True).begin() as connection:
        connection.execute(text("CREATE TABLE songs (title text)"))
        for table in (schema.REVISION_TABLE, *reversed([t.name for t in schema.metadata.sorted_tables])):
            connection.execute(text(f"DROP TABLE {table}"))
        for table in GUARDED:
            connection.execute(text(f"DROP FUNCTION {table}_append_only"))
    keep_a_run(store_url)
    with open_store(store_url) as store, store._engine.execution_options(write=True).begin() as connection:
        connection.execute(text(f"DROP TABLE {schema.REVISION_TABLE}"))
    with pytest.raises(AssayError, match="tables of something else"):
        open_store(store_url)


def test_opening_a_store_of_today_loads_no_migrations(store_url):
    keep_a_run(store_url)
    code = (
        "import sys, assay.store\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "with assay.store.open_store(sys.argv[1]) as store:\n"
        "    assert store.run('latest').id == 'run-1'\n"
        "assert not {'alembic', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, store_url], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
