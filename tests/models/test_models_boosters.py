"""XGBoost and LightGBM files predict as their own libraries do, categories and missing values included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from model_tables import table_of

from assay.core.errors import AssayError
from assay.models import wrap
from assay.models.load import load

QUIET: dict[str, Any] = {"verbose": -1, "num_threads": 1, "min_child_samples": 5}
FEW: dict[str, Any] = {"n_estimators": 6, "max_depth": 3, "n_jobs": 1}


@pytest.fixture(scope="module")
def categories(people: pd.DataFrame) -> pd.DataFrame:
    return people.assign(colour=people["colour"].astype("category"), level=people["level"].astype("category"))


@pytest.fixture(scope="module")
def target(labels: np.ndarray) -> np.ndarray:
    return (labels == "good").astype(int)


def saved(booster: Any, path: Path) -> Path:
    booster.save_model(str(path))
    return path


@pytest.mark.parametrize("isolate", [True, False])
def test_lightgbm_with_categories(
    isolate: bool, people: pd.DataFrame, categories: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    estimator = lightgbm.LGBMClassifier(n_estimators=8, **QUIET).fit(categories, labels)
    path = saved(estimator.booster_, tmp_path / "m.txt")
    model = load(path, classes=list(estimator.classes_), isolate=isolate)
    expected = estimator.predict_proba(categories)
    for frame in (categories, people):  # categories, and the same values as plain text and integers
        np.testing.assert_array_equal(model.scores(table_of(frame)), expected)
    assert model.predict(table_of(people)).tolist() == estimator.predict(categories).tolist()
    assert load(path, isolate=False).classes == ("0", "1")


def test_lightgbm_takes_an_unseen_category_as_missing(categories: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = lightgbm.LGBMClassifier(n_estimators=8, **QUIET).fit(categories, labels)
    unseen = categories.assign(colour="violet")
    expected = estimator.booster_.predict(unseen.assign(colour=pd.Categorical([None] * len(unseen))))
    np.testing.assert_array_equal(wrap(estimator).scores(table_of(unseen))[:, 1], expected)


def test_lightgbm_renames_columns_with_spaces(numbers: pd.DataFrame, target: np.ndarray, tmp_path: Path) -> None:
    spaced = numbers.rename(columns={"a": "credit amount"})
    booster = lightgbm.train({"objective": "binary", **QUIET}, lightgbm.Dataset(spaced, target), 4)
    model = load(saved(booster, tmp_path / "m.txt"), isolate=False)
    assert model.features[0] == "credit_amount"
    np.testing.assert_array_equal(model.scores(table_of(spaced))[:, 1], booster.predict(spaced))


@pytest.mark.parametrize(
    "params",
    [
        {"objective": "regression"},
        {"objective": "poisson", "boosting": "dart"},
        {"objective": "l1", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        {"objective": "regression", "linear_tree": True},
        {"objective": "huber", "num_leaves": 2},
        {"objective": "regression", "min_child_samples": 1000},
    ],
)
def test_lightgbm_regressions(params: dict[str, Any], numbers: pd.DataFrame, tmp_path: Path) -> None:
    booster = lightgbm.train({**QUIET, **params}, lightgbm.Dataset(numbers, numbers["a"] * 2 + 1), 5)
    model = load(saved(booster, tmp_path / "m.txt"), isolate=False)
    assert (model.task, model.classes) == ("regression", ())
    np.testing.assert_array_equal(model.predict(table_of(numbers)), booster.predict(numbers))


@pytest.mark.parametrize("objective", ["multiclass", "multiclassova"])
def test_lightgbm_of_three_classes(objective: str, numbers: pd.DataFrame, tmp_path: Path) -> None:
    third = np.digitize(numbers["a"], [0.4, 1.0])
    params = {"objective": objective, "num_class": 3, **QUIET}
    booster = lightgbm.train(params, lightgbm.Dataset(numbers, third), 4)
    model = load(saved(booster, tmp_path / "m.txt"), classes=["low", "mid", "high"], isolate=False)
    expected = booster.predict(numbers)
    if objective == "multiclassova":
        assert model.scores(table_of(numbers)) is None
    else:
        np.testing.assert_array_equal(model.scores(table_of(numbers)), expected)
    names = np.array(["low", "mid", "high"])
    assert model.predict(table_of(numbers)).tolist() == names[expected.argmax(axis=1)].tolist()


def test_lightgbm_custom_objective_gives_log_odds(numbers: pd.DataFrame, target: np.ndarray, tmp_path: Path) -> None:
    def logistic(scores: np.ndarray, data: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-scores))
        return p - np.asarray(data.get_label()), p * (1 - p)

    booster = lightgbm.train({"objective": logistic, **QUIET}, lightgbm.Dataset(numbers, target), 4)
    path = saved(booster, tmp_path / "m.txt")
    expected = 1 / (1 + np.exp(-booster.predict(numbers)))
    np.testing.assert_allclose(load(path, task="binary", isolate=False).scores(table_of(numbers))[:, 1], expected)
    assert load(path, isolate=False).task == "regression"


def test_lightgbm_text_where_numbers_were_is_an_error(numbers: pd.DataFrame, target: np.ndarray) -> None:
    booster = lightgbm.train({"objective": "binary", **QUIET}, lightgbm.Dataset(numbers, target), 2)
    with pytest.raises(AssayError, match=r"stores the categories of 0 columns, but 1 columns.*'a'"):
        wrap(booster).predict(table_of(numbers.assign(a="x")))


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize("isolate", [True, False])
def test_xgboost_with_categories(
    suffix: str, isolate: bool, people: pd.DataFrame, categories: pd.DataFrame, target: np.ndarray, tmp_path: Path
) -> None:
    people, categories = people.replace({"colour": {"blå": "blue"}}), categories.copy()
    categories["colour"] = people["colour"].astype("category")
    estimator = xgboost.XGBClassifier(enable_categorical=True, **FEW).fit(categories, target)
    model = load(saved(estimator, tmp_path / f"m.{suffix}"), classes=["bad", "good"], isolate=isolate)
    for frame in (categories, people):
        np.testing.assert_allclose(model.scores(table_of(frame)), estimator.predict_proba(categories), atol=1e-7)
    expected = np.array(["bad", "good"])[estimator.predict(categories)]
    assert model.predict(table_of(people)).tolist() == expected.tolist()
    with pytest.raises(AssayError, match=r"Column 'colour' holds 'violet' \(row 0\)"):
        model.predict(table_of(people.assign(colour="violet")))


def test_xgboost_cuts_names_that_are_not_ascii(categories: pd.DataFrame, target: np.ndarray) -> None:
    frame = categories[["colour", "b"]]
    estimator = xgboost.XGBClassifier(enable_categorical=True, **FEW).fit(frame, target)
    with pytest.raises(AssayError, match="damaged category names for column 'colour'"):
        wrap(estimator).predict(table_of(frame))
    codes = frame.assign(colour=frame["colour"].cat.codes.replace(-1, np.nan).astype(float))
    np.testing.assert_allclose(wrap(estimator).scores(table_of(codes)), estimator.predict_proba(frame), atol=1e-7)
    filled = pa.array(frame["colour"].astype(object).fillna("none").tolist()).dictionary_encode()
    arrow = pa.table({"colour": filled, "b": frame["b"].to_numpy()})
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(arrow, target, enable_categorical=True), 3
    )
    expected = booster.predict(xgboost.DMatrix(arrow, enable_categorical=True))
    np.testing.assert_allclose(wrap(booster).scores(arrow)[:, 1], expected, atol=1e-7)


@pytest.mark.parametrize(
    "params",
    [
        {"objective": "reg:squarederror"},
        {"objective": "count:poisson", "booster": "dart"},
        {"objective": "reg:absoluteerror", "num_parallel_tree": 3},
        {"booster": "gblinear", "n_estimators": 20},
    ],
)
def test_xgboost_regressions(params: dict[str, Any], numbers: pd.DataFrame, tmp_path: Path) -> None:
    options = {**FEW, **params}
    if params.get("booster") == "gblinear":
        del options["max_depth"]
    estimator = xgboost.XGBRegressor(**options).fit(numbers, numbers["a"] * 2 + 1)
    model = load(saved(estimator, tmp_path / "m.json"), isolate=False)
    assert model.task == "regression"
    np.testing.assert_allclose(model.predict(table_of(numbers)), estimator.predict(numbers), rtol=1e-6)


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_xgboost_of_three_classes(objective: str, numbers: pd.DataFrame, tmp_path: Path) -> None:
    third = np.digitize(numbers["a"], [0.4, 1.0])
    estimator = xgboost.XGBClassifier(objective=objective, **FEW).fit(numbers, third)
    model = load(saved(estimator, tmp_path / "m.json"), isolate=False)
    assert model.classes == ("0", "1", "2")
    np.testing.assert_allclose(model.scores(table_of(numbers)), estimator.predict_proba(numbers), atol=1e-6)


def test_xgboost_labels_and_margins(numbers: pd.DataFrame, target: np.ndarray, tmp_path: Path) -> None:
    data = xgboost.DMatrix(numbers, target)
    hinge = xgboost.train({"objective": "binary:hinge", "nthread": 1}, data, 4)
    model = load(saved(hinge, tmp_path / "h.json"), isolate=False)
    assert model.scores(table_of(numbers)) is None
    assert model.predict(table_of(numbers)).tolist() == [str(int(label)) for label in hinge.predict(data)]
    raw = xgboost.train({"objective": "binary:logitraw", "nthread": 1}, data, 4)
    scores = load(saved(raw, tmp_path / "r.json"), isolate=False).scores(table_of(numbers))
    np.testing.assert_allclose(scores[:, 1], 1 / (1 + np.exp(-raw.predict(data))), atol=1e-6)


def test_xgboost_stops_at_its_best_iteration(numbers: pd.DataFrame, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, len(numbers))
    options = {**FEW, "n_estimators": 60, "early_stopping_rounds": 5, "learning_rate": 0.8}
    estimator = xgboost.XGBClassifier(**options)
    estimator.fit(numbers[:150], noise[:150], eval_set=[(numbers[150:], noise[150:])], verbose=False)
    assert estimator.best_iteration < estimator.get_booster().num_boosted_rounds() - 1
    model = load(saved(estimator, tmp_path / "m.json"), isolate=False)
    np.testing.assert_allclose(model.scores(table_of(numbers)), estimator.predict_proba(numbers), atol=1e-7)


def test_xgboost_without_names_takes_columns_by_position(numbers: pd.DataFrame, target: np.ndarray) -> None:
    estimator = xgboost.XGBClassifier(**FEW).fit(numbers.to_numpy(), target)
    model = wrap(estimator)
    renamed = table_of(numbers).rename_columns(["w", "x", "y", "z"])
    np.testing.assert_allclose(model.scores(renamed), estimator.predict_proba(numbers.to_numpy()), atol=1e-7)
    with pytest.raises(AssayError, match="takes 4 columns, the data have 2"):
        model.predict(renamed.select(["w", "x"]))
    with pytest.raises(AssayError, match="stores no categories for them: 'z'"):
        model.predict(renamed.set_column(3, "z", pa.array(["text"] * len(renamed))))


def test_an_objective_without_probabilities_is_no_classifier(numbers: pd.DataFrame, target: np.ndarray) -> None:
    ranker = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, xgboost.DMatrix(numbers, target), 2)
    with pytest.raises(AssayError, match="gives no probabilities of classes"):
        wrap(ranker, task="binary")
    booster = lightgbm.train({"objective": "regression", **QUIET}, lightgbm.Dataset(numbers, target), 2)
    with pytest.raises(AssayError, match="gives no probabilities of classes"):
        wrap(booster, task="binary")


def test_the_scikit_learn_faces_bring_their_class_names(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = lightgbm.LGBMClassifier(n_estimators=4, **QUIET).fit(numbers, labels)
    model = wrap(estimator)
    assert model.classes == ("bad", "good")
    assert model.predict(table_of(numbers)).tolist() == estimator.predict(numbers).tolist()
