"""Every estimator of the trust table, saved with skops and loaded, predicts as in memory."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from model_tables import table_of
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier, TweedieRegressor
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models import wrap
from assay.models.load import load, open_bytes

CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "tree": DecisionTreeClassifier(max_depth=4),
    "forest": RandomForestClassifier(5, random_state=0),
    "extra": ExtraTreesClassifier(5, max_leaf_nodes=9),
    "boosting": GradientBoostingClassifier(n_estimators=5),
    "histogram": HistGradientBoostingClassifier(max_iter=5),
    "adaboost": AdaBoostClassifier(n_estimators=3),
    "bagging": BaggingClassifier(max_features=2, n_estimators=3),
    "svc": SVC(),
    "linear svc": LinearSVC(),
    "mlp": MLPClassifier((4,), solver="lbfgs", max_iter=20),
    "mlp sgd": make_pipeline(StandardScaler(), MLPClassifier((4,), solver="sgd", max_iter=400, tol=1e-2)),
    "bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(),
    "ball tree": KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    "sgd": SGDClassifier(loss="log_loss"),
    "one rest": OneVsRestClassifier(LogisticRegression()),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "isotonic": CalibratedClassifierCV(RandomForestClassifier(3), method="isotonic", cv=2),
    "voting": VotingClassifier([("l", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
    "stacking": StackingClassifier([("l", LogisticRegression()), ("t", DecisionTreeClassifier())], cv=2),
    "search": GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2, 3]}, cv=2),
    "threshold": TunedThresholdClassifierCV(LogisticRegression(), cv=2),
    "gaussian process": GaussianProcessClassifier(),
    "best two": make_pipeline(SelectKBest(k=2), LogisticRegression()),
    "selected": make_pipeline(SelectFromModel(RandomForestClassifier(3)), LogisticRegression()),
    "binned": make_pipeline(KBinsDiscretizer(quantile_method="averaged_inverted_cdf"), LogisticRegression()),
    "spline": make_pipeline(SplineTransformer(), LogisticRegression()),
}

REGRESSORS: dict[str, Any] = {
    "linear": LinearRegression(),
    "forest": RandomForestRegressor(5, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=5, loss="huber"),
    "histogram": HistGradientBoostingRegressor(max_iter=5, loss="gamma"),
    "tweedie": TweedieRegressor(power=1.5, link="log"),
    "log target": TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
}


def fitted(estimator: Any, *data: Any) -> Any:
    """The estimator, trained; whether it converged is not the question here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data)


def saved(estimator: Any, tmp_path: Path) -> Path:
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)
    return path


def same(model: Model, estimator: Any, frame: pd.DataFrame) -> None:
    table = table_of(frame)
    assert model.classes == tuple(str(c) for c in estimator.classes_)
    assert model.predict(table).tolist() == [str(label) for label in estimator.predict(frame)]
    scores = model.scores(table)
    if hasattr(estimator, "predict_proba"):
        np.testing.assert_array_equal(scores, estimator.predict_proba(frame))
    else:
        assert scores is None


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_survive_skops(name: str, numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path) -> None:
    estimator = fitted(CLASSIFIERS[name], numbers, labels)
    model = load(saved(estimator, tmp_path), isolate=False)
    assert isinstance(model, Model)
    assert (model.task, model.features) == ("binary", ("a", "b", "c", "d"))
    assert model.digest.startswith("sha256:")
    same(model, estimator, numbers)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_survive_skops(name: str, numbers: pd.DataFrame, tmp_path: Path) -> None:
    estimator = REGRESSORS[name].fit(numbers, numbers["a"] * 3 + numbers["b"] + 0.1)
    model = load(saved(estimator, tmp_path), isolate=False)
    assert (model.task, model.classes) == ("regression", ())
    table = table_of(numbers)
    np.testing.assert_array_equal(model.predict(table), estimator.predict(numbers))
    assert model.scores(table) is None


