"""Trees, forests, boosting and linear models of scikit-learn, alone and after encoders, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from model_tables import table_of
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor
from threadpoolctl import threadpool_limits

from assay.models import wrap
from assay.models.adapter import Adapter, sigmoid, softmax

ROWS = 300


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def gaps(numbers: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return numbers.mask(rng.random(numbers.shape) < 0.1)


@pytest.fixture(scope="module")
def third(numbers: pd.DataFrame) -> np.ndarray:
    return np.digitize(numbers["a"] + numbers["b"], [1.0, 1.8])


def opened(estimator: Any) -> Adapter:
    model = wrap(estimator)
    assert isinstance(model, Adapter)
    return model


def agrees(model: Adapter, frame: pd.DataFrame, *, within: float = 1e-9) -> np.ndarray:
    """The form over `encode` gives the library's `margins`, and these the model's answers on the stated scale."""
    rows = table_of(frame)
    form, encoded, margins = model.ensemble() or model.linear(), model.encode(rows), model.margins(rows)
    assert form is not None
    assert encoded is not None
    assert margins is not None
    assert encoded.matrix.shape == (len(frame), len(encoded.names)) == (len(frame), len(encoded.origin))
    np.testing.assert_allclose(form.margin(encoded.matrix), margins, atol=within)
    scores = model.scores(rows)
    if form.scale == "value" and model.classes:
        return margins
    made = {
        "value": lambda: margins[:, 0],
        "log": lambda: np.exp(margins[:, 0]),
        "probability": lambda: margins,
        "log-odds": lambda: softmax(margins) if form.outputs > 1 else sigmoid(margins),
    }[form.scale]()
    if not model.classes:
        np.testing.assert_allclose(made, model.predict(rows), rtol=1e-6)
    else:
        np.testing.assert_allclose(made, scores if form.outputs > 1 else scores[:, 1:], atol=1e-6)  # type: ignore[index]
    return margins


FEW: dict[str, Any] = {"n_estimators": 7, "random_state": 0}
LEARN: dict[str, Any] = {"learning_rate": 0.3, **FEW}


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=6, random_state=0),
        RandomForestClassifier(max_depth=6, class_weight="balanced", **FEW),
        ExtraTreesClassifier(max_depth=6, **FEW),
        HistGradientBoostingClassifier(max_iter=8, random_state=0),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("three", [False, True])
def test_classifiers_with_gaps(
    estimator: Any, three: bool, gaps: pd.DataFrame, labels: np.ndarray, third: np.ndarray
) -> None:
    model = opened(estimator.fit(gaps, third if three else labels))
    margins = agrees(model, gaps)
    assert margins.shape[1] == (3 if three else 1)
    assert model.contributions(table_of(gaps)) is None
    ensemble = model.ensemble()
    assert ensemble is not None
    assert ensemble.covered


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestRegressor(max_depth=6, **FEW),
        ExtraTreeRegressor(max_depth=6, random_state=0),
        HistGradientBoostingRegressor(max_iter=8),
        HistGradientBoostingRegressor(max_iter=8, loss="poisson"),
        HistGradientBoostingRegressor(max_iter=8, loss="quantile", quantile=0.3),
    ],
    ids=lambda e: f"{type(e).__name__}-{getattr(e, 'loss', '')}",
)
def test_regressions_with_gaps(estimator: Any, gaps: pd.DataFrame, numbers: pd.DataFrame) -> None:
    agrees(opened(estimator.fit(gaps, numbers["a"] + 0.1)), gaps)


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(**LEARN),
        GradientBoostingClassifier(loss="exponential", **LEARN),
        GradientBoostingClassifier(init="zero", subsample=0.5, **LEARN),
        GradientBoostingRegressor(loss="huber", **LEARN),
    ],
    ids=lambda e: f"{type(e).__name__}-{e.loss}-{e.init}",
)
def test_gradient_boosting_begins_where_it_began(estimator: Any, numbers: pd.DataFrame, third: np.ndarray) -> None:
    agrees(opened(estimator.fit(numbers, third == 1 if hasattr(estimator, "predict_proba") else third)), numbers)
    if getattr(estimator, "loss", "") != "exponential":
        agrees(opened(estimator.fit(numbers, third)), numbers)


def test_boosting_on_top_of_another_model_is_not_read(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    model = opened(GradientBoostingClassifier(init=LogisticRegression(), **LEARN).fit(numbers, labels))
    assert model.ensemble() is None
    assert "begins with another model" in model.opaque().text()  # type: ignore[union-attr]


def test_histogram_boosting_puts_its_categories_first(people: pd.DataFrame, labels: np.ndarray) -> None:
    frame = people.assign(colour=people["colour"].astype("category"), level=people["level"].astype("category"))
    estimator = HistGradientBoostingClassifier(max_iter=12, categorical_features="from_dtype", random_state=0)
    noisy = np.where(people["colour"].isin(["red"]) & (people["level"] != 2), "good", labels)
    model = opened(estimator.fit(frame, noisy))
    encoded = model.encode(table_of(frame))
    assert encoded is not None
    assert encoded.origin.tolist() == [4, 5, 0, 1, 2, 3, 6]
    assert encoded.names == ("colour", "level", "a", "b", "c", "d", "count")
    assert model.ensemble().categorical.any()  # type: ignore[union-attr]
    agrees(model, frame)
    unseen = frame.assign(colour=pd.Categorical(["violet"] * len(frame)))
    agrees(model, unseen)


@pytest.mark.parametrize(
    ("estimator", "scale"),
    [
        (LogisticRegression(), "log-odds"),
        (LinearDiscriminantAnalysis(), "log-odds"),
        (SGDClassifier(loss="log_loss", random_state=0), "log-odds"),
        (LinearSVC(random_state=0), "value"),
        (RidgeClassifier(), "value"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_linear_classifiers(
    estimator: Any, scale: str, numbers: pd.DataFrame, labels: np.ndarray, third: np.ndarray
) -> None:
    model = opened(estimator.fit(numbers, labels))
    margins = agrees(model, numbers)
    assert model.linear().scale == scale  # type: ignore[union-attr]
    np.testing.assert_allclose(margins[:, 0], estimator.decision_function(numbers))
    several = opened(estimator.fit(numbers, third))
    assert agrees(several, numbers).shape == (ROWS, 3)
    expected = "log-odds" if isinstance(estimator, LogisticRegression | LinearDiscriminantAnalysis) else "value"
    assert several.linear().scale == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("estimator", "scale"),
    [
        (LinearRegression(), "value"),
        (Ridge(), "value"),
        (Lasso(0.01), "value"),
        (ElasticNet(0.01), "value"),
        (PoissonRegressor(), "log"),
        (TweedieRegressor(power=0), "value"),
        (TweedieRegressor(power=1.5), "log"),
    ],
    ids=lambda e: str(e),
)
def test_linear_regressions(estimator: Any, scale: str, numbers: pd.DataFrame) -> None:
    model = opened(estimator.fit(numbers, numbers["a"] * 2 + 1))
    agrees(model, numbers)
    assert model.linear().scale == scale  # type: ignore[union-attr]


def columns_of(**parts: tuple[Any, Any]) -> ColumnTransformer:
    made = [(name, part, columns) for name, (part, columns) in parts.items()]
    return ColumnTransformer(made, remainder="passthrough")


def test_a_pipeline_is_traced_to_its_features(people: pd.DataFrame, labels: np.ndarray) -> None:
    first = columns_of(
        kinds=(make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["colour", "level"]),
        sizes=(make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["b", "a"]),
        gone=("drop", ["d"]),
    )
    filled = people.assign(colour=people["colour"].fillna("red").astype(object))
    pipeline = Pipeline([("columns", first), ("scale", MinMaxScaler()), ("model", LogisticRegression())])
    model = opened(pipeline.fit(filled, labels))
    encoded = model.encode(table_of(filled))
    assert encoded is not None
    names = filled.columns.tolist()
    assert [names[i] for i in encoded.origin] == ["colour"] * 3 + ["level"] * 3 + ["b", "a", "a", "c", "count"]
    assert encoded.names[0] == "kinds__colour_blå"
    agrees(model, filled)
    # Only the columns of a feature change when the feature does.
    changed = model.encode(table_of(filled.assign(level=7)))
    assert changed is not None
    moved = (changed.matrix != encoded.matrix).any(axis=0)
    assert {names[i] for i in encoded.origin[moved]} == {"level"}


@pytest.mark.parametrize(
    ("step", "origin"),
    [
        (KBinsDiscretizer(3, encode="onehot"), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]),
        (KBinsDiscretizer(3, encode="ordinal"), [0, 1, 2, 3]),
        (SplineTransformer(n_knots=3, degree=2), [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4),
        (VarianceThreshold(0.0), [0, 1, 2, 3]),
        (SelectKBest(k=2), None),
        (PolynomialFeatures(1, include_bias=False), [0, 1, 2, 3]),
        (FunctionTransformer(np.log1p), [0, 1, 2, 3]),
        (QuantileTransformer(n_quantiles=10), [0, 1, 2, 3]),
        (FeatureUnion([("one", StandardScaler()), ("same", "passthrough")]), [0, 1, 2, 3, 0, 1, 2, 3]),
        (make_pipeline(StandardScaler(), "passthrough"), [0, 1, 2, 3]),
    ],
    ids=lambda e: type(e).__name__,
)
def test_steps_that_keep_columns_apart(
    step: Any, origin: list[int] | None, numbers: pd.DataFrame, labels: np.ndarray
) -> None:
    model = opened(Pipeline([("step", step), ("model", LogisticRegression())]).fit(numbers, labels))
    encoded = model.encode(table_of(numbers))
    assert encoded is not None
    expected = origin if origin is not None else np.flatnonzero(step.get_support()).tolist()
    assert encoded.origin.tolist() == expected
    agrees(model, numbers)


@pytest.mark.parametrize(
    "step",
    [
        PCA(2),
        PolynomialFeatures(2),
        Normalizer(),
        KNNImputer(),
        FunctionTransformer(np.cumsum, kw_args={"axis": 1}, feature_names_out="one-to-one"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_steps_that_mix_columns_are_named(step: Any, numbers: pd.DataFrame, labels: np.ndarray) -> None:
    first = columns_of(mixing=(step, ["a", "b", "c"]))
    model = opened(Pipeline([("first", first), ("model", LogisticRegression())]).fit(numbers, labels))
    assert model.linear() is model.encode(table_of(numbers)) is model.margins(table_of(numbers)) is None
    assert model.opaque().text().startswith("The step mixing mixes columns")  # type: ignore[union-attr]


def test_a_model_of_another_kind_says_so(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    model = opened(KNeighborsClassifier().fit(numbers, labels))
    assert model.ensemble() is model.linear() is model.gradients(table_of(numbers)) is model.module is None
    assert model.opaque().text() == "KNeighborsClassifier is neither a sum of trees nor a linear model."  # type: ignore[union-attr]
    function = wrap(lambda frame: frame["a"].to_numpy(), task="regression")
    assert isinstance(function, Adapter)
    assert function.encode(table_of(numbers)) is None
    assert "gives answers only" in function.opaque().text()  # type: ignore[union-attr]


@pytest.mark.parametrize("sparse", [0.0, 1.0])
@pytest.mark.parametrize(
    "booster",
    [
        xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, num_threads=1, min_child_samples=5),
    ],
    ids=lambda e: type(e).__name__,
)
def test_boosters_behind_an_encoder(booster: Any, sparse: float, people: pd.DataFrame, third: np.ndarray) -> None:
    first = ColumnTransformer(
        [
            ("kinds", OneHotEncoder(), ["colour"]),
            ("ranks", OrdinalEncoder(), ["level"]),
            ("rest", "passthrough", ["a"]),
        ],
        sparse_threshold=sparse,
    )
    pipeline = Pipeline([("first", first), ("model", booster)]).fit(people, third)
    model, rows = opened(pipeline), table_of(people)
    agrees(model, people, within=2e-6)
    encoded, values, margins = model.encode(rows), model.contributions(rows), model.margins(rows)
    assert encoded is not None
    assert values is not None
    assert encoded.origin.tolist() == [4, 4, 4, 4, 5, 0]
    assert values.shape == (ROWS, 7, 3)
    np.testing.assert_allclose(values.sum(axis=1), margins, atol=1e-5)


def test_a_search_and_a_pipeline_in_a_pipeline_are_opened(people: pd.DataFrame, labels: np.ndarray) -> None:
    first = columns_of(kinds=(OneHotEncoder(), ["colour"]), sizes=(StandardScaler(), ["b", "c"]), gone=("drop", ["a"]))
    inner = make_pipeline(MinMaxScaler(), LogisticRegression())
    filled = people.assign(colour=people["colour"].fillna("red"))
    for estimator in (make_pipeline(first, inner), GridSearchCV(make_pipeline(first, inner), {}, cv=2)):
        model = opened(estimator.fit(filled, labels))
        agrees(model, filled)
        encoded = model.encode(table_of(filled))
        assert encoded is not None
        assert [filled.columns[i] for i in encoded.origin] == ["colour"] * 3 + ["b", "c", "d", "level", "count"]
        assert encoded.names[:4] == ("kinds__colour_blå", "kinds__colour_green", "kinds__colour_red", "sizes__b")
