"""Many small networks trained as one batch, by the rule of scikit-learn's MLPClassifier with Adam."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.subject import Model
from assay.models.trainers import TrainingRows
from assay.privacy.membership.answers import Bools, Codes, Floats

Tensor = NDArray[np.float32]
Together = Callable[[TrainingRows, Bools, np.random.Generator], Floats]
_BEFORE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: np.maximum(z, np.float32(0)),
    "tanh": np.tanh,
    "logistic": lambda z: np.float32(0.5) * (np.float32(1) + np.tanh(np.float32(0.5) * z)),
    "identity": lambda z: z,
}
_SLOPE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda a: (a > 0).astype(np.float32),
    "tanh": lambda a: 1 - a * a,
    "logistic": lambda a: a * (1 - a),
    "identity": np.ones_like,
}
"""Slopes of the activations by what they gave."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained: scikit-learn's names, solver "adam"."""

    hidden: tuple[int, ...]
    activation: str
    alpha: float
    batch: int | None
    rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    epochs: int
    tol: float
    patience: int


def recipe_of(estimator: Any, /) -> Recipe | None:
    """The Recipe of an MLPClassifier; None for other estimators and for what is not done here (SGD, early stopping)."""
    if type(estimator).__name__ != "MLPClassifier" or not type(estimator).__module__.startswith("sklearn."):
        return None
    p = estimator.get_params()
    if p["solver"] != "adam" or p["early_stopping"] or p["warm_start"] or not p["shuffle"]:
        return None
    sizes = p["hidden_layer_sizes"]
    batch = None if p["batch_size"] == "auto" else int(p["batch_size"])
    return Recipe(
        tuple(int(size) for size in np.atleast_1d(sizes)),
        p["activation"],
        float(p["alpha"]),
        batch,
        float(p["learning_rate_init"]),
        float(p["beta_1"]),
        float(p["beta_2"]),
        float(p["epsilon"]),
        int(p["max_iter"]),
        float(p["tol"]),
        int(p["n_iter_no_change"]),
    )


def networks_like(model: Model, /) -> Together | None:
    """What trains networks like `model`, all at once, and gives the (networks, rows) logits of the labels; or None.

    For an MLPClassifier of numbers in this process.
    """
    from assay.models.adapters.sklearn_like import SklearnLike

    recipe = recipe_of(model.estimator) if isinstance(model, SklearnLike) else None
    if recipe is None:
        return None

    def together(rows: TrainingRows, inside: Bools, rng: np.random.Generator) -> Floats:
        from assay.models.inputs import matrix, select

        numbers = matrix(select(rows.inputs, model.features, width=getattr(model, "width", None)))
        return train_together(numbers, rows.codes, inside, recipe, classes=len(model.classes), rng=rng)

    return together


def train_together(
    numbers: Floats, codes: Codes, inside: Bools, recipe: Recipe, /, *, classes: int, rng: np.random.Generator
) -> Floats:
    """(networks, rows) logits of the labels `codes`, of networks each trained on the rows that `inside` says.

    Single precision. As in scikit-learn: Glorot's uniform start, mean cross-entropy with an L2 penalty divided by the
    rows of a batch, Adam (Kingma & Ba 2015), rows shuffled each epoch, and an end where the loss of an epoch fell by
    less than `tol` so many times in a row; a network that ended rests while the others go on.
    """
    x = numbers.astype(np.float32)
    outputs = 1 if classes == 2 else classes
    nets = _Networks.started((x.shape[1], *recipe.hidden, outputs), len(inside), recipe, rng)
    own = [np.flatnonzero(mine) for mine in inside]
    most = max(len(places) for places in own)
    batch = min(200 if recipe.batch is None else recipe.batch, most)
    active, best = np.arange(len(inside)), np.full(len(inside), np.inf)
    stale = np.zeros(len(inside), dtype=np.int64)
    for _ in range(recipe.epochs):
        order, real = _shuffled([own[i] for i in active], most, rng)
        total = np.zeros(len(active))
        for start in range(0, most, batch):
            places, weight = order[:, start : start + batch], real[:, start : start + batch]
            total += nets.step(active, x[places], codes[places], weight)
        loss = total / [len(own[i]) for i in active]
        stale[active] = np.where(loss > best[active] - recipe.tol, stale[active] + 1, 0)
        best[active] = np.minimum(best[active], loss)
        active = active[stale[active] <= recipe.patience]
        if not len(active):
            break
    return nets.logits(x, codes)


def _shuffled(own: list[Any], most: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Tensor]:
    """(networks, most) places in a random order and whether each is real: shorter lists are filled up."""
    order, real = np.zeros((len(own), most), dtype=np.int64), np.zeros((len(own), most), dtype=np.float32)
    for i, places in enumerate(own):
        order[i, : len(places)] = rng.permutation(places)
        real[i, : len(places)] = 1
    return order, real


