"""Models whose training step is shared: the gradient of each example, and what leaves a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models.adapter import sigmoid, softmax
from assay.models.internals.forms import LinearForm
from assay.privacy.membership.answers import Codes, Floats

KIND = "gradient-attack"
"""Kind of the parts that rebuild examples from a gradient: `make(shared)` gives (candidates, …) examples."""


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """Places, among the arrays of a gradient, of the weight (out, in) and bias (out,) of a layer that reads the example
    itself."""

    weight: int
    bias: int


class Learner(Protocol):
    """A classifier that is trained by gradients of its cross-entropy."""

    @property
    def first(self) -> DenseLayer | None:
        """Its first layer, where that is dense with a bias; None for any other."""

    @property
    def module(self) -> Any:
        """The torch module, in this process; None for any other model."""

    def per_example(self, x: Floats, labels: Codes, /) -> list[Floats]:
        """For each parameter (examples, …) the gradients of the loss of each example."""


class LinearLearner:
    """Logistic or softmax regression with an intercept, as a LinearForm on the log-odds scale."""

    module: Any = None
    first: DenseLayer | None = DenseLayer(0, 1)

    def __init__(self, form: LinearForm, /) -> None:
        if form.scale != "log-odds":
            raise AssayError(
                "Only linear classifiers of log-odds are trained by gradients of the cross-entropy.",
                code="gradients",
                hint="Give a logistic or softmax regression.",
            )
        self.form = form

    def per_example(self, x: Floats, labels: Codes, /) -> list[Floats]:
        """(examples, outputs, columns) and (examples, outputs)."""
        margins = self.form.margin(x)
        if self.form.outputs == 1:
            residual: Floats = sigmoid(margins) - labels[:, None]
        else:
            residual = softmax(margins) - np.eye(self.form.outputs)[labels]
        return [residual[:, :, None] * x[:, None, :], residual]


class TorchLearner:
    """A torch module whose answers are logits, (examples, classes) or (examples, 1) for two classes."""

    def __init__(self, module: Any, /, *, inputs: int) -> None:
        self.module = module.eval()
        self.first: DenseLayer | None = _first_dense(module, inputs)

    def per_example(self, x: Floats, labels: Codes, /) -> list[Floats]:
        """Of the parameters in the order of the module, by vectorised automatic differentiation."""
        import torch
        from torch.func import functional_call, grad, vmap

        held = {name: value.detach() for name, value in self.module.named_parameters()}

        def loss(parameters: Any, one: Any, label: Any) -> Any:
            return torch_loss(functional_call(self.module, parameters, (one[None],)), label[None])

        given = torch.as_tensor(x, dtype=next(iter(held.values())).dtype)
        found = vmap(grad(loss), in_dims=(None, 0, 0))(held, given, torch.as_tensor(labels))
        return [array.detach().cpu().numpy().astype(np.float64) for array in found.values()]


def torch_loss(logits: Any, labels: Any, /) -> Any:
    """The sum of the cross-entropies of logits for whole labels, or for (examples, classes) chances of them."""
    import torch.nn.functional as functional

    if logits.ndim == 2 and logits.shape[1] == 1:
        target = (labels[:, 1] if labels.ndim == 2 else labels).to(logits.dtype)
        return functional.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="sum")
    return functional.cross_entropy(logits, labels, reduction="sum")


def learner_of(model: Model, /, *, inputs: int = 0) -> Learner:
    """The Learner of a model: a torch module in this process that gives logits, or a linear model of log-odds.

    `inputs` is how many numbers one example of a module has, by which a dense first layer is known.

    A linear model is attacked in the columns that it reads (its `encode`). Raises AssayError "gradients" for any other.
    """
    module, linear = getattr(model, "module", None), getattr(model, "linear", None)
    if module is not None and getattr(model, "form", "") == "logits":
        return TorchLearner(module, inputs=inputs)
    form = linear() if callable(linear) else None
    if form is None:
        raise AssayError(
            f"{model.name} shows no gradients of its training.",
            code="gradients",
            hint="Give a logistic regression, or a torch module of logits in this process.",
        )
    return LinearLearner(form)


@dataclass(frozen=True, eq=False)
class Shared:
    """What a client lets out after one step: the mean gradient of its `batch`, an array for each parameter.

    `shape` is that of one example, `mean` and `spread` what the attacker knows of examples at large.
    """

    arrays: list[Floats]
    learner: Learner
    batch: int
    shape: tuple[int, ...]
    mean: float
    spread: float
    seed: int


def share(
    learner: Learner,
    x: Floats,
    labels: Codes,
    /,
    *,
    clip: float | None = None,
    noise: float = 0.0,
    mean: float = 0.0,
    spread: float = 1.0,
    seed: int = 0,
) -> Shared:
    """The gradient of a batch as it is shared: of every example, scaled to a norm of at most `clip` where that is
    given, summed, with normal noise of `noise` times `clip`, over the size of the batch (Abadi et al. 2016, CCS,
    algorithm 1)."""
    if noise and clip is None:
        raise AssayError("Noise is in units of the clipping norm.", code="parameter", hint="Give clip= with noise=.")
    arrays, size = learner.per_example(x, labels), len(x)
    rng = np.random.default_rng([seed, 31])
    if clip is not None:
        norms = np.sqrt(sum((array.reshape(size, -1) ** 2).sum(axis=1) for array in arrays))
        factors = np.minimum(1.0, clip / np.maximum(norms, 1e-300))
        arrays = [array * factors.reshape(-1, *[1] * (array.ndim - 1)) for array in arrays]
    scale = noise * (clip or 0.0)
    means = [(array.sum(axis=0) + scale * rng.normal(size=array.shape[1:])) / size for array in arrays]
    return Shared(means, learner, size, x.shape[1:], mean, spread, seed)


def _first_dense(module: Any, inputs: int) -> DenseLayer | None:
    import torch

    first = next((part for part in module.modules() if list(part.parameters(recurse=False))), None)
    if not isinstance(first, torch.nn.Linear) or first.bias is None or first.in_features != inputs:
        return None
    places = {id(value): place for place, value in enumerate(module.parameters())}
    return DenseLayer(places[id(first.weight)], places[id(first.bias)])
