"""Labels become text by one rule, and no NaN or false probability leaves a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.models.adapter import from_scores, sigmoid, softmax
from assay.models.outputs import Outputs, check, class_text, class_texts, codes_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (np.int8(1), "1"),
        (np.float32(0.5), "0.5"),
        (-0.0, "0"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("1.0", "1.0"),
        (np.str_("ä"), "ä"),
        (10**17, "1e+17"),
        (b"x", "x"),
    ],
)
def test_labels_have_one_text(value: object, text: str) -> None:
    assert class_text(value) == text


def test_labels_that_are_no_values_are_refused() -> None:
    with pytest.raises(AssayError, match="NaN"):
        class_text(float("nan"))
    with pytest.raises(AssayError, match="tuple"):
        class_text((1, 2))
    with pytest.raises(AssayError, match="same text"):
        class_texts([1, 1.0])


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1), st.sampled_from([np.int8, np.float64, np.str_, object]))
def test_codes_point_at_their_label(labels: list[int], dtype: type) -> None:
    classes = ("0", "1", "2")
    codes = codes_of(np.array(labels, dtype=dtype), classes)
    assert [classes[code] for code in codes] == [str(label) for label in labels]


def test_a_label_outside_the_classes_is_named() -> None:
    with pytest.raises(AssayError, match="'7', which is none of its classes"):
        codes_of(np.array([1, 7]), ("0", "1"))
    with pytest.raises(AssayError, match="'é'"):
        codes_of(np.array(["é"], dtype=object), ("e",))
    with pytest.raises(AssayError, match="several outputs"):
        codes_of(np.zeros((3, 2)), ("0",))


def test_one_probability_gives_two_columns_and_ties_go_to_the_first_class() -> None:
    made = from_scores(np.array([0.2, 0.5, 0.9]))
    assert made.codes is not None
    assert made.scores is not None
    assert made.codes.tolist() == [0, 0, 1]
    np.testing.assert_allclose(made.scores.sum(axis=1), 1)


@given(st.lists(st.floats(-800, 800), min_size=1, max_size=20))
def test_sigmoid_is_softmax_of_two(margins: list[float]) -> None:
    values = np.array(margins)
    expected = softmax(np.column_stack([np.zeros(len(values)), values]))[:, 1]
    np.testing.assert_allclose(sigmoid(values), expected, atol=1e-12)


def test_rows_with_nan_are_counted() -> None:
    scores = np.array([[0.5, 0.5], [np.nan, 0.5], [np.inf, 0]])
    with pytest.raises(AssayError, match="NaN or infinite for 2 of 3 rows"):
        check(Outputs(codes=np.zeros(3, int), scores=scores), rows=3, classes=("0", "1"))
    with pytest.raises(AssayError, match="NaN or infinite for 1 of 2 rows"):
        check(Outputs(values=np.array([1.0, np.nan])), rows=2, classes=())


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [0.4, 0.4]])
def test_scores_that_are_no_probabilities_are_refused(row: list[float]) -> None:
    with pytest.raises(AssayError, match="no probabilities in 1 of 1 rows"):
        check(Outputs(codes=np.zeros(1, int), scores=np.array([row])), rows=1, classes=("0", "1"))


def test_float32_rounding_is_no_fault() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(50), 100).astype(np.float32).astype(float)
    outputs = Outputs(codes=scores.argmax(axis=1), scores=scores)
    assert check(outputs, rows=100, classes=tuple(map(str, range(50)))) is outputs


@pytest.mark.parametrize(
    "outputs",
    [
        Outputs(values=np.zeros(2)),
        Outputs(codes=np.zeros(3, int)),
        Outputs(codes=np.array([0, 2])),
        Outputs(codes=np.zeros(2, int), scores=np.ones((2, 3)) / 3),
    ],
)
def test_shapes_must_fit(outputs: Outputs) -> None:
    with pytest.raises(AssayError) as caught:
        check(outputs, rows=2, classes=("0", "1"))
    assert caught.value.code == "outputs"
