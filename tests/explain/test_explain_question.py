"""Rows, columns and targets: what goes to a model comes back as it was."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import assay
from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Columns
from assay.explain.question import question

TABLE = pa.table(
    {
        "age": pa.array([31, None, 64, 18], pa.int16()),
        "income": pa.array([1.5, float("nan"), None, -0.25]),
        "job": pa.array(["clerk", None, "<b>none</b>", "clerk"]),
        "plan": pa.array(["a", "b", None, "a"]).dictionary_encode(),
        "member": pa.array([True, False, None, True]),
        "born": pa.array([datetime.date(1990, 1, 2), None, datetime.date(2001, 5, 6), datetime.date(1990, 1, 2)]),
    }
)


def test_every_type_comes_back_from_the_matrix():
    columns = Columns.of(TABLE)
    again = columns.decode(columns.encode(TABLE))
    assert again.schema.equals(TABLE.schema)
    for name in set(TABLE.column_names) - {"income"}:
        assert again.column(name).to_pylist() == TABLE.column(name).to_pylist()
    assert again.column("income").to_pylist() == [1.5, None, None, -0.25]
    assert columns.show(columns.encode(TABLE)[0]) == ("31", "1.5", "clerk", "a", "true", "1990-01-02")
    assert columns.show(columns.encode(TABLE)[1])[2] == "missing"


@given(st.lists(st.one_of(st.none(), st.integers(-(2**52), 2**52)), min_size=1, max_size=20))
def test_whole_numbers_come_back_exactly(values):
    table = pa.table({"x": pa.array(values, pa.int64())})
    columns = Columns.of(table)
    assert columns.decode(columns.encode(table)).column("x").to_pylist() == values


def test_an_unknown_category_and_a_lacking_column_are_named():
    columns = Columns.of(TABLE)
    other = TABLE.set_column(2, "job", pa.array(["astronaut"] * 4))
    with pytest.raises(AssayError, match="astronaut"):
        columns.encode(other)
    with pytest.raises(AssayError, match="'plan'"):
        columns.encode(TABLE.drop_columns(["plan"]))


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["clerk", "nurse", "cook"], n),
            "income": rng.gamma(2.0, 10.0, n),
            "sex": rng.choice(["woman", "man"], n),
            "split": rng.choice(["train", "test"], n),
            "y": rng.integers(0, 2, n),
        }
    )


def fitted_case(**roles) -> assay.Case:
    frame = people()
    encoder = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression(max_iter=2000)).fit(frame[["age", "job", "income"]], frame["y"])
    return assay.Case.from_frame(
        frame, label="y", protected=["sex"], split="split", model=assay.wrap_model(model), favourable=1, **roles
    )


def test_the_rows_at_places_are_those_of_the_data_and_their_target_is_the_probability():
    case = fitted_case()
    asked = question(case, [5, 3, 5])
    frame = people()
    expected = case.model.scores(pa.Table.from_pandas(frame.iloc[[5, 3, 5]][["age", "job", "income"]]))[:, 1]
    np.testing.assert_array_equal(asked.target(asked.rows), expected)
    assert asked.places == (5, 3, 5)
    assert asked.target.name == "P(1)"
    assert asked.groups.column("sex").to_pylist() == frame["sex"].iloc[[5, 3, 5]].tolist()
    assert asked.target.calls.rows == 3


def test_the_background_is_drawn_from_training_rows():
    case = fitted_case()
    asked = question(case, 0, background=10_000)
    training = people().query("split == 'train'")
    assert len(asked.background) == len(training)
    place = asked.columns.place("age")
    assert sorted(asked.background[:, place]) == sorted(training["age"])
    assert asked.origin.startswith(f"{len(training)} training rows")
    again = question(case, 0, background=20, seed=4)
    np.testing.assert_array_equal(again.background, question(case, 0, background=20, seed=4).background)
    assert not np.array_equal(again.background, question(case, 0, background=20, seed=5).background)


def test_rows_given_by_hand_are_explained_and_mistakes_are_named():
    case = fitted_case()
    rows = pd.DataFrame({"age": [40], "job": ["cook"], "income": [12.5]})
    assert question(case, rows).places == ()
    for wrong, said in (
        (400, "no row 400"),
        ([], "No row"),
        (rows.drop(columns="job"), "'job'"),
        (rows.assign(age="old"), "do not fit"),
    ):
        with pytest.raises(AssayError, match=said):
            question(case, wrong)
    with pytest.raises(AssayError, match="approve"):
        question(case, 0, output="approve")
    with pytest.raises(AssayError, match="no model"):
        question(assay.Case.from_frame(people(), label="y", favourable=1), 0)


def test_the_decision_follows_the_threshold_of_the_case_or_the_models_own():
    case = fitted_case()
    asked = question(case, limit=400)
    np.testing.assert_array_equal(asked.target.decides(asked.rows), asked.target(asked.rows) >= 0.5)
    scored = people().assign(p=np.linspace(0, 1, 400))
    by_score = assay.Case.from_frame(
        scored, label="y", score="p", threshold=0.45, favourable=1, features=["age", "job", "income"], model=case.model
    )
    asked = question(by_score, limit=400)
    np.testing.assert_array_equal(asked.target.decides(asked.rows), asked.target(asked.rows) >= 0.45)


def test_a_regression_is_explained_on_its_own_scale():
    frame = people()
    model = LinearRegression().fit(frame[["age"]], frame["income"])
    case = assay.Case.from_frame(frame, label="income", features=["age"], model=assay.wrap_model(model))
    asked = question(case, 2)
    assert (asked.target.scale, asked.target.name) == ("value", "prediction")
    np.testing.assert_allclose(asked.target(asked.rows), model.predict(frame[["age"]].iloc[[2]]))
    with pytest.raises(AssayError, match="decides nothing"):
        asked.target.decides(asked.rows)


def attributions(**changes) -> Attributions:
    columns = Columns.of(TABLE.select(["age", "job"]))
    rows = columns.encode(TABLE.slice(0, 2))
    values = np.array([[0.5, -1.0], [0.25, 0.0]])
    given = {"base": np.array([1.0, 1.0]), "outputs": np.array([0.5, 1.25])} | changes
    return Attributions("m", columns, rows, values, target="P(1)", scale="probability", places=(7, 9), **given)


def test_attributions_say_what_they_leave_unexplained():
    found = attributions(outputs=np.array([0.5, 1.3]))
    np.testing.assert_allclose(found.residual, [0.0, 0.05], atol=1e-15)
    assert found.holds.tolist() == [True, False]
    assert attributions(outputs=np.array([0.5, 1.3]), tolerance=np.array([0.0, 0.06])).holds.all()
    assert found.as_list(0) == [("job = clerk", -1.0), ("age = 31", 0.5)]
    np.testing.assert_allclose(found.importance(), [0.375, 0.5])
    assert found.of([1]).places == (9,)
    assert found.to_json()["rows"][1]["shown"] == ["missing", "missing"]
    assert found.to_frame()["row"].tolist() == [7, 7, 9, 9]
    with pytest.raises(AssayError, match="no explained row"):
        found.as_list(2)
    with pytest.raises(ValueError, match="base"):
        attributions(base=np.zeros(3))


def test_attributions_become_a_shap_explanation():
    made = attributions().to_shap()
    assert made.values.shape == (2, 2)
    assert made.feature_names == ["age", "job"]
    assert made.data.dtype == float
    assert made.display_data[0].tolist() == [31.0, "clerk"]
    assert made[:, "job"].display_data.tolist() == ["clerk", "missing"]
