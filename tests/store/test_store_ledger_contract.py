"""A ledger on either store: it spends once, refuses with what remains, and knows when it was changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import text

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Bounds, Checkpoint, Terms, source_identities
from assay.core.canonical import canonical_json, digest_bytes
from assay.core.errors import AssayError
from assay.store import open_store

FILE = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
TENTH = {"epsilon": Fraction(1, 10)}


def pure(epsilon="1") -> Budget:
    return Budget(Accounting.PURE, {"epsilon": Fraction(epsilon)})


def terms(budget=None, *, sources=(FILE,), **more) -> Terms:
    return Terms(budget or pure(), sources, ADJACENCIES[0], **more)


@pytest.fixture
def store(store_url):
    with open_store(store_url) as opened:
        yield opened


@pytest.fixture
def ledger(store):
    return store.ledgers.create("census", terms(), who="owner")


def forge(store, statement: str, **values) -> None:
    """Change what guards itself, as one who has the file or the server can."""
    with store._engine.execution_options(write=True).begin() as connection:
        if connection.dialect.name == "sqlite":
            for event in ("update", "delete"):
                for table in ("ledger_entries", "ledger_sources"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
        else:
            connection.exec_driver_sql("ALTER TABLE ledger_entries DISABLE TRIGGER ALL")
            connection.exec_driver_sql("ALTER TABLE ledger_sources DISABLE TRIGGER ALL")
        connection.execute(text(statement), values)


def spend(ledger, count: int, *, who="ann") -> None:
    for number in range(count):
        made = ledger.reserve(TENTH, who=who, what=f"query {number}")
        ledger.commit(made, release=f"sha256:{number:064x}")


def code_of(error) -> str:
    return error.value.code


def test_a_spend_is_reserved_then_committed_and_told(ledger):
    made = ledger.reserve(TENTH, who="ann", what="mean(income)")
    assert (made.state, made.who, made.what, made.amount, made.release) == (
        "reserved",
        "ann",
        "mean(income)",
        TENTH,
        "",
    )
    assert ledger.history() == [made]
    done = ledger.commit(made, release=OTHER)
    assert (done.state, done.release, done.id) == ("committed", OTHER, made.id)
    assert ledger.history() == [done]
    assert done.at.endswith("+00:00")


def test_ten_tenths_are_one_and_the_eleventh_is_refused_with_what_remains(store, ledger):
    spend(ledger, 9)
    assert ledger.remaining() == TENTH
    assert ledger.spent() == {"epsilon": Fraction(9, 10)}
    assert not ledger.would_exceed(TENTH)
    assert ledger.would_exceed({"epsilon": Fraction("0.1000000000000000055")})
    with pytest.raises(AssayError, match=r"refuses epsilon 0\.2: what remains is epsilon 0\.1\. Nothing") as caught:
        ledger.reserve({"epsilon": Fraction(2, 10)}, who="ann", what="too much")
    assert code_of(caught) == "budget"
    spend(ledger, 1)
    assert ledger.remaining() == {"epsilon": 0}
    with pytest.raises(AssayError, match="what remains is epsilon 0"):
        ledger.reserve({"epsilon": Fraction(1, 10**30)}, who="ann", what="a crumb")
    assert len(ledger.history()) == 10
    assert store.ledgers.open("census").verify().count == 21


def test_a_reservation_without_a_commit_is_spent(store, ledger):
    for _ in range(10):
        ledger.reserve(TENTH, who="ann", what="never answered")
    again = store.ledgers.open("census")
    assert again.would_exceed(TENTH)
    assert {found.state for found in again.history()} == {"reserved"}


def test_the_same_commit_again_changes_nothing_and_another_is_refused(ledger):
    made = ledger.reserve(TENTH, who="ann", what="mean")
    assert ledger.commit(made, release=FILE) == ledger.commit(made, release=FILE)
    assert ledger.checkpoint().count == 3
    with pytest.raises(AssayError, match="committed to another release") as caught:
        ledger.commit(made, release=OTHER)
    assert code_of(caught) == "ledger-spend"


def test_a_spend_of_another_ledger_is_not_committed_here(store, ledger):
    other = store.ledgers.create("other", terms(sources=(OTHER,)), who="owner")
    made = other.reserve(TENTH, who="ann", what="mean")
    with pytest.raises(AssayError, match="no reservation"):
        ledger.commit(made, release=FILE)
    assert ledger.history() == []
    assert ledger.remaining() == {"epsilon": 1}


def test_the_same_data_are_refused_under_a_second_ledger(store, ledger):
    with pytest.raises(AssayError, match="under the ledger 'census' already") as caught:
        store.ledgers.create("again", terms(sources=(OTHER, FILE)), who="owner")
    assert code_of(caught) == "ledger-data"
    assert list(store.ledgers.names()) == ["census"]
    store.ledgers.create("elsewhere", terms(sources=(OTHER,)), who="owner")
    with pytest.raises(AssayError, match="There is a ledger 'census' already"):
        store.ledgers.create("census", terms(sources=("table:duckdb:t",)), who="owner")


def test_an_unknown_ledger_lists_the_known(store, ledger):
    with pytest.raises(AssayError, match=r"Unknown ledger 'cencus'\. Did you mean 'census'\?") as caught:
        store.ledgers.open("cencus")
    assert code_of(caught) == "unknown-ledger"


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 101, "naïve", "a\n", "a\0"])
def test_a_name_is_plain(store, name):
    with pytest.raises(AssayError, match="no name for a ledger"):
        store.ledgers.create(name, terms(), who="owner")
    with pytest.raises(AssayError, match="Unknown ledger"):
        store.ledgers.open(name)


def test_the_terms_come_back(store):
    whole = Budget(Accounting.FILTER, {"epsilon": Fraction(3), "delta": Fraction("1e-6")}, slack=Fraction("3e-7"))
    bounds = Bounds("person_id", max_rows=5, max_keys=3, max_rows_per_key=2)
    given = terms(whole, sources=(FILE, OTHER), bounds=bounds, analysts={"ann": whole})
    store.ledgers.create("census", given, who="owner")
    assert store.ledgers.open("census").terms == given


def test_each_analyst_has_a_budget_and_a_stranger_none(store):
    own = {"ann": pure("0.3"), "bob": pure("0.9")}
    ledger = store.ledgers.create("census", terms(analysts=own), who="owner")
    spend(ledger, 3, who="ann")
    assert ledger.would_exceed(TENTH, who="ann")
    assert ledger.remaining(who="ann") == {"epsilon": 0}
    assert ledger.spent(who="ann") == {"epsilon": 1}
    with pytest.raises(AssayError, match="what remains is epsilon 0"):
        spend(ledger, 1, who="ann")
    assert ledger.remaining(who="bob") == {"epsilon": Fraction(7, 10)}
    spend(ledger, 7, who="bob")
    assert ledger.would_exceed(TENTH, who="bob")
    with pytest.raises(AssayError, match=r"'eve' may not spend.*created for: ann, bob") as caught:
        spend(ledger, 1, who="eve")
    assert code_of(caught) == "ledger-analyst"
    assert ledger.verify().count == 21


def test_a_star_is_the_budget_of_everybody_else(store):
    ledger = store.ledgers.create("census", terms(analysts={"ann": pure("0.5"), "*": pure("0.1")}), who="owner")
    spend(ledger, 1, who="eve")
    spend(ledger, 1, who="bob")
    spend(ledger, 5, who="ann")
    for who in ("eve", "bob", "ann"):
        assert ledger.would_exceed(TENTH, who=who)
    assert ledger.remaining() == {"epsilon": Fraction(3, 10)}


@pytest.mark.parametrize(
    ("budget", "amount", "answers"),
    [
        (
            Budget(Accounting.SUMS, {"epsilon": Fraction(9), "delta": Fraction("1e-6")}),
            {"epsilon": 1, "delta": "4e-7"},
            2,
        ),
        (Budget(Accounting.ZCDP, {"rho": Fraction(1, 2), "delta": Fraction(0)}), {"rho": "1/6"}, 3),
        (
            Budget(Accounting.ZCDP, {"rho": Fraction(1, 2), "delta": Fraction("1e-9")}),
            {"rho": "1/8", "delta": "1e-9"},
            1,
        ),
        (Budget(Accounting.RDP, {"rdp": Fraction(1)}, order=Fraction(19)), {"rdp": "1/7"}, 7),
        # 0.1 √(2 ln(2e6) k) + 0.005 k ≤ 1: k = 3 gives 0.9480, k = 4 gives 1.0974.
        (Budget(Accounting.FILTER, {"epsilon": Fraction(1), "delta": Fraction("1e-6")}), {"epsilon": "1/10"}, 3),
    ],
)
def test_every_measure_stops_in_time(store, budget, amount, answers):
    ledger = store.ledgers.create("census", terms(budget), who="owner")
    exact = {unit: Fraction(value) for unit, value in amount.items()}
    for _ in range(answers):
        ledger.reserve(exact, who="ann", what="query")
    with pytest.raises(AssayError, match="what remains is") as caught:
        ledger.reserve(exact, who="ann", what="query")
    assert code_of(caught) == "budget"
    with pytest.raises(AssayError) as caught:
        ledger.reserve({"epsilon" if "epsilon" not in budget.limit else "rho": Fraction(1)}, who="ann", what="query")
    assert code_of(caught) == "budget-measure"
    assert ledger.verify().count == answers + 1


@pytest.mark.parametrize("said", ["", "  ", "x" * 1001])
def test_who_and_what_are_said(ledger, said):
    with pytest.raises(AssayError, match="who must be a text"):
        ledger.reserve(TENTH, who=said, what="query")
    with pytest.raises(AssayError, match="what must be a text"):
        ledger.reserve(TENTH, who="ann", what=said)
    assert ledger.history() == []


def test_hostile_names_come_back_harmless(store, ledger):
    ledger.reserve(TENTH, who="ann'; DROP TABLE ledgers;--", what="a\0b \ud800 <script>")
    (found,) = store.ledgers.open("census").history()
    assert found.who == "ann'; DROP TABLE ledgers;--"
    assert found.what == "a\\x00b \\ud800 <script>"
    assert ledger.verify().count == 2


def test_the_longest_texts_are_kept(store, ledger):
    """Four bytes a letter, or six signs for a lone surrogate."""
    for letter in ("\U0001f600", "\ud800"):
        made = ledger.reserve(TENTH, who=letter * 200, what=letter * 1000)
        ledger.commit(made, release=letter * 1000)
    store.ledgers.create("x" * 100, terms(sources=("table:" + "\U0001f600" * 494,)), who="\U0001f600" * 1000)
    assert ledger.verify().count == 5
    with pytest.raises(AssayError, match="table may have 500 letters"):
        terms(sources=("table:" + "x" * 495,))


def test_an_endless_amount_is_refused_in_a_short_sentence(ledger):
    with pytest.raises(AssayError, match="what remains is epsilon 1") as caught:
        ledger.reserve({"epsilon": Fraction(10**9000)}, who="ann", what="everything")
    assert len(str(caught.value)) < 200
    assert not ledger.would_exceed({"epsilon": Fraction(1, 10**9000)})


def test_entries_guard_themselves(store, ledger):
    spend(ledger, 1)
    for statement in (
        "UPDATE ledger_entries SET who = 'eve'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_sources",
        "UPDATE ledger_sources SET source = 'x'",
        "DELETE FROM ledgers",
    ):
        with (
            pytest.raises(AssayError, match="append-only"),
            store._explained(),
            store._engine.execution_options(write=True).begin() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert ledger.verify().count == 3


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE ledger_entries SET body = replace(body, '1/10', '1/99') WHERE place = 3", "entry 3 was changed"),
        ("UPDATE ledger_entries SET who = 'eve' WHERE place = 3", "entry 3 stands in the wrong place"),
        ("DELETE FROM ledger_entries WHERE place = 3", "entry 4 does not follow"),
        ("DELETE FROM ledger_entries WHERE place = 0", "no beginning"),
        ("UPDATE ledger_sources SET source = 'table:duckdb:other'", "the data it is bound to were changed"),
    ],
)
def test_a_changed_entry_is_found(store, ledger, statement, says):
    spend(ledger, 3)
    forge(store, statement)
    with pytest.raises(AssayError, match=says) as caught:
        ledger.verify()
    assert code_of(caught) == "ledger-damaged"


def rewritten(store, place: int, **changes) -> None:
    """Forge the entry at `place` with the right hash of its own."""
    with store._engine.connect() as connection:
        body = (
            json.loads(connection.scalar(text("SELECT body FROM ledger_entries WHERE place = :p"), {"p": place}))
            | changes
        )
    data = canonical_json(body)
    forge(
        store,
        "UPDATE ledger_entries SET body = :b, hash = :h WHERE place = :p",
        b=data.decode(),
        h=digest_bytes(data),
        p=place,
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"spent": {"epsilon": "0/1"}}, "entry 5 states another sum"),
        ({"amount": {"epsilon": "1/100"}, "own": {"epsilon": "3/10"}}, "entry 5 states another sum for its analyst"),
        (
            {"amount": {"epsilon": "5/1"}, "spent": {"epsilon": "26/5"}, "own": {"epsilon": "26/5"}},
            "more than the budget",
        ),
        ({"own": {"epsilon": "0/1"}}, "another sum for its analyst"),
    ],
)
def test_a_forged_entry_with_the_right_hash_is_found_by_its_sums(store, ledger, changes, says):
    spend(ledger, 2)
    ledger.reserve(TENTH, who="ann", what="last")
    rewritten(store, 5, **changes)
    with pytest.raises(AssayError, match=says):
        ledger.verify()


def test_nothing_is_spent_from_a_changed_head(store, ledger):
    spend(ledger, 1)
    forge(store, "UPDATE ledger_entries SET body = replace(body, '1/10', '0/10') WHERE place = 2")
    with pytest.raises(AssayError, match="entry 2 was changed"):
        ledger.reserve(TENTH, who="ann", what="query")


def test_a_restored_store_is_found_by_the_checkpoint(store, ledger):
    spend(ledger, 2)
    kept = Checkpoint.from_json(json.loads(json.dumps(ledger.checkpoint().to_json())))
    spend(ledger, 1)
    assert ledger.verify(checkpoint=kept).count == 7
    forge(store, "DELETE FROM ledger_entries WHERE place > 2")
    assert ledger.verify().count == 3
    with pytest.raises(AssayError, match="rolled back: the checkpoint saw 5 entries, the store has 3") as caught:
        ledger.verify(checkpoint=kept)
    assert code_of(caught) == "ledger-checkpoint"
    spend(ledger, 2)
    with pytest.raises(AssayError, match="went its own way: its entry 4 is not"):
        ledger.verify(checkpoint=kept)


def test_a_copied_file_is_found_by_the_checkpoint_of_the_original(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/one.db") as one:
        first = one.ledgers.create("census", terms(), who="owner")
        spend(first, 1)
        with sqlite3.connect(tmp_path / "one.db") as source, sqlite3.connect(tmp_path / "two.db") as target:
            source.backup(target)
        source.close()
        target.close()
        spend(first, 9)
        kept = first.checkpoint()
    with open_store(f"sqlite:///{tmp_path}/two.db") as two:
        second = two.ledgers.open("census")
        assert second.remaining() == {"epsilon": Fraction(9, 10)}
        with pytest.raises(AssayError, match="rolled back"):
            second.verify(checkpoint=kept)
        spend(second, 9)
        with pytest.raises(AssayError, match="went its own way"):
            second.verify(checkpoint=kept)


def test_a_ledger_made_anew_under_the_same_name_is_another(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/one.db") as one:
        kept = one.ledgers.create("census", terms(), who="owner").checkpoint()
    with (
        open_store(f"sqlite:///{tmp_path}/two.db") as two,
        pytest.raises(AssayError, match="checkpoint is of another ledger"),
    ):
        two.ledgers.create("census", terms(), who="owner").verify(checkpoint=kept)


@pytest.mark.parametrize(
    "data", [{}, [], {"format": 2}, {"format": 1, "ledger": "x", "birth": 3, "count": 1, "head": "h"}, None]
)
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(AssayError, match="no checkpoint"):
        Checkpoint.from_json(data)


def test_threads_of_one_process_share_a_ledger(ledger):
    refused = []

    def ask(name: str) -> None:
        for number in range(5):
            try:
                ledger.commit(ledger.reserve(TENTH, who=name, what=str(number)), release=FILE)
            except AssayError as error:
                refused.append(error.code)

    threads = [threading.Thread(target=ask, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["budget"] * 30
    assert ledger.remaining() == {"epsilon": 0}
    assert ledger.verify().count == 21


def held(path: Path) -> sqlite3.Connection:
    """A connection of another program that is writing."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_database_that_stays_locked_is_a_clear_error_and_spends_nothing(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/store.db?timeout=0.2") as store:
        ledger = store.ledgers.create("census", terms(), who="owner")
        other = held(tmp_path / "store.db")
        with pytest.raises(AssayError, match="is locked: another program") as caught:
            ledger.reserve(TENTH, who="ann", what="query")
        other.close()
        assert code_of(caught) == "store-locked"
        assert ledger.remaining() == {"epsilon": 1}


