"""`assay privacy ledger` through its Command and a House over a real store."""

from __future__ import annotations

import json
import shutil
import sqlite3
from fractions import Fraction

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from assay.cli.flags import given_of, with_options
from assay.core.errors import AssayError
from assay.core.part import Area
from assay.engine.areas import Registry, registry
from assay.privacy.commands.ledger import ledger
from assay.privacy.spending.subject import spent_run
from assay.seal.keys import SigningKey, save_signing_key, save_verify_key
from assay.store import open_store
from assay.store.house import StoreHouse

AREA = Area("privacy", "Privacy", catalogues=("assay.privacy.checks",))


class Silence:
    """A Progress that nobody listens to."""

    def started(self, task, /, *, total): ...

    def advanced(self, task, /, *, done, note=""): ...

    def found(self, finding, /): ...

    def ended(self, task, /, *, note=""): ...


@pytest.fixture
def house(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        yield StoreHouse(store, Silence(), lambda run, path: [], known=Registry({**registry().areas, "privacy": AREA}))


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"person_id": [1, 1, 2], "income": [10, 20, 30]}), path)
    return str(path)


def ask(house, line: str, *words: str):
    """The answer to a command line, with flags made of the keywords as the program does it."""
    parameters = list(ledger.parameters.values())
    found = []

    def call(**arguments):
        found.append(ledger.function(house, **given_of(parameters, arguments)))

    body = with_options(parameters, call, positional=ledger.positional)
    CliRunner().invoke(
        click.command("ledger")(body), [*line.split(), *words], catch_exceptions=False, standalone_mode=False
    )
    (answer,) = found
    json.dumps(answer.to_json(), allow_nan=False)
    return answer


def create(house, people, rest="--epsilon 3 --delta 1e-6", name="census"):
    return ask(house, f"create {name} --data {people} {rest}")


def code_of(caught):
    return caught.value.code


def test_the_journey_of_the_issue(house, people):
    made = create(house, people, "--epsilon 3 --delta 1e-6 --unit-column person_id --max-rows 5 --max-keys 3")
    assert "Created the ledger census." in made.text()
    assert "epsilon 3, delta 0.000001, by sums" in made.text()
    assert "each value of person_id, at most 5 rows, at most 3 keys; neighbours: add-or-remove one unit" in made.text()
    held = house.ledger("census")
    first = held.reserve({"epsilon": Fraction(1, 2), "delta": Fraction("1e-7")}, who="ann", what="mean(income)")
    held.commit(first, release="sha256:" + "0" * 64)
    held.reserve({"epsilon": Fraction(1)}, who="bob", what="never answered")
    shown = ask(house, "show census")
    assert "epsilon 50.0%, delta 10.0% of the budget, by 2 reservations (1 never released)" in shown.text()
    assert "remains    epsilon 1.5, delta 0.0000009" in shown.text()
    told = ask(house, "history census")
    assert [line.split()[1:] for line in told.text().splitlines()] == [
        ["committed", "epsilon", "0.5,", "delta", "0.0000001", "ann", "mean(income)"],
        ["reserved", "epsilon", "1", "bob", "never", "answered"],
    ]
    assert told.to_json()[0]["amount"] == {"epsilon": "1/2", "delta": "1/10000000"}
    assert "4 entries" in ask(house, "verify census").text()
    assert ask(house, "list").to_json() == {"ledgers": ["census"]}


def test_what_is_spent_is_a_finding(house, people):
    create(house, people, "--epsilon 1 --analyst ann=0.5 --analyst *=0.9")
    held = house.ledger("census")
    assert {f.measure.name: f.measure.value for f in spent_run(house, held).findings} == {
        "budget_spent": 0.0,
        "epsilon_spent": 0.0,
        "analyst_budget_spent": 0.0,
        "never_released": None,
    }
    held.reserve({"epsilon": Fraction("0.45")}, who="ann", what="query")
    held.reserve({"epsilon": Fraction("0.45")}, who="bob", what="query")
    run = house.store.run(ask(house, "show census").to_json()["run"])
    found = {(f.measure.name, f.measure.slice.get("analyst")): f for f in run.findings}
    assert found["budget_spent", None].measure.value == 0.9
    assert found["budget_spent", None].verdict == "warn"
    assert found["analyst_budget_spent", "ann"].measure.value == 0.9
    assert found["analyst_budget_spent", "bob"].measure.value == 0.5
    assert found["never_released", None].measure.value == 1.0
    assert {f.error for f in run.findings} == {""}


