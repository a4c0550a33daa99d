"""What single layers of a torch network do: activations, integrated gradients of a layer, Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.methods.integrated import Precision, integrate
from assay.explain.deep.network import Network, attempt, batch_size, network_of, numbers, torch_library
from assay.explain.deep.result import TensorAttributions, tensor_attributions
from assay.explain.deep.tensors import baseline_of, checked
from assay.explain.target import Scale


@dataclass(eq=False)
class Tap:
    """What a layer gave in the last forward pass; `put` replaces it."""

    name: str
    put: Any = None
    seen: list[Any] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """The one tensor that the layer gave in the pass."""
        if len(self.seen) != 1 or not hasattr(self.seen[0], "shape"):
            kinds = ", ".join(sorted({type(each).__name__ for each in self.seen})) or "nothing"
            raise AssayError(
                f"The layer {self.name!r} ran {len(self.seen)} times in one pass and gave {kinds}.",
                code="layer",
                hint="Name a layer that runs once and gives one tensor.",
            )
        return self.seen[0]


def layer_names(module: Any, /) -> tuple[str, ...]:
    """The names of all layers of a torch module, as `named_modules` gives them."""
    return tuple(name for name, _ in module.named_modules() if name)


def layer_of(module: Any, name: str, /) -> Any:
    """The layer called `name`, or the error that lists the known ones."""
    known = dict(module.named_modules())
    if not name or name not in known:
        raise unknown("layer", name, layer_names(module), code="layer")
    return known[name]


@contextmanager
def tapped(module: Any, name: str, /) -> Iterator[Tap]:
    """A Tap on the output of a layer; the hook is gone afterwards, whatever happened.

    What follows the layer gets a copy, so that a following in-place operation does not change what is seen.
    """
    tap = Tap(name)

    def hook(_layer: Any, _inputs: Any, given: Any) -> Any:
        out = given if tap.put is None else tap.put
        tap.seen.append(out)
        return out.clone() if hasattr(out, "clone") else None

    handle = layer_of(module, name).register_forward_hook(hook)
    try:
        yield tap
    finally:
        handle.remove()


def activations(model: Any, inputs: Any, /, *, layer: str, tokens: bool = False) -> Floats:
    """(rows, ...) float64: what the layer gives for each input, in evaluation mode; `tokens` as in a `Network`."""
    network = network_of(model, tokens=tokens)
    asked = checked(inputs, what="inputs")
    torch = torch_library()
    parts = []
    with network.within(), tapped(network.module, layer) as tap, torch.no_grad():
        size = batch_size(asked.shape)
        for i in range(0, len(asked), size):
            parts.append(numbers(_passed(network, asked[i : i + size], tap), what="activations"))
    return np.concatenate(parts)


def layer_gradients(network: Network, inputs: Floats, /, *, layer: str) -> Floats:
    """(rows, ...) float64 gradient of the number that is explained with respect to what the layer gives."""
    parts = []
    with network.within(), tapped(network.module, layer) as tap:
        size = batch_size(inputs.shape)
        for i in range(0, len(inputs), size):
            parts.append(numbers(_slopes(network, inputs[i : i + size], tap).gradient, what="gradients"))
    return np.concatenate(parts)


def layer_integrated_gradients(
    model: Any,
    inputs: Any,
    /,
    *,
    layer: str,
    output: str | int | None = None,
    scale: Scale | None = None,
    baseline: Any = None,
    precision: Precision | None = None,
    tokens: bool = False,
    progress: Progress | None = None,
) -> TensorAttributions:
    """What each number of a layer added as the layer goes from its activation at the baseline to that at the input.

    The rest of the network sees the input itself: `base` is the answer for the input with the layer at the baseline,
    and `facts["around"]` is how far that lies from the answer for the baseline, 0 where everything passes through the
    layer. Completeness as in `integrate`. With `tokens` inputs are places of tokens: name the embedding layer. The same
    numbers as Captum's LayerIntegratedGradients.
    """
    network = network_of(model, output=output, scale=scale, tokens=tokens)
    asked = checked(inputs, what="inputs")
    start = baseline_of(asked, baseline, None)
    blank = np.broadcast_to(start.values, asked.shape)
    ends = [activations(model, each, layer=layer, tokens=tokens) for each in (asked, blank)]
    with network.within(), tapped(network.module, layer) as tap:
        whole, empty = (_whole(network, each) for each in ends)

        def forward(points: Any, rows: Any) -> Any:
            tap.seen.clear()
            tap.put = points
            return network.answers(rows)

        found = integrate(
            forward,
            whole,
            empty,
            extra=network.tensor(asked),
            precision=precision or Precision(),
            method="layer-integrated-gradients",
            progress=progress,
        )
    around = found.base - network.evaluate(blank)
    told = replace(found, facts={**found.facts, "around": around}, settings={**found.settings, "layer": layer})
    return tensor_attributions(told, network, start.origin)


@dataclass(frozen=True, eq=False)
class GradCam:
    """`maps` (rows, height, width) of a layer, and `heat`, the same at the size of the input; both are not negative.

    Where the layer's channels speak for the target, on no scale of their own: not an attribution that sums to anything.
    """

    layer: str
    maps: Floats
    heat: Floats
    target: str
    scale: Scale


def grad_cam(
    model: Any, inputs: Any, /, *, layer: str, output: str | int | None = None, scale: Scale | None = None
) -> GradCam:
    """Grad-CAM of images (rows, channels, height, width) at a layer of the same kind of shape.

    The positive part of the layer's channels, each weighted by the mean of its gradient over the image; made as large
    as the image by bilinear interpolation. Source: Selvaraju et al. (2017), equations 1 and 2.
    """
    torch = torch_library()
    network = network_of(model, output=output, scale=scale)
    asked = checked(inputs, what="inputs")
    parts = []
    with network.within(), tapped(network.module, layer) as tap:
        size = batch_size(asked.shape)
        for i in range(0, len(asked), size):
            found = _slopes(network, asked[i : i + size], tap)
            if found.activation.ndim != 4 or asked.ndim != 4:
                raise AssayError(
                    f"The layer {layer!r} gives shape {tuple(found.activation.shape)} for inputs {asked.shape}.",
                    code="layer",
                    hint="Grad-CAM needs images and a layer of (rows, channels, height, width): a convolution.",
                )
            weights = found.gradient.mean(dim=(2, 3), keepdim=True)
            parts.append(torch.relu((weights * found.activation).sum(dim=1, keepdim=True)).detach())
    maps = torch.cat(parts)
    large = torch.nn.functional.interpolate(maps, size=asked.shape[2:], mode="bilinear", align_corners=False)
    return GradCam(
        layer,
        numbers(maps[:, 0], what="activations"),
        numbers(large[:, 0], what="activations"),
        network.target,
        network.scale,
    )


@dataclass(frozen=True, eq=False)
class _Slopes:
    activation: Any
    gradient: Any


def _slopes(network: Network, inputs: Floats, tap: Tap) -> _Slopes:
    torch = torch_library()
    tap.seen.clear()
    batch = network.tensor(inputs)
    batch = batch if network.tokens else batch.requires_grad_()
    answers = attempt(lambda: network.answers(batch))
    found = tap.value
    gradient = attempt(lambda: torch.autograd.grad(answers.sum(), found)[0])
    return _Slopes(found.detach(), gradient)


def _whole(network: Network, values: Floats) -> Any:
    """Activations as numbers, whatever the inputs are."""
    return replace(network, tokens=False).tensor(values)


def _passed(network: Network, inputs: Floats, tap: Tap) -> Any:
    tap.seen.clear()
    attempt(lambda: network.module(network.tensor(inputs)))
    return tap.value
