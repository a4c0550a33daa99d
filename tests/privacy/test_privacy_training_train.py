"""`assay privacy train`: public schemas, the promise, the folder, the ledger, and whole people protected."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import Bounds, Terms, source_identities
from assay.core.errors import AssayError
from assay.core.part import MODEL_FORMAT, Area
from assay.data.rows.sources import open_rows
from assay.engine.areas import Registry, registry
from assay.engine.models import open_model
from assay.models.trainers import TrainingRows, refitter
from assay.privacy.accounting.accountants import Accountant, epsilon
from assay.privacy.accounting.plan import Plan
from assay.privacy.commands.train import train_model
from assay.privacy.formats.private_model import private_model
from assay.privacy.training.clipping import Floats
from assay.privacy.training.fitting import COUNT_SHARE, Settings, Target, counted, fit
from assay.privacy.training.tables.encoding import Encoding, targets, unscaled
from assay.privacy.training.tables.prepared import read_table
from assay.privacy.training.tables.schema import Categorical, Numeric, read_schema, schema_of
from assay.store import open_store
from assay.store.house import StoreHouse

AREA = Area("privacy", "Privacy", catalogues=("assay.privacy.checks", "assay.privacy.formats"))
KNOWN = Registry({"privacy": AREA})
SCHEMA = """
examples = 900
[columns]
age = { bounds = [18, 90] }
city = { categories = ["Rome", "Oslo", "Lima"] }
bought = { categories = ["no", "yes"] }
spent = { bounds = [0, 100] }
"""


class Heard:
    """A Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def started(self, task, /, *, total): ...

    def advanced(self, task, /, *, done, note=""):
        self.told.append(done)

    def found(self, finding, /): ...

    def ended(self, task, /, *, note=""): ...


@pytest.fixture
def house(tmp_path):
    known = Registry({**registry().areas, "privacy": AREA})
    with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        yield StoreHouse(store, Heard(), lambda run, path: [], known=known)