def test_a_damaged_ledger_is_no_number(house, people, tmp_path):
    create(house, people)
    house.ledger("census").reserve({"epsilon": Fraction(1)}, who="ann", what="query")
    with sqlite3.connect(tmp_path / "store.db") as other:
        other.execute("DROP TRIGGER ledger_entries_no_update")
        other.execute("UPDATE ledger_entries SET body = replace(body, '1/1', '0/1') WHERE place = 1")
    other.close()
    with pytest.raises(AssayError, match="entry 1 was changed") as caught:
        ask(house, "verify census")
    assert code_of(caught) == "ledger-damaged"
    (finding,) = spent_run(house, house.ledger("census")).findings
    assert finding.verdict == "unmeasured"
    assert "entry 1 was changed" in finding.measure.reason.text()


def test_the_same_file_under_another_name_is_the_same_data(house, people, tmp_path):
    create(house, people)
    copy = tmp_path / "copy.parquet"
    shutil.copy(people, copy)
    with pytest.raises(AssayError, match="under the ledger 'census' already") as caught:
        create(house, copy, name="second")
    assert code_of(caught) == "ledger-data"
    assert ask(house, "list").to_json() == {"ledgers": ["census"]}


@pytest.mark.parametrize(
    ("rest", "by", "limit"),
    [
        ("--epsilon 1/3", "pure", {"epsilon": "1/3"}),
        ("--epsilon 0.1", "pure", {"epsilon": "1/10"}),
        ("--epsilon 1 --delta 1e-6", "sums", {"epsilon": "1/1", "delta": "1/1000000"}),
        ("--epsilon 1 --delta 1e-6 --measure filter", "filter", {"epsilon": "1/1", "delta": "1/1000000"}),
        ("--rho 0.5", "zcdp", {"rho": "1/2", "delta": "0/1"}),
        ("--rdp 1 --order 19", "rdp", {"rdp": "1/1"}),
    ],
)
def test_a_measure_is_fixed_at_birth(house, people, rest, by, limit):
    facts = create(house, people, rest).to_json()["terms"]["budget"]
    assert (facts["accounting"], facts["limit"]) == (by, limit)
    assert house.ledger("census").terms.budget.accounting == by


def test_tables_and_replacement(house):
    made = ask(house, "create census --table postgres:people --epsilon 1 --adjacency replace")
    assert made.to_json()["terms"]["sources"] == ["table:postgres:people"]
    assert house.ledger("census").terms.adjacency == "replace one unit"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "Unknown ledger command"),
        ("spend census", "Known: create, history, list, show, verify"),
        ("show", "takes the name of one ledger"),
        ("show one two", "takes the name of one ledger"),
        ("show nowhere", "Unknown ledger 'nowhere'"),
        ("history census --epsilon 1", "--epsilon does not belong to `ledger history`"),
        ("create census --epsilon 1", "bound to data"),
        ("create census --data {people}", "one measure of loss"),
        ("create census --data {people} --epsilon 0", "epsilon above 0"),
        ("create census --data {people} --epsilon -1", "epsilon above 0"),
        ("create census --data {people} --epsilon nan", "is not a finite number"),
        ("create census --data {people} --epsilon 1 --delta 1", "below 1"),
        ("create census --data {people} --epsilon 1 --delta 0", "pure epsilon"),
        ("create census --data {people} --epsilon 1 --rho 1", "one measure of loss"),
        ("create census --data {people} --epsilon 1 --measure pld", "Unknown measure of a budget 'pld'"),
        ("create census --data {people} --rdp 1", "such a budget needs one"),
        ("create census --data {people} --epsilon 1 --adjacency near", "Unknown adjacency 'near'"),
        ("create census --data {people} --epsilon 1 --unit-column who", "Unknown column 'who'"),
        ("create census --data {people} --epsilon 1 --max-rows 3", "bounds for a unit"),
        ("create census --data {people} --epsilon 1 --unit-column person_id --max-rows 0", "at least 1 row"),
        ("create census --data {people} --epsilon 1 --analyst ann", "no budget of an analyst"),
        ("create census --data {people} --epsilon 1 --analyst ann=1 --analyst ann=2", "two budgets"),
        ("create census --data {people} --epsilon 1 --table people", "names no table"),
        ("create census --data nowhere.parquet --epsilon 1", "nowhere.parquet"),
        ("create a/b --data {people} --epsilon 1", "no name for a ledger"),
        ("create census --data {people} --epsilon 1 --sign-with key.pem", "Give --save FILE too"),
        ("verify census --sign-with key.pem", "Unknown ledger 'census'"),
    ],
)
def test_a_wrong_line_is_one_clear_error_and_creates_nothing(house, people, line, says):
    with pytest.raises(AssayError) as caught:
        ask(house, line.format(people=people))
    assert says in str(caught.value)
    assert ask(house, "list").text() == "There is no ledger yet."


