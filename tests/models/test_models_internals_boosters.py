"""The arrays of XGBoost and LightGBM boosters give the libraries' own raw scores, gaps and categories included."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from model_tables import table_of

from assay.models import wrap
from assay.models.adapter import Adapter, sigmoid, softmax
from assay.models.structure.ensemble import TreeEnsemble

ROWS = 400
FLOAT32 = 2e-5
"""XGBoost sums leaves in float32, at magnitudes of at most 10 here."""

CATEGORICAL: dict[str, Any] = {
    "max_cat_to_onehot": 1,
    "min_child_samples": 5,
    "min_data_per_group": 5,
    "cat_smooth": 1,
    "cat_l2": 1,
}


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Three numbers with gaps, two categories with gaps."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    frame["colour"] = pd.Categorical(rng.choice(["red", "green", "blue", "black", "white"], ROWS))
    frame["level"] = pd.Categorical(rng.choice([3, 5, 9, 40], ROWS))
    frame["c"] = frame["c"].round(0)
    for name in frame:
        frame.loc[rng.random(ROWS) < 0.15, name] = np.nan
    return frame


@pytest.fixture(scope="module")
def amount(people: pd.DataFrame) -> np.ndarray:
    rng = np.random.default_rng(4)
    known = people["a"].fillna(2.0) + (people["colour"].isin(["red", "white"])) + 0.5 * (people["level"] == 9)
    return np.asarray(known + people["c"].isna() + rng.normal(size=ROWS) * 0.2, dtype=np.float64)


def target(amount: np.ndarray, objective: str) -> np.ndarray:
    if objective.startswith("multi"):
        return np.digitize(amount, [0.3, 1.4])
    if objective in ("binary", "xentropy", "cross_entropy") or objective.startswith("binary:"):
        return (amount > 0.8).astype(int)
    if objective == "reg:logistic":
        return np.asarray(1 / (1 + np.exp(-amount)))
    return amount if objective in ("regression", "l1", "reg:squarederror", "reg:absoluteerror") else np.exp(amount)


def expected_value(ensemble: TreeEnsemble) -> np.ndarray:
    """The mean of each tree's leaves by their cover, summed: what path-dependent SHAP values begin with."""
    leaf = ensemble.left < 0
    owner = np.searchsorted(ensemble.roots, np.arange(ensemble.nodes), side="right") - 1
    weight = np.where(leaf, ensemble.cover, 0.0)
    share = weight / np.maximum(np.bincount(owner, weight)[owner], 1e-300)
    share = np.where(leaf & (np.bincount(owner)[owner] == 1), 1.0, share)  # a tree without a split
    found: np.ndarray = ensemble.base + share @ ensemble.value
    return found


def agrees(model: Any, frame: pd.DataFrame, expected: np.ndarray, *, within: float) -> None:
    """`margins` and the ensemble over `encode` are both `expected`; SHAP values sum to it."""
    assert isinstance(model, Adapter)
    rows = table_of(frame)
    ensemble, encoded = model.ensemble(), model.encode(rows)
    assert ensemble is not None
    assert encoded is not None
    expected = expected.reshape(len(frame), ensemble.outputs)
    found = model.margins(rows)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(ensemble.margin(encoded.matrix), expected, atol=within)
    values = model.contributions(rows)
    assert values is not None
    assert values.shape == (len(frame), frame.shape[1] + 1, ensemble.outputs)
    np.testing.assert_allclose(values.sum(axis=1), expected, atol=5 * FLOAT32)
    np.testing.assert_allclose(values[0, -1], expected_value(ensemble), atol=5 * FLOAT32)
    assert encoded.origin.tolist() == list(range(frame.shape[1]))
    assert encoded.names == tuple(frame.columns)
    assert ensemble.covered


XGB = [
    *({"objective": f"binary:{kind}"} for kind in ("logistic", "logitraw", "hinge")),
    *({"objective": f"multi:{kind}", "num_class": 3} for kind in ("softprob", "softmax")),
    *({"objective": f"reg:{kind}"} for kind in ("squarederror", "absoluteerror", "gamma", "tweedie", "logistic")),
    {"objective": "count:poisson"},
    {"objective": "survival:cox"},
    {"objective": "binary:logistic", "base_score": 0.2},
    {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5, "one_drop": 1},
    {"objective": "reg:squarederror", "num_parallel_tree": 3, "subsample": 0.5},
    {"objective": "binary:logistic", "max_cat_to_onehot": 100},
]


