"""A small network fitted with torch and asked with numpy, so that deciding needs no torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra
from assay.fairness.inprocessing.own_model import OwnModel
from assay.fairness.mitigation.groups import Codes
from assay.fairness.mitigation.mitigation import Floats
from assay.fairness.mitigation.rows import Training


class Network(OwnModel):
    """One hidden layer of rectified linear units before the log-odds. An author writes `train`.

    Fitted in batches by Adam on one thread, from `seed`, so that fitting twice gives the same network.
    """

    steps: int
    batch: int
    hidden: int
    seed: int

    @abstractmethod
    def train(self, network: Any, tensors: Tensors, /) -> None:
        """The network is fitted, in place."""

    def learn(self, features: Floats, rows: Training, /) -> None:
        """The layers as arrays."""
        if min(self.steps, self.batch, self.hidden) < 1:
            raise AssayError("steps, batch and hidden must be at least 1.", code="parameter")
        with one_thread(self.seed) as torch:
            network = torch.nn.Sequential(
                torch.nn.Linear(features.shape[1], self.hidden), torch.nn.ReLU(), torch.nn.Linear(self.hidden, 1)
            )
            self.train(network, Tensors(torch, features, rows, batch=self.batch, seed=self.seed))
            self.layers_ = [layer.detach().numpy().astype(np.float64) for layer in network.parameters()]

    def log_odds(self, features: Floats, codes: Codes | None, /) -> Floats:
        """(rows,) the output of the network."""
        first, shift, second, last = self.layers_
        out: Floats = np.maximum(features @ first.T + shift, 0.0) @ second[0] + last[0]
        return out


class Tensors:
    """The rows as tensors: features, outcome (rows,) 0 or 1, group codes and weights of mean 1."""

    def __init__(self, torch: Any, features: Floats, rows: Training, /, *, batch: int, seed: int) -> None:
        self.torch = torch
        self.groups = len(rows.groups)
        self._x = torch.tensor(features, dtype=torch.float32)
        self._y = torch.tensor(rows.y, dtype=torch.float32)
        self._codes = torch.tensor(rows.codes)
        self._weight = torch.tensor(rows.weights / rows.weights.mean(), dtype=torch.float32)
        self._batch = batch
        self._rng = np.random.default_rng(seed)

    def batches(self, steps: int, /) -> Iterator[Batch]:
        """So many batches: passes over all rows, each in a new order."""
        left = np.zeros(0, dtype=np.int64)
        for _ in range(steps):
            while len(left) < min(self._batch, len(self._y)):
                left = np.concatenate([left, self._rng.permutation(len(self._y))])
            rows, left = self.torch.tensor(left[: self._batch]), left[self._batch :]
            yield Batch(self._x[rows], self._y[rows], self._codes[rows], self._weight[rows])


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Tensors of some rows."""

    x: Any
    y: Any
    codes: Any
    weight: Any


@contextmanager
def one_thread(seed: int) -> Iterator[Any]:
    """torch on one thread with its generator at `seed`; the caller's threads and generator are put back."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("Fitting a network", extra="deep") from error
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield torch
        finally:
            torch.set_num_threads(threads)


def log_loss(torch: Any, z: Any, y: Any, weight: Any, /) -> Any:
    """Weighted mean log-loss of log-odds."""
    return torch.nn.functional.binary_cross_entropy_with_logits(z, y, weight=weight)
