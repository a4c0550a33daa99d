"""From the question to the ledger: answers near the truth, paid for first, and refused without a trace."""

from __future__ import annotations

import json
import math
import sqlite3
from datetime import date, timedelta
from fractions import Fraction

import click
import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner

from assay import privacy
from assay.cli.flags import given_of, with_options
from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Bounds, Terms
from assay.core.canonical import digest
from assay.core.errors import AssayError
from assay.core.part import Area
from assay.data.rows.sql.files import sha256
from assay.engine.areas import Registry, registry
from assay.privacy.commands.query import query_data
from assay.privacy.noise.entropy import insecure_seeded
from assay.privacy.queries.bounding.opening import Opened
from assay.store import open_store
from assay.store.house import StoreHouse

FREE = {"ledger": None, "adjacency": "add-or-remove", "epsilon": "50"}
BOUNDS = {"income": "0:200"}
SEXES = ["F", "M", "other"]
AREA = Area("privacy", "Privacy", catalogues=("assay.privacy.checks",))


def frame(rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    income = rng.gamma(4.0, 20.0, rows)
    income[:3] = math.nan, math.inf, 1e12
    return pd.DataFrame(
        {
            "person": rng.integers(0, 200, rows),
            "sex": rng.choice(["F", "M"], rows, p=[0.4, 0.6]),
            "old": rng.random(rows) < 0.3,
            "day": rng.choice(np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[s]"), rows),
            "income": income,
        }
    )


DATA = frame()
CLAMPED = DATA["income"].clip(0, 200)


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "people.parquet"
    DATA.to_parquet(path)
    return str(path)


def create(store, path, *, accounting=Accounting.PURE, bounds=None, adjacency=0, name="census", **limit):
    budget = Budget(accounting, {unit: Fraction(text) for unit, text in limit.items()})
    return store.ledgers.create(
        name, Terms(budget, (sha256(path),), ADJACENCIES[adjacency], bounds or Bounds()), who="ann"
    )


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def test_answers_are_near_the_numbers_without_noise():
    """At epsilon 50, against pandas on the clamped values."""
    known = CLAMPED.dropna()
    for ask, truth, near in (
        ("sum(income)", known.sum(), 20),
        ("mean(income)", known.mean(), 0.1),
        ("variance(income)", known.var(ddof=0), 20),
        ("median(income)", known.median(), 1),
        ("quantile(income, 0.9)", known.quantile(0.9), 2),
    ):
        answer = privacy.query(DATA, ask, bounds=BOUNDS, **FREE)
        assert answer.value == pytest.approx(truth, abs=near)
        assert answer.interval.low <= answer.value <= answer.interval.high
    by = privacy.query(
        DATA, "mean(income) by sex, old", bounds=BOUNDS, keys={"sex": SEXES, "old": [True, False]}, **FREE
    )
    truth = CLAMPED.groupby([DATA["sex"], DATA["old"]]).mean()
    found = {(c.slice["sex"], c.slice["old"]): c.estimate.value for c in by.cells}
    assert len(found) == 6
    for (sex, old), value in truth.items():
        assert found[sex, str(old).lower()] == pytest.approx(value, abs=2)
    bars = privacy.query(DATA, "histogram(income, 8)", bounds=BOUNDS, **FREE)
    expected = np.histogram(known, bins=8, range=(0, 200))[0]
    assert [c.estimate.value for c in bars.cells] == pytest.approx(expected.tolist(), abs=2)
    table = privacy.query(DATA, "contingency(sex, old)", keys={"sex": SEXES, "old": ["true", "false"]}, **FREE)
    counts = pd.crosstab(DATA["sex"], DATA["old"])
    cells = {tuple(c.slice.values()): c.estimate.value for c in table.cells}
    assert cells["F", "true"] == pytest.approx(counts.loc["F", True], abs=2)
    assert cells[()] == pytest.approx(600, abs=2)
    imputed = privacy.query(DATA, "mean(income)", bounds=BOUNDS, missing="impute", **FREE)
    assert imputed.value == pytest.approx(CLAMPED.fillna(100).mean(), abs=0.1)


def test_every_kind_of_source_gives_the_same_answer(parquet, tmp_path):
    """With seeded noise: pandas, polars, pyarrow, DuckDB, Ibis, Parquet and CSV."""
    DATA.to_csv(tmp_path / "people.csv", index=False)
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE people AS SELECT * FROM read_parquet('{parquet}')")
    backend = ibis.duckdb.connect()
    sources = [
        DATA,
        DATA.astype({"sex": "category"}),
        DATA.astype({"income": object}),
        pl.from_pandas(DATA),
        pa.Table.from_pandas(DATA),
        parquet,
        str(tmp_path / "people.csv"),
        connection.table("people"),
        backend.read_parquet(parquet, table_name="people"),
    ]
    keys = {"sex": SEXES, "day": ["2020-01-01 00:00:00"]}
    found = set()
    for source in sources:
        answer = privacy.query(
            source, "mean(income) by sex", bounds=BOUNDS, keys={"sex": keys["sex"]}, entropy=insecure_seeded(4), **FREE
        )
        assert not answer.private
        assert "NOT PRIVATE" in answer.text()
        found.add(tuple(cell.estimate.value for cell in answer.cells))
    assert len(found) == 1


def test_keys_are_read_as_the_column_declares(tmp_path):
    (tmp_path / "sexes.csv").write_text("code,sex\n1,F\n2,M\n2,M\n")
    (tmp_path / "plain.csv").write_text("F\nM\n")
    for file in ("sexes.csv", "plain.csv"):
        answer = privacy.query(DATA, "count by sex", keys={"sex": tmp_path / file}, **FREE)
        assert [cell.slice["sex"] for cell in answer.cells] == ["F", "M"]
    days = pa.table({"day": pa.array([18262, 18263, 18263], pa.date32()), "n": [1, 2, 2], "w": [0.5, 1.5, 1.5]})
    for name, keys in (("day", ["2020-01-02", "2020-01-01"]), ("n", ["2", 1]), ("w", ["1.5", 0.5])):
        answer = privacy.query(days, f"count by {name}", keys={name: keys}, **FREE)
        assert [cell.estimate.value for cell in answer.cells] == pytest.approx([2, 1], abs=1)
    for name, key in (("day", "soon"), ("n", "1.5"), ("n", 2**70), ("w", "nan")):
        with pytest.raises(AssayError) as caught:
            privacy.query(days, f"count by {name}", keys={name: [key]}, **FREE)
        assert caught.value.code == "keys"
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    for path in ("wrong.csv", "nowhere.csv"):
        with pytest.raises(AssayError) as caught:
            privacy.query(DATA, "count by sex", keys={"sex": tmp_path / path}, **FREE)
        assert caught.value.code == "keys"


def test_hostile_keys_of_the_data_are_shown_escaped():
    rows = pa.table({"k": ["\x1b[31m<b>'; DROP TABLE x; --\u202e"] * 900 + ["rare"]})
    free = FREE | {"epsilon": "1", "delta": "1e-6", "size": 1000}
    answer = privacy.query(rows, "count by k", **free)
    (cell,) = answer.cells
    assert cell.slice["k"].startswith("\x1b")
    assert "\x1b" not in answer.text()
    assert "\u202e" not in answer.text()
    json.dumps(answer.to_json(), allow_nan=False)


def test_a_ledger_is_charged_before_the_data_are_read(store, parquet, monkeypatch):
    """What was reserved stays spent when reading fails, and nothing leaves."""
    ledger = create(store, parquet, epsilon="1")
    seen = []

    def broken(self, query):
        seen.append(ledger.history()[-1].state)
        raise AssayError("no", code="file")

    monkeypatch.setattr(Opened, "run", broken)
    with pytest.raises(AssayError):
        privacy.query(parquet, "count", ledger=ledger, epsilon="0.25")
    assert seen == ["reserved"]
    assert ledger.remaining()["epsilon"] == Fraction("0.75")
    monkeypatch.undo()
    answer = privacy.query(parquet, "count", ledger=ledger, epsilon="0.25", who="ann")
    last = ledger.history()[-1]
    assert (last.state, last.release, last.who, last.what) == ("committed", answer.digest, "ann", "count")
    assert answer.digest == digest(answer.to_json())
    assert answer.paid == {"epsilon": Fraction("0.25")}
    assert answer.ledger == "census"


@pytest.mark.parametrize(
    ("accounting", "limit", "given", "paid"),
    [
        (Accounting.SUMS, {"epsilon": "1", "delta": "1e-6"}, {"epsilon": "0.5"}, {"epsilon": "0.5", "delta": "0"}),
        (
            Accounting.SUMS,
            {"epsilon": "1", "delta": "1e-6"},
            {"epsilon": "0.5", "delta": "1e-7", "size": 600, "keys": None},
            {"epsilon": "0.5", "delta": "1e-7"},
        ),
        (Accounting.ZCDP, {"rho": "1"}, {"rho": "0.125"}, {"rho": "0.125"}),
        (Accounting.ZCDP, {"rho": "1"}, {"epsilon": "0.5"}, {"rho": "0.125"}),
    ],
)
def test_the_price_is_in_the_measure_of_the_ledger(store, parquet, accounting, limit, given, paid):
    ledger = create(store, parquet, accounting=accounting, **limit)
    keys = given.get("keys", {"sex": SEXES})
    more = {"keys": keys} if keys else {}
    answer = privacy.query(
        parquet, "count by sex", ledger=ledger, **{k: v for k, v in given.items() if k != "keys"}, **more
    )
    assert answer.paid == {unit: Fraction(value) for unit, value in paid.items()}
    assert answer.cells


def test_the_terms_of_the_ledger_hold(store, parquet):
    """Its data, its neighbours, and what it lets a unit contribute."""
    ledger = create(store, parquet, epsilon="9", adjacency=1, bounds=Bounds("person", max_rows=2))
    answer = privacy.query(parquet, "count", ledger=ledger, epsilon="1")
    assert answer.event.adjacency.value == ADJACENCIES[1]
    assert answer.value <= 410
    assert answer.interval.high - answer.interval.low == pytest.approx(2 * 2 * math.log(20), abs=2.1)
    refused = [
        ({"max_rows": 3}, "contribution"),
        ({"unit_column": "sex"}, "contribution"),
        ({"adjacency": "add-or-remove"}, "adjacency"),
    ]
    for given, code in refused:
        with pytest.raises(AssayError) as caught:
            privacy.query(parquet, "count", ledger=ledger, epsilon="1", **given)
        assert caught.value.code == code
    assert privacy.query(parquet, "count", ledger=ledger, epsilon="1", max_rows=2).paid
    DATA.head(10).to_parquet(parquet)
    with pytest.raises(AssayError) as caught:
        privacy.query(parquet, "count", ledger=ledger, epsilon="1")
    assert caught.value.code == "ledger-data"
    with pytest.raises(AssayError) as caught:
        privacy.query(DATA, "count", ledger=ledger, epsilon="1")
    assert caught.value.code == "ledger-data"
    assert len(ledger.history()) == 2


REFUSED = [
    ({"epsilon": "0"}, "epsilon"),
    ({"epsilon": "-0.5"}, "epsilon"),
    ({"epsilon": "2"}, "budget"),
    ({"epsilon": "0.1", "delta": "0.01", "size": 600}, "delta"),
    ({"epsilon": "0.1", "delta": "1e-9", "size": 600}, "measure"),
    ({"epsilon": "0.1", "bounds": {}}, "bounds"),
    ({"epsilon": "0.1", "bounds": {"income": "200:0"}}, "bounds"),
    ({"epsilon": "0.1", "keys": {"sexx": SEXES}}, "keys"),
    ({"epsilon": "0.1", "ask": "mean(pay) by sex"}, "column"),
    ({"epsilon": "0.1", "ask": "mean(income) by town"}, "column"),
    ({"epsilon": "0.1", "ask": "average(income)"}, "ask"),
    ({"rho": "0.1"}, "measure"),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_a_refused_question_releases_nothing_and_spends_nothing(store, parquet, monkeypatch, given, code):
    ledger = create(store, parquet, epsilon="1")
    monkeypatch.setattr(Opened, "run", lambda *_: pytest.fail("data were read"))
    given = {"bounds": BOUNDS, "keys": {"sex": SEXES}} | given
    with pytest.raises(AssayError) as caught:
        privacy.query(parquet, given.pop("ask", "mean(income) by sex"), ledger=ledger, **given)
    assert caught.value.code == code
    assert ledger.history() == []
    assert ledger.remaining()["epsilon"] == 1


def test_an_exhausted_ledger_says_what_remains(store, parquet):
    ledger = create(store, parquet, epsilon="1")
    privacy.query(parquet, "count", ledger=ledger, epsilon="0.75")
    with pytest.raises(AssayError, match=r"remains is epsilon 0\.25"):
        privacy.query(parquet, "count", ledger=ledger, epsilon="0.5")
    assert len(ledger.history()) == 1


class Silence:
    """A Progress that nobody listens to."""

    def started(self, task, /, *, total): ...

    def advanced(self, task, /, *, done, note=""): ...

    def found(self, finding, /): ...

    def ended(self, task, /, *, note=""): ...


@pytest.fixture
def house(store):
    return StoreHouse(store, Silence(), lambda run, path: [], known=Registry({**registry().areas, "privacy": AREA}))


def ask(house, *words: str):
    """The answer to a command line, with flags made of the keywords as the program does it."""
    parameters = list(query_data.parameters.values())
    found = []

    def call(**arguments):
        found.append(query_data.function(house, **given_of(parameters, arguments)))

    body = with_options(parameters, call, positional=query_data.positional)
    CliRunner().invoke(click.command("query")(body), list(words), catch_exceptions=False, standalone_mode=False)
    (answer,) = found
    json.dumps(answer.to_json(), allow_nan=False)
    return answer


def test_the_line_of_the_issue(house, parquet, tmp_path):
    create(house.store, parquet, epsilon="3")
    (tmp_path / "sexes.csv").write_text("sex\nF\nM\n")
    line = ["--data", parquet, "--ask", "mean(income) by sex", "--epsilon", "0.5", "--bounds", "income=0:200"]
    answered = ask(house, *line, "--keys", f"sex={tmp_path}/sexes.csv", "--ledger", "census")
    run = house.store.run(answered.run)
    assert [f.measure.slice for f in run.findings] == [{"sex": "F"}, {"sex": "M"}]
    assert {f.check for f in run.findings} == {"privacy.query"}
    assert all(f.verdict is None and f.measure.interval.level == 0.95 for f in run.findings)
    assert all("noise" in f.measure.interval.method for f in run.findings)
    (spent,) = house.store.run(answered.spent).findings.select(measure="budget_spent")
    assert spent.measure.value == pytest.approx(1 / 6)
    again = ask(house, *line, "--keys", "sex=F, M", "--ledger", "census")
    old, new = run.findings, house.store.run(again.run).findings
    assert [f.key for f in old] == [f.key for f in new]
    assert not {f.id for f in old} & {f.id for f in new}
    assert "The ledger census took epsilon 0.5" in again.text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "ledger"),
        (["--ledger", "census", "--no-ledger"], "ledger"),
        (["--ledger", "nowhere"], "unknown-ledger"),
        (["--no-ledger"], "adjacency"),
        (["--no-ledger", "--adjacency", "replace", "--keys", "sex"], "usage"),
        (["--ledger", "census", "--bounds", "income"], "usage"),
    ],
)
def test_wrong_lines_are_one_clear_error(house, parquet, words, code):
    create(house.store, parquet, epsilon="3")
    with pytest.raises(AssayError) as caught:
        ask(house, "--data", parquet, "--ask", "count", "--epsilon", "1", *words)
    assert caught.value.code == code
    assert house.ledger("census").history() == []


