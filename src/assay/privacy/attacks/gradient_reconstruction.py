"""Examples rebuilt from the gradient that a training step shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.inference.gradients.learner import KIND, Shared, torch_loss
from assay.privacy.membership.answers import Floats


@part(
    "dense-layer",
    kind=KIND,
    title="The first dense layer gives its inputs away",
    statement="The gradient of a weight row over that of its bias is the example, exact for one example and for every "
    "neuron that one example of a batch moves. Source: Phong et al. (2018), IEEE TIFS 13:1333, section III; Boenisch "
    "et al. (2023), EuroS&P, arXiv 2112.02918, section 4",
)
def dense_layer(shared: Shared, /) -> Floats:
    """(neurons, …) an example for each neuron that moved, the most moved first; mixtures where several examples moved
    it.

    Clipping scales weight and bias alike and hides nothing; noise does. Raises AssayError "gradients" where the first
    layer is not dense with a bias.
    """
    first = shared.learner.first
    if first is None:
        raise AssayError(
            "The first layer is not dense with a bias.", code="gradients", hint="Use the attack deep-leakage."
        )
    weight, bias = shared.arrays[first.weight], shared.arrays[first.bias]
    order = np.argsort(-np.abs(bias), kind="stable")
    moved = order[np.abs(bias[order]) > 1e-12 * max(np.abs(bias).max(), 1e-300)]
    moved = moved[np.abs(bias[moved]) > 0]
    return np.asarray((weight[moved] / bias[moved, None]).reshape(len(moved), *shared.shape))


@part(
    "deep-leakage",
    kind=KIND,
    title="Made-up examples are moved until their gradient is the one shared",
    statement="Matches gradients by L-BFGS; the label of one example is read off the last bias. Source: Zhu, Liu & Han "
    "(2019), NeurIPS, arXiv 1906.08935, algorithm 1; Zhao, Mopuri & Bilen (2020), arXiv 2001.02610, eq. 4 (iDLG)",
)
def deep_leakage(shared: Shared, /, *, steps: int = 150, restarts: int = 3) -> Floats:
    """(batch, …) examples whose gradient is nearest to the one shared, the best of some starts.

    For torch modules whose derivatives are smooth (tanh, sigmoid, GELU); ReLU networks are matched far worse. It grows
    hard with the batch: 8 examples of a small network are within reach, 100 are not.
    """
    module = shared.learner.module
    if module is None:
        raise AssayError("Gradients are matched of torch modules only.", code="gradients", hint="Use dense-layer.")
    import torch

    parameters = [value for value in module.parameters() if value.requires_grad]
    dtype = parameters[0].dtype
    targets = [torch.as_tensor(array, dtype=dtype) for array in shared.arrays]
    best, found = np.inf, np.full((shared.batch, *shared.shape), shared.mean)
    for start in range(restarts):
        generator = torch.Generator().manual_seed(shared.seed + start)
        x = torch.randn((shared.batch, *shared.shape), generator=generator, dtype=dtype) * shared.spread + shared.mean
        loss, made = _matched(module, parameters, targets, x, shared, steps)
        if loss < best:
            best, found = loss, made
    return found


def _matched(
    module: Any, parameters: list[Any], targets: list[Any], x: Any, shared: Shared, steps: int
) -> tuple[float, Floats]:
    import torch

    x = x.detach().requires_grad_()
    with torch.no_grad():
        classes = max(2, module(x).shape[-1])
    known = _label(shared, classes)
    guesses = torch.zeros((shared.batch, classes), dtype=x.dtype, requires_grad=known is None)
    unit = sum(float((target**2).sum()) for target in targets) or 1.0
    free = [x] if known is not None else [x, guesses]
    optimizer = torch.optim.LBFGS(free, max_iter=steps, history_size=50, line_search_fn="strong_wolfe")

    def distance() -> Any:
        labels = torch.tensor([known]) if known is not None else torch.softmax(guesses, dim=1)
        gradients = torch.autograd.grad(torch_loss(module(x), labels) / shared.batch, parameters, create_graph=True)
        return sum(((a - b) ** 2).sum() for a, b in zip(gradients, targets, strict=True)) / unit

    def closure() -> Any:
        optimizer.zero_grad()
        loss = distance()
        loss.backward(inputs=free)
        return loss

    advance: Any = optimizer.step
    advance(closure)
    reached = float(distance().detach())
    if not np.isfinite(reached):
        return np.inf, np.full((shared.batch, *shared.shape), shared.mean)
    return reached, x.detach().numpy().astype(np.float64)


def _label(shared: Shared, classes: int) -> int | None:
    """The label of a single example: the one class whose bias gradient, p − y, is negative; None for more examples."""
    last = shared.arrays[-1]
    if shared.batch != 1 or last.ndim != 1:
        return None
    if len(last) == 1 and classes == 2:
        return int(last[0] < 0)
    return int(last.argmin()) if len(last) == classes else None
