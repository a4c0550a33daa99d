"""LIME over words, sentences and superpixels: additive truths are recovered, all inputs go to the model together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.linear_model import Ridge

import assay
from assay.core.errors import AssayError
from assay.explain.local import lime_image, lime_text
from assay.explain.local.images.superpixels import lab, slic
from assay.explain.local.masks import fit_masks, uneven

WEIGHTS = {"good": 0.3, "superb": 0.5, "thin": -0.4, "plot": 0.0}


def additive(texts):
    return np.array([0.1 + sum(WEIGHTS.get(word, 0.0) for word in text.split()) for text in texts])


def test_an_additive_model_of_words_is_recovered():
    texts = ["the plot was thin but the acting superb", "good good fun"]
    found = lime_text.explain(additive, texts, samples=400, ridge=0)
    expected = [[WEIGHTS.get(word, 0.0) for word in text.split()] for text in texts]
    for values, truth in zip(found.values, expected, strict=True):
        np.testing.assert_allclose(values, truth, atol=1e-9)
    np.testing.assert_allclose(found.base, 0.1, atol=1e-9)
    np.testing.assert_allclose(found.residual, 0, atol=1e-9)
    np.testing.assert_allclose(found.facts["weighted_r_squared"], 1)
    assert found.top(0, count=2) == [("superb", pytest.approx(0.5)), ("thin", pytest.approx(-0.4))]
    assert found.pieces(1) == ("good", "good", "fun")
    assert found.to_json()["texts"][0]["spans"][1] == [4, 8]


def test_a_word_in_two_places_can_be_one_feature():
    def any_good(texts):
        return np.array([float("good" in text) for text in texts])

    text = ["good food , good fun"]
    apart = lime_text.explain(any_good, text, samples=500)
    together = lime_text.explain(any_good, text, samples=500, positions=False, ridge=0)
    np.testing.assert_allclose(together.values[0], [0.5, 0, 0.5, 0], atol=1e-9)
    np.testing.assert_allclose(together.residual, 0, atol=1e-9)
    assert np.abs(apart.residual[0]) > 0.01


def test_the_fit_is_the_weighted_ridge_of_scikit_learn():
    rng = np.random.default_rng(0)
    masks, answers = uneven(6, 200, rng), rng.normal(size=200)
    found = fit_masks(masks, answers, kernel_width=0.25, ridge=1.0, whole=0.0)
    weights = np.exp(-((1 - np.sqrt(masks.mean(axis=1))) ** 2) / (2 * 0.25**2))
    weights /= weights.max()
    peer = Ridge(alpha=1.0).fit(masks.astype(float), answers, sample_weight=weights)
    np.testing.assert_allclose(found.values, peer.coef_, atol=1e-10)
    assert found.base == pytest.approx(peer.intercept_)
    assert found.facts["weighted_r_squared"] == pytest.approx(peer.score(masks, answers, weights))


def test_sentences_masks_and_texts_without_words():
    seen = []

    def count(texts):
        seen.extend(texts)
        return np.array([float(text.count("[MASK]")) for text in texts])

    texts = ["One thing. Another thing! A third?", "", " ... "]
    found = lime_text.explain(count, texts, unit="sentence", mask="[MASK]", samples=60, ridge=0)
    assert found.pieces(0) == ("One thing.", "Another thing!", "A third?")
    assert "[MASK] [MASK] [MASK]" in seen
    np.testing.assert_allclose(found.values[0], -1, atol=1e-9)
    assert (found.values[1].tolist(), found.base[1], found.residual[1]) == ([], 0.0, 0.0)


def test_texts_have_one_explanation_and_go_together():
    calls = []

    def model(texts):
        calls.append(len(texts))
        return np.array([np.tanh(len(text) / 9) + ("not" in text) for text in texts])

    texts = ["this is not what I meant", "a b c d e f", "not not"]
    together = lime_text.explain(model, texts, samples=100)
    assert calls == [1, 3, 300]
    alone = lime_text.explain(model, texts[1:2], samples=100)
    np.testing.assert_allclose(together.values[1], alone.values[0], atol=1e-12)
    other = lime_text.explain(model, texts[1:2], samples=100, seed=1)
    assert np.abs(other.values[0] - alone.values[0]).max() > 1e-6
    assert (together.errors[0] > 0).all()
    calls.clear()
    lime_text.explain(model, texts, samples=100, batch=128)
    assert calls == [1, 3, 128, 128, 44]


def test_a_model_with_classes_is_explained_by_class():
    def scores(texts):
        yes = np.array([0.2 + 0.6 * ("good" in text) for text in texts])
        return np.column_stack([1 - yes, yes])

    model = assay.wrap_model(scores, classes=["bad", "fine"])
    last = lime_text.explain(model, ["good plot"], samples=60, ridge=0)
    assert (last.target, last.scale) == ("P(fine)", "probability")
    first = lime_text.explain(model, ["good plot"], samples=60, ridge=0, output="bad")
    np.testing.assert_allclose(first.values[0], -last.values[0], atol=1e-9)
    np.testing.assert_allclose(last.values[0], [0.6, 0], atol=1e-9)
    plain = lime_text.explain(scores, ["good plot"], samples=60, ridge=0)
    assert (plain.target, plain.scale) == ("P(1)", "probability")
    with pytest.raises(AssayError, match="fine"):
        lime_text.explain(model, ["good plot"], output="great")


@pytest.mark.parametrize("wrong", ["one text", [], [3]])
def test_texts_that_are_none_are_refused(wrong):
    with pytest.raises(AssayError):
        lime_text.explain(additive, wrong)


@given(st.text(max_size=60))
def test_pieces_lie_in_order_inside_the_text(text):
    for unit in ("word", "sentence"):
        spans = lime_text.spans_of(text, unit=unit)
        ends = [0, *(end for _, end in spans)]
        assert all(before <= a < b <= len(text) for before, (a, b) in zip(ends, spans, strict=False))


def squares() -> np.ndarray:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[:, :30], image[:, 30:] = (200, 30, 30), (30, 60, 220)
    image[10:30, 40:55] = (240, 240, 60)
    return image


def test_superpixels_are_connected_and_keep_to_the_edges():
    labels = slic(squares(), patches=24)
    assert 12 <= labels.max() + 1 <= 30
    assert labels.min() == 0
    for place in range(labels.max() + 1):
        assert label(labels == place)[1] == 1
        colours = np.unique(squares()[labels == place], axis=0)
        assert len(colours) == 1
    grey = np.random.default_rng(0).integers(0, 256, (30, 41), dtype=np.uint8)
    found = slic(grey, patches=10)
    assert all(label(found == place)[1] == 1 for place in range(found.max() + 1))


def test_cielab_has_its_published_values():
    shown = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], dtype=np.uint8)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]  # sRGB under D65
    np.testing.assert_allclose(lab(shown)[0], expected, atol=0.02)


def test_an_additive_model_of_patches_is_recovered():
    labels = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 10, axis=0), 10, axis=1)
    image = np.random.default_rng(1).integers(100, 256, (20, 30, 3), dtype=np.uint8)
    weights = np.array([0.0, 2.0, -1.0, 0.0, 0.5, 0.0])

    def model(images):
        there = np.stack([(images[:, labels == k] > 0).all(axis=(1, 2)) for k in range(6)], axis=1)
        return 3 + there @ weights

    images = np.stack([image, image[::-1].copy()])
    found = lime_image.explain(model, images, segments=[labels] * 2, fill=0, samples=200, ridge=0)
    np.testing.assert_allclose(found.values[0], weights, atol=1e-9)
    np.testing.assert_allclose(found.base, 3, atol=1e-9)
    np.testing.assert_allclose(found.residual, 0, atol=1e-9)
    assert found.top(0, count=2) == [(1, pytest.approx(2.0)), (2, pytest.approx(-1.0))]
    assert found.heat(0).shape == (20, 30)
    assert found.heat(0)[0, 15] == pytest.approx(2.0)
    alone = lime_image.explain(model, images[1:], segments=[labels], fill=0, samples=200, ridge=0)
    np.testing.assert_allclose(found.values[1], alone.values[0], atol=1e-10)


def test_the_patch_that_is_looked_at_wins():
    sizes = []

    def model(images):
        sizes.append(len(images))
        yellow = (images[..., 0] > 200) & (images[..., 1] > 200)
        return np.column_stack([1 - yellow.mean(axis=(1, 2)), yellow.mean(axis=(1, 2))])

    found = lime_image.explain(model, squares()[None], patches=24, fill=128, samples=300, batch=128)
    assert sizes == [1, 1, 128, 128, 44]
    best = found.segments[0] == found.top(0, count=1)[0][0]
    assert (squares()[best] == (240, 240, 60)).all()
    assert found.to_json()["images"][0]["patches"][0]["pixels"] == int((found.segments[0] == 0).sum())
    assert found.facts["weighted_r_squared"][0] > 0.9


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4, 4), np.uint8)]
)
def test_arrays_that_are_no_images_are_refused(wrong):
    with pytest.raises(AssayError):
        lime_image.explain(lambda images: np.zeros(len(images)), wrong)
