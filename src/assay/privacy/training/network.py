"""Linear models and small dense networks, with sums of clipped gradients that never build one example's gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.training.clipping import Floats, clip_linear, clip_rows, clip_units

Activation = Literal["relu", "tanh"]


class Output(StrEnum):
    """What the last layer means: its loss is squared error (half of it), or the log loss of the true class."""

    NUMBER = "a number"
    BINARY = "the log-odds of the second of two classes"
    CLASSES = "log-odds of several classes"


@dataclass(frozen=True, slots=True)
class Architecture:
    """Layer sizes: `inputs`, then `hidden` with `activation`, then `outputs` numbers that mean `output`.

    Without hidden layers it is linear, logistic or softmax regression. All of it is public.
    """

    inputs: int
    output: Output
    outputs: int = 1
    hidden: tuple[int, ...] = ()
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        if min((self.inputs, self.outputs, *self.hidden)) < 1:
            raise AssayError(
                "Every layer needs at least one unit.", code="architecture", hint="Give sizes from 1, as in 64 32."
            )
        if self.activation not in ("relu", "tanh"):
            raise AssayError(f"Unknown activation {self.activation!r}.", code="architecture", hint="Known: relu, tanh.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of all layers, input first."""
        return (self.inputs, *self.hidden, self.outputs)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum((a + 1) * b for a, b in pairwise(self.sizes))


class Network:
    """The parameters in one vector `theta`, and the gradient of the last batch in one vector `gradient`.

    `weights[l]` (in, out) and `biases[l]` (out,) are views into `theta`; `grad_weights` and `grad_biases` into
    `gradient`. A loss is the sum over the examples of a batch. Per-example norms come from book-keeping (Goodfellow
    2015, arXiv 1510.01799; Bu, Wang, Zha & Karypis 2023, arXiv 2210.00038): the gradient of example i at a layer is the
    outer product of (aᵢ, 1) and δᵢ, so its squared norm is (|aᵢ|² + 1)|δᵢ|². The factors that clip it are put on δᵢ
    and the sum is one matrix product a layer, as without privacy.
    """

    def __init__(self, architecture: Architecture, /, *, dtype: Any = np.float32) -> None:
        self.architecture = architecture
        self.theta: Floats = np.zeros(architecture.parameters, dtype)
        self.gradient: Floats = np.zeros(architecture.parameters, dtype)
        self.weights, self.biases = _views(self.theta, architecture.sizes)
        self.grad_weights, self.grad_biases = _views(self.gradient, architecture.sizes)
        self._ones: Floats = np.ones(0, dtype)

    def start(self, generator: np.random.Generator, /) -> None:
        """Zeros for a linear model; for hidden layers normal weights of He (relu) or Glorot (tanh), biases 0."""
        self.theta[:] = 0
        gain = 2.0 if self.architecture.activation == "relu" else 1.0
        for weight in self.weights[:-1]:
            weight[:] = generator.standard_normal(weight.shape) * np.sqrt(gain / weight.shape[0])
        if self.architecture.hidden:
            last = self.weights[-1]
            last[:] = generator.standard_normal(last.shape) * np.sqrt(1.0 / last.shape[0])

    def forward(self, x: Floats, /) -> list[Floats]:
        """The input of each layer and, last, the output (rows, outputs) before its link."""
        layers = [x]
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = layers[-1] @ weight
            out += bias
            if place < len(self.weights) - 1:
                if self.architecture.activation == "relu":
                    np.maximum(out, 0, out=out)
                else:
                    np.tanh(out, out=out)
            layers.append(out)
        return layers

    def margins(self, x: Floats, /) -> Floats:
        """(rows, outputs) numbers or log-odds."""
        return self.forward(x)[-1]

    def sum_gradient(self, x: Floats, y: NDArray[Any], /) -> None:
        """`gradient` is the sum of the gradients of the batch, as in training without privacy."""
        layers = self.forward(x)
        self._weighted(layers, self._deltas(layers, y))

    def sum_clipped(
        self, x: Floats, y: NDArray[Any], reach: Floats, /, *, bound: float, rows_per_unit: int = 1
    ) -> None:
        """`gradient` is the sum over units of their gradients, each scaled to a norm of at most `bound`.

        `x` (rows, inputs) holds finite numbers, `y` numbers or class codes, `reach` (rows,) is 1 / √(|x|² + 1).
        Consecutive blocks of `rows_per_unit` rows are one unit, whose gradient is the sum over its rows; a row with
        `reach` 0 is padding. The gradient of a unit that is not finite counts as zero.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            layers = self.forward(x)
            deltas = self._deltas(layers, y)
            if rows_per_unit > 1:
                clip_units(layers, deltas, reach, bound=bound, rows=rows_per_unit)
            elif len(deltas) == 1:
                clip_linear(deltas[0], reach, bound=bound)
            else:
                clip_rows(layers, deltas, reach, bound=bound)
            self._weighted(layers, deltas)

    def mean_loss(self, x: Floats, y: NDArray[Any], /) -> float:
        """Half the mean squared error, or the mean log loss."""
        margins = self.margins(x).astype(np.float64)
        if self.architecture.output is Output.NUMBER:
            return float(((margins[:, 0] - y) ** 2).mean() / 2)
        if self.architecture.output is Output.BINARY:
            return float((np.logaddexp(0, margins[:, 0]) - y * margins[:, 0]).mean())
        return float((np.logaddexp.reduce(margins, axis=1) - margins[np.arange(len(y)), y]).mean())

    def _deltas(self, layers: Sequence[Floats], y: NDArray[Any]) -> list[Floats]:
        """The gradient of each example's loss with respect to the output of each layer before its activation."""
        found = [_residuals(layers[-1], y, self.architecture.output)]
        for place in range(len(self.weights) - 1, 0, -1):
            back = found[0] @ self.weights[place].T
            if self.architecture.activation == "relu":
                back *= layers[place] > 0
            else:
                back *= 1 - layers[place] * layers[place]
            found.insert(0, back)
        return found

    def _weighted(self, layers: Sequence[Floats], deltas: Sequence[Floats]) -> None:
        rows = len(layers[0])
        if len(self._ones) < rows:
            self._ones = np.ones(2 * rows, self.theta.dtype)
        for place, delta in enumerate(deltas):
            np.matmul(layers[place].T, delta, out=self.grad_weights[place])
            np.matmul(self._ones[:rows], delta, out=self.grad_biases[place])


def _views(vector: Floats, sizes: Sequence[int]) -> tuple[list[Floats], list[Floats]]:
    weights, biases, start = [], [], 0
    for a, b in pairwise(sizes):
        weights.append(vector[start : start + a * b].reshape(a, b))
        biases.append(vector[start + a * b : start + (a + 1) * b])
        start += (a + 1) * b
    return weights, biases


def _residuals(margins: Floats, y: NDArray[Any], output: Output) -> Floats:
    """Prediction minus truth: the gradient of half the squared error, and of the log loss under its link."""
    if output is Output.NUMBER:
        return np.asarray(margins - y[:, None])
    if output is Output.BINARY:
        half: Floats = np.multiply(margins, 0.5)
        np.tanh(half, out=half)
        half *= 0.5
        half += 0.5
        half -= y[:, None]
        return half
    found: Floats = np.exp(margins - margins.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    found[np.arange(len(y)), y] -= 1
    return found
