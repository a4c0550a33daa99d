"""The exact search against brute force, closed forms and the search by heuristics."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler
from threadpoolctl import threadpool_limits

import assay
from assay.core.errors import AssayError
from assay.explain.question import Question, question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Recourse
from assay.explain.recourse.exact.search import optimal
from assay.explain.recourse.goal import goal_for
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import space_of


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


JOBS = ("clerk", "cook", "nurse", "smith")
GRID = {"a": range(9), "b": range(9), "c": range(5), "job": JOBS}


def frame_of(n: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"a": rng.integers(0, 9, n), "b": rng.integers(0, 9, n), "c": rng.integers(0, 5, n), "job": rng.choice(JOBS, n)}
    )
    score = (frame["a"] > 4) * 2.0 * (frame["b"] - 4) - 0.7 * frame["c"] + 1.3 * (frame["job"] == "smith")
    return frame.assign(y=(score + rng.normal(size=n) > 0).astype(int))


def encoder(*, scaled: bool = False):
    numbers = StandardScaler() if scaled else "passthrough"
    return make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["job"]), (numbers, ["a", "b", "c"]), sparse_threshold=0
    )


MODELS = {
    "gradient boosting": lambda: make_pipeline(
        encoder(), GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=0)
    ),
    "forest": lambda: make_pipeline(encoder(), RandomForestClassifier(12, max_depth=5, random_state=0)),
    "histogram": lambda: make_pipeline(
        encoder(scaled=True), HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=80, min_samples_leaf=2)
    ),
    "xgboost": lambda: make_pipeline(
        encoder(scaled=True), xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1)
    ),
    "logistic": lambda: make_pipeline(encoder(scaled=True), LogisticRegression()),
}
CONSTRAINTS = [
    {},
    {"immutable": ["c"], "one_way": {"b": "down"}, "costs": {"job": 2.5}},
    {"rules": ["a + c <= 9", "b >= c"], "categories": ["job=clerk|smith"], "ranges": ["a=2:7"]},
    {"rules": ["c == a - 3"], "one_way": ["a=up"]},
    {"immutable": ["a", "job"], "ranges": ["b=3:5", "c=1:2"]},
]


def case_of(frame: pd.DataFrame, model, **roles) -> assay.Case:
    return assay.Case.from_frame(frame, label="y", favourable=1, model=assay.wrap_model(model), **roles)


@dataclass(frozen=True)
class Brute:
    """The least costs by trying every row of a grid; NaN where none of them will do."""

    costs: np.ndarray


def brute(asked: Question, constraints: dict, grid: dict, target=None) -> Brute:
    names = asked.columns.names
    every = pd.DataFrame(list(itertools.product(*(grid[name] for name in names))), columns=list(names))
    matrix = asked.columns.encode(pa.Table.from_pandas(every, preserve_index=False))
    space = space_of(Constraints.parse(constraints), asked.columns, asked.background)
    goal = goal_for(asked.target, asked.rows, target)
    costs = []
    for i, row in enumerate(asked.rows):
        before = np.repeat(row[None], len(matrix), axis=0)
        fits = goal.ask(matrix, np.full(len(matrix), i)).met & ~space.violations(before, matrix).any
        costs.append(space.cost(before, matrix)[fits].min() if fits.any() else np.nan)
    return Brute(np.array(costs))


def checked(made: Recourse, asked: Question) -> np.ndarray:
    """(rows,) the costs, after a look at every record."""
    for ways in made.ways:
        assert ways.proof is not None
        assert ways.proof.status == ("optimal" if ways.already or ways.found else "infeasible")
        for one in ways.found:
            assert one.valid
            assert one.exact
            assert not one.violated
            assert ways.proof.bound == one.cost
            assert ways.proof.gap == 0
    assert made.method == "exact"
    assert len(made) == len(asked.rows)
    return made.costs


@pytest.mark.parametrize("name", MODELS)
def test_the_optimum_is_that_of_trying_every_row_of_a_grid(name):
    frame = frame_of()
    asked = question(case_of(frame, MODELS[name]().fit(frame.drop(columns="y"), frame["y"])), limit=6, background=400)
    none = 0
    for constraints in CONSTRAINTS:
        costs = checked(optimal(asked, constraints=constraints), asked)
        least = brute(asked, constraints, GRID).costs
        np.testing.assert_array_equal(np.isnan(costs), np.isnan(least))
        np.testing.assert_allclose(costs, least, rtol=1e-9, atol=1e-9)
        none += np.isnan(costs).sum()
        heuristic = counterfactuals(asked, constraints=constraints, count=1).costs
        assert (costs <= heuristic * (1 + 1e-9))[~np.isnan(heuristic)].all()
    assert none > 0


def fine_frame(n: int = 700) -> pd.DataFrame:
    """Numbers on few values, missing ones, and a category with an order of its own."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"u": rng.choice([0.1, 0.7, 1.3, 2.9, 3.3], n), "v": rng.normal(size=n).round(1)})
    frame["w"] = np.where(rng.random(n) < 0.2, np.nan, rng.choice([-1.5, 0.25, 4.0], n))
    frame["job"] = pd.Categorical(rng.choice(JOBS, n))
    score = np.where(frame["u"] > 1, 1, -1) * frame["v"] + frame["w"].fillna(1) * (frame["job"] != "cook")
    return frame.assign(y=(score + 0.3 * rng.normal(size=n) > 0.8).astype(int))


