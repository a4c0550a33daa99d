"""Networks trained as one batch: step by step as scikit-learn's, and alike as a crowd."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from assay.models.live import wrap
from assay.privacy.membership.networks import _Networks, networks_like, recipe_of, train_together


def fitted(net: MLPClassifier, x: np.ndarray, y: np.ndarray) -> MLPClassifier:
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return net.fit(x, y)


def some(classes: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(n, 4))
    return x, (x[:, 0] * 2 + rng.normal(size=n)).argsort().argsort() * classes // n


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("classes", [2, 3])
def test_each_step_is_that_of_scikit_learn(activation, classes):
    """Whole batches, so that the order of rows is nothing; from scikit-learn's own start, which a rate of 0 gives."""
    x, y = some(classes)
    kind: dict[str, Any] = {"hidden_layer_sizes": (7, 5), "activation": activation, "alpha": 0.3, "batch_size": 60}
    start = fitted(MLPClassifier(**kind, learning_rate_init=1e-300, max_iter=1, random_state=0), x, y)
    theirs = fitted(MLPClassifier(**kind, learning_rate_init=0.02, max_iter=12, random_state=0), x, y)
    recipe = recipe_of(theirs)
    layers = [part for pair in zip(start.coefs_, start.intercepts_, strict=True) for part in pair]
    stacked = [np.stack([part.reshape(-1, part.shape[-1])] * 2).astype(np.float32) for part in layers]
    nets = _Networks(stacked, [w * 0 for w in stacked], [w * 0 for w in stacked], 0, recipe)
    rows, codes = np.stack([x, x]).astype(np.float32), np.stack([y, y])
    for _ in range(12):
        loss = nets.step(np.arange(2), rows, codes, np.ones((2, 60), np.float32))
    np.testing.assert_allclose(nets.layers[0][1], theirs.coefs_[0], rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(nets.layers[-1][0, 0], theirs.intercepts_[-1], rtol=2e-3, atol=2e-4)
    assert loss[0] / 60 == pytest.approx(theirs.loss_curve_[-1], rel=1e-4)
    p = theirs.predict_proba(x)[np.arange(60), y]
    np.testing.assert_allclose(nets.logits(x.astype(np.float32), y)[0], np.log(p) - np.log1p(-p), rtol=0.01, atol=0.01)


def test_as_a_crowd_they_fit_like_networks_of_scikit_learn():
    numbers, labels = load_digits(return_X_y=True)
    x, rng = numbers[:700] / 16, np.random.default_rng(0)
    y = np.where(rng.random(700) < 0.2, rng.integers(0, 10, 700), labels[:700])
    inside = np.stack([rng.permutation(700) < 350 for _ in range(6)])
    net = MLPClassifier((32,), max_iter=80, learning_rate_init=0.02, random_state=0)
    ours = train_together(x, y, inside, recipe_of(net), classes=10, rng=rng)
    theirs = []
    for seed, mine in enumerate(inside):
        model = fitted(net.set_params(random_state=seed), x[mine], y[mine])
        p = model.predict_proba(x)[np.arange(700), y]
        theirs.append(np.log(p + 1e-16) - np.log(1 - p + 1e-16))
    for which in (inside, ~inside):
        both = [logits[which] for logits in (ours, np.array(theirs))]
        assert abs(np.median(both[0]) - np.median(both[1])) < 0.6
        assert abs((both[0] > 0).mean() - (both[1] > 0).mean()) < 0.05
        assert 0.8 < both[0].std() / both[1].std() < 1.25


def test_networks_that_ended_rest():
    """A tolerance that nothing meets ends each network after its patience, however many epochs are allowed."""
    x, y = some(3)
    inside = np.stack([np.arange(60) < 31, np.arange(60) >= 31])
    net = MLPClassifier((3,), max_iter=10_000, tol=10.0, n_iter_no_change=2)
    found = train_together(x, y, inside, recipe_of(net), classes=3, rng=np.random.default_rng(0))
    assert found.shape == (2, 60)
    assert np.abs(found).max() < 10


@pytest.mark.parametrize(
    "other", [{"solver": "sgd"}, {"early_stopping": True}, {"warm_start": True}, {"solver": "lbfgs"}]
)
def test_what_is_not_done_here_is_left_to_scikit_learn(other):
    x, y = some(2)
    assert networks_like(wrap(fitted(MLPClassifier(max_iter=1, **other), x, y))) is None
    assert networks_like(wrap(fitted(MLPClassifier(max_iter=1), x, y))) is not None
    assert networks_like(wrap(LogisticRegression().fit(x, y))) is None