def table(n: int = 900, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    age, city = rng.uniform(18, 90, n), rng.choice(["Rome", "Oslo", "Lima"], n)
    bought = (age / 30 + (city == "Rome") * 1.5 + rng.logistic(size=n) * 0.3) > 2.5
    return pa.table(
        {
            "age": age,
            "city": city,
            "bought": np.where(bought, "yes", "no"),
            "spent": np.clip(age + rng.normal(size=n), 0, 100),
            "person": np.arange(n) // 3,
        }
    )


@pytest.fixture
def files(tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet")
    (tmp_path / "schema.toml").write_text(SCHEMA)
    return tmp_path


def ask(house, files, **changes):
    given = {"data": f"{files}/rows.parquet", "schema": f"{files}/schema.toml", "label": "bought", "epsilon": 4.0}
    given |= {"out": f"{files}/model", "accountant": "rdp", "epochs": 3.0}
    answer = train_model.function(house, **(given | changes))
    json.dumps(answer.to_json(), allow_nan=False)
    return answer


@pytest.mark.parametrize(
    ("label", "model"), [("bought", "logistic"), ("bought", "mlp"), ("city", "logistic"), ("spent", "linear")]
)
def test_a_saved_model_opens_answers_and_has_learned(house, files, label, model):
    answer = ask(house, files, label=label, model=model, epsilon=None, noise=2.0, epochs=None, clip=0.5)
    opened = open_model(f"{files}/model", known=KNOWN)
    assert opened.digest == answer.digest
    assert opened.notes[0].startswith("trained with differential privacy: epsilon ")
    rows = table(seed=1)
    found, truth = opened.predict(rows), rows.column(label).to_numpy(zero_copy_only=False)
    if label == "spent":
        assert opened.task == "regression"
        assert np.abs(found.astype(float) - truth).mean() < 6
    elif label == "bought":
        assert (found == truth).mean() > 0.8
        assert opened.classes == ("no", "yes")
    else:
        assert opened.task == "multiclass"
        assert opened.scores(rows).shape == (900, 3)
    assert house.progress.told[-1] == answer.to_json()["statement"]["plan"]["steps"] == 400


@pytest.mark.parametrize(("label", "model"), [("bought", "logistic"), ("city", "logistic"), ("spent", "linear")])
def test_the_coefficients_of_a_linear_model_are_its_answers(house, files, label, model):
    ask(house, files, label=label, model=model)
    opened = open_model(f"{files}/model", known=KNOWN)
    form, rows = opened.linear(), table(seed=2)
    encoded = opened.encode(rows)
    np.testing.assert_allclose(form.margin(encoded.matrix), opened.margins(rows), atol=1e-4)
    assert encoded.names[encoded.origin.tolist().index(0)] == "age"


@pytest.mark.parametrize(("label", "model"), [("bought", "mlp"), ("spent", "linear")])
def test_a_model_says_how_it_is_trained_again_on_other_rows(house, files, label, model):
    given = {"epsilon": None, "noise": 1.0, "epochs": 20.0, "hidden": "4"}
    said = ask(house, files, label=label, model=model, **given).to_json()["statement"]
    opened = open_model(f"{files}/model", known=KNOWN)
    fit_again, rows = refitter(opened), table(450, seed=3)
    inputs = rows.select(["age", "city", "spent" if label == "bought" else "bought"])
    truth = rows.column(label).to_numpy(zero_copy_only=False)
    codes = (truth == "yes").astype(int) if label == "bought" else truth
    again = fit_again(TrainingRows(inputs, codes))
    assert again.classes == opened.classes
    assert again.features == opened.features
    assert not np.array_equal(again.network.theta, opened.network.theta)
    plan = opened.recorded.for_rows(450)
    assert (plan.noise_multiplier, plan.total_steps, plan.batch) == (1.0, said["plan"]["steps"], 45)
    if label == "spent":
        assert np.abs(again.predict(inputs) - truth).mean() < 15
    else:
        assert (again.predict(inputs) == truth).mean() > 0.6


def test_people_with_several_rows_cannot_be_trained_again_without_knowing_who_they_are(house, files):
    ask(house, files, unit_column="person", examples=300, max_rows=2)
    assert refitter(open_model(f"{files}/model", known=KNOWN)) is None


def test_a_network_is_opaque_and_says_so(house, files):
    ask(house, files, model="mlp", hidden="5")
    opened = open_model(f"{files}/model", known=KNOWN)
    assert opened.linear() is None
    assert "dense network" in opened.opaque().text()


def test_the_statement_is_that_of_the_plan_and_keeps_to_the_target(house, files):
    said = ask(house, files, accountant="pld").to_json()["statement"]
    plan = said["plan"]
    again = Plan(examples=900, batch=plan["batch"], noise_multiplier=plan["noise_multiplier"], steps=plan["steps"])
    assert plan["examples"] == 900
    assert plan["max_grad_norm"] == 1.0
    assert epsilon(again, delta=1e-5) == said["epsilon"] <= 4
    assert said["epsilon"] > 3.99
    assert said["private"] is True
    assert said["diagnostics"] is None
    saved = json.loads((files / "model/statement.json").read_text())
    assert saved == said
    assert "floating-point noise" in json.dumps(saved)


def test_examples_that_are_not_public_are_paid_for(house, files):
    (files / "schema.toml").write_text(SCHEMA.replace("examples = 900\n", ""))
    said = ask(house, files).to_json()["statement"]
    cost = 4.0 * float(COUNT_SHARE)
    assert said["epsilon"] <= 4
    assert said["epsilon"] - said["epsilons"]["rdp"] == pytest.approx(cost)
    assert abs(said["plan"]["examples"] - 900) < 600  # Laplace of scale 12.5
    assert any("counted with geometric noise" in note for note in said["notes"])
    with pytest.raises(AssayError) as caught:
        ask(house, files, out=f"{files}/other", epsilon=None, noise=1.0)
    assert caught.value.code == "examples"


def test_the_paid_count_has_the_right_noise():
    found = np.array([counted(100, epsilon=Fraction(1), insecure_seed=seed).examples for seed in range(400)])
    assert abs(found.mean() - 100) < 0.4
    assert 1.5 < found.var() < 2.3  # 2 e^-1 / (1 - e^-1)^2 = 1.84
    assert counted(0, epsilon=Fraction(1, 100), insecure_seed=1).examples >= 1


def test_whole_people_are_protected(house, files):
    said = ask(house, files, unit_column="person", examples=300, max_rows=2).to_json()["statement"]
    assert said["plan"]["unit"] == "person"
    assert said["plan"]["examples"] == 300
    assert any("at most 2 rows" in note for note in said["notes"])
    opened = open_model(f"{files}/model", known=KNOWN)
    assert "person" not in opened.features


def test_with_a_seed_everything_is_the_same_again(house, files):
    more = {"unit_column": "person", "examples": 300, "max_rows": 2, "insecure_seed": 5}
    digests = {ask(house, files, out=f"{files}/{name}", **more).digest for name in "ab"}
    assert len(digests) == 1


def sums(rows: pa.Table, *, unit: str, max_rows: int) -> Floats:
    schema = schema_of({"age": {"bounds": [18, 90]}, "bought": {"categories": ["no", "yes"]}})
    read = read_table(open_rows(rows), schema, label="bought", unit=unit)
    shape = read.architecture()
    data = read.examples(shape, max_rows=max_rows)
    from assay.privacy.training.network import Network

    net = Network(shape)
    net.theta[:] = [3.0, -2.0]
    batch = data.batch(np.arange(data.units))
    net.sum_clipped(batch.x, batch.y, batch.reach, bound=0.5, rows_per_unit=data.rows_per_unit)
    return net.gradient.astype(float).copy()


@pytest.mark.parametrize("missing", [False, True])
def test_without_one_person_the_sum_moves_by_at_most_the_clip(missing):
    rows = table(60)
    if missing:
        person = [None if i % 7 == 0 else i // 3 for i in range(60)]
        rows = rows.set_column(4, "person", pa.array(person, pa.int64()))
    whole = sums(rows, unit="person", max_rows=60)
    people = rows.column("person").to_pylist()
    for dropped in set(people):
        mask = pa.array([person != dropped for person in people])
        assert np.linalg.norm(whole - sums(rows.filter(mask), unit="person", max_rows=60)) <= 0.5 * (1 + 1e-6)


def test_values_that_the_schema_does_not_know_pass_without_a_word():
    schema = schema_of({"age": {"bounds": [0, 10]}, "city": {"categories": ["Rome", 7]}})
    rows = pa.table(
        {
            "age": [5.0, 10.0, 99.0, -float("inf"), None, float("nan")],
            "city": ["Rome", "7", "Bern", None, "Rome", "<script>"],
        }
    )
    found = Encoding(schema).matrix(rows, dtype=np.float64)
    np.testing.assert_array_equal(found[:, 0], [0, 1, 1, -1, 0, 0])
    np.testing.assert_array_equal(found[:, 1:], [[1, 0], [0, 1], [0, 0], [0, 0], [1, 0], [0, 0]])
    assert Encoding(schema).names == ("age", "city = Rome", "city = 7")
    label = targets(pa.chunked_array([["Rome", "Bern", None]]), Categorical(("Rome", "7")), name="city")
    np.testing.assert_array_equal(label, [0, np.nan, np.nan])
    number = Numeric(10, 20)
    np.testing.assert_array_equal(targets(pa.chunked_array([[10.0, 99.0, None]]), number, name="x"), [-1, 1, np.nan])
    np.testing.assert_array_equal(unscaled(np.array([-1.0, 0, 1]), number), [10, 15, 20])


def test_bounds_never_come_from_the_data(files):
    """Two tables with other extremes are encoded alike where their values are alike."""
    schema = read_schema(files / "schema.toml")
    one = read_table(open_rows(table(20)), schema, label="bought")
    rows = table(20).to_pandas()
    rows.loc[0, "age"] = 1e9
    rows.loc[0, "city"] = "Atlantis"
    two = read_table(open_rows(rows), schema, label="bought")
    np.testing.assert_array_equal(one.x[1:], two.x[1:])


def terms(files, accounting=Accounting.SUMS, unit=None) -> Terms:
    limit = {"epsilon": Fraction(5), "delta": Fraction(1, 10_000)}
    if accounting is Accounting.ZCDP:
        limit = {"rho": Fraction(5), "delta": Fraction(1, 10_000)}
    sources = source_identities(open_rows(f"{files}/rows.parquet").identities())
    bounds = Bounds(unit_column=unit) if unit else Bounds()
    return Terms(Budget(accounting, limit), sources, "add-or-remove one unit", bounds)


@pytest.mark.parametrize("public", [True, False])
def test_one_event_is_spent_before_the_training_and_committed_with_the_digest(house, files, public):
    if not public:
        (files / "schema.toml").write_text(SCHEMA.replace("examples = 900\n", ""))
    house.ledgers.create("people", terms(files), who="ann")
    answer = ask(house, files, ledger="people", who="ann", epsilon=3.0)
    (spend,) = house.ledger("people").history()
    assert spend.state == "committed"
    assert spend.release == answer.digest
    assert Fraction(answer.to_json()["statement"]["epsilon"]) <= spend.amount["epsilon"] <= 3
    assert spend.amount["delta"] == Fraction(1, 100_000)
    with pytest.raises(AssayError):
        ask(house, files, ledger="people", who="ann", epsilon=3.0, out=f"{files}/second")
    assert not (files / "second").exists()
    assert len(house.ledger("people").history()) == 1


@pytest.mark.parametrize(
    ("given", "changes", "code"),
    [
        ({"accounting": Accounting.ZCDP}, {}, "measure"),
        ({"unit": "person"}, {}, "unit"),
        ({}, {"unit_column": "person"}, "unit"),
        ({}, {"insecure_seed": 1}, "usage"),
        ({}, {"diagnostics": "not-private"}, "usage"),
        ({}, {"hidden": "0", "model": "mlp"}, "architecture"),
        ({}, {"delta": 0.01}, "delta"),
    ],
)
def test_a_ledger_that_cannot_take_it_refuses_and_nothing_is_spent(house, files, given, changes, code):
    house.ledgers.create("people", terms(files, **given), who="ann")
    with pytest.raises(AssayError) as caught:
        ask(house, files, ledger="people", who="ann", **changes)
    assert caught.value.code == code
    assert house.ledger("people").history() == []
    assert not (files / "model").exists()


def test_a_ledger_of_other_data_refuses(house, files):
    house.ledgers.create("people", terms(files), who="ann")
    pq.write_table(table(seed=9), files / "others.parquet")
    with pytest.raises(AssayError, match="not those of the ledger"):
        ask(house, files, ledger="people", who="ann", data=f"{files}/others.parquet")


@pytest.mark.parametrize("changes", [{"insecure_seed": 4}, {"diagnostics": "not-private"}])
def test_what_takes_the_promise_away_is_said_first_and_kept_with_the_model(house, files, changes):
    answer = ask(house, files, **changes)
    assert answer.text().startswith("NOT PRIVATE")
    assert answer.to_json()["statement"]["private"] is False
    assert open_model(f"{files}/model", known=KNOWN).notes[0].startswith("NOT PRIVATE")


def test_nothing_of_the_training_rows_is_saved(house, files):
    ask(house, files)
    facts = (files / "model/private_model.json").read_text() + (files / "model/statement.json").read_text()
    assert "person" not in facts
    assert "loss" not in facts
    assert str(files) not in facts
    assert sorted(path.name for path in (files / "model").iterdir()) == [
        "private_model.json",
        "statement.json",
        "weights.npz",
    ]


def test_changed_and_forged_folders_are_refused(house, files):
    ask(house, files)
    folder = files / "model"
    good = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("weights.npz", "statement.json"):
        (folder / name).write_bytes(good[name] + b" ")
        with pytest.raises(AssayError, match="changed after it was saved"):
            open_model(folder, known=KNOWN)
        (folder / name).write_bytes(good[name])
    facts = json.loads(good["private_model.json"])
    for change in (
        {"format": 2},
        {"architecture": {"hidden": [10**12], "activation": "tanh"}},
        {"architecture": {"hidden": [], "activation": "exec"}, "features": {}},
        {"files": None},
        {"label": 3},
    ):
        (folder / "private_model.json").write_text(json.dumps(facts | change))
        with pytest.raises(AssayError) as caught:
            open_model(folder, known=KNOWN)
        assert caught.value.code in ("model-file", "schema", "architecture")
    (folder / "private_model.json").unlink()
    assert private_model.make(folder, None) is None
    assert private_model.kind == MODEL_FORMAT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[columns]\nage = { bounds = [9, 1] }", "ascending"),
        ("[columns]\nage = { bounds = [1, inf] }", "ascending"),
        ("[columns]\nage = { bounds = [1] }", "ascending"),
        ("[columns]\nage = { bounds = [-1e308, 1e308] }", "too far apart"),
        ("[columns]\nage = {}", "either bounds or categories"),
        ("[columns]\nage = { bounds = [1, 2], categories = ['a'] }", "either bounds or categories"),
        ("[columns]\nage = { categories = [] }", "no list"),
        ("[columns]\nage = { categories = ['1', 1] }", "same text"),
        ("examples = 0\n[columns]\nage = { bounds = [1, 2] }", "whole number"),
        ("rows = 3", "Unknown key"),
        ("", "needs columns"),
        ("[", "no TOML"),
    ],
)
def test_a_schema_that_says_nothing_clear_is_an_error(tmp_path, text, said):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(AssayError, match=said) as caught:
        read_schema(tmp_path / "s.toml")
    assert caught.value.hint.isprintable()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": "linear"}, "model"),
        ({"model": "forest"}, "model"),
        ({"label": "spent"}, "model"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"accountant": "gdp"}, "accountant"),
        ({"noise": 1.0}, "target"),
        ({"epsilon": 0.0}, "target"),
        ({"batch": 901}, "plan"),
        ({"clip": 0.0}, "plan"),
        ({"max_rows": 0}, "units"),
        ({"hidden": "4,x", "model": "mlp"}, "architecture"),
        ({"label": "nothing"}, "schema"),
    ],
)
def test_mistakes_in_the_settings_are_named(house, files, changes, code):
    with pytest.raises(AssayError) as caught:
        ask(house, files, **changes)
    assert caught.value.code == code


def test_columns_of_another_kind_are_an_error_that_shows_no_value(house, files):
    rows = table().set_column(0, "age", pa.array(["secret"] * 900))
    pq.write_table(rows, files / "rows.parquet")
    with pytest.raises(AssayError) as caught:
        ask(house, files)
    assert caught.value.code == "schema"
    assert "secret" not in str(caught.value)
    pq.write_table(table().drop_columns(["city"]), files / "rows.parquet")
    with pytest.raises(AssayError, match="city"):
        ask(house, files)


def test_a_file_of_no_use_still_trains_on_noise_alone():
    """Every label unknown: nobody is told, and the model is noise."""
    schema = schema_of({"age": {"bounds": [18, 90]}, "bought": {"categories": ["0", "1"]}}, examples=900)
    read = read_table(open_rows(table()), schema, label="bought")
    made = fit(read, Settings(accountant=Accountant.RDP), Target(1e-5, epsilon=1.0, examples=900))
    assert np.isfinite(made.trained.network.theta).all()
    assert made.trained.network.theta.any()