def boundaries(asked: Question, single: bool) -> dict:
    """Every number at which an answer can change, found without the search: thresholds, and the numbers beside them."""
    trees = asked.target.model.ensemble()
    names = asked.target.model.features
    grid = {}
    for j, name in enumerate(asked.columns.names):
        column = asked.columns.columns[j]
        if column.kind == "category":
            grid[name] = column.levels
            continue
        at = (trees.left >= 0) & ~trees.categorical & (trees.feature == list(names).index(name))
        edges = np.unique(trees.threshold[at])
        if single:
            edges = edges.astype(np.float32)
            gap = (np.nextafter(edges, np.float32(np.inf)).astype(np.float64) - edges) / 2
            below = (np.nextafter(edges, np.float32(-np.inf)).astype(np.float64) - edges) / 2
            edges = np.concatenate([edges + gap, edges + below]).astype(np.float64)
        known = asked.background[:, j]
        ends = [np.nanmin(known), np.nanmax(known)]
        near = [edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), ends]
        grid[name] = np.unique(np.concatenate(near))
    return grid


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_thresholds_in_single_and_double_precision_missing_values_and_sets_of_categories(library):
    frame = fine_frame()
    if library == "lightgbm":
        rows, single = frame.drop(columns="y"), False
        model = lightgbm.LGBMClassifier(
            n_estimators=5, num_leaves=8, verbosity=-1, n_jobs=1, min_data_per_group=5, cat_smooth=1
        )
    else:
        rows, single = frame.drop(columns=["y", "job"]), True
        model = xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1)
    fitted = model.fit(rows, frame["y"])
    asked = question(case_of(rows.assign(y=frame["y"]), fitted), list(range(10)), background=400)
    for constraints in ({}, {"fillable": ["w"], "costs": {"w": 0.4, "v": 3.0}}, {"one_way": ["v=up"]}):
        costs = checked(optimal(asked, constraints=constraints), asked)
        space = space_of(Constraints.parse(constraints), asked.columns, asked.background)
        grid, goal = boundaries(asked, single), goal_for(asked.target, asked.rows, None)
        for i, row in enumerate(asked.rows):
            own = asked.columns.decode(row[None]).to_pandas().iloc[0]
            options = []
            for name in asked.columns.names:
                values = [*grid[name]] if isinstance(own[name], str) else [*grid[name], own[name]]
                rising = name == "v" and "one_way" in constraints
                options.append([value for value in values if not rising or value >= own[name]])
            every = pd.DataFrame(list(itertools.product(*options)), columns=list(asked.columns.names))
            matrix = asked.columns.encode(pa.Table.from_pandas(every, preserve_index=False))
            before = np.repeat(row[None], len(matrix), axis=0)
            cost = np.where(space.violations(before, matrix).any, np.inf, space.cost(before, matrix))
            met = goal.ask(matrix, np.full(len(matrix), i)).met & np.isfinite(cost)
            least = cost[met].min() if met.any() else np.nan
            assert costs[i] == pytest.approx(least, rel=1e-9, abs=1e-12, nan_ok=True)


