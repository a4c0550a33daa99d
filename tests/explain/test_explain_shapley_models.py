"""SHAP of real models: equal to shap, to the boosters' own and to enumeration; on one scale, never mixed."""

from __future__ import annotations

import functools

import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import assay
from assay.core.errors import AssayError
from assay.explain.question import Question, question
from assay.explain.shapley.explain import explain
from assay.explain.shapley.interactions import interactions
from assay.models.load import load, open_bytes

NUMBERS = ["a", "b", "c", "d"]


@functools.cache
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    made = pd.DataFrame(rng.normal(size=(500, 4)), columns=NUMBERS)
    made["job"] = pd.Categorical(rng.choice(["clerk", "cook", "nurse"], 500))
    signal = made["a"] * made["b"] + made["c"] + (made["job"] == "cook")
    made["number"] = signal + rng.normal(size=500) / 4
    made["two"] = (signal > 0).astype(int)
    made["three"] = np.digitize(signal, [-0.5, 1.0])
    return made


def gappy() -> pd.DataFrame:
    made = frame().copy()
    for place, name in enumerate(NUMBERS):
        made.loc[made.index % 7 == place, name] = np.nan
    return made


def asked(model, data: pd.DataFrame, label: str, features=None, *, output=None, rows=12, background=40) -> Question:
    wrapped = model if hasattr(model, "digest") else assay.wrap_model(model)
    favourable = 1 if label == "two" else None
    case = assay.Case.from_frame(
        data, label=label, features=list(features or NUMBERS), model=wrapped, favourable=favourable
    )
    output = "1" if label == "three" else output
    return question(case, list(range(rows)), output=output, background=background, seed=2)


@functools.cache
def booster(kind: str, label: str):
    data = gappy()
    settings = {"n_estimators": 12, "max_depth": 4, "random_state": 0, "n_jobs": 1}
    if kind == "lightgbm":
        settings |= {"verbose": -1, "min_child_samples": 5}
    library = {"xgboost": ("XGB", xgboost), "lightgbm": ("LGBM", lightgbm)}[kind]
    model = getattr(library[1], library[0] + ("Regressor" if label == "number" else "Classifier"))
    return model(**settings).fit(data[NUMBERS], data[label])


def peer(model, asked: Question, *, by_covers: bool) -> shap.Explanation:
    """shap's own explanation of the same rows, with the same background."""
    rows = pd.DataFrame(asked.rows, columns=asked.columns.names)
    if by_covers:
        return shap.TreeExplainer(model)(rows, check_additivity=False)
    others = pd.DataFrame(asked.background, columns=asked.columns.names)
    masker = shap.maskers.Independent(others, max_samples=len(others))
    return shap.TreeExplainer(model, masker, feature_perturbation="interventional")(rows, check_additivity=False)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("label", ["two", "three", "number"])
def test_path_dependent_values_of_a_booster_are_its_own(kind, label):
    about = asked(booster(kind, label), gappy(), label)
    found = explain(about, method="tree-shap", game="path-dependent")
    native = about.target.model.contributions(about.columns.decode(about.rows))
    place = 1 if label == "three" else 0
    np.testing.assert_allclose(found.values, native[:, :-1, place], atol=2e-5)
    np.testing.assert_allclose(found.base, native[:, -1, place], atol=2e-5)
    assert found.holds.all()
    assert found.scale == ("value" if label == "number" else "log-odds")
    assert found.method == "tree-shap (path-dependent)"


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("label", ["two", "three", "number"])
def test_interventional_values_of_a_booster_are_those_of_shap(kind, label):
    model = booster(kind, label)
    data = gappy() if kind == "xgboost" else frame()
    about = asked(model, data, label)
    found, theirs = explain(about), peer(model, about, by_covers=False)
    values = theirs.values[..., 1] if theirs.values.ndim == 3 else theirs.values
    np.testing.assert_allclose(found.values, values, atol=1e-6)
    assert found.holds.all()
    assert found.origin == about.origin


@pytest.mark.parametrize("by_covers", [False, True])
def test_forests_are_explained_as_probabilities_and_as_shap_does(by_covers):
    data = frame()
    model = RandomForestClassifier(15, max_depth=6, random_state=0).fit(data[NUMBERS].to_numpy(), data["three"])
    about = asked(model, data, "three")
    found = explain(about, method="tree-shap", game="path-dependent" if by_covers else "interventional")
    theirs = peer(model, about, by_covers=by_covers)
    np.testing.assert_allclose(found.values, theirs.values[..., 1], atol=1e-6)
    np.testing.assert_allclose(found.outputs, model.predict_proba(data[NUMBERS].to_numpy()[:12])[:, 1], atol=1e-12)
    assert (found.scale, found.target) == ("probability", "P(1)")
    assert found.holds.all()


