"""Copies of models: linear ones exactly, others as well as their answers allow."""

from __future__ import annotations

import json
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import assay
from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.inputs import TextInputs
from assay.engine.run import run
from assay.models.live import wrap
from assay.privacy.attacks.query_strategies import made_up_rows, random_rows, unsure_rows
from assay.privacy.checks.extraction import extraction
from assay.privacy.inference.encoding import encoding_of
from assay.privacy.inference.extraction.copies import Shown, by_equations
from assay.privacy.inference.extraction.queries import Asking

COLUMNS = ["a", "b", "kind"]


def frame_of(n: int = 1500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"a": rng.normal(3, 2, n), "b": rng.normal(size=n), "kind": rng.choice(list("xyz"), n)})
    odds = made["a"] - 3 + 2 * (made["kind"] == "x") - made["b"] + rng.logistic(size=n)
    made["y"] = np.where(odds > 1, "yes", np.where(odds > -1, "perhaps", "no"))
    made["part"] = np.where(np.arange(n) % 3 == 0, "train", "test")
    return made


def pipeline(last: Any) -> Any:
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b"]))
    return make_pipeline(encoder, last)


def case_of(frame: pd.DataFrame, estimator: Any, columns: list[str] = COLUMNS) -> assay.Case:
    mine = frame[frame["part"] == "train"]
    fitted = estimator.fit(mine[columns], mine["y"])
    return assay.Case.from_frame(frame, model=wrap(fitted), label="y", split="part", features=columns)


def by_slice(measures: Any) -> dict[tuple[str, ...], Measure]:
    return {(m.name, *m.slice.values()): m for m in measures}


def test_a_linear_model_is_solved_from_few_probabilities():
    found = by_slice(extraction(case_of(frame_of(), pipeline(LogisticRegression())), queries=200))
    exact = found["fidelity", "random-rows", "equations"]
    assert exact.value == 1.0
    assert found["log_odds_error", "random-rows", "equations"].value < 1e-8
    assert "after 13 queries" in exact.method, "rank five, and the third kind comes thirteenth"
    gain = found["fidelity_gain", "random-rows", "equations"]
    assert [note.id for note in gain.notes] == ["extraction-exact"]
    assert found["fidelity_without_model",].value < 1
    table = json.loads(found["fidelity", "random-rows", "labels"].attachments["curve"].data)
    assert [row[0] for row in table["rows"]] == [100, 200]


def test_the_coefficients_themselves_are_found():
    rng = np.random.default_rng(1)
    table = pa.table({"a": rng.normal(size=300), "b": rng.normal(5, 3, 300)})
    matrix = np.column_stack([table["a"], table["b"]])
    margins = matrix @ np.array([[1.5, -0.5], [-0.25, 0.75]]).T + [0.3, -2.0]
    odds = np.exp(np.column_stack([np.zeros(300), margins]))
    scores = odds / odds.sum(axis=1, keepdims=True)
    encoding = encoding_of(table)
    solved = by_equations(Shown(table, scores.argmax(axis=1), scores), encoding)
    assert solved.equations == 3
    assert solved.residual < 1e-9
    asked = pa.table({"a": [10.0, -4.0], "b": [0.0, 20.0]})
    expected = np.array([[10.0, 0.0], [-4.0, 20.0]]) @ np.array([[1.5, -0.5], [-0.25, 0.75]]).T + [0.3, -2.0]
    chances = solved.copy.chances(asked)
    assert np.log(chances[:, 1:] / chances[:, :1]) == pytest.approx(expected, rel=1e-7)
    too_few = table.slice(0, 5)
    assert by_equations(Shown(too_few, scores[:5].argmax(axis=1), scores[:5]), encoding) is None


def test_a_linear_model_in_single_precision_is_solved_too():
    import torch

    torch.manual_seed(0)
    net = torch.nn.Linear(2, 3)
    model = wrap(net, classes=["no", "perhaps", "yes"], features=["a", "b"], output="logits")
    case = assay.Case.from_frame(frame_of(600), model=model, label="y", split="part", features=["a", "b"])
    found = by_slice(extraction(case, queries=100, strategies=("random-rows",)))
    assert found["fidelity", "random-rows", "equations"].value > 0.99
    assert found["log_odds_error", "random-rows", "equations"].value < 1e-3


