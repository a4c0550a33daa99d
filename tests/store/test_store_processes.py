"""Many processes at one store, and processes that die in the middle."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from assay.core.finding import Findings, Run
from assay.store import open_store, owner

# Opens the store, begins a run unless it is there, and adds findings to it, saying so after each.
WRITER = """
import sys
from datetime import UTC, datetime
from assay.core.errors import AssayError
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Measure
from assay.store import open_store

url, name, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = open_store(url)
for run_id in (name, "shared"):
    try:
        store.begin(Run(run_id, "credit", datetime.now(UTC), 0.0, Findings()))
    except AssayError as error:
        assert "already" in error.message, error
for number in range(first, first + count):
    finding = Finding("a.b", 1, "credit", Measure("m", number / 7, 10), None, seed=number)
    store.add("shared", finding)
    store.add(name, finding)
    print(number, flush=True)
"""


def writer(url: str, name: str, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, name, str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_processes_lose_nothing(store_url):
    """They also make the store: all eight find none, one makes it, the others wait."""
    started = [writer(store_url, f"run-{n}", n * 100, 25) for n in range(8)]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with open_store(store_url) as store:
        for n in range(8):
            assert [f.seed for f in store.run(f"run-{n}")] == list(range(n * 100, n * 100 + 25))
        everything = sorted(n * 100 + k for n in range(8) for k in range(25))
        assert sorted(f.seed for f in store.run("shared")) == everything
        assert {header.findings for header in store.runs()} == {25, 200}


def test_what_was_added_survives_kill_minus_nine(store_url):
    process = writer(store_url, "run-0", 0, 10**6)
    said = []
    while len(said) < 40:
        said.append(int(process.stdout.readline()))
    process.kill()
    rest, _ = process.communicate(timeout=30)
    said += [int(line) for line in rest.splitlines()]
    with open_store(store_url) as store:
        run = store.run("run-0")
        assert run.status == "interrupted"
        assert run.seconds > 0
        assert [f.seed for f in run][: len(said)] == said
        assert len(run.findings) - len(said) in (0, 1)
        assert [header.status for header in store.runs()] == ["interrupted", "interrupted"]
        with store._engine.connect() as connection:
            assert connection.scalar(text("SELECT status FROM runs WHERE id = 'run-0'")) == "running"
        store.begin(Run("next", "credit", datetime.now(UTC), 0.0, Findings()))
        assert store.run("next").status == "running"
    if store_url.startswith("sqlite"):
        connection = sqlite3.connect(store_url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_another_reader_sees_a_run_under_way(store_url):
    process = writer(store_url, "run-0", 0, 10**6)
    try:
        process.stdout.readline()
        with open_store(store_url) as store:
            assert store.run("run-0").status == "running"
            assert len(store.run("run-0").findings) >= 1
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_this_process_is_alive_and_a_dead_one_is_not():
    now = datetime.now(UTC)
    mine = owner.this_process()
    assert json.loads(json.dumps(mine)) == mine
    assert owner.is_alive(mine, seen=now - timedelta(days=9), now=now)
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert child.wait(timeout=30) == 0
    assert not owner.is_alive({**mine, "pid": child.pid}, seen=now, now=now)


def test_a_reused_number_and_a_zombie_do_not_pass_for_alive():
    """On Linux, which tells when a process began and that it has ended."""
    now = datetime.now(UTC)
    mine = owner.this_process()
    assert not owner.is_alive({**mine, "born": "another boot 1"}, seen=now, now=now)
    child = subprocess.Popen([sys.executable, "-c", ""])
    zombie = {**mine, "pid": child.pid, "born": owner._born(child.pid)}
    deadline = time.monotonic() + 30
    while owner.is_alive(zombie, seen=now, now=now) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not owner.is_alive(zombie, seen=now, now=now)
    assert child.wait(timeout=30) == 0


@pytest.mark.parametrize(("silent_hours", "status"), [(23, "running"), (25, "interrupted")])
def test_a_run_of_another_machine_counts_as_interrupted_after_a_day_of_silence(store_url, silent_hours, status):
    with open_store(store_url) as store:
        store.begin(Run("far", "credit", datetime.now(UTC), 0.0, Findings()))
        seen = int((datetime.now(UTC) - timedelta(hours=silent_hours)).timestamp() * 1e6)
        elsewhere = json.dumps({"host": "elsewhere", "pid": os.getpid(), "born": ""})
        with store._engine.execution_options(write=True).begin() as connection:
            connection.execute(text("UPDATE runs SET owner = :o, seen = :s"), {"o": elsewhere, "s": seen})
        assert store.run("far").status == status
        assert store.runs()[0].status == status