def test_deep_forests_and_gradient_boosting_of_numbers_sum_to_their_output():
    data = frame()
    for model in (RandomForestClassifier(3, random_state=0), GradientBoostingRegressor(random_state=0)):
        label = "two" if isinstance(model, RandomForestClassifier) else "number"
        about = asked(model.fit(data[NUMBERS].to_numpy(), data[label]), data, label)
        assert explain(about).holds.all()


@pytest.mark.parametrize("label", ["two", "three"])
def test_categories_of_lightgbm_play_as_it_splits_them(label):
    data, features = gappy(), [*NUMBERS, "job"]
    model = lightgbm.LGBMClassifier(n_estimators=10, min_child_samples=5, verbose=-1, n_jobs=1, random_state=0)
    about = asked(model.fit(data[features], data[label]), data, label, features)
    exact = explain(about, method="exact-shap", scale="log-odds")
    found = explain(about)
    assert (found.method, exact.method) == ("tree-shap (interventional)", "exact-shap")
    np.testing.assert_allclose(found.values, exact.values, atol=1e-10)
    np.testing.assert_allclose(found.base, exact.base, atol=1e-10)


def encoded(model):
    data, features = frame(), [*NUMBERS, "job"]
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), (StandardScaler(), NUMBERS))
    return asked(make_pipeline(encoder, model).fit(data[features], data["two"]), data, "two", features)


def test_a_column_that_was_one_hot_encoded_plays_as_one():
    forest = encoded(RandomForestClassifier(8, max_depth=6, random_state=0))
    np.testing.assert_allclose(explain(forest).values, explain(forest, method="exact-shap").values, atol=1e-12)
    together = interactions(forest)
    np.testing.assert_allclose(together.values, interactions(forest, method="exact-interactions").values, atol=1e-12)
    linear = encoded(LogisticRegression())
    found = explain(linear)
    assert (found.method, found.scale, found.target) == ("linear-shap", "log-odds", "log-odds of 1")
    exact = explain(linear, method="exact-shap", scale="log-odds")
    np.testing.assert_allclose(found.values, exact.values, atol=1e-12)
    assert found.holds.all()


def test_linear_values_are_those_of_shap():
    data = frame()
    model = LinearRegression().fit(data[NUMBERS].to_numpy(), data["number"])
    about = asked(model, data, "number")
    found = explain(about)
    theirs = shap.LinearExplainer(model, shap.maskers.Independent(about.background, max_samples=40))(about.rows)
    np.testing.assert_allclose(found.values, theirs.values, atol=1e-12)
    np.testing.assert_allclose(found.base, theirs.base_values, atol=1e-12)


@pytest.mark.parametrize("kind", ["xgboost", "forest", "linear"])
def test_the_first_of_two_classes_is_the_other_way_round(kind):
    data = frame()
    models = {
        "xgboost": booster("xgboost", "two"),
        "forest": RandomForestClassifier(5, max_depth=4, random_state=0).fit(data[NUMBERS].to_numpy(), data["two"]),
        "linear": LogisticRegression().fit(data[NUMBERS].to_numpy(), data["two"]),
    }
    first, second = (explain(asked(models[kind], data, "two", output=name)) for name in ("0", "1"))
    np.testing.assert_allclose(first.values, -second.values, atol=1e-12)
    whole = 1.0 if first.scale == "probability" else 0.0
    np.testing.assert_allclose(first.base + second.base, whole, atol=1e-12)
    np.testing.assert_allclose(first.outputs + second.outputs, whole, atol=1e-6)
    assert first.holds.all()
    assert "0" in first.target


def test_interactions_are_those_of_shap_and_their_lines_sum_to_the_values():
    model = booster("xgboost", "two")
    about = asked(model, gappy(), "two")
    found = interactions(about, game="path-dependent")
    rows = pd.DataFrame(about.rows, columns=NUMBERS)
    np.testing.assert_allclose(found.values, shap.TreeExplainer(model).shap_interaction_values(rows), atol=2e-5)
    np.testing.assert_allclose(found.shap, explain(about, method="tree-shap", game="path-dependent").values, atol=1e-12)
    np.testing.assert_allclose(found.base + found.values.sum(axis=(1, 2)), found.outputs, atol=1e-5)
    strength = interactions(about).strength
    assert strength.shape == (4, 4)
    np.testing.assert_allclose(strength, strength.T)