def test_trees_are_no_linear_model_and_are_copied_by_their_family():
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1, random_state=0)
    frame = frame_of()
    found = by_slice(extraction(case_of(frame, model, ["a", "b"]), queries=400, strategies=("random-rows",)))
    assert "no linear function" in found["fidelity", "random-rows", "equations"].reason.text()
    fidelity, without = found["fidelity", "random-rows", "labels"], found["fidelity_without_model",]
    assert fidelity.value > without.value + 0.02
    assert fidelity.interval.low < fidelity.value < fidelity.interval.high
    constant = found["constant_fidelity",].value
    gain = found["fidelity_gain", "random-rows", "labels"]
    assert gain.value == pytest.approx((fidelity.value - constant) / (1 - constant))
    assert gain.interval.low == pytest.approx((fidelity.interval.low - constant) / (1 - constant))


def test_more_queries_copy_better():
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1, random_state=0)
    found = by_slice(extraction(case_of(frame_of(6000), model, ["a", "b"]), queries=1800, strategies=("random-rows",)))
    for copy in ("labels", "probabilities"):
        rows = json.loads(found["fidelity", "random-rows", copy].attachments["curve"].data)["rows"]
        assert [row[0] for row in rows] == [100, 300, 900, 1800]
        assert rows[-1][1] > rows[0][1] + 0.05


def test_labels_only_leave_copies_of_labels():
    found = by_slice(extraction(case_of(frame_of(600), LinearSVC(), ["a", "b"]), queries=100))
    for copy in ("probabilities", "equations"):
        assert found["fidelity", "random-rows", copy].reason.id == "no-probabilities"
    assert found["fidelity", "unsure-rows", "labels"].value > 0.9
    case = case_of(frame_of(600), pipeline(LogisticRegression()))
    behind = by_slice(extraction(case, queries=100, defence="top-one"))
    assert behind["fidelity", "random-rows", "equations"].reason.id == "no-probabilities"
    rounded = extraction(case, queries=100, defence="round-outputs")
    assert by_slice(rounded)["fidelity", "random-rows", "equations"].reason.id in ("not-linear", "too-few-equations")


def test_a_constant_model_is_nothing_to_copy():
    frame = frame_of(600)
    model = wrap(lambda rows: np.tile([0.8, 0.1, 0.1], (len(rows), 1)), classes=["no", "perhaps", "yes"])
    case = assay.Case.from_frame(frame, model=model, label="y", split="part", features=COLUMNS)
    done = run(case, checks=("privacy.extraction",), params={"privacy.extraction": {"queries": 100}})
    gains = [f.measure for f in done.findings if f.measure.name == "fidelity_gain"]
    assert gains
    assert all(m.reason.id == "constant-model" for m in gains)


def test_texts_without_a_known_family_say_so():
    frame = frame_of(300).assign(text=[f"text {i}" for i in range(300)])
    model = wrap(lambda texts: np.full((len(texts), 3), 1 / 3), classes=["no", "perhaps", "yes"])
    case = assay.Case.from_frame(frame, model=model, label="y", split="part", features=[], inputs=TextInputs("text"))
    reasons = {m.reason.id for m in extraction(case, queries=100) if m.value is None}
    assert reasons == {"copy-unknown", "copy-texts"}


def test_strategies_ask_what_they_say():
    table = pa.table({"a": np.arange(50.0), "b": np.arange(50.0)})
    rng = np.random.default_rng(2)
    used = np.arange(0, 50, 2)
    drawn = random_rows.make(Asking(table, used, 40, None, rng))
    assert sorted(drawn.places) == list(range(1, 50, 2)), "rows that were asked are not asked again"
    unsure = unsure_rows.make(Asking(table, used, 5, lambda rows: -np.abs(rows["a"].to_numpy() - 20), rng))
    assert sorted(unsure.places) == [15, 17, 19, 21, 23] or sorted(unsure.places) == [17, 19, 21, 23, 25]
    made = made_up_rows.make(Asking(table, used, 500, None, rng))
    assert made.inputs.num_rows == 500
    assert not len(made.places)
    assert abs(np.corrcoef(made.inputs["a"].to_numpy(), made.inputs["b"].to_numpy())[0, 1]) < 0.15
    images = np.arange(24.0).reshape(6, 2, 2)
    assert made_up_rows.make(Asking(images, used, 7, None, rng)).inputs.shape == (7, 2, 2)


def test_wrong_parameters_are_refused():
    case = case_of(frame_of(400), pipeline(LogisticRegression()))
    with pytest.raises(AssayError, match="random-rows"):
        list(extraction(case, strategies=("random",)))
    with pytest.raises(AssayError, match="copy nothing"):
        list(extraction(case, queries=3))
    with pytest.raises(AssayError, match="top-one"):
        list(extraction(case, defence="top"))