def test_a_locked_database_is_waited_for(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        ledger = store.ledgers.create("census", terms(), who="owner")
        other = held(tmp_path / "store.db")
        timer = threading.Timer(0.3, other.close)
        timer.start()
        assert ledger.reserve(TENTH, who="ann", what="query").state == "reserved"
        timer.join()


def test_a_reservation_is_synced_to_the_disk(tmp_path):
    seen = []
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        ledger = store.ledgers.create("census", terms(), who="owner")
        connection = store._engine.raw_connection()
        connection.dbapi_connection.set_trace_callback(seen.append)
        connection.close()
        ledger.reserve(TENTH, who="ann", what="query")
    assert [line for line in seen if line.startswith(("PRAGMA", "BEGIN", "COMMIT"))] == [
        "PRAGMA synchronous=FULL",
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: terms(sources=()),
        lambda: terms(sources=(FILE, FILE)),
        lambda: Terms(pure(), (FILE,), "nearby"),
        lambda: terms(analysts={"ann": Budget(Accounting.ZCDP, {"rho": Fraction(1)})}),
        lambda: Bounds(max_rows=3),
        lambda: Bounds("person", max_rows=0),
    ],
)
def test_impossible_terms_are_refused(make):
    with pytest.raises(AssayError):
        make()


def test_data_are_known_by_what_their_rows_say_of_themselves(ledger):
    facts = [{"source": "p.parquet", "kind": "Parquet file", "sha256": FILE}]
    assert source_identities(facts) == (FILE,)
    ledger.terms.require(source_identities(facts))
    table = [{"source": "people", "kind": "postgres table", "digest": "not digested"}]
    assert source_identities(table) == ("table:postgres:people",)
    with pytest.raises(AssayError, match="not those of the ledger") as caught:
        ledger.terms.require(source_identities(table))
    assert code_of(caught) == "ledger-data"
    with pytest.raises(AssayError, match="in memory have no identity"):
        source_identities([{"source": "memory", "kind": "pandas", "digest": "not digested"}])


def test_a_copy_of_the_file_of_a_store_in_use_is_whole(tmp_path):
    """Copied with its log, as a snapshot of the disk would be."""
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        spend(store.ledgers.create("census", terms(), who="owner"), 2)
        for path in Path(tmp_path).glob("store.db*"):
            shutil.copy(path, tmp_path / path.name.replace("store", "copy"))
    with open_store(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert copy.ledgers.open("census").verify().count == 5
