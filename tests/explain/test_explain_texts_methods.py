"""Texts without a transformer: partition SHAP against enumeration and shap, pieces, and any model of texts."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import shap
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import assay
from assay.core.errors import AssayError
from assay.explain.texts import partition
from assay.explain.texts.explain import explain
from assay.explain.texts.pieces import Branch, hierarchy, left, spans_of

SENTENCES = "A dull, lifeless film. Yet the last scene is wonderful!"


def awkward(texts):
    """A game with interactions: distinct words, a negation that turns a word, and two words that need each other."""
    found = []
    for text in texts:
        words = text.replace(",", " ").replace(".", " ").split()
        together = ("plot" in words) * ("thin" in words)
        found.append(0.1 * len(set(words)) + 2 * ("not" in words and "good" in words) - 3 * together + 0.01 * len(text))
    return np.array(found)


def orders(tree: Branch) -> list[list[int]]:
    """Every order of the leaves that keeps each branch together."""
    if not tree.halves:
        return [[tree.start]]
    first, second = map(orders, tree.halves)
    return [one + two for one, two in product(first, second)] + [two + one for one, two in product(first, second)]


def enumerated(text: str) -> np.ndarray:
    """Owen values by their definition: the mean of what a piece adds over all orders of the hierarchy."""
    spans = spans_of(text, unit="token")
    total = np.zeros(len(spans))
    every = orders(hierarchy(text, spans))
    for order in every:
        kept = np.zeros((len(order) + 1, len(order)), dtype=bool)
        for step, piece in enumerate(order):
            kept[step + 1 :, piece] = True
        total[order] += np.diff(awkward(left(text, spans, kept, mask="")))
    return total / len(every)


@pytest.mark.parametrize(
    "text", ["not good", "the plot, so thin", "it is not a good plot", "thin. plot, not good good !"]
)
def test_partition_shap_is_the_mean_over_every_order_of_the_hierarchy(text):
    found = partition.explain(awkward, [text])
    np.testing.assert_allclose(found.values[0], enumerated(text), atol=1e-12)
    assert found.facts["exact"].tolist() == [1.0]
    assert not found.errors[0].any()


@pytest.mark.parametrize("text", ["not a good plot it is thin", "good not plot thin"])
def test_partition_shap_is_what_shap_gives_with_the_same_hierarchy(text):
    spans = spans_of(text, unit="token")
    n, joined = len(spans), []

    def linked(tree: Branch) -> tuple[int, int, float]:
        if not tree.halves:
            return tree.start, 1, 0.0
        (one, size, low), (two, more, high) = map(linked, tree.halves)
        joined.append([one, two, max(low, high) + 1, size + more])
        return n + len(joined) - 1, size + more, max(low, high) + 1

    linked(hierarchy(text, spans))

    class Masker:
        clustering, shape, immutable_outputs = np.array(joined, dtype=float), (1, n), False

        def __call__(self, mask, x):
            return (np.array(left(text, spans, np.asarray(mask, bool)[None], mask="")),)

    theirs = shap.explainers.Partition(lambda made: awkward([str(each) for each in made]), Masker())
    rows = np.arange(n)[None].astype(object)
    expected = theirs(rows, max_evals=1 << 12, fixed_context=None, silent=True).values[0]
    np.testing.assert_allclose(partition.explain(awkward, [text]).values[0], expected, atol=1e-9)


def test_long_texts_are_sampled_without_bias_and_with_the_right_variance():
    text = " ".join(["not", "good", "plot", "thin", "it", "is"] * 4)
    exact = partition.explain(awkward, [text], evaluations=1 << 13)
    assert exact.facts["exact"].tolist() == [1.0]
    missed, squares = [], []
    for seed in range(200):
        found = partition.explain(awkward, [text], evaluations=400, seed=seed)
        assert found.facts["exact"].tolist() == [0.0]
        assert found.facts["evaluations"][0] <= 400
        np.testing.assert_allclose(found.residual, 0, atol=1e-9)
        missed.append(found.values[0] - exact.values[0])
        squares.append(found.errors[0] ** 2)
    variance = np.mean(squares, axis=0)
    assert np.abs(np.mean(missed, axis=0)).max() < 4 * np.sqrt(variance.max() / 200)
    assert np.square(missed).mean() == pytest.approx(variance.mean(), rel=0.15)
    again = partition.explain(awkward, [text], evaluations=400, seed=199)
    np.testing.assert_array_equal(again.values[0], found.values[0])


@given(st.text(max_size=60))
def test_the_values_of_any_text_sum_to_its_answer(text):
    def length(texts):
        return np.array([float(len(each)) for each in texts])

    for unit in ("token", "word", "sentence"):
        found = partition.explain(length, [text], unit=unit, evaluations=64)
        assert abs(found.residual[0]) < 1e-6 * (1 + np.abs(found.values[0]).sum())
        spans = found.spans[0]
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        assert all(text[a:b].strip() for a, b in spans)
    assert "".join(text.split()) == "".join("".join(text[a:b].split()) for a, b in spans_of(text, unit="token"))


def test_sentences_and_clauses_are_branches():
    assert [SENTENCES[a:b] for a, b in spans_of(SENTENCES, unit="sentence")] == [
        "A dull, lifeless film.",
        "Yet the last scene is wonderful!",
    ]
    words = spans_of(SENTENCES, unit="word")
    tree = hierarchy(SENTENCES, words)
    first, second = tree.halves
    assert (first.start, first.end, second.end) == (0, 4, 10)
    assert [(half.start, half.end) for half in first.halves] == [(0, 2), (2, 4)]
    assert spans_of('3.5 stars, e.g. "great." No', unit="sentence") == ((0, 15), (16, 24), (25, 27))
    assert not spans_of("", unit="token")


TEXTS = [
    "superb acting",
    "a superb plot",
    "thin plot",
    "a thin script",
    "superb",
    "thin and dull",
    "dull acting",
    "fun",
]
LABELS = ["up", "up", "down", "down", "up", "down", "down", "up"]


@pytest.fixture(scope="module")
def pipeline():
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(TEXTS, LABELS)


@pytest.mark.parametrize("method", ["partition-shap", "lime"])
def test_a_text_pipeline_that_is_no_network_is_explained_as_it_is_and_wrapped(pipeline, method):
    asked = ["superb acting but a thin plot"]
    found = explain(pipeline, asked, method=method, output="down")
    assert found.target == "P(down)"
    assert found.outputs[0] == pytest.approx(pipeline.predict_proba(asked)[0, 0])
    assert {piece for piece, _ in found.top(0, count=2)} == {"superb", "thin"}
    assert dict(found.top(0))["superb"] < 0 < dict(found.top(0))["thin"]
    wrapped = explain(assay.wrap_model(pipeline), asked, method=method, output="down")
    np.testing.assert_array_equal(wrapped.values[0], found.values[0])
    by_function = explain(lambda texts: pipeline.predict_proba(texts)[:, 0], asked, method=method)
    np.testing.assert_allclose(by_function.values[0], found.values[0], atol=1e-12)


def test_a_text_pipeline_in_a_safe_file_is_explained(pipeline, tmp_path):
    skops.io.dump(pipeline, tmp_path / "texts.skops")
    model = assay.load_model(tmp_path / "texts.skops", isolate=False)
    found = explain(model, TEXTS[:2], level="sentence")
    np.testing.assert_allclose(found.outputs, pipeline.predict_proba(TEXTS[:2])[:, 1])
    np.testing.assert_allclose(found.residual, 0, atol=1e-12)


def test_wrong_requests_say_what_is_possible(pipeline):
    with pytest.raises(AssayError, match="list of one or more"):
        explain(awkward, "a text")
    with pytest.raises(AssayError, match="integrated-gradients, lime, partition-shap"):
        explain(awkward, ["a"], method="kernel")
    with pytest.raises(AssayError, match="sentence, token"):
        explain(awkward, ["a"], level="letter")
    with pytest.raises(AssayError, match="partition-shap or lime"):
        explain(pipeline, ["a"], method="integrated-gradients")
    with pytest.raises(AssayError, match="Explain its sentences"):
        explain(awkward, ["one " * 600])
    with pytest.raises(AssayError, match="too few"):
        explain(awkward, ["a"], evaluations=3)
