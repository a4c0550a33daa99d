"""Models read as they are, and copied by a small tree: every rule and coefficient is checked on rows."""

from __future__ import annotations

import re
from types import SimpleNamespace

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import assay
from assay.core.errors import AssayError
from assay.explain.overall.inside.terms import terms
from assay.explain.overall.intrinsic import intrinsic
from assay.explain.overall.summary import shap_summary, summarise
from assay.explain.overall.surrogate import surrogate
from assay.explain.question import question

FEATURES = ["age", "job", "pay"]


def people(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"age": rng.integers(18, 70, n), "job": rng.choice(["clerk", "cook", "nurse"], n)})
    frame["pay"] = rng.gamma(2, 10, n)
    frame["sex"] = rng.choice(["woman", "man"], n)
    frame["y"] = np.where(frame["age"] / 40 + (frame["job"] == "cook") + rng.normal(size=n) > 1.5, "yes", "no")
    return frame


def case_of(estimator, frame: pd.DataFrame, **roles) -> assay.Case:
    given = {"label": "y", "favourable": "yes", "features": FEATURES} | roles
    return assay.Case.from_frame(frame, model=assay.wrap_model(estimator), **given)


def hot(last, **how):
    return make_pipeline(
        make_column_transformer((OneHotEncoder(**how), ["job"]), (StandardScaler(), ["age", "pay"])), last
    )


def holds(rule: str, frame: pd.DataFrame) -> np.ndarray:
    """(rows,) True where the words of a rule hold; written apart from the code that wrote them."""
    out = np.ones(len(frame), dtype=bool)
    for part in [] if rule == "always" else rule.split(" and "):
        gaps = np.zeros(len(frame), dtype=bool)
        if between := re.fullmatch(r"(\S+) (<=?) (\w+) (<=?) (\S+?)( or missing)?", part):
            low, first, name, second, high, gap = between.groups()
            x = frame[name]
            inside = (x > float(low)) if first == "<" else (x >= float(low))
            inside &= (x < float(high)) if second == "<" else (x <= float(high))
        elif one := re.fullmatch(r"(\w+) (<=|<|>=|>) (\S+?)( or missing)?", part):
            name, sign, cut, gap = one.groups()
            x = frame[name]
            inside = {"<=": x <= float(cut), "<": x < float(cut), ">=": x >= float(cut), ">": x > float(cut)}[sign]
        elif apart := re.fullmatch(r"(\w+) is (not )?(.*)", part):
            name, negated, listed = apart.groups()
            gap = None
            texts = frame[name].astype(object).where(frame[name].notna(), "missing").astype(str)
            inside = texts.isin(listed.split(" or ")) ^ bool(negated)
        else:
            raise AssertionError(part)
        if gap:
            gaps = frame[name].isna().to_numpy()
        out &= np.asarray(inside, dtype=bool) | gaps
    return out


def sum_of_rules(found, frame: pd.DataFrame) -> np.ndarray:
    return found.base + sum(rule.adds * holds(rule.rule, frame) for rule in found.rules)


def test_the_rules_of_a_tree_are_the_tree():
    frame = people()
    frame["y"] = (frame["y"] == "yes") * frame["pay"]
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(encoder, DecisionTreeRegressor(max_depth=5, random_state=0)).fit(frame[FEATURES], frame["y"])
    found = intrinsic(case_of(model, frame, favourable=None, task="regression"))
    assert found.scale == "value"
    np.testing.assert_allclose(sum_of_rules(found, frame), model.predict(frame[FEATURES]), rtol=1e-9)
    assert sum(rule.n for rule in found.rules) == 600
    for rule in found.rules:
        assert rule.n == holds(rule.rule, frame).sum()


@pytest.mark.parametrize("favourable", ["yes", "no"])
def test_the_rules_of_a_classifier_are_about_the_class_that_is_explained(favourable):
    frame = people()
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(encoder, DecisionTreeClassifier(max_depth=3)).fit(frame[FEATURES], frame["y"])
    found = intrinsic(case_of(model, frame, favourable=favourable))
    expected = model.predict_proba(frame[FEATURES])[:, list(model.classes_).index(favourable)]
    np.testing.assert_allclose(sum_of_rules(found, frame), expected, atol=1e-9)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_the_rules_of_a_few_boosted_trees_add_up_to_the_margin(library):
    frame = people()
    frame.loc[::9, "age"] = np.nan
    frame["job"] = frame["job"].astype("category")
    frame.loc[5::7, "job"] = None
    columns = FEATURES if library == "lightgbm" else ["age", "pay"]
    y = (frame["y"] == "yes").astype(int)
    if library == "lightgbm":
        made = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=6, min_child_samples=20, verbose=-1, n_jobs=1)
    else:
        made = xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1)
    frame["y"] = y
    made.fit(frame[columns], y)
    case = case_of(made, frame, favourable=1, features=columns)
    found = intrinsic(case)
    assert found.scale == "log-odds"
    margin = made.predict(frame[columns], raw_score=True) if library == "lightgbm" else None
    if margin is None:
        margin = made.predict(frame[columns], output_margin=True)
    np.testing.assert_allclose(sum_of_rules(found, frame), margin, atol=2e-5)
    if library == "lightgbm":
        assert any("job is" in rule.rule for rule in found.rules)


