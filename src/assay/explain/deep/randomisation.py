"""Whether explanations change as a network's weights are shuffled, layer by layer from the top."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.deep.network import network_of, torch_library
from assay.explain.question import Question
from assay.explain.target import Calls
from assay.explain.trust.agreement import signed_agreement

WINDOW = 7
"""Side of the windows in which structures are compared."""


@dataclass(frozen=True, eq=False)
class Shuffled:
    """How alike explanations are after all layers down to `layer` were shuffled, with those of the network itself.

    `spearman` (rows,) is the rank correlation of the values with their signs, `absolute` that of their sizes, `ssim`
    (rows,) the structural similarity of images (else None). About 0 where the explanation depends on the weights.
    `changed` is False where the shuffle left all numbers of the layer as they were (one number, or all equal).
    """

    layer: str
    changed: bool
    spearman: Floats
    absolute: Floats
    ssim: Floats | None = None


def cascade(
    question: Question,
    explainer: Callable[[Question], Attributions],
    /,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Shuffled, ...]:
    """A Shuffled for each layer with parameters of the question's torch network, from the last to the first.

    The `explainer` explains the question anew about a copy whose layers are shuffled one after the other; the network
    itself stays as it is. Raises AssayError where the model is no torch network in this process.
    """
    target = question.target
    network_of(target.model)

    def explain(model: Any) -> Floats:
        return explainer(replace(question, target=replace(target, model=model, calls=Calls()))).values

    return _cascade(target.model, explain, seed=seed, progress=progress)


def cascade_tensors(
    model: Any, explain: Callable[[Any], Floats], /, *, seed: int = 0, progress: Progress | None = None
) -> tuple[Shuffled, ...]:
    """A Shuffled for each layer of a TorchModel or torch module; `explain(model)` gives values (rows, ...) of a copy.

    Values of (rows, height, width) or (rows, channels, height, width) are compared as images too.
    """
    network_of(model)
    return _cascade(model, explain, seed=seed, progress=progress)


def _cascade(
    model: Any, explain: Callable[[Any], Floats], /, *, seed: int, progress: Progress | None
) -> tuple[Shuffled, ...]:
    """Source: Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim (2018), section 3.1, with the weights permuted.

    Buffers, as the means of batch normalisation, stay.
    """
    torch = torch_library()
    changed = _copied(model)
    module = changed if isinstance(changed, torch.nn.Module) else changed.module
    layers = [(name, own) for name, part in module.named_modules() if (own := list(part.parameters(recurse=False)))]
    if not layers:
        raise AssayError("The network has no parameters to shuffle.", code="model")
    draws = np.random.default_rng([seed, len(layers)])
    first = np.asarray(explain(model), dtype=np.float64)
    made = []
    if progress is not None:
        progress.started("weights shuffled", total=len(layers))
    for name, own in reversed(layers):
        moved = [_shuffle(parameter, draws) for parameter in own]
        now = np.asarray(explain(_copied(changed)), dtype=np.float64)
        made.append(_compared(name or "the network", any(moved), first, now))
        if progress is not None:
            progress.advanced("weights shuffled", done=len(made), note=name)
    if progress is not None:
        progress.ended("weights shuffled")
    return tuple(made)


def _copied(model: Any) -> Any:
    """A deep copy of the module; of a TorchModel one with such a copy, and without remembered answers."""
    if isinstance(model, torch_library().nn.Module):
        return deepcopy(model)
    made = copy(model)
    made.module, made._last = deepcopy(model.module), None
    return made


def _shuffle(parameter: Any, draws: np.random.Generator) -> bool:
    """Put the numbers of the parameter in a random order; True where that changed it."""
    torch = torch_library()
    order = torch.as_tensor(draws.permutation(parameter.numel()), device=parameter.device)
    with torch.no_grad():
        before = parameter.flatten().clone()
        parameter.copy_(before[order].reshape(parameter.shape))
        return bool((before != parameter.flatten()).any())


def _compared(name: str, changed: bool, first: Floats, now: Floats) -> Shuffled:
    flat, other = first.reshape(len(first), -1), now.reshape(len(now), -1)
    images = first.ndim in (3, 4) and min(first.shape[-2:]) >= WINDOW
    return Shuffled(
        name,
        changed,
        signed_agreement(flat, other),
        signed_agreement(np.abs(flat), np.abs(other)),
        structural_similarity(_heat(first), _heat(now)) if images else None,
    )


def _heat(values: Floats) -> Floats:
    return values if values.ndim == 3 else np.asarray(values.sum(axis=1))


def structural_similarity(first: Floats, second: Floats, /) -> Floats:
    """(images,) mean SSIM of two stacks (images, height, width), each image scaled to the range 0 to 1.

    Uniform windows of 7 × 7 within the image, K1 = 0.01, K2 = 0.03, unbiased variances; 1 for equal images.
    Source: Wang, Bovik, Sheikh & Simoncelli (2004), equation 13.
    """
    from scipy.ndimage import uniform_filter

    a, b = _scaled(first), _scaled(second)
    inside = (slice(None), slice(WINDOW // 2, -(WINDOW // 2)), slice(WINDOW // 2, -(WINDOW // 2)))

    def mean(values: Floats) -> Floats:
        return np.asarray(uniform_filter(values, size=(1, WINDOW, WINDOW))[inside])

    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    m, n = mean(a), mean(b)
    var_a, var_b, both = (unbiased * (mean(x * y) - p * q) for x, y, p, q in ((a, a, m, m), (b, b, n, n), (a, b, m, n)))
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * m * n + c1) * (2 * both + c2) / ((m**2 + n**2 + c1) * (var_a + var_b + c2))
    return np.asarray(alike.mean(axis=(1, 2)))


def _scaled(images: Floats) -> Floats:
    low = images.min(axis=(1, 2), keepdims=True)
    width = np.ptp(images, axis=(1, 2), keepdims=True)
    return np.asarray((images - low) / np.where(width > 0, width, 1.0))