def test_a_model_file_of_unknown_origin_is_explained_in_its_process(tmp_path):
    model = booster("xgboost", "two")
    path = tmp_path / "model.json"
    model.save_model(path)
    apart = asked(load(path, classes=["0", "1"]), gappy(), "two")
    here = explain(asked(model, gappy(), "two"))
    found = explain(apart)
    np.testing.assert_allclose(found.values, here.values, atol=1e-12)
    assert found.holds.all()


def test_what_cannot_be_had_is_refused_with_the_reason():
    trees, linear = asked(booster("xgboost", "two"), gappy(), "two"), encoded(LogisticRegression())
    for about, settings, said in (
        (trees, {"method": "tree-shap", "scale": "probability"}, "permutation-shap"),
        (trees, {"method": "linear-shap"}, "not known as a linear model"),
        (linear, {"method": "tree-shap"}, "not known as a sum of trees"),
        (trees, {"method": "tree"}, "tree-shap"),
        (trees, {"scale": "logit"}, "log-odds"),
        (trees, {"game": "causal", "method": "tree-shap"}, "interventional"),
        (linear, {"game": "path-dependent"}, "takes no game"),
        (trees, {"pairs": 3}, "takes no pairs"),
        (trees, {"method": "permutation-shap", "pairs": 1}, "from 2"),
    ):
        with pytest.raises(AssayError, match=said):
            explain(about, **settings)


def test_where_trees_do_not_sum_to_probabilities_auto_asks_for_answers():
    about = asked(booster("xgboost", "two"), gappy(), "two")
    exact = explain(about, scale="probability")
    assert (exact.method, exact.scale, exact.target) == ("exact-shap", "probability", "P(1)")
    found = explain(about, method="permutation-shap")
    assert (np.abs(found.values - exact.values) <= 5 * found.errors + 1e-12).all()
    assert found.holds.all()


def test_the_explanation_converts_to_shap():
    made = explain(asked(booster("lightgbm", "two"), frame(), "two")).to_shap()
    assert isinstance(made, shap.Explanation)
    assert made.values.shape == (12, 4)


@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_an_onnx_file_of_trees_is_explained_as_its_original(kind):
    matrix = frame()[NUMBERS].to_numpy().astype(np.float32)
    kinds = {"forest": RandomForestClassifier, "boosting": GradientBoostingClassifier}
    model = kinds[kind](n_estimators=6, max_depth=4, random_state=0).fit(matrix, frame()["two"])
    opened = open_bytes(to_onnx(model, matrix[:1]).SerializeToString(), name="m.onnx", isolate=False)
    data = frame().assign(**dict(zip(NUMBERS, matrix.T.astype(float), strict=True)))
    found, here = explain(asked(opened, data, "two")), explain(asked(model, data, "two"))
    np.testing.assert_allclose(found.values, here.values, atol=1e-6)
    assert found.holds.all()
    assert found.scale == here.scale
    if kind == "boosting":
        np.testing.assert_allclose(found.facts["probability"], 1 / (1 + np.exp(-found.outputs)), atol=1e-6)


def test_trees_without_covers_have_no_path_dependent_values():
    matrix = frame()[NUMBERS].to_numpy().astype(np.float32)
    model = RandomForestClassifier(3, max_depth=3, random_state=0).fit(matrix, frame()["two"])
    opened = open_bytes(to_onnx(model, matrix[:1]).SerializeToString(), name="m.onnx", isolate=False)
    about = asked(opened, frame(), "two")
    with pytest.raises(AssayError, match="does not keep how many"):
        explain(about, method="tree-shap", game="path-dependent")
    with pytest.raises(AssayError, match="does not keep how many"):
        interactions(about, game="path-dependent")
    with pytest.raises(AssayError, match="not known as a sum of trees"):
        interactions(encoded(LogisticRegression()), method="tree-interactions")


def test_a_count_model_whose_trees_sum_to_a_logarithm_is_explained_as_it_answers():
    data = frame().assign(number=np.round(np.exp(frame()["a"])))
    model = xgboost.XGBRegressor(objective="count:poisson", n_estimators=5, n_jobs=1).fit(data[NUMBERS], data["number"])
    about = asked(model, data, "number", rows=4, background=10)
    found = explain(about)
    assert (found.method, found.scale) == ("exact-shap", "value")
    np.testing.assert_allclose(found.outputs, model.predict(data[NUMBERS])[:4], rtol=1e-6)
    with pytest.raises(AssayError, match="logarithm"):
        explain(about, method="tree-shap")
