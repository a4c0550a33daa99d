"""Examples from gradients: exact where theory says so, and hidden by noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import nn

from assay.core.errors import AssayError
from assay.models.live import wrap
from assay.privacy.attacks.gradient_reconstruction import deep_leakage, dense_layer
from assay.privacy.inference.gradients.leakage import leakage, nearest, own_gradient_attacks, psnr, relative_error
from assay.privacy.inference.gradients.learner import LinearLearner, TorchLearner, learner_of, share

torch.set_num_threads(1)


def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return x / 16, y


def network(*, activation: Any, hidden: int = 64, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, hidden), activation, nn.Linear(hidden, 10))


def logistic(classes: int) -> LinearLearner:
    x, y = digits()
    kept = y < classes
    learner = learner_of(wrap(LogisticRegression(max_iter=20, tol=1.0).fit(x[kept], y[kept])))
    assert isinstance(learner, LinearLearner)
    return learner


@pytest.mark.parametrize("classes", [2, 10])
def test_one_example_of_a_logistic_regression_is_given_away_exactly(classes):
    x, y = digits()
    learner = logistic(classes)
    found = dense_layer.make(share(learner, x[:1], y[:1]))
    assert relative_error(nearest(found, x[:1]), x[:1]) < 1e-9
    clipped = dense_layer.make(share(learner, x[:1], y[:1], clip=1e-3))
    assert relative_error(nearest(clipped, x[:1]), x[:1]) < 1e-9, "clipping alone hides nothing"


def test_gradients_of_a_linear_model_are_those_of_automatic_differentiation():
    x, y = digits()
    learner = logistic(10)
    module = nn.Linear(64, 10).double()
    with torch.no_grad():
        module.weight.copy_(torch.tensor(learner.form.coefficients))
        module.bias.copy_(torch.tensor(learner.form.intercept))
    for mine, other in zip(
        learner.per_example(x[:5], y[:5]), TorchLearner(module, inputs=64).per_example(x[:5], y[:5]), strict=True
    ):
        assert mine == pytest.approx(other, abs=1e-10)
    binary = logistic(2)
    single = nn.Linear(64, 1).double()
    with torch.no_grad():
        single.weight.copy_(torch.tensor(binary.form.coefficients))
        single.bias.copy_(torch.tensor(binary.form.intercept))
    labels = np.array([0, 1, 1])
    pairs = zip(
        binary.per_example(x[:3], labels), TorchLearner(single, inputs=64).per_example(x[:3], labels), strict=True
    )
    for mine, other in pairs:
        assert mine == pytest.approx(other, abs=1e-10)


def test_a_dense_first_layer_gives_one_example_away_and_some_of_a_small_batch():
    x, y = digits()
    learner = TorchLearner(network(activation=nn.ReLU(), hidden=256).double(), inputs=64)
    found = leakage(learner, x, y, attack=dense_layer.make, batches=(1, 2, 16), examples=32)
    assert [leak.batch for leak in found] == [1, 2, 16]
    assert [leak.n for leak in found] == [32, 32, 32]
    assert found[0].recovered == 1.0
    assert found[0].relative_error < 1e-6
    assert found[0].psnr > 100
    assert found[1].recovered > 0
    assert found[2].recovered < found[0].recovered
    assert found[0].interval.high == 1.0
    assert found[0].blind_error == pytest.approx(0.5, abs=0.1)


def test_noise_hides_what_clipping_does_not():
    x, y = digits()
    learner = TorchLearner(network(activation=nn.ReLU()).double(), inputs=64)
    plain, clipped, noisy = (
        leakage(learner, x, y, attack=dense_layer.make, batches=(1,), clip=clip, noise=noise)[0]
        for clip, noise in ((None, 0.0), (0.1, 0.0), (0.1, 1.0))
    )
    assert plain.recovered == clipped.recovered == 1.0
    assert noisy.recovered == 0.0
    assert noisy.relative_error > noisy.blind_error, "no better than the mean digit"
    with pytest.raises(AssayError, match="clip="):
        share(learner, x[:1], y[:1], noise=1.0)


def test_clipping_and_noise_are_those_of_private_training():
    x, y = digits()
    learner = logistic(10)
    rows = np.hstack([part.reshape(4, -1) for part in learner.per_example(x[:4], y[:4])])
    norms = np.linalg.norm(rows, axis=1)
    expected = (rows * np.minimum(1, 0.5 / norms)[:, None]).mean(axis=0)
    assert np.concatenate([a.ravel() for a in share(learner, x[:4], y[:4], clip=0.5).arrays]) == pytest.approx(expected)
    noisy = [share(learner, x[:4], y[:4], clip=0.5, noise=2.0, seed=seed) for seed in range(40)]
    noise = np.array([np.concatenate([a.ravel() for a in one.arrays]) - expected for one in noisy])
    assert noise.std() == pytest.approx(2.0 * 0.5 / 4, rel=0.02)


def test_gradients_of_smooth_networks_are_matched():
    x, y = digits()
    learner = TorchLearner(network(activation=nn.Tanh(), hidden=32).double(), inputs=64)
    (single,) = leakage(learner, x, y, attack=deep_leakage.make, batches=(1,), examples=3)
    assert single.recovered == 1.0
    (pair,) = leakage(learner, x, y, attack=deep_leakage.make, batches=(2,), examples=2)
    assert pair.relative_error < 0.2


def test_a_network_without_a_dense_first_layer_is_matched_too():
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.first, self.last = nn.Conv2d(1, 6, 3), nn.Linear(6 * 36, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.sigmoid(self.first(x[:, None])).flatten(1))

    x, y = digits()
    learner = TorchLearner(Small().double(), inputs=64)
    assert learner.first is None
    images = x[:1].reshape(1, 8, 8)
    shared = share(learner, images, y[:1])
    with pytest.raises(AssayError, match="deep-leakage"):
        dense_layer.make(shared)
    rebuilt = deep_leakage.make(shared)
    assert rebuilt.shape == (1, 8, 8)
    assert relative_error(rebuilt, images) < 0.05
    with pytest.raises(AssayError, match="torch"):
        deep_leakage.make(share(logistic(10), x[:1], y[:1]))


def test_nothing_moved_gives_nothing_away():
    torch.manual_seed(0)
    dead = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    with torch.no_grad():
        dead[0].weight.zero_()
        dead[0].bias.fill_(-1.0)
    found = dense_layer.make(share(TorchLearner(dead, inputs=3), np.ones((1, 3)), np.array([0])))
    assert found.shape == (0, 3)
    assert relative_error(nearest(found, np.ones((1, 3))), np.ones((1, 3))) == 1.0


def test_errors_are_what_they_say():
    truth = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert relative_error(np.array([[3.0, 5.0], [0.0, 2.0]]), truth).tolist() == [0.2, 2.0]
    assert psnr(truth + 0.1, truth, peak=1.0) == pytest.approx([20.0, 20.0])
    assert psnr(truth, truth, peak=1.0).tolist() == [200.0, 200.0]
    assert nearest(np.array([[0.0, 1.0], [3.0, 3.0]]), truth).tolist() == [[3.0, 3.0], [0.0, 1.0]]


def test_models_that_share_no_gradient_are_refused():
    x, y = digits()
    with pytest.raises(AssayError, match="log-odds"):
        learner_of(wrap(LinearSVC(max_iter=50, tol=1.0).fit(x[:300], y[:300])))
    with pytest.raises(AssayError, match="no gradients"):
        learner_of(wrap(lambda rows: np.ones(len(rows)), classes=["a", "b"]))
    assert set(own_gradient_attacks()) == {"dense-layer", "deep-leakage"}
