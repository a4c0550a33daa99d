"""Retrained models: what they agree on, which models can be trained again, and the search for what lasts."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.recourse.retraining import retrained_models
from assay.explain.recourse.search import counterfactuals

FEATURES = ["u", "v", "job"]


def people(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {"u": rng.normal(size=n), "v": rng.integers(0, 12, n), "job": rng.choice(["clerk", "cook", "nurse"], n)}
    )
    chance = 1 / (1 + np.exp(-(1.5 * frame["u"] + 0.3 * frame["v"] - 1.8 + (frame["job"] == "nurse"))))
    frame["y"] = np.where(rng.random(n) < chance, "yes", "no")
    frame["split"] = np.where(rng.random(n) < 0.6, "train", "test")
    return frame


def case_of(model, **roles) -> assay.Case:
    return assay.Case.from_frame(
        people(), label="y", model=model, favourable="yes", split="split", features=FEATURES, **roles
    )


def piped() -> assay.Case:
    frame = people()
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    return case_of(assay.wrap_model(make_pipeline(encoder, LogisticRegression()).fit(frame[FEATURES], frame["y"])))


def boosted(library: str) -> assay.Case:
    frame = people()
    rows, codes = frame[FEATURES].astype({"job": "category"}), (frame["y"] == "yes").astype(int)
    if library == "lightgbm":
        fitted = lightgbm.LGBMClassifier(n_estimators=15, num_leaves=5, n_jobs=1, verbosity=-1).fit(rows, codes)
        made = fitted.booster_
    else:
        fitted = xgboost.XGBClassifier(n_estimators=15, max_depth=2, n_jobs=1, enable_categorical=True)
        made = fitted.fit(rows, codes).get_booster()
    return case_of(assay.wrap_model(made, classes=["no", "yes"]))


@pytest.mark.parametrize(
    "case", [piped(), boosted("lightgbm"), boosted("xgboost")], ids=["clone", "lightgbm", "xgboost"]
)
def test_a_model_that_says_how_it_was_trained_is_trained_again(case):
    made = retrained_models(case, times=6, seed=2)
    assert (made.reason, len(made.models)) == (None, 6)
    table = case.rows(FEATURES)
    own = case.model.scores(table)[:, 1]
    others = np.array([model.scores(table)[:, list(model.classes).index("yes")] for model in made.models])
    assert all(np.corrcoef(own, other)[0, 1] > 0.8 for other in others)
    assert others.std(axis=0).mean() > 0.01
    again = retrained_models(case, times=6, seed=2)
    np.testing.assert_array_equal(again.models[3].scores(table), made.models[3].scores(table))


def test_each_bootstrap_fit_is_that_of_the_training_rows_drawn():
    case, drawn = piped(), []

    def train(rows: pd.DataFrame, labels: np.ndarray) -> LogisticRegression:
        drawn.append((rows, labels))
        return LogisticRegression().fit(rows[["u", "v"]], labels)

    assert len(retrained_models(case, times=3, trainer=train).models) == 3
    training = people().query("split == 'train'")
    for rows, labels in drawn:
        assert len(rows) == len(training)
        assert set(rows["u"]) < set(training["u"])
        joined = rows.assign(y=labels).merge(training[["u", "y"]], on="u")
        assert (joined["y_x"] == joined["y_y"]).all()
        assert rows["u"].nunique() < 0.75 * len(rows)


def test_the_share_is_that_of_the_models_that_agree():
    case = piped()
    made = retrained_models(case, times=6)
    asked = question(case, list(range(25)), background=200)
    found = counterfactuals(asked, retrained=made, count=2)
    for ways in found.ways:
        for one in ways.found:
            table = asked.columns.decode(one.after[None])
            own = case.model.predict(table)[0]
            assert one.robust_share == np.mean([model.predict(table)[0] == own for model in made.models])


def test_robust_ones_are_agreed_on_and_cost_more():
    case = piped()
    made = retrained_models(case, times=12)
    asked = question(case, list(range(25)), background=200)
    plain, sturdy = (counterfactuals(asked, retrained=made, robust=robust, count=2) for robust in (False, True))
    lasting = [ways.found[0].robust_share >= 0.9 for ways in sturdy.ways if ways.found]
    assert np.mean(lasting) > np.mean([ways.found[0].robust_share >= 0.9 for ways in plain.ways if ways.found])
    assert np.mean(lasting) >= 0.9
    assert np.nanmean(sturdy.costs) > np.nanmean(plain.costs)


def test_where_nobody_knows_how_a_model_was_trained_the_reason_is_said():
    frame = people()

    def chance(rows: pd.DataFrame) -> np.ndarray:
        return np.column_stack([0.5 - rows["u"] / 20, 0.5 + rows["u"] / 20])

    case = case_of(assay.wrap_model(chance, classes=["no", "yes"], features=["u"]))
    none = retrained_models(case)
    assert none.models == ()
    asked = question(case, frame[["u"]].head(3), background=100)
    found = counterfactuals(asked, retrained=none, count=1)
    assert "trainer" in found.ways[0].found[0].to_json()["robust_reason"]
    with pytest.raises(AssayError, match="trainer"):
        counterfactuals(asked, retrained=none, robust=True)
    assert counterfactuals(asked, count=1).ways[0].found[0].robust_share is None


def test_a_regression_is_trained_again_on_its_numbers():
    frame = people()
    frame["y"] = 2 * frame["u"] + frame["v"]
    model = LinearRegression().fit(frame[["u", "v"]], frame["y"])
    case = assay.Case.from_frame(frame, label="y", features=["u", "v"], model=assay.wrap_model(model))
    made = retrained_models(case, times=4)
    found = counterfactuals(question(case, [0, 1, 2], background=200), target=(9, None), retrained=made, count=1)
    assert all(ways.found[0].robust_share is not None for ways in found.ways)