def test_an_empty_list_of_keys_is_an_error_and_no_key_without_letters(house, parquet):
    create(house.store, parquet, epsilon="3")
    with pytest.raises(AssayError, match="one or more different values"):
        ask(
            house,
            "--data",
            parquet,
            "--ask",
            "count by sex",
            "--epsilon",
            "1",
            "--ledger",
            "census",
            "--keys",
            "sex=[]",
        )
    assert house.ledger("census").history() == []


def test_a_locked_store_is_a_clear_error_and_spends_nothing(parquet, tmp_path):
    with open_store(f"sqlite:///{tmp_path}/locked.db?timeout=0.2") as store:
        ledger = create(store, parquet, epsilon="1")
        other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            with pytest.raises(AssayError, match="is locked: another program"):
                privacy.query(parquet, "count", ledger=ledger, epsilon="0.5")
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert ledger.history() == []


@pytest.mark.parametrize("kind", ["text", "whole", "real", "date"])
def test_thousands_of_keys_count_the_same_rows(kind):
    """Many keys are joined, few are written out; both leave the rows of other keys out."""
    made = {
        "text": [f"k{i}'" for i in range(1000)],
        "whole": list(range(1000)),
        "real": [i + 0.1 for i in range(1000)],
        "date": [date(2000, 1, 1) + timedelta(i) for i in range(1000)],
    }[kind]
    rows = pa.table({"k": [made[i % 1000] for i in range(5000)]})
    written = [str(value) for value in made] if kind == "date" else made
    for many in (50, 700):
        answer = privacy.query(rows, "count by k", keys={"k": written[:many]}, **FREE)
        assert sum(cell.estimate.value for cell in answer.cells) == pytest.approx(5 * many, abs=3)
        assert max(abs(cell.estimate.value - 5) for cell in answer.cells) <= 2


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")  # Ibis' SQLite sets it in pandas.
def test_an_engine_that_cannot_answer_is_found_out_before_anything_is_paid(store, parquet, tmp_path):
    """SQLite has neither a hash nor NaN."""
    connection = sqlite3.connect(tmp_path / "people.db")
    connection.execute("CREATE TABLE people (person INTEGER, sex TEXT, income REAL)")
    connection.executemany("INSERT INTO people VALUES (?, ?, ?)", [(i, "FM"[i % 2], 1.0) for i in range(40)])
    connection.commit()
    connection.close()
    backend = ibis.sqlite.connect(tmp_path / "people.db")
    table = backend.table("people")
    terms = Terms(Budget(Accounting.PURE, {"epsilon": Fraction(90)}), ("table:sqlite:people",), ADJACENCIES[0])
    ledger = store.ledgers.create("lite", terms, who="ann")
    for ask, given in (("mean(income)", {"bounds": BOUNDS}), ("median(income)", {"bounds": BOUNDS})):
        with pytest.raises(AssayError) as caught:
            privacy.query(table, ask, ledger=ledger, epsilon="1", **given)
        assert caught.value.code == "engine"
    with pytest.raises(AssayError) as caught:
        privacy.query(table, "count", unit_column="person", max_rows=1, **FREE)
    assert caught.value.code == "engine"
    assert ledger.history() == []
    backend.disconnect()
