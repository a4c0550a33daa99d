"""Tensors of any shape (images, series) explained by the gradients of a torch network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.methods import integrated, occlusion, sampled
from assay.explain.deep.network import Network, network_of
from assay.explain.deep.result import Found, TensorAttributions, tensor_attributions
from assay.explain.target import Scale

Method = Literal["integrated-gradients", "smooth-grad", "gradient-shap", "occlusion"]
METHODS: tuple[Method, ...] = ("integrated-gradients", "smooth-grad", "gradient-shap", "occlusion")


@dataclass(frozen=True)
class Settings:
    """What the methods take: `precision` of integrated gradients, `samples` of the sampled ones; the rest below.

    `noise` of smooth-grad is its standard deviation as a share of the range of the inputs, as the paper has it;
    `meaning` "slopes" is the averaged gradient, "added" that times (input − baseline). `window` and `stride` of
    occlusion have one number for each dimension after the rows; None: single numbers, and no overlap.
    """

    precision: integrated.Precision = field(default_factory=integrated.Precision)
    samples: int = 50
    noise: float = 0.15
    meaning: sampled.Meaning = "slopes"
    window: Sequence[int] | None = None
    stride: Sequence[int] | None = None
    seed: int = 0


def explain(
    model: Any,
    inputs: Any,
    /,
    *,
    method: str = "integrated-gradients",
    output: str | int | None = None,
    scale: Scale | None = None,
    baseline: Any = None,
    background: Any = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> TensorAttributions:
    """The TensorAttributions of `inputs` (rows, ...) in the model's own shape, by `method`.

    `model` is a TorchModel (`assay.wrap_model(module, classes=..., output="logits")`) or a torch module itself, whose
    column `output` is then explained as it is. `baseline` has the shape of one input, or of all; where there is none,
    it is the mean of the `background` (n, ...), else zeros: `origin` says which. gradient-shap needs a background.
    Raises AssayError for a model that is no torch network, or inputs that it does not take.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS, code="method")
    network = network_of(model, output=output, scale=scale)
    asked = checked(inputs, what="inputs")
    others = None if background is None else checked(background, what="background")
    if others is not None and others.shape[1:] != asked.shape[1:]:
        raise AssayError(
            f"Background rows of shape {others.shape[1:]} do not fit inputs of shape {asked.shape[1:]}.", code="shape"
        )
    chosen = settings or Settings()
    if method == "gradient-shap":
        if others is None:
            raise AssayError("gradient-shap needs a background.", code="background", hint="Give background=.")
        found = sampled.gradient_shap(
            network, asked, others, samples=chosen.samples, seed=chosen.seed, progress=progress
        )
        return tensor_attributions(found, network, f"{len(others)} background rows")
    start = baseline_of(asked, baseline, others)
    found = _found(method, network, asked, start.values, chosen, progress)
    return tensor_attributions(found, network, start.origin)


def _found(
    method: str, network: Network, inputs: Floats, start: Floats, chosen: Settings, progress: Progress | None
) -> Found:
    if method == "integrated-gradients":
        return integrated.integrated_gradients(network, inputs, start, precision=chosen.precision, progress=progress)
    if method == "occlusion":
        window = tuple(chosen.window) if chosen.window is not None else (1,) * (inputs.ndim - 1)
        stride = tuple(chosen.stride) if chosen.stride is not None else window
        return occlusion.occlusion(network, inputs, start, window=window, stride=stride, progress=progress)
    if not chosen.noise > 0:
        raise AssayError("Noise must be above 0.", code="noise", hint="It is a share of the range of the inputs.")
    if chosen.meaning not in ("added", "slopes"):
        raise unknown("meaning", chosen.meaning, ("added", "slopes"))
    deviation = chosen.noise * float(inputs.max() - inputs.min())
    found = sampled.smooth_grad(
        network,
        inputs,
        start,
        np.full(inputs.shape[1:], deviation),
        samples=chosen.samples,
        seed=chosen.seed,
        meaning=chosen.meaning,
        progress=progress,
    )
    return replace(found, settings={**found.settings, "noise": chosen.noise, "deviation": deviation})


@dataclass(frozen=True, eq=False)
class Start:
    """A baseline of the shape of one input or of all, and what it is, in words."""

    values: Floats
    origin: str


def baseline_of(inputs: Floats, given: Any, background: Floats | None, /) -> Start:
    """The baseline that is given, else the mean of the background, else zeros."""
    if given is None:
        if background is None:
            return Start(np.zeros(inputs.shape[1:]), "zeros")
        return Start(background.mean(axis=0), f"the mean of {len(background)} background rows")
    values = np.asarray(given, dtype=np.float64)
    if values.shape not in (inputs.shape, inputs.shape[1:], ()) or not np.isfinite(values).all():
        raise AssayError(
            f"A baseline of shape {values.shape} does not fit inputs of shape {inputs.shape}.",
            code="baseline",
            hint="Give one finite number, one input, or one for each row.",
        )
    return Start(values, "a given baseline")


def checked(inputs: Any, /, *, what: str) -> Floats:
    """(rows, ...) float64 of an array or tensor of finite numbers, with at least one row."""
    array = np.asarray(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs)
    if array.ndim < 2 or not len(array) or array.dtype.kind not in "fiub":
        raise AssayError(
            f"The {what} have shape {array.shape} and type {array.dtype}.",
            code="shape",
            hint="Expected numbers of shape (rows, ...); one input alone is a batch of one.",
        )
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise AssayError(f"The {what} have missing or infinite values.", code="missing", hint="Fill them first.")
    return numbers
