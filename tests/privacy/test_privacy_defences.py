"""Defences: what they show, what they cost, and what they leave to attacks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from assay.cli.main import main
from assay.core.errors import AssayError
from assay.data.case import Case
from assay.engine.areas import registry
from assay.models.live import wrap
from assay.models.trainers import TrainingRows
from assay.privacy.checks.attribute_inference import attribute_inference
from assay.privacy.defences.noisy_outputs import noisy_outputs, normals_of
from assay.privacy.defences.regularise import regularise
from assay.privacy.defences.round_outputs import round_outputs
from assay.privacy.defences.top_one import top_one
from assay.privacy.inference.guarded import KIND, Guarded, Undefended, defended, own_defences, trained_alike

COLUMNS = list("ab")


def model_of(scores: Any) -> Any:
    """Answers by row number: a column `i` picks the row of `scores`."""
    table = np.asarray(scores, dtype=np.float64)
    return wrap(
        lambda rows: table[rows["i"].to_numpy()], classes=[f"c{k}" for k in range(table.shape[1])], features=["i"]
    )


def shown(defence: Any, scores: Any, **settings: Any) -> tuple[Any, np.ndarray | None]:
    """What a person sees of every row of `scores` behind the defence: labels and probabilities."""
    model = defence.make(Undefended(model_of(scores), none), **settings)
    asked = np.arange(len(scores), dtype=np.int64)[:, None]
    return model.predict(asked), model.scores(asked)


def none() -> TrainingRows:
    raise AssertionError("this defence trains nothing")


def simplex(rows: int = 200, classes: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), rows)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_rounding_keeps_the_label_and_shows_few_digits(seed, classes, digits):
    scores = simplex(30, classes, seed)
    labels, rounded = shown(round_outputs, scores, digits=digits)
    assert rounded.sum(axis=1) == pytest.approx(np.ones(30))
    assert [f"c{k}" for k in scores.argmax(axis=1)] == labels.tolist()
    others = rounded.copy()
    others[np.arange(30), scores.argmax(axis=1)] = 0
    scaled = others.sum(axis=1) < 1 - 1e-9
    assert np.abs(others - np.round(others, digits))[scaled].max(initial=0) < 1e-9


def test_rounding_shows_few_different_answers():
    _, rounded = shown(round_outputs, simplex(500, 2), digits=1)
    assert len(np.unique(rounded.round(9), axis=0)) <= 12


def test_noise_is_the_same_for_the_same_answer_and_normal_over_many():
    scores = simplex(4000, 3)
    _, first = shown(noisy_outputs, scores, scale=0.5, seed=7)
    _, again = shown(noisy_outputs, scores[::-1], scale=0.5, seed=7)
    assert np.array_equal(first, again[::-1]), "asking again, in any company, averages nothing away"
    _, other = shown(noisy_outputs, scores, scale=0.5, seed=8)
    assert not np.isclose(first, other).all(axis=1).any()
    noise = normals_of(scores, seed=7)
    assert kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.06
    assert np.abs(np.corrcoef(noise.ravel(), scores.ravel())[0, 1]) < 0.04


def test_noise_is_added_to_the_log_odds():
    scores = simplex(3000, 3) * 0.99 + 0.01 / 3
    _, noisy = shown(noisy_outputs, scores, scale=0.3)
    moved = np.log(noisy[:, 1] / noisy[:, 0]) - np.log(scores[:, 1] / scores[:, 0])
    assert moved.std() == pytest.approx(0.3 * np.sqrt(2), rel=0.05)


def test_top_one_shows_labels_only():
    labels, scores = shown(top_one, simplex())
    assert scores is None
    assert labels.tolist() == [f"c{k}" for k in simplex().argmax(axis=1)]


def frame_of(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"a": rng.integers(0, 3, n), "b": rng.normal(size=n)})
    made["y"] = rng.choice(["no", "yes"], n)
    made["part"] = np.where(np.arange(n) % 2, "train", "test")
    return made


def case_of(frame: pd.DataFrame, estimator: Any) -> Case:
    mine = frame[frame["part"] == "train"]
    model = wrap(estimator.fit(mine[COLUMNS], mine["y"]))
    return Case.from_frame(frame, model=model, label="y", favourable="yes", split="part", features=COLUMNS)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(random_state=0),
        KNeighborsClassifier(1),
        make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)),
    ],
    ids=["tree", "neighbour", "pipeline"],
)
def test_regularisation_takes_memory_away(estimator):
    case = case_of(frame_of(1200), estimator)
    bare, trained = (
        {m.name: m.value for m in attribute_inference(case, attributes=("a",), defence=defence)}
        for defence in ("", "regularise")
    )
    assert trained["advantage_gap"] < bare["advantage_gap"] / 2
    assert trained["accuracy"] > bare["accuracy"] - 0.1


def test_regularisation_is_stronger_by_as_much_as_asked():
    frame = frame_of()
    rows = TrainingRows(frame[COLUMNS].to_numpy(np.float64), (frame["y"] == "yes").to_numpy().astype(np.int64))
    frame["y"] = np.where(frame["b"] > 0, "yes", "no")
    before = LogisticRegression(C=10.0).fit(frame[COLUMNS].to_numpy(), frame["y"])
    undefended = Undefended(wrap(before, features=COLUMNS), lambda: rows)
    after = regularise.make(undefended, strength=1000.0)
    assert pytest.approx(0.01) == after.estimator.C
    assert before.C == 10.0
    assert after.classes == ("no", "yes")


def test_regularisation_of_a_model_from_elsewhere_needs_a_trainer():
    def train(rows: Any, labels: Any) -> Any:
        return LogisticRegression(C=1e-6).fit(rows, labels)

    case = case_of(frame_of(), DecisionTreeClassifier())
    elsewhere = model_of(simplex())
    with pytest.raises(AssayError, match="defence_trainer"):
        regularise.make(Undefended(elsewhere, none))
    with pytest.raises(AssayError, match="not known here"):
        regularise.make(Undefended(wrap(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])), none))
    rows = TrainingRows(case.rows(COLUMNS), np.array([0, 1] * 300))
    made = regularise.make(Undefended(case.model, lambda: rows, train))
    assert np.abs(made.scores(case.rows(COLUMNS)) - 0.5).max() < 0.01


def test_wrong_settings_are_refused():
    with pytest.raises(AssayError, match="top-one"):
        defended("top", Undefended(model_of(simplex()), none))
    for defence, wrong in (
        (round_outputs, {"digits": -1}),
        (noisy_outputs, {"scale": 0}),
        (regularise, {"strength": 1}),
    ):
        with pytest.raises(AssayError):
            shown(defence, simplex(), **wrong)


def test_the_catalogue_knows_every_defence():
    assert set(registry().parts(KIND)) == set(own_defences())


# -- the commands ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> dict[str, str]:
    """Members, others and a model of them, as a person has them."""
    import skops.io

    folder = tmp_path_factory.mktemp("attack")
    frame = frame_of(1600)
    mine = frame[frame["part"] == "train"]
    skops.io.dump(DecisionTreeClassifier(random_state=0).fit(mine[COLUMNS], mine["y"]), folder / "model.skops")
    mine.drop(columns="part").to_parquet(folder / "members.parquet")
    frame[frame["part"] == "test"].drop(columns="part").to_parquet(folder / "others.parquet")
    return {name: str(folder / name) for name in ("members.parquet", "others.parquet", "model.skops", "store.db")}


def asked(files: dict[str, str], kind: str, *flags: str) -> list[str]:
    found = {"--data": "members.parquet", "--nonmembers": "others.parquet", "--model": "model.skops"}
    given = [part for flag, name in found.items() for part in (flag, files[name])]
    store = ["--store", f"sqlite:///{files['store.db']}", "--label", "y", "--favourable", "yes"]
    return ["privacy", "attack", kind, *given, *store, *flags]


def ran(arguments: list[str]) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_an_attack_and_a_defence_are_one_table(files, capsys):
    assert ran(asked(files, "attribute", "--attribute", "a", "--defence", "top-one")) == 0
    said = capsys.readouterr().out
    assert "behind top-one" in said
    assert "fail" in said
    assert "regularise more" in said
    assert said.count("Run ") == 2


@pytest.mark.parametrize(("kind", "measure"), [("inversion", "distance_auc"), ("extraction", "fidelity_gain")])
def test_every_attack_is_a_stored_run(files, capsys, kind, measure):
    flags = ("--queries", "100") if kind == "extraction" else ()
    assert ran([*asked(files, kind, *flags), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert measure in {finding["measure"]["name"] for finding in data["findings"]}
    assert ran(["run", "show", data["run"]["id"], "--store", f"sqlite:///{files['store.db']}"]) == 0


def test_membership_is_attacked_behind_a_defence_by_shadows_that_stand_behind_it_too(files, capsys):
    flags = ("--attack", "loss-threshold", "--attack", "label-only", "--defence", "regularise")
    assert ran(asked(files, "membership", *flags, "--shadows", "0", "--trust", "sklearn.tree._tree.Tree")) == 2
    assert "defence_trainer" in capsys.readouterr().err
    flags = ("--attack", "loss-threshold", "--attack", "label-only", "--defence", "top-one")
    assert ran(asked(files, "membership", *flags, "--shadows", "0")) == 0
    said = capsys.readouterr().out
    assert "behind top-one" in said
    assert "accuracy        on non-members" in said
    assert said.count("Run ") == 2
    assert ran([*asked(files, "membership", *flags, "--shadows", "0"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    before, after = (
        {(f["measure"]["name"], *f["measure"]["slice"].values()): f["measure"] for f in data[side]["findings"]}
        for side in ("before", "after")
    )
    assert before["auc", "loss-threshold"]["value"] > 0.6
    assert after["balanced_accuracy", "loss-threshold"]["reason_id"] == "no-probabilities"
    assert before["auc", "label-only"]["value"] == after["auc", "label-only"]["value"]
    frame = frame_of(300)
    inner = wrap(KNeighborsClassifier(1).fit(frame[COLUMNS], frame["y"]))
    rounded = defended("noisy-outputs", Undefended(inner, none))
    alike = trained_alike(rounded, None)
    shadow = alike(frame[COLUMNS], frame["y"].to_numpy())
    assert isinstance(shadow, Guarded)
    assert np.array_equal(shadow.scores(frame[COLUMNS].to_numpy()), rounded.scores(frame[COLUMNS].to_numpy()))
    assert trained_alike(inner, train_nothing) is train_nothing
    assert trained_alike(defended("top-one", Undefended(model_of(simplex()), none)), None) is None


def train_nothing(rows: Any, labels: Any) -> Any:
    raise AssertionError("nothing is trained here")