@pytest.mark.parametrize("selector", [["a", "b"], make_column_selector(dtype_include="number")])
def test_a_pipeline_with_text_survives_skops_in_a_child(
    selector: Any, people: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    encode = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer(
        [("n", make_pipeline(SimpleImputer(), StandardScaler()), selector), ("t", encode, ["colour"])]
    )
    pipeline = Pipeline([("c", columns), ("m", HistGradientBoostingClassifier(max_iter=4))]).fit(people, labels)
    model = load(saved(pipeline, tmp_path))
    assert model.features == tuple(people.columns)
    same(model, pipeline, people)
    shuffled = people[people.columns[::-1]].assign(extra="ignored")
    assert model.predict(table_of(shuffled)).tolist() == pipeline.predict(people).tolist()


def test_histogram_boosting_on_categories(people: pd.DataFrame, labels: np.ndarray, tmp_path: Path) -> None:
    frame = people.assign(colour=people["colour"].astype("category"))
    estimator = HistGradientBoostingClassifier(max_iter=4, categorical_features="from_dtype").fit(frame, labels)
    same(load(saved(estimator, tmp_path), isolate=False), estimator, frame)


def test_three_classes_of_numbers(numbers: pd.DataFrame, tmp_path: Path) -> None:
    third = np.digitize(numbers["a"], [0.4, 1.0]) + 1
    for estimator in (HistGradientBoostingClassifier(max_iter=3), GradientBoostingClassifier(n_estimators=3), SVC()):
        model = load(saved(estimator.fit(numbers, third), tmp_path), isolate=False)
        assert model.task == "multiclass"
        same(model, estimator, numbers)


def test_a_model_without_names_takes_columns_by_position(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = make_pipeline(KNNImputer(), DecisionTreeClassifier(max_depth=3)).fit(numbers.to_numpy(), labels)
    model = wrap(estimator)
    assert model.features == ()
    renamed = table_of(numbers).rename_columns(["w", "x", "y", "z"])
    assert model.predict(renamed).tolist() == estimator.predict(numbers.to_numpy()).tolist()
    assert model.predict(numbers.to_numpy()).tolist() == estimator.predict(numbers.to_numpy()).tolist()
    with pytest.raises(AssayError, match="takes 4 columns, the data have 3"):
        model.predict(table_of(numbers[["a", "b", "c"]]))


def test_numpy_text_goes_to_an_encoder_without_names(people: pd.DataFrame, labels: np.ndarray) -> None:
    texts = people[["colour", "level"]].fillna("none").astype(object)
    estimator = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(max_depth=3)).fit(texts.to_numpy(), labels)
    table = pa.table({"colour": texts["colour"].astype(str), "level": texts["level"].astype(int)})
    assert wrap(estimator).predict(table).tolist() == estimator.predict(texts.to_numpy()).tolist()


def test_texts_go_to_a_text_pipeline() -> None:
    texts = ["good loan", "bad loan", "very good", "very bad"]
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    model = wrap(estimator)
    assert model.predict(texts).tolist() == ["1", "0", "1", "0"]


def test_missing_columns_are_named_in_one_error(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    model = wrap(LogisticRegression().fit(numbers, labels))
    with pytest.raises(AssayError, match="lack: 'b', 'd'") as caught:
        model.predict(table_of(numbers[["a", "c"]]))
    assert "'a', 'c'" in caught.value.hint


def test_columns_of_another_kind_are_an_error_of_input(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    model = wrap(LogisticRegression().fit(numbers, labels))
    with pytest.raises(AssayError, match="could not predict these 300 rows") as caught:
        model.predict(table_of(numbers.assign(a="text")))
    assert caught.value.code == "prediction"
    doubled = pa.Table.from_arrays([pa.array([1.0])] * 5, names=["a", "b", "c", "d", "a"])
    with pytest.raises(AssayError, match="columns twice: 'a'"):
        model.predict(doubled)


def test_unknown_types_are_refused_by_name_and_by_flag(
    numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    from sklearn.preprocessing import FunctionTransformer

    estimator = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(numbers, labels)
    path = saved(estimator, tmp_path)
    with pytest.raises(AssayError) as caught:
        load(path)
    assert caught.value.code == "untrusted-types"
    assert "nan_to_num" in caught.value.message
    trusted = caught.value.hint.partition("--trust ")[2]
    assert load(path, trust=[trusted], isolate=False).predict(table_of(numbers)).tolist() == list(
        estimator.predict(numbers)
    )


def test_tasks_and_classes_that_do_not_fit_are_errors(
    numbers: pd.DataFrame, labels: np.ndarray, tmp_path: Path
) -> None:
    path = saved(LogisticRegression().fit(numbers, labels), tmp_path)
    with pytest.raises(AssayError, match="is a binary model, but the task is regression"):
        load(path, task="regression", isolate=False)
    with pytest.raises(AssayError, match="3 class names were given, the model has 2"):
        load(path, classes=["a", "b", "c"], isolate=False)
    with pytest.raises(AssayError, match="in the order bad, good, not good, bad"):
        load(path, classes=["good", "bad"], isolate=False)
    with pytest.raises(AssayError, match="names its classes itself: bad, good"):
        load(path, classes=["no", "yes"], isolate=False)
    numbered = LogisticRegression().fit(numbers, np.where(labels == "good", 1, 2))
    renamed = wrap(numbered, classes=["good", "bad"])
    expected = np.where(numbered.predict(numbers) == 1, "good", "bad")
    assert renamed.predict(table_of(numbers)).tolist() == expected.tolist()
    np.testing.assert_array_equal(renamed.scores(table_of(numbers)), numbered.predict_proba(numbers))
    with pytest.raises(AssayError, match="has no predict"):
        open_bytes(skops.io.dumps(StandardScaler().fit(numbers)), name="x.skops", isolate=False)
    several = RandomForestClassifier(2).fit(numbers, np.column_stack([labels, labels]))
    with pytest.raises(AssayError, match="several outputs at once"):
        open_bytes(skops.io.dumps(several), name="x.skops", isolate=False)


def test_functions_and_models_can_be_wrapped(numbers: pd.DataFrame) -> None:
    table = table_of(numbers)
    model = wrap(lambda frame: frame["a"].clip(0, 1), classes=[0, 1], features=["a"])
    np.testing.assert_allclose(model.scores(table)[:, 1], numbers["a"].clip(0, 1))
    assert wrap(model) is model
    assert wrap(lambda frame: frame["b"] * 2, task="regression").predict(table).tolist() == (numbers["b"] * 2).tolist()
    with pytest.raises(AssayError, match="is unknown"):
        wrap(lambda frame: frame)
    with pytest.raises(AssayError, match="A int is no model"):
        wrap(3)