@pytest.mark.parametrize("drop", [None, "first"])
def test_coefficients_are_per_unit_and_against_the_most_frequent_level(drop):
    frame = people()
    model = hot(LogisticRegression(max_iter=500), drop=drop).fit(frame[FEATURES], frame["y"])
    found = intrinsic(case_of(model, frame))
    assert found.scale == "log-odds"
    by_name = {(each.column, each.level): each for each in found.coefficients}
    frame_low, frame_high = frame.assign(age=30), frame.assign(age=31)
    margin = model.decision_function
    rise = margin(frame_high[FEATURES]) - margin(frame_low[FEATURES])
    assert by_name["age", None].per_unit == pytest.approx(rise[0], rel=1e-9)
    assert by_name["age", None].per_deviation == pytest.approx(rise[0] * frame["age"].std(), rel=1e-9)
    common = frame["job"].value_counts().idxmax()
    for level in set(frame["job"]) - {common}:
        one = margin(frame.assign(job=level)[FEATURES]) - margin(frame.assign(job=common)[FEATURES])
        assert by_name["job", level].against == pytest.approx(one[0], rel=1e-9)
        assert by_name["job", level].reference == common
    other = intrinsic(case_of(model, frame, favourable="no"))
    turned = {(each.column, each.level): each for each in other.coefficients}
    assert turned["age", None].per_unit == pytest.approx(-rise[0], rel=1e-9)


def test_several_classes_have_coefficients_and_rules_of_the_one_that_is_explained():
    frame = people()
    frame["y"] = np.where(frame["age"] > 55, "old", np.where(frame["pay"] > 20, "rich", "young"))
    features = ["age", "pay"]
    roles = {"favourable": None, "task": "multiclass", "features": features}
    model = LogisticRegression(max_iter=2000).fit(frame[features], frame["y"])
    case = case_of(model, frame, **roles)
    asked = question(case, output="rich", limit=600)
    by_name = {each.column: each for each in intrinsic(asked).coefficients}
    assert by_name["pay"].per_unit == pytest.approx(model.coef_[1][1], rel=1e-9)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(frame[features], frame["y"])
    found = intrinsic(question(case_of(tree, frame, **roles), output="rich", limit=600))
    np.testing.assert_allclose(sum_of_rules(found, frame), tree.predict_proba(frame[features])[:, 1], atol=1e-9)


def test_a_bent_column_has_no_coefficient_but_a_reason():
    frame = people().assign(flat=1.0)
    features = ["age", "pay", "flat"]
    first = make_column_transformer((PolynomialFeatures(2, include_bias=False), ["age"]), ("passthrough", ["pay"]))
    model = make_pipeline(first, LinearRegression()).fit(frame[features], frame["age"] ** 2 + frame["pay"])
    case = case_of(model, frame.assign(y=0.0), favourable=None, task="regression", features=features)
    by_name = {each.column: each for each in intrinsic(case).coefficients}
    assert "no straight line" in by_name["age"].reason.text()
    assert by_name["pay"].per_unit == pytest.approx(1)
    assert "does not read" in by_name["flat"].reason.text()


def test_terms_of_an_additive_model_are_read():
    """The attributes of an explainable boosting machine, with scores known by hand."""
    machine = SimpleNamespace(
        term_names_=["age", "age & pay"],
        term_scores_=[np.array([0.0, -1.0, 2.0, 0.0]), np.zeros((3, 3))],
        bin_weights_=[np.array([0.0, 30.0, 10.0, 0.0]), np.ones((3, 3))],
        intercept_=np.array([0.5]),
    )
    found = terms(machine, 1)
    assert (found.intercept, found.scale) == (0.5, "log-odds")
    assert [(t.name, t.importance, t.low, t.high) for t in found.terms] == [
        ("age", 1.25, -1.0, 2.0),
        ("age & pay", 0.0, 0.0, 0.0),
    ]
    turned = terms(machine, 0)
    assert (turned.intercept, turned.terms[0].low, turned.terms[0].high) == (-0.5, -2.0, 1.0)
    assert terms(LogisticRegression(), 1) is None


def test_a_model_that_cannot_be_read_says_why():
    frame = people()
    many = lightgbm.LGBMClassifier(n_estimators=40, verbose=-1, n_jobs=1).fit(frame[["age", "pay"]], frame["y"])
    assert "40 trees" in intrinsic(case_of(many, frame, features=["age", "pay"])).reason.text()
    model = assay.wrap_model(lambda f: f["age"] / 100, classes=["no", "yes"], features=["age"])
    box = assay.Case.from_frame(frame, label="y", favourable="yes", features=["age"], model=model)
    assert "answers only" in intrinsic(box).reason.text()


