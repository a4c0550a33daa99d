"""The one number of a torch network that is explained, with its gradient; extra [deep]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra, unknown
from assay.explain.columns import Floats
from assay.explain.target import Scale

ELEMENTS = 1 << 22
"""Numbers in one batch of inputs."""
ROWS = 4096
"""Rows in one batch, at most."""
SCALES: tuple[Scale, ...] = ("probability", "log-odds", "value")


@dataclass(frozen=True, eq=False)
class Network:
    """A torch `module` of one batch of numbers (rows, ...), and which of its answers is explained.

    `form` says what the module gives ("logits", "probabilities" or "values"), `output` which column is meant (of one
    column: 1 is that of the second class, 0 of the first). `scale` is "probability", "log-odds", or "value": the
    module's own column. `target` says it for people; `tokens` that inputs are places of tokens, whole numbers. All
    methods leave modes, hooks and the gradients of parameters as they were.
    """

    module: Any
    form: str
    output: int
    scale: Scale
    target: str
    tokens: bool = False

    def tensor(self, inputs: Any, /) -> Any:
        """The inputs on the device of the module, in the type of its parameters (float32 where it has none)."""
        torch = torch_library()
        first = next((p for p in self.module.parameters() if p.is_floating_point()), None)
        like = torch.zeros((), dtype=torch.float32) if first is None else first
        kind = torch.int64 if self.tokens else like.dtype
        return torch.tensor(np.ascontiguousarray(inputs), device=like.device, dtype=kind)

    def answers(self, batch: Any, /) -> Any:
        """(rows,) tensor of the number that is explained, one a row of `batch`; call it `within` evaluation mode."""
        raw = self.module(batch.clone())
        shape = tuple(getattr(raw, "shape", ()))
        columns = raw[:, None] if len(shape) == 1 else raw
        known = 2 if self.form != "values" and shape[1:] in ((), (1,)) else (shape[1] if len(shape) == 2 else 1)
        if len(shape) not in (1, 2) or shape[0] != len(batch) or not 0 <= self.output < known:
            raise AssayError(
                f"The network answers {len(batch)} rows with {shape or type(raw).__name__}; output {self.output} of "
                "them is explained.",
                code="outputs",
                hint="Expected a tensor (rows, outputs). Wrap other networks in a module that gives that.",
            )
        return self._read(columns)

    def _read(self, columns: Any) -> Any:
        torch = torch_library()
        if self.form == "values":
            return columns[:, self.output]
        single = columns.shape[1] == 1
        if self.form == "probabilities":
            chance = columns[:, 0] if single else columns[:, self.output]
            chance = 1 - chance if single and self.output == 0 else chance
            return torch.logit(chance) if self.scale == "log-odds" else chance
        if single:
            margin = columns[:, 0] if self.output else -columns[:, 0]
            return torch.sigmoid(margin) if self.scale == "probability" else margin
        if self.scale == "probability":
            return torch.softmax(columns, dim=1)[:, self.output]
        own = columns[:, self.output]
        if self.scale == "value":
            return own
        others = [i for i in range(columns.shape[1]) if i != self.output]
        return own - torch.logsumexp(columns[:, others], dim=1)

    @contextmanager
    def within(self) -> Iterator[None]:
        """The module is in evaluation mode and gradients are on; afterwards every submodule is as it was."""
        torch = torch_library()
        modes = [(part, part.training) for part in self.module.modules()]
        # Programs of torch.export have no mode to set: theirs was fixed when they were traced.
        if any(mode for _, mode in modes) and not hasattr(self.module, "graph"):
            self.module.eval()
        try:
            with torch.inference_mode(False), torch.enable_grad():
                yield
        finally:
            for part, mode in modes:
                part.training = mode

    def evaluate(self, inputs: Any, /) -> Floats:
        """(rows,) float64 of the number that is explained."""
        torch = torch_library()

        def one(batch: Any) -> Any:
            with torch.no_grad():
                return self.answers(batch)

        return self._batches(inputs, one, "answers")

    def gradients(self, inputs: Any, /) -> Floats:
        """(rows, ...) float64 gradient of that number with respect to each input."""
        torch = torch_library()

        def one(batch: Any) -> Any:
            asked = batch.requires_grad_()
            return torch.autograd.grad(self.answers(asked).sum(), asked)[0]

        return self._batches(inputs, one, "gradients")

    def _batches(self, inputs: Any, doing: Callable[[Any], Any], what: str) -> Floats:
        size = batch_size(np.shape(inputs))
        with self.within():
            parts = [
                numbers(attempt(partial(doing, self.tensor(inputs[start : start + size]))), what=what)
                for start in range(0, len(inputs), size)
            ]
        return np.concatenate(parts)


def network_of(
    model: Any, /, *, output: str | int | None = None, scale: Scale | None = None, tokens: bool = False
) -> Network:
    """The Network of a model: a `TorchModel`, or a torch module itself, whose column `output` (0) is its own value.

    Of a TorchModel `output` names the class, by default the last; `scale` is "probability" for classifiers and "value"
    for regressions where nothing is given. Raises AssayError where the model is no torch module in this process, and
    for a class or scale that it does not have.
    """
    torch = torch_library()
    if isinstance(model, torch.nn.Module):
        if isinstance(output, str) or scale not in (None, "value"):
            raise AssayError(
                "A bare torch module has columns of values: no class names, and no scale.",
                code="output",
                hint="Give a column's number, or wrap it: assay.wrap_model(module, classes=..., output='logits').",
            )
        return Network(model, "values", int(output or 0), "value", f"output {int(output or 0)}", tokens)
    module = getattr(model, "module", None)
    if not isinstance(module, torch.nn.Module) or not getattr(model, "form", ""):
        raise AssayError(
            f"{getattr(model, 'name', type(model).__name__)} is no torch network in this process.",
            code="model",
            hint="Methods by gradients and layers need one; take permutation-shap or lime for any other model.",
        )
    if not model.classes:
        if output not in (None, 0) or scale not in (None, "value"):
            raise AssayError(
                f"A regression has no output {output!r} on the scale {scale!r}.",
                code="output",
                hint="It has one number, on the scale 'value'.",
            )
        return Network(module, "values", 0, "value", "prediction", tokens)
    place = _place(model.classes, output)
    return on_scale(Network(module, model.form, place, "probability", "", tokens), model.classes[place], scale)


def on_scale(network: Network, label: str, scale: Scale | None, /) -> Network:
    """The same Network of the class called `label` on another scale, and so named."""
    chosen = scale or "probability"
    if chosen not in SCALES:
        raise unknown("scale", chosen, SCALES)
    own = "logit" if network.form == "logits" else "probability"
    names = {"probability": f"P({label})", "log-odds": f"log-odds of {label}", "value": f"{own} of {label}"}
    return replace(network, scale=chosen, target=names[chosen])


def _place(classes: tuple[str, ...], output: str | int | None) -> int:
    if output is None:
        return len(classes) - 1
    if isinstance(output, str):
        if output not in classes:
            raise unknown("class of the model", output, classes, code="class")
        return classes.index(output)
    if not 0 <= output < len(classes):
        raise AssayError(f"There is no output {output}.", code="output", hint=f"Give one from 0 to {len(classes) - 1}.")
    return output


def torch_library() -> Any:
    """The torch module, or the error that names the extra."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("An explanation by gradients", extra="deep") from error
    return torch


