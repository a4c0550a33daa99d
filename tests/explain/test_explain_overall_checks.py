"""What an audit says of a model over all rows: the six checks, on models whose answers are known."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import assay
from assay.core.measure import Measure
from assay.data.inputs import TextInputs
from assay.engine.areas import registry
from assay.explain.overall.asked import asked
from assay.explain.overall.effects.screen import strongest
from assay.explain.question import question

IDS = ("importance", "effects", "interactions", "surrogate", "intrinsic", "shap_summary")


def measures(id: str, case: assay.Case, **params) -> list[Measure]:
    return list(registry().checks[f"explain.{id}"](case, **params))


def people(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"age": rng.normal(40, 10, n), "job": rng.choice(["clerk", "cook", "nurse"], n)})
    frame["years"] = frame["age"] - 20 + rng.normal(0, 1, n)
    frame["sex"] = rng.choice(["woman", "man"], n)
    return frame


def answer(f: pd.DataFrame) -> np.ndarray:
    """P(yes) rises with age, more for cooks; years are nothing to it."""
    return 1 / (1 + np.exp(-(f["age"] - 40) / 10 - 2 * (f["job"] == "cook")))


def case_of(frame: pd.DataFrame, function=answer, features=("age", "job", "years"), **roles) -> assay.Case:
    model = assay.wrap_model(function, classes=["no", "yes"], features=list(features))
    given = {"label": "y", "favourable": "yes", "features": list(features), "protected": ["sex"]} | roles
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(frame)) < function(frame), "yes", "no")
    return assay.Case.from_frame(frame.assign(y=y), model=model, **given)


def named(found: list[Measure], name: str) -> dict[tuple[str, ...], Measure]:
    return {each.over: each for each in found if each.name == name and not each.slice}


def test_importance_names_what_is_leant_on_and_warns_of_twins():
    found = measures("importance", case_of(people()))
    values = named(found, "importance")
    assert values["age",].interval.low > 0
    assert values["years",].value == 0
    assert values["years",].interval is None
    notes = " ".join(note.text() for note in values["age",].notes)
    assert "age and years go together (|Spearman| 0." in notes
    assert named(found, "conditional_importance")["age",].value < values["age",].value / 2
    assert "Brier loss" in values["job",].method


def test_effects_are_paired_contrasts():
    case = case_of(people())
    found = measures("effects", case, rows=600)
    ages = named(found, "effect_5_to_95")["age",]
    frame = people()
    low, high = (np.quantile(frame["age"], q, method="inverted_cdf") for q in (0.05, 0.95))
    rise = answer(frame.assign(age=high)) - answer(frame.assign(age=low))
    assert ages.value == pytest.approx(rise.mean(), abs=1e-9)
    level = next(m for m in found if {"job": "cook"} in m.groups)
    job, reference = (group["job"] for group in level.groups)
    assert reference == frame["job"].value_counts().idxmax()
    gap = answer(frame.assign(job=job)) - answer(frame.assign(job=reference))
    assert level.value == pytest.approx(gap.mean(), abs=1e-9)
    assert level.interval.low < gap.mean() < level.interval.high
    assert abs(level.value) > 0.2
    assert named(found, "effect_5_to_95")["years",].value == 0


def test_interactions_say_their_bias_and_nothing_is_exact():
    found = measures("interactions", case_of(people()))
    pairs = named(found, "h_squared")
    assert pairs["age", "job"].value > 0
    assert "bias of H² on 60 rows" in pairs["age", "job"].notes[0].text()
    assert pairs["age", "years"].value == 0
    assert pairs["age", "years"].exact
    assert set(named(found, "h_squared_total")) == {("age",), ("job",), ("years",)}


def test_surrogate_warns_where_it_does_not_know_the_model():
    good = {m.name: m for m in measures("surrogate", case_of(people(2000)), depth=4)}
    assert good["fidelity"].value > 0.85
    assert not good["fidelity"].notes
    assert good["agreement"].interval.method == "Wilson score"
    wild = case_of(people(2000), lambda f: 0.5 + 0.4 * np.sin(40 * f["age"]))
    bad = {m.name: m for m in measures("surrogate", wild)}
    assert "not of the model" in bad["fidelity"].notes[0].text()


def test_coefficients_are_exact_and_other_models_unmeasured():
    frame = people().assign(y=lambda f: 3 * f["age"] - f["years"])
    model = assay.wrap_model(LinearRegression().fit(frame[["age", "years"]], frame["y"]))
    case = assay.Case.from_frame(frame, label="y", features=["age", "years"], model=model)
    found = measures("intrinsic", case)
    assert found[0].value == 2
    slopes = named(found, "coefficient_per_unit")
    assert (slopes["age",].value, slopes["years",].value) == (pytest.approx(3), pytest.approx(-1))
    assert slopes["age",].exact
    assert "per standard deviation" in slopes["age",].notes[0].text()
    (box,) = measures("intrinsic", case_of(people()))
    assert "answers only" in box.reason.text()


def test_a_column_that_matters_for_one_group_is_found():
    frame = people(800)
    frame.loc[frame["sex"] == "man", "age"] = 40.0
    found = measures("shap_summary", case_of(frame, features=("age", "job")), rows=400)
    gaps = {(m.slice["sex"], m.over): m for m in found if m.name == "mean_abs_shap_difference"}
    assert gaps["woman", ("age",)].interval.low > 0
    assert gaps["woman", ("age",)].p_value < 1e-4
    assert gaps["woman", ("age",)].value == pytest.approx(-gaps["man", ("age",)].value)
    assert abs(gaps["woman", ("job",)].value) < gaps["woman", ("age",)].value / 5


HOSTILE = '<script>alert("1")</script>{x}\u202e'


@pytest.mark.parametrize("id", IDS)
def test_pictures_and_tables_hold_whatever_the_columns_are_called(id):
    frame = people(300).rename(columns={"age": HOSTILE})
    frame["job"] = frame["job"].map({"clerk": HOSTILE, "cook": "", "nurse": None})
    model = LinearRegression()
    numbers = [HOSTILE, "years"]
    frame["y"] = frame[HOSTILE] * 1.0
    if id == "intrinsic":
        made = assay.wrap_model(model.fit(frame[numbers], frame["y"]))
        case = assay.Case.from_frame(frame, label="y", features=numbers, model=made)
    else:
        case = case_of(
            frame.drop(columns="y"),
            lambda f: np.clip(f[HOSTILE] / 100 + 0.1 * (f["job"] == ""), 0, 1),
            (HOSTILE, "job", "years"),
        )
    found = measures(id, case)
    assert any(each.value is not None for each in found)
    attached = [item for each in found for item in each.attachments.values()]
    assert attached
    for item in attached:
        if item.media_type == "image/svg+xml":
            assert b"<script" not in item.data
            ElementTree.fromstring(item.data)
        else:
            assert json.loads(item.data)["rows"]
    again = measures(id, case)
    assert again == found
    assert [sorted(i.digest for i in m.attachments.values()) for m in again] == [
        sorted(i.digest for i in m.attachments.values()) for m in found
    ]


@pytest.mark.parametrize("id", IDS)
def test_a_model_that_reads_texts_is_unmeasured_and_says_so(id):
    frame = pd.DataFrame({"said": ["good", "bad"] * 20, "y": ["yes", "no"] * 20})
    model = assay.wrap_model(lambda texts: np.array([float("good" in t) for t in texts]), classes=["no", "yes"])
    case = assay.Case.from_frame(frame, label="y", favourable="yes", model=model, inputs=TextInputs("said"))
    (only,) = measures(id, case)
    assert only.value is None
    assert "columns of a table" in only.reason.text()


def test_of_many_columns_those_that_move_the_answers_are_looked_at():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((300, 30)), columns=[f"c{i:02}" for i in range(30)])
    frame["sex"] = rng.choice(["woman", "man"], 300)
    features = [name for name in frame if name != "sex"]
    case = case_of(frame, lambda f: (2 * f["c07"] + f["c21"] * f["c03"]) / 3, features)
    about = question(case)
    assert strongest(about, most=3, seed=0) == ("c03", "c07", "c21")
    assert strongest(about, most=30, seed=0) == about.columns.names
    found = measures("effects", case, columns=4)
    assert {("c03",), ("c07",), ("c21",)} <= set(named(found, "effect_5_to_95"))
    assert len(found) == 4
    assert "4 of 30 columns" in found[0].notes[0].text()
    pairs = named(measures("interactions", case, columns=3), "h_squared")
    assert pairs["c03", "c21"].value > 0.01
    assert pairs["c03", "c07"].value == 0


def test_a_question_about_more_rows_than_wanted_is_asked_about_some():
    case = case_of(people())
    about = question(case, limit=400)
    fewer = asked(about, limit=50, seed=1)
    assert len(fewer.rows) == 50
    assert {tuple(row) for row in fewer.rows} <= {tuple(row) for row in about.rows}
    assert asked(about, limit=400, seed=1) is about
    np.testing.assert_array_equal(asked(case, limit=50, seed=3).rows, question(case, limit=50, seed=3).rows)
