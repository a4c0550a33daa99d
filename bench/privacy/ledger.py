"""A privacy ledger under eight processes that are killed at random, and what its safety costs.

Eight processes ask 200 times each for a thousandth of a budget that holds half of it; half of them are killed with
SIGKILL at random moments. Then the ledger is verified: not a thousandth over, no reservation lost, nothing that left
uncommitted. The ratio is of one process against a bare counter in SQLite: one durable `UPDATE … WHERE spent < limit` a
spend, without history, chain, second transaction or SQLAlchemy. PostgreSQL runs where ASSAY_TEST_POSTGRES names a
database.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Terms
from assay.store import open_store

SPENDER = """
import sys
from fractions import Fraction
from assay.core.errors import AssayError
from assay.store import open_store

url, name, who, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ledger = open_store(url).ledgers.open(name)
for number in range(count):
    try:
        spend = ledger.reserve({"epsilon": Fraction(1, 1000)}, who=who, what=f"query {number}")
    except AssayError as error:
        assert error.code == "budget", error
        continue
    print("reserved", spend.id, flush=True)
    ledger.commit(spend, release=f"sha256:{number:064x}")
    print("released", spend.id, flush=True)
"""


def race(url: str, processes: int, spends: int, seed: int) -> None:
    """Run the race on one store and print what came of it."""
    name, draw = f"race-{random.SystemRandom().getrandbits(64):016x}", random.Random(seed)
    thousandths = processes * spends // 2
    budget = Budget(Accounting.PURE, {"epsilon": Fraction(thousandths, 1000)})
    with open_store(url) as store, tempfile.TemporaryDirectory() as folder:
        ledger = store.ledgers.create(name, Terms(budget, (f"table:bench:{name}",), ADJACENCIES[0]), who="bench")
        outputs = [Path(folder) / str(number) for number in range(processes)]
        started, clock = [], time.perf_counter()
        for number, output in enumerate(outputs):
            with output.open("wb") as stream:
                command = [sys.executable, "-c", SPENDER, url, name, str(number), str(spends)]
                started.append(subprocess.Popen(command, stdout=stream))
        for process in draw.sample(started, processes // 2):
            time.sleep(draw.random() * 2)
            process.kill()
        codes = [process.wait() for process in started]
        seconds = time.perf_counter() - clock
        assert all(code in (0, -9) for code in codes), codes
        history = {spend.id: spend for spend in ledger.history()}
        for line in "".join(output.read_text() for output in outputs).splitlines():
            kind, _, id = line.partition(" ")
            assert len(id) != 32 or id in history, "a reservation was lost"
            assert kind != "released" or len(id) != 32 or history[id].state == "committed", "an answer left unpaid"
        clock = time.perf_counter()
        count = ledger.verify().count
        verified = time.perf_counter() - clock
        assert len(history) <= thousandths
        committed = sum(spend.state == "committed" for spend in history.values())
        print(
            f"{url.partition(':')[0]:<12} {codes.count(-9)} of {processes} killed; {len(history)} of {thousandths} "
            f"thousandths spent, {committed} committed, {thousandths - len(history)} left; never over. "
            f"{seconds:.1f} s, {count} entries verified in {verified * 1e3:.0f} ms"
        )


def alone(spends: int) -> None:
    """One process, one ledger on SQLite, against a bare counter on SQLite with the same durability."""
    with tempfile.TemporaryDirectory() as folder:
        with open_store(f"sqlite:///{folder}/store.db") as store:
            budget = Budget(Accounting.PURE, {"epsilon": Fraction(spends)})
            ledger = store.ledgers.create("alone", Terms(budget, ("table:bench:alone",), ADJACENCIES[0]), who="bench")
            clock = time.perf_counter()
            for number in range(spends):
                spend = ledger.reserve({"epsilon": Fraction(1, 1000)}, who="bench", what=f"query {number}")
                ledger.commit(spend, release=f"sha256:{number:064x}")
            ours = (time.perf_counter() - clock) / spends
        bare = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE t (spent INT)"):
            bare.execute(statement)
        bare.execute("INSERT INTO t VALUES (0)")
        clock = time.perf_counter()
        for _ in range(spends):
            bare.execute("UPDATE t SET spent = spent + 1 WHERE spent < 1000000")
        theirs = (time.perf_counter() - clock) / spends
        bare.close()
    print(
        f"one process  a reservation and its commit {ours * 1e3:.2f} ms; bare SQLite counter {theirs * 1e3:.2f} ms; "
        f"ratio {ours / theirs:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--spends", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    alone(given.spends)
    with tempfile.TemporaryDirectory() as folder:
        race(f"sqlite:///{folder}/store.db", given.processes, given.spends, given.seed)
    server = os.environ.get("ASSAY_TEST_POSTGRES")
    if server:
        race(server, given.processes, given.spends, given.seed)


if __name__ == "__main__":
    main()
