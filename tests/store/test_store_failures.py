"""Everything that goes wrong with a database is one clear error, and never shows a password."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.core.errors import AssayError, MissingExtra
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Measure
from assay.store import open_store, postgres, sqlite
from assay.store.address import address


def run(id: str = "run-1") -> Run:
    return Run(id, "credit", datetime.now(UTC), 0.0, Findings())


def finding(number: int) -> Finding:
    return Finding("a.b", 1, "credit", Measure("m", number / 7, 10), None, seed=number)


def test_a_locked_file_is_waited_for_and_then_reported(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with open_store(f"{url}?timeout=0.2") as store:
        store.begin(run())
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AssayError, match=r"store.db is locked: another program") as caught:
            store.add("run-1", finding(1))
        assert caught.value.code == "store-locked"
        assert len(store.run("run-1").findings) == 0, "readers do not wait"
        other.execute("ROLLBACK")
        other.close()
        store.add("run-1", finding(1))


def test_a_read_only_file_can_be_read_and_not_written(tmp_path):
    path = tmp_path / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        store.begin(run())
    with open_store(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        assert store.run("latest").id == "run-1"
        with pytest.raises(AssayError, match="is read-only") as caught:
            store.add("run-1", finding(1))
    assert caught.value.code == "store-read-only"


def test_a_full_disk_loses_nothing_that_was_added(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with open_store(url) as store:
        store.begin(run())
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 60")
        added: list[int] = []

        def add_on_and_on() -> None:
            for number in range(10_000):
                store.add("run-1", finding(number))
                added.append(number)

        with pytest.raises(AssayError, match="the disk is full or failing") as caught:
            add_on_and_on()
        assert caught.value.code == "store-full"
        assert added
        assert [f.seed for f in store.run("run-1")] == added


def test_a_file_that_cannot_grow_loses_nothing_that_was_added(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    code = (
        "import resource, sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_store_failures import finding, run\n"
        "from assay.core.errors import AssayError\n"
        "from assay.store import open_store\n"
        "store = open_store(sys.argv[1])\n"
        "store.begin(run())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "try:\n"
        "    for number in range(100_000):\n"
        "        store.add('run-1', finding(number))\n"
        "        print(number, flush=True)\n"
        "except AssayError as error:\n"
        "    print(error.code)\n"
    )
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code, url, here], capture_output=True, text=True, timeout=120)
    *said, ending = done.stdout.splitlines()
    assert ending == "store-full", done.stderr
    with open_store(url) as store:
        assert [f.seed for f in store.run("run-1")][: len(said)] == [int(line) for line in said]
    assert said


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(AssayError, match=r"store.db is damaged, or no SQLite file"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_place_that_cannot_hold_a_store_is_refused(tmp_path, monkeypatch):
    with pytest.raises(AssayError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/absent/store.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_STORE", raising=False)
    (tmp_path / ".assay").write_text("a file where the folder should be")
    with pytest.raises(AssayError, match="cannot be made"):
        open_store()


def test_without_an_address_the_store_is_in_the_project_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_STORE", raising=False)
    with open_store() as store:
        assert store.label == ".assay/assay.db"
        store.begin(run())
        monkeypatch.chdir("/")
        store._engine.dispose()
        assert store.run("latest").id == "run-1", "the store stays where it was opened"
    monkeypatch.chdir(tmp_path)
    with open_store() as store:
        assert store.run("latest").id == "run-1"
    assert (tmp_path / ".assay" / "assay.db").exists()


def test_the_address_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_STORE", f"sqlite:///{tmp_path}/named.db")
    with open_store() as store:
        assert store.label == f"{tmp_path}/named.db"
    with open_store(":memory:") as store:
        assert store.label == ":memory:", "an argument goes before"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:s3cret@h/d", "Unknown kind of store 'mysql'.*Known: postgres, postgresql, sqlite"),
        ("postgresql+asyncpg://u:s3cret@h/d", "Unknown kind of store"),
        ("store.db", "is no URL"),
        ("postgresql://u:s3cret@h:port/d", "is no URL"),
        ("postgresql://u:p@s3cret:word@h/d", "is no URL"),
        ("sqlite:///x.db?tiemout=5", "Did you mean 'timeout'"),
    ],
)
def test_an_address_that_names_no_store_is_refused_without_repeating_it(url, message):
    with pytest.raises(AssayError, match=message) as caught:
        open_store(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://auditor:s3cret@127.0.0.1:1/assay",
        "postgres://auditor:s3cret@127.0.0.1:1/assay?connect_timeout=2",
        "postgresql://127.0.0.1:1/assay?user=auditor&password=s3cret",
        "postgresql+psycopg://auditor:s3cret@127.0.0.1:1/assay",
    ],
)
def test_a_server_that_is_down_is_one_clear_error_without_the_password(url):
    with pytest.raises(AssayError, match=r"assay at 127.0.0.1:1 \(PostgreSQL\) cannot be reached") as caught:
        open_store(url)
    assert caught.value.code == "store-unreachable"
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in repr(address(url).label)


def test_an_option_that_the_driver_does_not_know_is_refused():
    with pytest.raises(AssayError, match='refused: invalid connection option "nonsense"'):
        open_store("postgresql://auditor:s3cret@127.0.0.1:1/assay?nonsense=1")


def test_a_missing_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[postgres\]'"):
        open_store("postgresql://localhost/assay")


def test_only_what_must_survive_the_machine_waits_for_the_disk(tmp_path):
    """synchronous: 1 is NORMAL, 2 is FULL (sqlite.org/pragma.html#pragma_synchronous)."""
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        for durable, level in ((True, 2), (False, 1), (True, 2)):
            with store._writing(durable=durable) as connection:
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_store_that_is_dropped_closes_its_files(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.begin(run())
    assert (tmp_path / "store.db-wal").exists()
    del store
    gc.collect()
    assert not (tmp_path / "store.db-wal").exists()


@pytest.mark.parametrize("explain", [sqlite.explain, postgres.explain])
def test_an_error_that_nobody_foresaw_is_still_an_assay_error(explain):
    found = explain(ValueError("odd\nand long"), "x")
    assert found.code == "store"
    assert found.message.startswith("The store x refused: odd")