def test_a_linear_model_without_limits_changes_what_gives_most_for_its_cost():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"u": rng.normal(size=800), "v": rng.normal(0, 3, 800), "w": rng.normal(0, 2, 800)})
    truth = frame["u"] + 0.5 * frame["v"] + rng.normal(size=800) > 0.4
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, truth)
    asked = question(case_of(frame.assign(y=truth.astype(int)), fitted), list(range(40)), background=800)
    slopes = fitted[-1].coef_[0] / fitted[0].scale_
    lead = np.abs(fitted.decision_function(frame.iloc[:40]))
    space = space_of(Constraints(), asked.columns, asked.background)
    wide = {"ranges": [f"{name}=-500:500" for name in "uvw"]}
    costs = checked(optimal(asked, constraints=wide), asked)
    np.testing.assert_allclose(costs, lead * (space.weights / np.abs(slopes)).min(), rtol=1e-6)
    tight = {"ranges": ["u=-0.5:0.5", "v=-500:500"], "immutable": ["w"], "costs": ["v=10"]}
    inside = np.flatnonzero(np.abs(asked.rows[:, 0]) < 0.5)
    asked, lead = asked.of(asked.rows[inside]), lead[inside]
    costs = checked(optimal(asked, constraints=tight), asked)
    weights = space_of(Constraints.parse(tight), asked.columns, asked.background).weights
    way = np.where(fitted.predict(frame.iloc[inside]), -1, 1) * np.sign(slopes[0])
    by_u = np.minimum(0.5 - way * asked.rows[:, 0], lead / abs(slopes[0]))
    rest = np.maximum(0.0, lead - by_u * abs(slopes[0]))
    assert weights[0] / abs(slopes[0]) < weights[1] / abs(slopes[1])
    assert 0 < (rest > 0).mean() < 1
    np.testing.assert_allclose(costs, by_u * weights[0] + rest / abs(slopes[1]) * weights[1], rtol=1e-6)


def test_several_classes_are_reached_and_left():
    frame = frame_of(600)
    truth = np.where(frame["a"] > 5, "high", np.where(frame["b"] + frame["c"] > 6, "middle", "low"))
    rows = frame[["a", "b", "c"]]
    models = [
        LogisticRegression(max_iter=500),
        xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1),
        RandomForestClassifier(9, max_depth=4, random_state=0),
    ]
    for model in models:
        codes = np.unique(truth, return_inverse=True)[1]
        names = ["high", "low", "middle"]
        fitted = model.fit(rows, codes if isinstance(model, xgboost.XGBClassifier) else truth)
        wrapped = assay.wrap_model(fitted, classes=names)
        case = assay.Case.from_frame(rows.assign(y=truth), label="y", model=wrapped, task="multiclass")
        asked = question(case, list(range(25)), background=300)
        for target in ("middle", None):
            costs = checked(optimal(asked, target=target), asked)
            np.testing.assert_allclose(costs, brute(asked, {}, GRID, target).costs, rtol=1e-9, atol=1e-9)


def test_a_regression_is_brought_into_its_interval():
    frame = frame_of(600)
    rows, value = frame[["a", "b", "c"]], 2.0 * frame["a"] - frame["b"] + 0.5 * frame["c"] * frame["a"]
    for model in (LinearRegression(), lightgbm.LGBMRegressor(n_estimators=12, num_leaves=12, verbosity=-1, n_jobs=1)):
        case = assay.Case.from_frame(rows.assign(y=value), label="y", model=assay.wrap_model(model.fit(rows, value)))
        asked = question(case, list(range(15)), background=300)
        for target in ((5.0, 6.0), (12.0, None), (None, -30.0)):
            costs = checked(optimal(asked, target=target), asked)
            np.testing.assert_allclose(costs, brute(asked, {}, GRID, target).costs, rtol=1e-9, atol=1e-9)