def test_a_surrogate_of_a_tree_is_the_tree():
    frame = people(2000)
    model = assay.wrap_model(
        lambda f: np.where(f["job"] == "cook", 0.9, np.where(f["age"] > 40, 0.6, 0.2)),
        classes=["no", "yes"],
        features=FEATURES,
    )
    case = assay.Case.from_frame(frame, label="y", favourable="yes", features=FEATURES, model=model)
    found = surrogate(case)
    assert found.r_squared.value == pytest.approx(1, abs=0.01)
    assert found.balanced.value == pytest.approx(1, abs=0.01)
    assert not found.low
    asked = question(case, limit=4000)
    table = asked.columns.decode(asked.rows).to_pandas()
    assert sum(leaf.share for leaf in found.leaves) == pytest.approx(1)
    said = sum(leaf.answer * holds(leaf.rule, table) for leaf in found.leaves)
    truth = asked.target(asked.rows)
    assert np.abs(said - truth).mean() < 0.01
    for leaf in found.leaves:
        assert leaf.model == pytest.approx(truth[holds(leaf.rule, table)].mean(), abs=0.05)


def test_fidelity_is_measured_on_rows_that_the_tree_has_not_seen():
    """A model that answers noise cannot be copied: R² is not above 0, though a deep tree fits its own half."""
    rng = np.random.default_rng(0)
    frame = people(2000)
    noise = dict(zip(frame["pay"], rng.normal(size=2000), strict=True))
    model = assay.wrap_model(lambda f: f["pay"].map(noise), task="regression", features=FEATURES)
    case = assay.Case.from_frame(frame.assign(y=0.0), label="y", task="regression", features=FEATURES, model=model)
    found = surrogate(case, depth=8, least=5)
    assert found.r_squared.value < 0
    assert found.r_squared.interval.high < 0.1
    assert found.low
    assert found.agreement is None


def test_the_interval_of_r_squared_covers():
    """f = x + z, and a tree that sees nothing of z: R² of all rows from a large sample."""
    runs, covered = 60, 0
    model = assay.wrap_model(lambda f: np.round(f["x"] * 4) + f["z"], task="regression", features=["x", "z"])
    rng = np.random.default_rng(0)
    for seed in range(runs):
        frame = pd.DataFrame({"x": rng.random(400), "z": rng.normal(size=400), "y": 0.0})
        case = assay.Case.from_frame(frame, label="y", task="regression", features=["x", "z"], model=model)
        asked = question(case, limit=400)
        found = surrogate(asked, depth=1, least=50, seed=seed)
        big = pd.DataFrame({"x": rng.random(20_000), "z": rng.normal(size=20_000)})
        said = sum(leaf.answer * holds(leaf.rule, big) for leaf in found.leaves)
        truth = np.round(big["x"] * 4) + big["z"]
        real = 1 - ((truth - said) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        covered += found.r_squared.interval.low <= real <= found.r_squared.interval.high
    assert covered / runs >= 0.88


def test_too_few_rows_for_a_tree_and_a_model_that_says_one_thing():
    frame = people(100)
    model = assay.wrap_model(lambda f: 0 * f["age"] + 0.3, classes=["no", "yes"], features=["age"])
    case = assay.Case.from_frame(frame, label="y", favourable="yes", features=["age"], model=model)
    found = surrogate(case)
    assert "the same to every row" in found.r_squared.reason.text()
    assert found.agreement.value == 1
    assert "the same for every row" in found.balanced.reason.text()
    with pytest.raises(AssayError, match="80 rows"):
        surrogate(case, limit=50)


def test_a_summary_of_a_linear_model_is_slope_times_mean_distance_and_finds_the_group():
    frame = people(2000)
    frame.loc[frame["sex"] == "man", "pay"] *= 3
    frame["y"] = 0.5 * frame["pay"] + frame["age"]
    features = ["age", "pay"]
    model = LinearRegression().fit(frame[features], frame["y"])
    case = case_of(model, frame, favourable=None, task="regression", features=features, protected=["sex"])
    asked = question(case, limit=1000, background=500)
    found = shap_summary(asked)
    by_name = {each.column: each for each in found.columns}
    place = asked.columns.place("pay")
    distance = np.abs(asked.rows[:, place] - asked.background[:, place].mean())
    assert by_name["pay"].mean.value == pytest.approx(0.5 * distance.mean(), rel=1e-6)
    low, high = by_name["pay"].mean.interval.low, by_name["pay"].mean.interval.high
    assert low < by_name["pay"].mean.value < high
    men = next(group for group in by_name["pay"].groups if group.slice == {"sex": "man"})
    inside = np.array([sex == "man" for sex in asked.groups["sex"].to_pylist()])
    assert men.mean.value == pytest.approx(0.5 * distance[inside].mean(), rel=1e-6)
    assert men.difference == pytest.approx(0.5 * (distance[inside].mean() - distance[~inside].mean()), rel=1e-6)
    assert men.p_value < 1e-6
    age = next(group for group in by_name["age"].groups if group.slice == {"sex": "man"})
    assert age.interval.low < 0 < age.interval.high
    few = summarise(found.attributions.of(range(30)), pa.table({"g": ["a"] * 27 + [None] * 3}))
    assert few.small == ({"g": None},)
    assert few.columns[0].groups == ()
