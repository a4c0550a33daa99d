"""Recorded predictions answer for the rows they were recorded on, in any order, and for no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from model_tables import table_of

from assay.core.errors import AssayError
from assay.models.adapters.recorded import RecordedModel
from assay.models.load import load, open_bytes


@pytest.fixture
def recorded(people: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return people.assign(prediction=labels, score=rng.random(len(people)).round(3))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_are_found_in_any_order(suffix: str, recorded: pd.DataFrame, people: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / f"m.{suffix}"
    recorded.to_parquet(path) if suffix == "parquet" else recorded.to_csv(path, index=False)
    model = load(path)
    assert (model.task, model.classes, model.features) == ("binary", ("bad", "good"), tuple(people.columns))
    order = np.random.default_rng(0).permutation(len(people))[:100]
    if suffix == "csv":
        people = people.fillna({"colour": ""})
    batch = table_of(people.iloc[order].assign(count=people["count"].iloc[order].astype(float)))
    assert model.predict(batch).tolist() == recorded["prediction"].iloc[order].tolist()
    np.testing.assert_allclose(model.scores(batch)[:, 1], recorded["score"].iloc[order])


def test_other_rows_are_counted(recorded: pd.DataFrame, people: pd.DataFrame) -> None:
    model = RecordedModel(table_of(recorded), name="recorded", score="score")
    changed = people.copy()
    changed.loc[:1, "b"] += 1.0
    with pytest.raises(AssayError, match="no prediction for 2 of 300 rows") as caught:
        model.predict(table_of(changed))
    assert caught.value.code == "prediction"
    with pytest.raises(AssayError, match="lack: 'colour'"):
        model.predict(table_of(people.drop(columns="colour")))


def test_one_input_with_two_answers_is_refused_without_an_identifier(recorded: pd.DataFrame) -> None:
    other = {"good": "bad", "bad": "good"}
    doubled = pd.concat([recorded, recorded.head(1).replace({"prediction": other})])
    table = table_of(doubled.assign(id=range(len(doubled))))
    with pytest.raises(AssayError, match="two different answers"):
        RecordedModel(table.drop_columns(["id"]), name="recorded")
    by_id = RecordedModel(table, name="recorded", keys=["id"])
    assert by_id.predict(table).tolist() == doubled["prediction"].tolist()
    assert by_id.features == ("id",)


def test_the_same_answer_twice_is_no_contradiction(recorded: pd.DataFrame) -> None:
    twice = table_of(pd.concat([recorded, recorded]))
    assert len(RecordedModel(twice, name="recorded", score="score").predict(twice)) == 600


def test_scores_of_several_classes(people: pd.DataFrame) -> None:
    scores = np.random.default_rng(1).dirichlet(np.ones(3), len(people))
    names = ["low", "mid", "high"]
    frame = people.assign(prediction=np.array(names)[scores.argmax(axis=1)])
    for i, name in enumerate(names):
        frame[f"score:{name}"] = scores[:, i]
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table_of(frame), sink)
    model = open_bytes(sink.getvalue().to_pybytes(), name="m.parquet")
    assert model.classes == ("low", "mid", "high")
    np.testing.assert_allclose(model.scores(table_of(people)), scores)


def test_numbers_are_a_regression_unless_a_task_is_given(people: pd.DataFrame) -> None:
    table = table_of(people.assign(prediction=people["b"] * 2))
    model = RecordedModel(table, name="recorded")
    assert model.task == "regression"
    np.testing.assert_array_equal(model.predict(table_of(people)), people["b"] * 2)
    zero_one = table_of(people.assign(prediction=(people["b"] > 0.5).astype(int)))
    assert RecordedModel(zero_one, name="recorded", task="binary").classes == ("0", "1")
    with pytest.raises(AssayError, match="Unknown column of the recorded predictions 'score'"):
        RecordedModel(zero_one, name="recorded", score="score")
    with pytest.raises(AssayError, match="no columns by which"):
        RecordedModel(zero_one.select(["prediction"]), name="recorded")


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="cannot be read as a table"):
        open_bytes(b"PAR1" + bytes(100), name="m.parquet")
