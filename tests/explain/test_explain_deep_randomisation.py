"""Shuffled weights: explanations of the network change, what ignores the network does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import assay
from assay.core.errors import AssayError
from assay.explain.checks.randomisation import measure_randomisation
from assay.explain.deep import rows, tensors
from assay.explain.deep.randomisation import cascade, cascade_tensors, structural_similarity
from assay.explain.question import question
from assay.models.live import wrap


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    draws = np.random.default_rng(0)
    names = [f"x{i}" for i in range(10)]
    data = pd.DataFrame(draws.normal(size=(400, 10)), columns=names)
    data["label"] = np.where(data[names[:3]].sum(axis=1) + draws.normal(0, 0.3, 400) > 0, "yes", "no")
    module = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 2))
    inputs = torch.tensor(data[names].to_numpy(), dtype=torch.float32)
    wanted = torch.tensor((data["label"] == "yes").to_numpy().astype(int))
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(120):
        loss = nn.functional.cross_entropy(module(inputs), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model = wrap(module, classes=("no", "yes"), output="logits", features=names)
    return assay.Case.from_frame(data, label="label", favourable="yes", features=names, model=model)


@pytest.fixture(scope="module")
def about(case):
    return question(case, range(30), background=50)


def test_explanations_by_gradients_fade_as_layers_are_shuffled(about):
    module = about.target.model.module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = cascade(about, rows.integrated_gradients)
    assert [each.layer for each in found] == ["3", "2", "0"]
    assert found[-1].spearman.shape == (30,)
    last = [cascade(about, rows.integrated_gradients, seed=seed)[-1].spearman.mean() for seed in range(8)]
    assert abs(np.mean(last)) < 0.35
    assert all(each.changed for each in found)
    assert all(each.ssim is None for each in found)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    again = cascade(about, rows.integrated_gradients)
    np.testing.assert_array_equal(found[1].spearman, again[1].spearman)
    other = cascade(about, rows.integrated_gradients, seed=1)
    assert (found[0].spearman != other[0].spearman).any()


def test_what_ignores_the_network_stays_the_same(about):
    own = rows.integrated_gradients(about)
    found = cascade(about, lambda asked: replace(own, values=asked.rows - asked.background.mean(axis=0)))
    assert all(min(each.spearman.min(), each.absolute.min()) > 1 - 1e-9 for each in found)


def test_a_shuffle_that_cannot_change_anything_says_so():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    inputs = np.random.default_rng(0).normal(size=(6, 3))
    found = cascade_tensors(module, lambda model: tensors.explain(model, inputs).values)
    assert [(each.layer, each.changed) for each in found] == [("2", True), ("1", False), ("0", True)]
    np.testing.assert_array_equal(found[0].spearman, found[1].spearman)


def test_images_are_compared_by_structure_too():
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 1))
    images = np.random.default_rng(0).normal(size=(3, 2, 10, 10))
    found = cascade_tensors(module, lambda model: tensors.explain(model, images).values)
    assert [each.ssim.shape for each in found] == [(3,), (3,)]
    assert (found[-1].ssim < 0.9).all()


def test_structural_similarity_by_brute_force():
    draws = np.random.default_rng(0)
    first, second = draws.random((2, 3, 9, 11))
    for each in (first, second):
        each -= each.min(axis=(1, 2), keepdims=True)
        each /= each.max(axis=(1, 2), keepdims=True)
    expected = np.zeros(3)
    for i in range(3):
        found = []
        for y in range(3):
            for x in range(5):
                a, b = first[i, y : y + 7, x : x + 7].ravel(), second[i, y : y + 7, x : x + 7].ravel()
                (va, both), (_, vb) = np.cov(a, b)
                top = (2 * a.mean() * b.mean() + 1e-4) * (2 * both + 9e-4)
                found.append(top / ((a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (va + vb + 9e-4)))
        expected[i] = np.mean(found)
    np.testing.assert_allclose(structural_similarity(first, second), expected, atol=1e-10)
    np.testing.assert_allclose(structural_similarity(first, first), 1)


def test_only_torch_networks_have_weights_to_shuffle(about):
    case = assay.demo("credit", with_model=True)
    with pytest.raises(AssayError, match="no torch network in this process"):
        cascade(question(case, [0], background=5), rows.integrated_gradients)
    with pytest.raises(AssayError, match="no parameters"):
        cascade_tensors(nn.ReLU(), lambda model: np.zeros((1, 1)))


@pytest.mark.parametrize("explainer", ["integrated-gradients", "smooth-grad", "gradient-shap", "occlusion"])
def test_the_check_puts_methods_by_gradients_to_the_test(case, explainer):
    found = {(each.name, each.over): each for each in measure_randomisation(case, explainer=explainer, rows=20)}
    assert found["randomisation_gap", ()].value > 0.5
    assert found["agreement_with_reseeded", ()].value > 0.9
    assert ("agreement_with_randomised", ("0",)) in found