@pytest.mark.parametrize("params", XGB, ids=lambda p: "-".join(map(str, p.values())))
def test_xgboost(params: dict[str, Any], people: pd.DataFrame, amount: np.ndarray) -> None:
    options = {"nthread": 1, "max_depth": 4, "max_cat_to_onehot": 1, "seed": 1, **params}
    data = xgboost.DMatrix(people, target(amount, params["objective"]), enable_categorical=True)
    booster = xgboost.train(options, data, 9)
    model = wrap(booster)
    assert isinstance(model, Adapter)
    agrees(model, people, booster.predict(data, output_margin=True), within=FLOAT32)
    ensemble = model.ensemble()
    assert ensemble is not None
    assert ensemble.categorical.any()
    assert (ensemble.strict, ensemble.single) == (True, True)
    leaves = ensemble.leaves(model.encode(table_of(people)).matrix)  # type: ignore[union-attr]
    # A category split turns the children round, and each tree's numbers begin anew: compare the partition of rows.
    own = booster.predict(data, pred_leaf=True).reshape(ROWS, -1)
    assert [len(np.unique(column)) for column in leaves.T] == [len(np.unique(column)) for column in own.T]


def test_the_scale_says_how_margins_become_answers(people: pd.DataFrame, amount: np.ndarray) -> None:
    rows = table_of(people)
    for objective, scale in (
        ("binary:logistic", "log-odds"),
        ("multi:softprob", "log-odds"),
        ("count:poisson", "log"),
        ("reg:squarederror", "value"),
    ):
        options = {"objective": objective, "nthread": 1, **({"num_class": 3} if "multi" in objective else {})}
        data = xgboost.DMatrix(people, target(amount, objective), enable_categorical=True)
        model = wrap(xgboost.train(options, data, 4))
        assert isinstance(model, Adapter)
        margins = model.margins(rows)
        assert margins is not None
        assert model.ensemble().scale == scale  # type: ignore[union-attr]
        if objective == "multi:softprob":
            np.testing.assert_allclose(softmax(margins), model.scores(rows), atol=1e-6)
        elif objective == "binary:logistic":
            np.testing.assert_allclose(sigmoid(margins[:, 0]), model.scores(rows)[:, 1], atol=1e-6)  # type: ignore[index]
        else:
            made = np.exp(margins[:, 0]) if scale == "log" else margins[:, 0]
            np.testing.assert_allclose(made, model.predict(rows), rtol=1e-5)


def test_xgboost_up_to_its_best_iteration(people: pd.DataFrame) -> None:
    noise = np.random.default_rng(0).integers(0, 2, ROWS)
    data = [
        xgboost.DMatrix(people[part], noise[part], enable_categorical=True)
        for part in (slice(0, 200), slice(200, ROWS))
    ]
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1, "eta": 0.9},
        data[0],
        40,
        evals=[(data[1], "e")],
        early_stopping_rounds=4,
        verbose_eval=False,
    )
    all_rows = xgboost.DMatrix(people, enable_categorical=True)
    expected = booster.predict(all_rows, output_margin=True, iteration_range=(0, booster.best_iteration + 1))
    model = wrap(booster)
    assert isinstance(model, Adapter)
    agrees(model, people, expected, within=FLOAT32)
    assert model.ensemble().trees == booster.best_iteration + 1 < booster.num_boosted_rounds()  # type: ignore[union-attr]