def test_the_threshold_of_the_case_decides():
    frame = frame_of()
    fitted = MODELS["xgboost"]().fit(frame.drop(columns="y"), frame["y"])
    chance = fitted.predict_proba(frame.drop(columns="y"))[:, 1]
    threshold = float(np.sort(chance)[700])
    case = case_of(frame.assign(p=chance), fitted, score="p", threshold=threshold, features=["a", "b", "c", "job"])
    asked = question(case, list(range(12)), background=300)
    for target in ("1", "0"):
        costs = checked(optimal(asked, target=target), asked)
        np.testing.assert_allclose(costs, brute(asked, {}, GRID, target).costs, rtol=1e-9, atol=1e-9)


def test_one_hot_columns_move_together():
    rng = np.random.default_rng(3)
    home = rng.integers(0, 3, 600)
    frame = pd.DataFrame({"u": rng.integers(0, 20, 600)}).assign(
        rented=(home == 0).astype(int), owned=(home == 1).astype(int), free=(home == 2).astype(int)
    )
    truth = (frame["u"] + 6 * frame["owned"] - 4 * frame["free"] > 11).astype(int)
    grid = {"u": range(20), "rented": (0, 1), "owned": (0, 1), "free": (0, 1)}
    for model in (LogisticRegression(C=10), GradientBoostingClassifier(n_estimators=20, random_state=0)):
        asked = question(case_of(frame.assign(y=truth), model.fit(frame, truth)), list(range(15)), background=300)
        for more in ({}, {"costs": {"home": 0.3}}, {"immutable": ["home"]}):
            given = {"one_hot": {"home": ["rented", "owned", "free"]}} | more
            costs = checked(optimal(asked, constraints=given), asked)
            np.testing.assert_allclose(costs, brute(asked, given, grid).costs, rtol=1e-9, atol=1e-9)


def test_linked_numbers_move_within_their_cells():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"age": rng.uniform(20, 70, 800)})
    frame["years"] = np.minimum(frame["age"] - 16, rng.uniform(0, 50, 800))
    truth = (frame["years"] + rng.normal(size=800) > 20).astype(int)
    only = make_column_transformer(("passthrough", ["years"]))
    model = make_pipeline(only, GradientBoostingClassifier(n_estimators=10, max_depth=1, random_state=0))
    model.fit(frame, truth)
    asked = question(case_of(frame.assign(y=truth), model), np.flatnonzero(truth == 0)[:12].tolist(), background=600)
    free = optimal(asked).costs
    made = optimal(asked, constraints={"rules": ["years <= age - 16"], "ranges": ["age=18:90"]})
    costs = checked(made, asked)
    space = space_of(Constraints(), asked.columns, asked.background)
    wanted = asked.rows[:, 1] + free / space.weights[1]
    push = np.maximum(0.0, wanted + 16 - asked.rows[:, 0])
    np.testing.assert_allclose(costs, free + push * space.weights[0], rtol=1e-5)
    assert (push > 0).any()


def test_where_nothing_is_allowed_that_is_proven():
    frame = frame_of()
    for name in ("gradient boosting", "logistic"):
        asked = question(
            case_of(frame, MODELS[name]().fit(frame.drop(columns="y"), frame["y"])), limit=10, background=300
        )
        made = optimal(asked, constraints={"immutable": ["a", "b", "c", "job"]})
        assert all(ways.proof.status == "infeasible" and not ways.found for ways in made.ways if ways.proof)
        assert np.isnan(made.costs).all()
        assert all(ways.blocked is not None and ways.blocked.violated for ways in made.ways)
        assert made.to_json()["rows"][0]["proof"]["status"] == "infeasible"