def captum_methods() -> Any:
    """The module `captum.attr`, or the error that names the extra."""
    try:
        import captum.attr
    except ImportError as error:
        raise MissingExtra("An explanation by Captum", extra="deep") from error
    return captum.attr


def attempt(doing: Callable[[], Any], /) -> Any:
    """What `doing` returns; what torch raises about inputs that do not fit the network becomes one AssayError."""
    try:
        return doing()
    except (RuntimeError, IndexError, TypeError) as error:
        shown = "".join(c if c.isprintable() else "�" for c in " ".join(str(error).split()))[:300]
        raise AssayError(
            f"The network could not be explained on these inputs: {shown}",
            code="inputs",
            hint="Give numbers of the shape it was trained on, the rows first; it must be differentiable throughout.",
        ) from error


def numbers(tensor: Any, /, *, what: str) -> Floats:
    """The float64 array of a tensor; NaN and infinity are refused."""
    array: Floats = tensor.detach().cpu().double().numpy()
    if not np.isfinite(array).all():
        raise AssayError(
            f"The network has {what} that are NaN or infinite.",
            code="outputs",
            hint="Fill missing values, and look for square roots or logarithms of 0 in the network.",
        )
    return array


def batch_size(shape: tuple[int, ...], /) -> int:
    """Rows of a batch of inputs of this shape (rows, ...)."""
    return int(max(1, min(ROWS, ELEMENTS // max(1, int(np.prod(shape[1:]))))))
