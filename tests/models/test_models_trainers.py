"""Trainers: the names that are none, what a person's function is given, and what can be trained again without one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from assay.core.errors import AssayError
from assay.models.live import wrap
from assay.models.trainers import TrainingRows, by_trainer, refitter, trainer_named

TABLE = pa.table({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
CODES = (np.arange(20) >= 10).astype(np.int64)


@pytest.mark.parametrize("name", ["os", "no.such:thing", "os:nothing", "os:name", ":", "a b:c"])
def test_a_trainer_that_is_none_is_an_error_that_names_it(name):
    with pytest.raises(AssayError, match="trainer"):
        trainer_named(name)


def test_no_name_is_no_trainer_and_a_name_is_that_function():
    assert trainer_named("") is None
    assert trainer_named("pandas:concat") is pd.concat


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(["no", "yes"], ["no", "yes"]), ([0, 1], [0, 1]), (["-1", "1"], [-1, 1]), (["01", "1"], ["01", "1"])],
)
def test_labels_are_whole_numbers_where_every_class_is_one(classes, expected):
    model = wrap(lambda frame: np.full((len(frame), 2), 0.5), classes=classes, features=["a", "b"])
    given = []

    def train(frame: pd.DataFrame, labels: np.ndarray) -> LogisticRegression:
        given.append((frame, labels))
        return LogisticRegression().fit(frame, labels)

    made = by_trainer(train, model)(TrainingRows(TABLE, CODES))
    frame, labels = given[0]
    assert list(frame.columns) == ["a", "b"]
    assert labels.tolist() == [expected[code] for code in CODES]
    assert made.classes == model.classes
    assert made.scores(TABLE).argmax(axis=1).tolist() == CODES.tolist()


def test_texts_reach_a_trainer_as_they_are():
    model = wrap(lambda texts: np.full((len(texts), 2), 0.5), classes=["no", "yes"])
    given = []
    by_trainer(lambda texts, labels: given.append(texts) or (lambda batch: np.full(len(batch), 0.5)), model)(
        TrainingRows(["one", "two"], np.array([0, 1]))
    )
    assert given == [["one", "two"]]


def test_a_function_cannot_be_trained_again_and_an_estimator_can():
    assert refitter(wrap(lambda frame: np.full(len(frame), 0.5), classes=["no", "yes"])) is None
    line = LogisticRegression().fit(np.column_stack([TABLE["a"], TABLE["b"]]), CODES)
    again = refitter(wrap(line))(TrainingRows(TABLE, CODES))
    np.testing.assert_allclose(again.scores(TABLE), line.predict_proba(np.column_stack([TABLE["a"], TABLE["b"]])))
