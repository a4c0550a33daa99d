"""A model's own trees and coefficients say, for the search, what the model says; else they are not used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import assay
from assay.explain.question import question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.goal import standing
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.shortcut import shortcut
from assay.explain.recourse.space import space_of

NUMBERS, FEATURES = ["u", "v", "w"], ["u", "v", "w", "job"]


def people(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "u": rng.normal(size=n),
            "v": rng.integers(0, 90, n),
            "w": rng.integers(0, 50_000, n),
            "job": rng.choice(["clerk", "cook", "nurse"], n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "u"] = np.nan
    score = frame["u"].fillna(0) + frame["v"] / 30 + frame["w"] / 20_000 + (frame["job"] == "nurse")
    frame["z"] = score
    frame["y"] = np.where(score + rng.normal(size=n) > 3, "yes", "no")
    return frame


def piped(last, *, before=None) -> assay.Case:
    frame = people()
    numbers = make_pipeline(SimpleImputer(), StandardScaler()) if before is None else before
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), (numbers, NUMBERS))
    label = "y" if hasattr(last, "predict_proba") else "z"
    model = assay.wrap_model(make_pipeline(encoder, last).fit(frame[FEATURES], frame[label]))
    roles = {"favourable": "yes"} if label == "y" else {}
    return assay.Case.from_frame(frame, label=label, features=FEATURES, model=model, **roles)


LASTS = {
    "logistic": LogisticRegression(max_iter=500),
    "forest": RandomForestClassifier(20, max_depth=4, random_state=0, n_jobs=1),
    "boosting": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "linear": LinearRegression(),
}


@pytest.mark.parametrize("last", LASTS)
def test_it_answers_as_the_model_does_on_rows_it_has_not_seen(last):
    asked = question(piped(LASTS[last]), list(range(200)), background=250)
    space = space_of(Constraints(), asked.columns, asked.background)
    probe, target = asked.background, asked.target
    found = shortcut(target, probe, target(probe), space.low, space.high)
    assert found is not None
    answers = found.answers(asked.rows)
    mine = answers if target.output is None else answers[:, target.output]
    assert np.isclose(mine, target(asked.rows), atol=1e-6).mean() >= 0.99


def test_a_bend_in_the_encoder_a_black_box_and_too_many_trees_are_left_to_the_model():
    bent = piped(LogisticRegression(), before=make_pipeline(SimpleImputer(), FunctionTransformer(np.sin)))
    many = piped(RandomForestClassifier(400, max_depth=9, random_state=0, n_jobs=1))
    frame = people().fillna(0)
    box = assay.wrap_model(
        lambda rows: np.column_stack([0.5 + rows["u"] / 20, 0.5 - rows["u"] / 20]),
        classes=["no", "yes"],
        features=["u"],
    )
    black = assay.Case.from_frame(frame, label="y", favourable="yes", model=box)
    for case in (bent, many, black):
        asked = question(case, list(range(5)), background=100)
        space = space_of(Constraints(), asked.columns, asked.background)
        stands = standing(asked.target, asked.rows, asked.background, None, low=space.low, high=space.high)
        assert stands.quick.shortcut is None


def test_what_is_found_by_it_is_as_cheap_as_what_the_model_is_asked_for():
    case = piped(GradientBoostingClassifier(n_estimators=20, random_state=0))
    asked = question(case, list(range(60)), background=250)
    quick = counterfactuals(asked, count=2)
    hidden = assay.wrap_model(
        lambda rows: case.model.estimator.predict_proba(rows), classes=["no", "yes"], features=FEATURES
    )
    frame = people()
    plain = assay.Case.from_frame(frame, label="y", favourable="yes", features=FEATURES, model=hidden)
    slow = counterfactuals(question(plain, list(range(60)), background=250), count=2)
    np.testing.assert_allclose(quick.costs, slow.costs, rtol=0.02)
    assert quick.calls < 0.5 * slow.calls


def test_a_booster_that_rounds_is_checked_by_the_model_in_the_end():
    frame = people()
    rows = frame[FEATURES].assign(job=frame["job"].astype("category"))
    fitted = xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1, enable_categorical=True)
    booster = fitted.fit(rows, (frame["y"] == "yes").astype(int)).get_booster()
    case = assay.Case.from_frame(
        frame, label="y", favourable="yes", features=FEATURES, model=assay.wrap_model(booster, classes=["no", "yes"])
    )
    asked = question(case, list(range(40)), background=250)
    found = counterfactuals(asked, count=2)
    for ways in found.ways:
        for one in ways.found:
            labels = case.model.predict(asked.columns.decode(np.stack([one.before, one.after])))
            assert labels[0] != labels[1]
    assert all(ways.found for ways in found.ways)
