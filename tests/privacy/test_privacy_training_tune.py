"""`assay privacy tune`: the theorem by brute force, noisy scores, the grid, and what may be shown."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import Terms, source_identities
from assay.core.errors import AssayError
from assay.core.part import Area
from assay.data.rows.sources import open_rows
from assay.engine.areas import Registry, registry
from assay.engine.models import open_model
from assay.privacy.accounting.accountants import Accountant
from assay.privacy.accounting.plan import Plan
from assay.privacy.commands.tune import numbers_of, tune
from assay.privacy.training.fitting import Settings
from assay.privacy.training.network import Network
from assay.privacy.training.tables.prepared import read_table
from assay.privacy.training.tables.schema import schema_of
from assay.privacy.tuning.grid import candidates
from assay.privacy.tuning.search import LEVELS, best_of_random, divided
from assay.privacy.tuning.selection import Curve, calibrated, epsilon_of, one_run, repeated
from assay.store import open_store
from assay.store.house import StoreHouse

AREA = Area("privacy", "Privacy", catalogues=("assay.privacy.checks", "assay.privacy.formats"))
KNOWN = Registry({"privacy": AREA})
ORDERS = np.concatenate([np.linspace(1.05, 4, 60), np.linspace(4.1, 12, 40), np.arange(13, 257)])


def renyi(p: np.ndarray, q: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """The larger of the two directions."""
    a, b, order = np.log(p), np.log(q), orders[:, None]
    both = [np.logaddexp.reduce(order * x + (1 - order) * y, axis=1) for x, y in ((a, b), (b, a))]
    return np.maximum(*both) / (orders - 1)


def best_of_geometric(p: np.ndarray, mean: float) -> np.ndarray:
    """The distribution of the best of K draws from p on 0 < 1 < …, K geometric: P(best ≤ y) = γF / (1 − (1 − γ)F)."""
    below = np.cumsum(p) / mean / (1 - (1 - 1 / mean) * np.cumsum(p))
    return np.diff(np.concatenate([[0.0], below]))


@pytest.mark.parametrize("mean", [1.0, 2.0, 10.0, 50.0])
@pytest.mark.parametrize("closeness", [0.02, 0.1, 0.5, 1.5])
def test_the_theorem_bounds_the_exact_selection(mean, closeness):
    rng = np.random.default_rng(7)
    dearer = False
    for _ in range(20):
        p = rng.dirichlet(np.ones(6))
        q = p * np.exp(closeness * rng.uniform(-1, 1, 6))
        q /= q.sum()
        promised = repeated(Curve(ORDERS, renyi(p, q, ORDERS)), mean=mean)
        exact = renyi(best_of_geometric(p, mean), best_of_geometric(q, mean), ORDERS)
        assert (exact <= promised.rdp + 1e-9).all()
        dearer |= bool((exact > renyi(p, q, ORDERS) * 1.01).any())
    assert dearer or mean < 2  # a selection does cost more than one run


@pytest.mark.parametrize("mean", [1.5, 10.0])
@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_the_epsilon_is_that_of_dp_accounting(mean, noise):
    plan = Plan(examples=1000, batch=50, noise_multiplier=noise, steps=100)
    rho = Fraction(1, 200)
    run = one_run([plan], score_rho=rho)
    ours = repeated(run, mean=mean).epsilon(1e-5)
    sampled = dp_event.PoissonSampledDpEvent(0.05, dp_event.GaussianDpEvent(noise))
    once = dp_event.ComposedDpEvent([dp_event.SelfComposedDpEvent(sampled, 100), dp_event.ZCDpEvent(float(rho))])
    theirs = RdpAccountant(orders=list(run.orders)).compose(dp_event.RepeatAndSelectDpEvent(once, mean, 1.0))
    assert ours == pytest.approx(theirs.get_epsilon(1e-5), rel=1e-6)


def test_one_run_is_as_dear_as_the_dearest_candidate():
    plans = [
        Plan(examples=1000, batch=b, noise_multiplier=2.0, steps=50, max_grad_norm=c) for b in (10, 80) for c in (1, 3)
    ]
    both = one_run(plans, score_rho=Fraction(0))
    alone = one_run(plans[2:], score_rho=Fraction(0))
    np.testing.assert_allclose(both.rdp, alone.rdp)


@pytest.mark.parametrize("epsilon", [0.8, 3.0])
def test_calibration_never_overshoots_and_comes_close(epsilon):
    found = candidates(Settings(accountant=Accountant.RDP), examples=2000)
    assert len(found) == 3 * 2 * 3
    rho = Fraction(1, 800)
    made = calibrated(found, epsilon=epsilon, delta=1e-5, score_rho=rho, mean=10)
    spent = epsilon_of(made, score_rho=rho, mean=10, delta=1e-5)
    assert 0.99 * epsilon < spent <= epsilon
    assert {one.settings for one in made} == {one.settings for one in found}


def test_a_target_below_the_price_of_the_scores_is_refused():
    found = candidates(Settings(accountant=Accountant.RDP), examples=2000, clips=[1], rates=[0.1], batches=[100])
    with pytest.raises(AssayError) as caught:
        calibrated(found, epsilon=0.01, delta=1e-5, score_rho=Fraction(1, 10), mean=10)
    assert caught.value.code == "target"
    with pytest.raises(AssayError, match="mean number"):
        repeated(Curve(ORDERS, ORDERS), mean=0.5)


def rows(n: int = 800) -> pa.Table:
    rng = np.random.default_rng(0)
    age = rng.uniform(0, 100, n)
    return pa.table(
        {
            "age": age,
            "late": np.where(age + rng.normal(size=n) * 10 > 50, "yes", "no"),
            "spent": age,
            "person": np.arange(n) // 4,
        }
    )


SCHEMA = {"age": {"bounds": [0, 100]}, "late": {"categories": ["no", "yes"]}, "spent": {"bounds": [0, 100]}}


@pytest.mark.parametrize("label", ["late", "spent"])
@pytest.mark.parametrize("unit", ["", "person"])
def test_a_score_moves_by_no_more_than_the_noise_counts_on(label, unit):
    data = rows(60)
    schema = schema_of({name: SCHEMA[name] for name in ("age", label)})
    read = read_table(open_rows(data), schema, label=label, unit=unit)
    shape = read.architecture()
    network = Network(shape)
    network.theta[:] = [0.9, 0.05]
    parts = divided(read, shape, examples=10**8, max_rows=4, validation=0.999999)
    whole, most = parts.score(network), parts.validation.rows_per_unit * LEVELS
    assert parts.validation.units == (15 if unit else 60)
    assert whole > 0.6 * 60 * LEVELS
    people = np.array(data.column("person").to_pylist() if unit else range(60))
    for dropped in set(people):
        part = divided(
            read_table(open_rows(data.filter(pa.array(people != dropped))), schema, label=label, unit=unit),
            shape,
            examples=10**8,
            max_rows=4,
            validation=0.999999,
        )
        assert abs(whole - part.score(network)) <= most


def test_noisy_scores_have_the_planned_noise_and_a_public_denominator():
    read = read_table(open_rows(rows()), schema_of({n: SCHEMA[n] for n in ("age", "late")}), label="late")
    shape = read.architecture()
    parts = divided(read, shape, examples=4000, max_rows=1, validation=0.5)
    assert parts.validated == 2000
    network = Network(shape)
    drawn = np.array([parts.private_score(network) for _ in range(600)]) * 2000
    truth = parts.score(network) / LEVELS
    assert abs(drawn.mean() - truth) < 5 * parts.score_noise / np.sqrt(600)
    assert 0.85 < drawn.std() / parts.score_noise < 1.15
    assert parts.score_rho == Fraction(1, 2 * parts.score_noise**2)


def test_units_are_either_trained_on_or_scored_on():
    read = read_table(
        open_rows(rows()), schema_of({n: SCHEMA[n] for n in ("age", "late")}), label="late", unit="person"
    )
    parts = divided(read, read.architecture(), examples=200, max_rows=4, validation=0.3)
    trained, scored = (set(part.x[:, 0].tolist()) for part in (parts.train, parts.validation))
    assert not trained & scored
    assert len(trained | scored) == 800
    assert parts.train.units + parts.validation.units == 200
    assert (parts.examples, parts.validated) == (140, 60)


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


@pytest.fixture
def files(tmp_path):
    pq.write_table(rows(), tmp_path / "rows.parquet")
    lines = [f"{name} = {json.dumps(facts).replace(':', ' =', 1)}" for name, facts in SCHEMA.items()]
    text = (
        "\n".join(["examples = 800", "[columns]", *lines])
        .replace('"bounds"', "bounds")
        .replace('"categories"', "categories")
    )
    (tmp_path / "schema.toml").write_text(text)
    return tmp_path


def ask(house, files, **changes):
    given = {"data": f"{files}/rows.parquet", "schema": f"{files}/schema.toml", "label": "late", "epsilon": 6.0}
    given |= {"out": f"{files}/model", "epochs": 2.0, "rates": "0.05,0.2", "batches": "40"}
    answer = tune.function(house, **(given | changes))
    json.dumps(answer.to_json(), allow_nan=False)
    return answer


def test_an_accounted_selection_shows_the_winner_only_and_keeps_to_epsilon(house, files):
    answer = ask(house, files)
    said = answer.to_json()
    assert len(said["tried"]) == 1
    assert said["candidates"] == 6
    assert 5.9 < said["statement"]["epsilon"] <= 6
    assert said["statement"]["private"] is True
    assert "theorem 2" in answer.text()
    assert house.progress.told[-1] == 100
    opened = open_model(f"{files}/model", known=KNOWN)
    assert opened.digest == said["digest"]
    assert opened.notes[0].startswith("chosen and trained with differential privacy")
    assert json.loads((files / "model/statement.json").read_text()) == said["statement"]


def test_a_selection_that_is_not_private_shows_all_and_says_so(house, files):
    answer = ask(house, files, selection="not-private", clips="1,2", batches="40")
    said = answer.to_json()
    scores = [one["score"] for one in said["tried"]]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.75
    assert {(one["clip"], one["batch"], one["rate"]) for one in said["tried"]} == {
        (clip, 40, rate) for clip in (1, 2) for rate in (0.05, 0.2)
    }
    assert answer.text().startswith("NOT PRIVATE: selection not private")
    assert said["statement"]["private"] is False
    assert "NOT PRIVATE" in open_model(f"{files}/model", known=KNOWN).notes[0]


def test_swept_noises_say_what_they_come_to(house, files):
    said = ask(house, files, epsilon=None, noises="1.5,4", clips="1", rates="0.1", batches="40").to_json()
    plans = [Plan(examples=640, batch=40, noise_multiplier=1.5, epochs=2.0)]
    dearest = repeated(one_run(plans, score_rho=Fraction(1, 98)), mean=10).epsilon(1e-5)
    assert said["statement"]["epsilon"] == pytest.approx(dearest)
    assert said["tried"][0]["noise"] in (1.5, 4)
    both = ask(
        house,
        files,
        epsilon=None,
        noises="1.5,4",
        clips="1",
        rates="0.1",
        batches="40",
        selection="not-private",
        out=f"{files}/b",
    )
    assert both.to_json()["statement"]["epsilon"] == pytest.approx(one_run(plans, score_rho=Fraction(0)).epsilon(1e-5))


def test_the_ledger_pays_for_training_and_choice_at_once(house, files):
    sources = source_identities(open_rows(f"{files}/rows.parquet").identities())
    limit = {"epsilon": Fraction(7), "delta": Fraction(1, 1000)}
    house.ledgers.create("people", Terms(Budget(Accounting.SUMS, limit), sources, "add-or-remove one unit"), who="ann")
    answer = ask(house, files, ledger="people", who="ann")
    (spend,) = house.ledger("people").history()
    assert (spend.state, spend.amount["epsilon"], spend.release) == ("committed", 6, answer.digest)
    with pytest.raises(AssayError):
        ask(house, files, ledger="people", who="ann", out=f"{files}/more")
    with pytest.raises(AssayError, match="no place in a ledger"):
        ask(house, files, ledger="people", who="ann", out=f"{files}/more", selection="not-private")


def test_the_number_of_runs_is_geometric(monkeypatch):
    read = read_table(open_rows(rows(40)), schema_of({n: SCHEMA[n] for n in ("age", "late")}), label="late")
    shape = read.architecture()
    parts = divided(read, shape, examples=40, max_rows=1, validation=0.5)
    found = candidates(Settings(epochs=1.0), examples=20, clips=[1, 2], rates=[1], batches=[20])
    runs, chosen = [], set()
    for _ in range(300):
        told: list[float] = []
        best = best_of_random(parts, found, mean=4.0, done=told.append)
        runs.append(len(told))
        chosen.add(best.candidate.plan.max_grad_norm)
    counts = np.bincount(runs, minlength=6)[1:6]
    expected = 300 * 0.25 * 0.75 ** np.arange(5)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert chosen == {1, 2}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"noises": "1"}, "target"),
        ({"epsilon": None}, "target"),
        ({"selection": "best"}, "selection"),
        ({"clips": "a"}, "grid"),
        ({"clips": ",".join(["1"] * 999)}, "grid"),
        ({"validation": 1.0}, "validation"),
        ({"delta": 0.1}, "delta"),
        ({"model": "linear"}, "model"),
        ({"model": "mine:Net"}, "model"),
        ({"batches": "100000"}, "plan"),
        ({"runs": 0.0}, "runs"),
    ],
)
def test_mistakes_are_named_before_anything_is_spent(house, files, changes, code):
    with pytest.raises(AssayError) as caught:
        ask(house, files, **changes)
    assert caught.value.code == code
    assert not (files / "model").exists()


def test_the_number_of_examples_must_be_public(house, files):
    path = files / "schema.toml"
    path.write_text(path.read_text().replace("examples = 800\n", ""))
    with pytest.raises(AssayError, match="public number"):
        ask(house, files)
    assert numbers_of(" 1, 2.5,") == [1, 2.5]