def test_a_budget_of_delta_for_an_analyst_is_that_of_the_whole(house, people):
    create(house, people, "--epsilon 3 --delta 1e-6 --analyst ann=0.5 --analyst bob=epsilon:1,delta:1e-7")
    own = house.ledger("census").terms.analysts
    assert own["ann"].limit == {"epsilon": Fraction(1, 2), "delta": Fraction("1e-6")}
    assert own["bob"].limit == {"epsilon": 1, "delta": Fraction("1e-7")}
    shown = ask(house, "show census").text()
    assert "remains    epsilon 0.5, delta 0.000001 for ann" in shown
    assert "analyst    bob: epsilon 1, delta 0.0000001" in shown


def test_names_cannot_steer_a_terminal(house, people):
    create(house, people)
    house.ledger("census").reserve({"epsilon": Fraction(1)}, who="a\x1b[31m\nb", what="q\u202ex")
    assert len(ask(house, "history census").text().splitlines()) == 1
    assert "\\u001b[31m\\u000ab  q\\u202ex" in ask(house, "history census").text()


def test_a_rolled_back_store_is_found_by_a_kept_checkpoint(house, people, tmp_path):
    kept = tmp_path / "kept.json"
    create(house, people, f"--epsilon 1 --save {kept}")
    assert "the checkpoint is in it, 0 entries ago" in ask(house, f"verify census --checkpoint {kept}").text()
    with sqlite3.connect(tmp_path / "store.db") as source, sqlite3.connect(tmp_path / "backup.db") as target:
        source.backup(target)
    source.close()
    target.close()
    house.ledger("census").reserve({"epsilon": Fraction(1)}, who="ann", what="all of it")
    assert "1 entry ago" in ask(house, f"verify census --checkpoint {kept} --save {kept}").text()
    with open_store(f"sqlite:///{tmp_path}/backup.db") as restored:
        old = StoreHouse(restored, Silence(), lambda run, path: [], known=house.known)
        assert "chain of census holds" in ask(old, "verify census").text()
        with pytest.raises(AssayError, match="rolled back: the checkpoint saw 2 entries, the store has 1") as caught:
            ask(old, f"verify census --checkpoint {kept}")
        assert code_of(caught) == "ledger-checkpoint"


def test_a_checkpoint_is_not_replaced_unverified(house, people, tmp_path):
    kept = tmp_path / "kept.json"
    create(house, people, f"--epsilon 1 --save {kept}")
    before = kept.read_bytes()
    with pytest.raises(AssayError, match="is there already"):
        ask(house, f"verify census --save {kept}")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(AssayError, match="is there already"):
        create(house, other, f"--epsilon 1 --save {kept}", name="second")
    assert ask(house, "list").to_json() == {"ledgers": ["census"]}
    assert kept.read_bytes() == before
    assert list(tmp_path.glob(".checkpoint-*")) == []


def test_a_signed_checkpoint_holds_only_with_its_key(house, people, tmp_path):
    kept = tmp_path / "kept.json"
    keys = [SigningKey.generate(), SigningKey.generate()]
    save_signing_key(keys[0], tmp_path / "key.pem")
    for name, key in zip(("public.pem", "stranger.pem"), keys, strict=True):
        save_verify_key(key.public, tmp_path / name)
    create(house, people, f"--epsilon 1 --save {kept} --sign-with {tmp_path}/key.pem")
    assert "0 entries ago" in ask(house, f"verify census --checkpoint {kept} --signed-by {tmp_path}/public.pem").text()
    with pytest.raises(AssayError, match="is signed"):
        ask(house, f"verify census --checkpoint {kept}")
    with pytest.raises(AssayError, match="Signed by 0 known key"):
        ask(house, f"verify census --checkpoint {kept} --signed-by {tmp_path}/stranger.pem")
    forged = json.loads(kept.read_text())
    forged["payload"] = forged["payload"][::-1]
    kept.write_text(json.dumps(forged))
    with pytest.raises(AssayError):
        ask(house, f"verify census --checkpoint {kept} --signed-by {tmp_path}/public.pem")
    with pytest.raises(AssayError, match="key of a checkpoint"):
        ask(house, f"verify census --signed-by {tmp_path}/public.pem")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_checkpoint_is_refused(house, people, tmp_path, content):
    create(house, people)
    (tmp_path / "kept.json").write_bytes(content)
    with pytest.raises(AssayError, match="no checkpoint"):
        ask(house, f"verify census --checkpoint {tmp_path}/kept.json")
    with pytest.raises(AssayError, match="cannot be read"):
        ask(house, f"verify census --checkpoint {tmp_path}/nowhere.json")
