"""Processes that spend from one ledger at once, and die at any moment: never a cent over."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
import time
from fractions import Fraction

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Terms
from assay.core.errors import AssayError
from assay.store import open_store

# Asks for a thousandth again and again; says what it holds before the answer leaves, and that it has left.
SPENDER = """
import sys
from fractions import Fraction
from assay.core.errors import AssayError
from assay.store import open_store

url, who, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
ledger = open_store(url).ledgers.open("census")
for number in range(count):
    try:
        spend = ledger.reserve({"epsilon": Fraction(1, 1000)}, who=who, what=f"query {number}")
    except AssayError as error:
        assert error.code == "budget", error
        print("refused -", flush=True)
        continue
    print("reserved", spend.id, flush=True)
    ledger.commit(spend, release=f"sha256:{number:064x}")
    print("released", spend.id, flush=True)
"""


def spender(url: str, who: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SPENDER, url, who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def create(url: str, thousandths: int):
    budget = Budget(Accounting.PURE, {"epsilon": Fraction(thousandths, 1000)})
    data = ("sha256:" + "a" * 64,)
    store = open_store(url)
    return store.ledgers.create("census", Terms(budget, data, ADJACENCIES[0]), who="owner")


def said(processes) -> list[tuple[str, str]]:
    """Every line of every process, after it ended."""
    lines = []
    for process in processes:
        out, errors = process.communicate(timeout=120)
        assert process.returncode in (0, -9), errors
        # A process that was killed may have written half a line.
        lines += [tuple(line.split()) for line in out.splitlines(keepends=True) if line.endswith("\n")]
    return lines


def test_four_processes_spend_the_budget_once(store_url):
    ledger = create(store_url, 60)
    lines = said([spender(store_url, f"p{n}", 30) for n in range(4)])
    assert sum(kind == "refused" for kind, _ in lines) == 60
    spends = ledger.history()
    assert len(spends) == 60
    assert {s.state for s in spends} == {"committed"}
    assert {s.id for s in spends} == {id for kind, id in lines if kind == "released"}
    assert ledger.remaining() == {"epsilon": 0}
    assert ledger.verify().count == 121


def test_processes_killed_at_random_never_overspend_and_lose_no_reservation(store_url):
    ledger = create(store_url, 50)
    draw = random.Random(7)
    killed = [spender(store_url, f"k{n}", 10**6) for n in range(3)]
    for process in killed:
        process.stdout.readline()
    for process in killed:
        time.sleep(draw.random() * 0.05)
        process.kill()
    lines = said([*killed, spender(store_url, "last", 60)])
    spends = {s.id: s for s in ledger.history()}
    assert len(spends) == 50
    # What was said to be reserved is spent, and what left is committed.
    assert {id for kind, id in lines if kind == "reserved"} <= set(spends)
    assert all(spends[id].state == "committed" for kind, id in lines if kind == "released")
    assert ledger.would_exceed({"epsilon": Fraction(1, 1000)})
    assert ledger.verify().count == 51 + sum(s.state == "committed" for s in spends.values())


def spend_all(ledger, results) -> None:
    spent = 0
    while not ledger.would_exceed({"epsilon": Fraction(1, 1000)}):
        try:
            made = ledger.reserve({"epsilon": Fraction(1, 1000)}, who="child", what="query")
        except AssayError as error:
            if error.code != "budget":
                raise
            break
        ledger.commit(made, release="sha256:0")
        spent += 1
    results.put(spent)


def test_a_ledger_that_is_open_may_be_used_after_a_fork(store_url):
    """The parent's connection is used by nobody else, and works on."""
    ledger = create(store_url, 30)
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    children = [fork.Process(target=spend_all, args=(ledger, results)) for _ in range(3)]
    for child in children:
        child.start()
    spend_all(ledger, results)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert sum(results.get() for _ in range(4)) == 30
    assert ledger.verify().count == 61
