"""Concepts: one that a network was built on is found, one that it ignores or that is noise is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from assay.core.errors import AssayError
from assay.explain.deep.concepts.tcav import tcav
from assay.explain.deep.concepts.vectors import vector


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def stripes(n, seed, row=None):
    """Noisy 6 × 6 images; with a bright row where one is named."""
    images = np.random.default_rng(seed).normal(0, 0.5, (n, 1, 6, 6))
    if row is not None:
        images[:, :, row] += 1.5
    return images


@pytest.fixture(scope="module")
def net():
    """Trained to say whether row 1 is bright, with another bright row in half of the images that means nothing."""
    torch.manual_seed(3)
    draws = np.random.default_rng(0)
    images = stripes(600, 1)
    labels = draws.integers(0, 2, 600)
    images[labels == 1, :, 1] += 1.5
    images[draws.random(600) < 0.5, :, 4] += 1.5
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.Tanh(), nn.Linear(16, 1))
    optimiser = torch.optim.Adam(module.parameters(), 0.01, weight_decay=1e-3)
    inputs, wanted = torch.tensor(images, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    for _ in range(150):
        loss = nn.functional.binary_cross_entropy_with_logits(module(inputs)[:, 0], wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return module


def test_a_planted_concept_is_significant_and_noise_is_unmeasured(net):
    found = tcav(
        net,
        stripes(60, 7, row=1),
        concepts={"row 1": stripes(30, 5, row=1), "noise": stripes(30, 6)},
        random=stripes(200, 8),
        layer="1",
        runs=12,
    )
    planted, noise = found.concepts
    assert planted.score > 0.9
    assert planted.accuracy > 0.9
    assert planted.significant()
    assert planted.adjusted >= planted.p_value
    assert noise.score is None
    assert noise.p_value is None
    assert "cannot be told from random examples" in noise.reason.text()
    assert not noise.significant()
    assert found.random.shape == (12,)
    assert 0.2 < found.random.mean() < 0.8


def test_the_opposite_of_a_concept_is_below_a_half(net):
    dark = stripes(30, 5)
    dark[:, :, 1] -= 1.5
    found = tcav(net, stripes(60, 7, row=1), concepts={"dark": dark}, random=stripes(200, 8), layer="1", runs=10)
    assert found.concepts[0].score < 0.1
    assert found.concepts[0].significant()
    again = tcav(net, stripes(60, 7, row=1), concepts={"dark": dark}, random=stripes(200, 8), layer="1", runs=10)
    np.testing.assert_array_equal(found.concepts[0].scores, again.concepts[0].scores)


def test_random_sets_as_concepts_are_seldom_significant(net):
    """Holm's control over many concepts that are nothing: at most a few of 30 pass at 5 %, each call alone."""
    sets = {str(i): stripes(20, 100 + i) for i in range(30)}
    found = tcav(net, stripes(60, 7, row=1), concepts=sets, random=stripes(200, 8), layer="1", runs=10)
    assert sum(each.significant() for each in found.concepts) <= 1
    assert sum(each.score is None for each in found.concepts) >= 24


def test_a_vector_points_from_the_others_to_the_concept():
    draws = np.random.default_rng(0)
    other = draws.normal(size=(60, 5))
    concept = draws.normal(size=(60, 5)) + np.array([4.0, 0, 0, 0, 0])
    found = vector(concept, other, seed=0)
    assert found.direction[0] > 0.95
    assert np.linalg.norm(found.direction) == pytest.approx(1)
    assert found.accuracy > 0.9


def test_too_few_runs_or_examples_are_refused(net):
    inputs = stripes(5, 1)
    with pytest.raises(AssayError, match="9 runs are too few"):
        tcav(net, inputs, concepts={"a": inputs}, random=inputs, layer="1", runs=9)
    with pytest.raises(AssayError, match="the random pool 5"):
        tcav(net, inputs, concepts={"a": inputs}, random=inputs, layer="1")
    with pytest.raises(AssayError, match="No concept"):
        tcav(net, inputs, concepts={}, random=inputs, layer="1")
    with pytest.raises(AssayError, match="Unknown layer"):
        tcav(net, inputs, concepts={"a": inputs}, random=inputs, layer="nowhere")
