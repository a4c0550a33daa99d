"""The built-in data against the published counts of the three data sets."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.data import demo
from assay.models.load import load as load_model

ROOT = Path(__file__).parents[2]


def frame(name: str) -> pd.DataFrame:
    return pd.read_parquet(demo.load(name).path)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AssayError, match="credit, income, recidivism"):
        demo.load("../credit")


@pytest.mark.parametrize("name", demo.NAMES)
def test_provenance_names_the_bytes_that_are_there(name):
    built = demo.load(name)
    digests = re.findall(r"`([^`]+)` `([0-9a-f]{64})`", built.provenance)
    made = {file: digest for file, digest in digests if "/" not in file}
    expected = [built.path, *([built.model] if built.model else [])]
    assert made == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in expected}
    assert len(digests) > len(made)


@pytest.mark.parametrize("name", demo.NAMES)
def test_the_guide_shows_every_provenance_page(name):
    guide = (ROOT / "docs/guide/demo-data.md").read_text(encoding="utf-8")
    assert demo.load(name).provenance.replace("\n#", "\n##").strip() in guide


@pytest.mark.parametrize("name", demo.NAMES)
def test_roles_name_columns_that_are_there_and_features_are_no_outputs(name):
    built, data = demo.load(name), frame(name)
    roles = built.roles
    single = {roles[role] for role in ("label", "prediction", "score", "split") if role in roles}
    assert single | set(roles["protected"]) | set(roles["features"]) <= set(data.columns)
    assert not set(roles["features"]) & (single | set(roles["protected"]))
    assert data[[*single, *roles["protected"]]].notna().all(axis=None)
    assert set(data[roles["label"]].astype(str)) == set(data[roles["prediction"]].astype(str))
    assert roles["favourable"] in set(data[roles["label"]].astype(str))


def test_the_package_data_is_small():
    assert sum(path.stat().st_size for path in demo.load("credit").path.parent.iterdir() if path.is_file()) < 3_000_000


def test_german_credit_gives_the_reweighing_table():
    """Weights P(a)P(y)/P(a,y) on all 1,000 rows, privileged age > 25."""
    data = frame("credit")
    old = data["age_band"] == "over 25"
    good = data["credit_risk"] == "good"
    assert (data["age"] > 25).equals(old)
    weights = [
        (a.mean() * y.mean()) / (a & y).mean() for a, y in [(old, ~good), (old, good), (~old, ~good), (~old, good)]
    ]
    assert weights == pytest.approx([1.104545, 0.961017, 0.712500, 1.209091], abs=1e-6)
    assert good[~old].mean() - good[old].mean() == pytest.approx(-0.149448, abs=1e-6)
    assert good[~old].mean() / good[old].mean() == pytest.approx(0.794826, abs=1e-6)


def test_german_credit_is_in_the_order_of_uci():
    """The seeded 700 rows of AIF360's credit tutorial, privileged age >= 25, differ by -0.169905."""
    data = frame("credit")
    chosen = data.iloc[np.random.RandomState(0).permutation(1000)[:700]]
    good, old = chosen["credit_risk"] == "good", chosen["age"] >= 25
    assert good[~old].mean() - good[old].mean() == pytest.approx(-0.169905, abs=1e-6)


def test_adult_has_the_counts_of_its_description_and_order():
    data = frame("income")
    assert len(data) == 48_842
    assert len(data.drop(columns=["model_score"]).dropna()) == 45_222
    assert len(data.iloc[:16_281].drop(columns=["model_score"]).dropna()) == 15_060
    assert (data["income"] == ">50K").mean() == pytest.approx(0.2393, abs=5e-5)
    assert data.iloc[0][["age", "education", "race"]].tolist() == [25, "11th", "Black"]
    assert data[["workclass", "occupation", "native_country"]].isna().sum().tolist() == [2799, 2809, 857]
    train = data.iloc[np.random.RandomState(0).permutation(48_842)[:34_189]]
    rich, women = train["income"] == ">50K", train["sex"] == "Female"
    assert rich[women].mean() - rich[~women].mean() == pytest.approx(-0.193075, abs=1e-6)


@pytest.mark.parametrize(
    ("race", "cells"),
    [("African-American", [990, 805, 532, 1369]), ("Caucasian", [1139, 349, 461, 505])],
)
def test_recidivism_gives_the_numbers_of_propublica(race, cells):
    """TN, FP, FN, TP of decile_score >= 5 against a new charge in two years, all 7,214 rows."""
    data = frame("recidivism")
    assert len(data) == 7214
    assert (data["prediction"] == (data["decile_score"] >= 5)).all()
    rows = data[data["race"] == race]
    assert rows.groupby(["two_year_recid", "prediction"]).size().tolist() == cells


def test_recidivism_holds_no_name_date_or_case_number():
    data = frame("recidivism")
    allowed = {"sex", "age", "age_band", "race", "charge_degree", "decile_score", "two_year_recid", "prediction"}
    allowed |= {"juvenile_felonies", "juvenile_misdemeanors", "juvenile_others", "priors"}
    assert set(data.columns) == allowed
    texts = data.select_dtypes(exclude="number")
    assert texts.nunique().max() <= 6


@pytest.mark.parametrize("name", ["credit", "income"])
def test_the_model_file_gives_the_recorded_scores_of_rows_it_never_saw(name):
    built, data = demo.load(name), frame(name)
    assert data["split"].value_counts(normalize=True)["test"] == pytest.approx(0.3, abs=0.001)
    assert data["model_score"].isna().equals(data["split"] == "train")
    test = data[data["split"] == "test"]
    booster = lightgbm.Booster(model_file=built.model)
    assert tuple(booster.feature_name()) == built.roles["features"]
    inputs = test[list(built.roles["features"])].copy()
    texts = [column for column in inputs if not pd.api.types.is_numeric_dtype(inputs[column])]
    for column, levels in zip(texts, booster.pandas_categorical, strict=True):
        inputs[column] = pd.Categorical(inputs[column], categories=levels)
    np.testing.assert_allclose(booster.predict(inputs, num_threads=1), test["model_score"], atol=1e-6)


@pytest.mark.parametrize("name", ["credit", "income"])
def test_every_prediction_is_the_favourable_one_from_half_upwards(name):
    built, data = demo.load(name), frame(name)
    assert data["score"].between(0, 1).all()
    assert ((data["score"] >= 0.5) == (data["prediction"] == built.roles["favourable"])).all()
    assert built.roles["favourable"] == built.classes[1]
    assert data["fold"].value_counts().between(len(data) // 5, len(data) // 5 + 1).all()


@pytest.mark.parametrize("name", ["credit", "income"])
def test_the_model_file_opens_with_the_package_itself(name):
    built = demo.load(name)
    model = load_model(built.model, classes=built.classes, isolate=False)
    table = pq.read_table(built.path)
    test = table.filter(pc.equal(table["split"], "test"))
    scores = model.scores(test.select(list(model.features)))
    np.testing.assert_allclose(scores[:, 1], test["model_score"].to_numpy(), atol=1e-6)