def test_a_time_limit_leaves_a_bound():
    frame = frame_of()
    asked = question(
        case_of(frame, MODELS["gradient boosting"]().fit(frame.drop(columns="y"), frame["y"])), limit=8, background=300
    )
    short, full = optimal(asked, seconds=1e-9), optimal(asked)
    assert {ways.proof.status for ways in short.ways if ways.proof} == {"time limit"}
    for cut, whole in zip(short.ways, full.ways, strict=True):
        assert cut.proof is not None
        assert cut.proof.bound is not None
        assert cut.proof.bound <= whole.found[0].cost <= cut.found[0].cost + 1e-9
        assert not cut.found[0].exact


def test_what_cannot_be_proven_is_refused():
    frame = frame_of()
    fitted = MODELS["gradient boosting"]().fit(frame.drop(columns="y"), frame["y"])
    asked = question(case_of(frame, fitted), limit=3, background=300)
    for rule in ("a * b <= 20", "a <= 3 or b <= 3", "job == 'smith'"):
        with pytest.raises(AssayError, match="cannot keep the rule"):
            optimal(asked, constraints={"rules": [rule]})
    with pytest.raises(AssayError, match="no time"):
        optimal(asked, seconds=0)
    from assay.models.live import wrap

    black = wrap(lambda rows: fitted.predict_proba(rows), classes=["0", "1"], features=["a", "b", "c", "job"])
    case = assay.Case.from_frame(frame, label="y", favourable=1, model=black)
    with pytest.raises(AssayError, match="neither trees nor coefficients"):
        optimal(question(case, limit=3, background=50))


def test_numbers_that_a_model_reads_bent_are_cut_for_trees_and_refused_for_lines():
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"u": rng.exponential(5, 600), "v": rng.normal(size=600)})
    truth = (np.log(frame["u"]) + frame["v"] > 1).astype(int)
    bent = QuantileTransformer(n_quantiles=50, random_state=0)
    trees = make_pipeline(bent, GradientBoostingClassifier(n_estimators=15, random_state=0)).fit(frame, truth)
    asked = question(case_of(frame.assign(y=truth), trees), list(range(12)), background=600)
    costs = checked(optimal(asked), asked)
    assert (costs <= counterfactuals(asked, count=1).costs * (1 + 1e-9)).all()
    line = make_pipeline(bent, LogisticRegression()).fit(frame, truth)
    with pytest.raises(AssayError, match="no straight line"):
        optimal(question(case_of(frame.assign(y=truth), line), list(range(3)), background=600))


@pytest.mark.parametrize("name", ["gradient boosting", "forest"])
def test_the_program_of_leaves_finds_the_same(name, monkeypatch):
    monkeypatch.setattr("assay.explain.recourse.exact.trees.QUICK", 0.0)
    frame = frame_of()
    asked = question(case_of(frame, MODELS[name]().fit(frame.drop(columns="y"), frame["y"])), limit=6, background=400)
    for constraints in ({}, {"immutable": ["a", "job"], "ranges": ["b=3:5", "c=1:2"]}):
        costs = checked(optimal(asked, constraints=constraints), asked)
        np.testing.assert_allclose(costs, brute(asked, constraints, GRID).costs, rtol=1e-9, atol=1e-9)


def test_the_program_of_leaves_leaves_a_class(monkeypatch):
    monkeypatch.setattr("assay.explain.recourse.exact.trees.QUICK", 0.0)
    frame = frame_of(600)
    codes = np.digitize(frame["a"] + frame["b"], [5, 10])
    rows = frame[["a", "b", "c"]]
    model = assay.wrap_model(xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1).fit(rows, codes))
    case = assay.Case.from_frame(rows.assign(y=codes.astype(str)), label="y", model=model, task="multiclass")
    asked = question(case, list(range(8)), background=300)
    for target in (None, "1"):
        costs = checked(optimal(asked, target=target), asked)
        np.testing.assert_allclose(costs, brute(asked, {}, GRID, target).costs, rtol=1e-9, atol=1e-9)