@dataclass(eq=False)
class _Networks:
    """Weights (networks, in, out) and biases (networks, 1, out) of each layer, with Adam's moments of each."""

    layers: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    steps: int
    recipe: Recipe

    @classmethod
    def started(cls, sizes: tuple[int, ...], count: int, recipe: Recipe, rng: np.random.Generator) -> _Networks:
        layers = []
        factor = 2.0 if recipe.activation == "logistic" else 6.0
        for ins, outs in pairwise(sizes):
            bound = math.sqrt(factor / (ins + outs))
            for shape in ((count, ins, outs), (count, 1, outs)):
                layers.append(rng.uniform(-bound, bound, shape).astype(np.float32))
        return cls(layers, [np.zeros_like(w) for w in layers], [np.zeros_like(w) for w in layers], 0, recipe)

    def forward(self, layers: list[Tensor], x: Tensor) -> list[Tensor]:
        """The input of each layer, and the scores of the last."""
        values, act = [x], _BEFORE[self.recipe.activation]
        for i in range(0, len(layers), 2):
            z = values[-1] @ layers[i] + layers[i + 1]
            values.append(act(z) if i + 2 < len(layers) else z)
        return values

    def step(self, active: Any, x: Tensor, codes: Codes, weight: Tensor) -> Floats:
        """One step of Adam of the active networks; (active,) the loss times the rows of the batch."""
        layers = [w[active] for w in self.layers]
        values = self.forward(layers, x)
        rows = np.maximum(weight.sum(axis=1), 1)[:, None, None]
        error, losses = _error(values[-1], codes)
        delta = error * weight[:, :, None] / rows
        penalty = np.zeros(len(active))
        gradients: list[Tensor] = [None] * len(layers)  # type: ignore[list-item]
        for i in range(len(layers) - 2, -1, -2):
            decay = np.float32(self.recipe.alpha) * layers[i]
            penalty += 0.5 * self.recipe.alpha * np.square(layers[i]).sum(axis=(1, 2))
            gradients[i] = values[i // 2].swapaxes(1, 2) @ delta + decay / rows
            gradients[i + 1] = delta.sum(axis=1, keepdims=True)
            if i:
                delta = (delta @ layers[i].swapaxes(1, 2)) * _SLOPE[self.recipe.activation](values[i // 2])
        self._adam(active, gradients)
        found: Floats = (losses * weight).sum(axis=1) + penalty
        return found

    def _adam(self, active: Any, gradients: list[Tensor]) -> None:
        r = self.recipe
        self.steps += 1
        rate = np.float32(r.rate * math.sqrt(1 - r.beta_2**self.steps) / (1 - r.beta_1**self.steps))
        b1, b2, tiny = np.float32(r.beta_1), np.float32(r.beta_2), np.float32(r.epsilon)
        for w, m, v, g in zip(self.layers, self.first, self.second, gradients, strict=True):
            mean, square = b1 * m[active] + (1 - b1) * g, b2 * v[active] + (1 - b2) * g * g
            m[active], v[active] = mean, square
            w[active] -= rate * mean / (np.sqrt(square) + tiny)

    def logits(self, x: Tensor, codes: Codes) -> Floats:
        """(networks, rows) log p_y − log Σ_{c≠y} p_c, from the scores themselves."""
        out = np.empty((len(self.layers[0]), len(x)))
        for i in range(len(out)):
            z = self.forward([w[i] for w in self.layers], x)[-1].astype(np.float64)
            if z.shape[1] == 1:
                out[i] = np.where(codes == 1, z[:, 0], -z[:, 0])
                continue
            own = z[np.arange(len(z)), codes].copy()
            z[np.arange(len(z)), codes] = -np.inf
            top = z.max(axis=1)
            out[i] = own - top - np.log(np.exp(z - top[:, None]).sum(axis=1))
        return out


def _error(z: Tensor, codes: Codes) -> tuple[Tensor, Floats]:
    """(networks, batch, outputs) slope of the loss by the scores, and the (networks, batch) losses."""
    if z.shape[2] == 1:
        y = codes[:, :, None].astype(np.float32)
        p = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * z))
        return p - y, np.logaddexp(0.0, np.where(y == 1, -z, z).astype(np.float64))[:, :, 0]
    shifted = z - z.max(axis=2, keepdims=True)
    p = np.exp(shifted)
    sums = p.sum(axis=2, keepdims=True)
    p /= sums
    where = (np.arange(z.shape[0])[:, None], np.arange(z.shape[1])[None, :], codes)
    losses = np.log(sums[:, :, 0].astype(np.float64)) - shifted[where]
    p[where] -= 1
    return p, losses