def test_a_linear_xgboost_booster(people: pd.DataFrame, amount: np.ndarray) -> None:
    numbers = people[["a", "b", "c"]]
    data = xgboost.DMatrix(numbers, target(amount, "multi"))
    booster = xgboost.train(
        {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 9
    )
    model = wrap(booster)
    assert isinstance(model, Adapter)
    linear, encoded = model.linear(), model.encode(table_of(numbers))
    assert linear is not None
    assert encoded is not None
    assert model.ensemble() is model.contributions(table_of(numbers)) is None
    np.testing.assert_allclose(linear.margin(encoded.matrix), booster.predict(data, output_margin=True), atol=FLOAT32)


LGB = [
    {"objective": "binary"},
    {"objective": "binary", "sigmoid": 2.5},
    {"objective": "binary", "zero_as_missing": True},
    {"objective": "binary", "use_missing": False},
    {"objective": "multiclass", "num_class": 3},
    {"objective": "multiclassova", "num_class": 3, "sigmoid": 0.7},
    {"objective": "regression"},
    {"objective": "l1", "boosting": "dart", "drop_rate": 0.5},
    {"objective": "poisson"},
    {"objective": "cross_entropy"},
    {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "sigmoid": 2.0},
    {"objective": "regression", "max_cat_to_onehot": 100},
    {"objective": "binary", "extra_trees": True},
]


@pytest.mark.parametrize("params", LGB, ids=lambda p: "-".join(map(str, p.values())))
def test_lightgbm(params: dict[str, Any], people: pd.DataFrame, amount: np.ndarray) -> None:
    options = {"num_threads": 1, "verbose": -1, "num_leaves": 12, "seed": 1, **CATEGORICAL, **params}
    booster = lightgbm.train(options, lightgbm.Dataset(people, target(amount, params["objective"])), 8)
    model = wrap(booster, task="binary" if params["objective"] == "cross_entropy" else None)
    assert isinstance(model, Adapter)
    forest = 8 if params.get("boosting") == "rf" else 1
    factor = (params.get("sigmoid", 1.0) if params["objective"] == "binary" else 1.0) / forest
    agrees(model, people, booster.predict(people, raw_score=True) * factor, within=1e-9)
    ensemble, rows = model.ensemble(), table_of(people)
    assert ensemble is not None
    assert ensemble.categorical.any()
    scores, margins = model.scores(rows), model.margins(rows)
    assert margins is not None
    if params["objective"] == "multiclassova":
        assert (ensemble.scale, scores) == ("value", None)
    elif ensemble.scale == "log-odds":
        made = softmax(margins) if ensemble.outputs > 1 else sigmoid(margins[:, 0])
        np.testing.assert_allclose(made, scores if ensemble.outputs > 1 else scores[:, 1], atol=1e-9)
    elif ensemble.scale == "log":
        np.testing.assert_allclose(np.exp(margins[:, 0]), model.predict(rows))
    else:
        np.testing.assert_allclose(margins[:, 0], model.predict(rows))


def test_zeros_that_are_missing_go_with_the_missing(people: pd.DataFrame, amount: np.ndarray) -> None:
    numbers = people[["a", "c"]]
    options = {"objective": "binary", "zero_as_missing": True, "num_threads": 1, "verbose": -1, "min_child_samples": 5}
    booster = lightgbm.train(options, lightgbm.Dataset(numbers, target(amount, "binary")), 8)
    model = wrap(booster)
    assert isinstance(model, Adapter)
    edge = pd.DataFrame({"a": [0.0, 1e-36, -1e-36, np.nan, 1e-30, 0.0], "c": [0.0, 1.0, np.nan, 0.0, -0.0, 1e-34]})
    agrees(model, edge, booster.predict(edge, raw_score=True), within=1e-12)


def test_linear_leaves_and_changed_answers_are_not_read(people: pd.DataFrame, amount: np.ndarray) -> None:
    numbers = people[["a", "b"]].fillna(0.0)
    quiet = {"objective": "regression", "num_threads": 1, "verbose": -1}
    for extra in ({"linear_tree": True}, {"reg_sqrt": True}):
        model = wrap(lightgbm.train({**quiet, **extra}, lightgbm.Dataset(numbers, np.exp(amount)), 3))
        assert isinstance(model, Adapter)
        rows = table_of(numbers)
        assert model.ensemble() is model.encode(rows) is model.margins(rows) is model.contributions(rows) is None
        assert "cannot be read as plain trees" in model.opaque().text()  # type: ignore[union-attr]


def test_no_split_at_all_and_no_rows(people: pd.DataFrame) -> None:
    numbers = people[["a", "b"]]
    quiet = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_child_samples": 1000}
    stump = lightgbm.train(quiet, lightgbm.Dataset(numbers, np.arange(ROWS)), 2)
    model = wrap(stump)
    assert isinstance(model, Adapter)
    agrees(model, numbers, stump.predict(numbers, raw_score=True), within=1e-12)
    none = table_of(numbers.head(0))
    assert model.margins(none).shape == (0, 1)  # type: ignore[union-attr]
    assert model.encode(none).matrix.shape == (0, 2)  # type: ignore[union-attr]
