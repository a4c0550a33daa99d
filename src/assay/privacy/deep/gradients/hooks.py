"""What Opacus sees in a backward pass, kept as the gradient of each parameter for each row of the batch."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from opacus.grad_sample import GradSampleHooks
from opacus.grad_sample.functorch import ft_compute_per_sample_gradient, prepare_layer
from opacus.layers.dp_rnn import DPGRU, DPLSTM, DPRNN, RNNLinear
from torch import Tensor, nn

from assay.core.errors import AssayError
from assay.privacy.deep.gradients.factors import EmbeddingFactors, LinearFactors, RowGradient, Whole

LOOP = "Go through dp.loader, and for each batch: model(batch), one loss.backward(), one optimizer.step()."


class RowGradients(GradSampleHooks):  # type: ignore[misc]
    """After `backward`, `found` maps each trained parameter to its RowGradients for the batch announced by `begin`.

    Attached to `model` without wrapping it; `cleanup` (of Opacus) takes it off. With `ghost`, linear layers and
    embeddings keep the two factors of their gradients, and no gradient of a row is built for them. The others are
    Opacus' gradient samplers: convolutions, normalisation, recurrent cells, attention, and torch.func for what it has
    no rule for. Not from Opacus, where it answers wrongly or crashes: padding entries of embeddings, layer
    normalisation without bias, parameters used twice under ghost clipping, layers run forward more often than
    backward. Gradients of outputs come from hooks on tensors, not on modules: those of torch forbid operations in
    place, and warn at each first layer.

    `mean` says that the loss is a mean over rows (else a sum). Errors are AssayError "training-loop" for a loop that
    breaks the plan, "per-example" where rows cannot be told apart.
    """

    def __init__(self, model: nn.Module, /, *, mean: bool, ghost: bool) -> None:
        self.ghost, self.rows, self.mean = ghost, 0, mean
        self.found: dict[nn.Parameter, list[RowGradient]] = {}
        self.names = {module: name for name, module in model.named_modules()}
        try:
            super().__init__(model, batch_first=True, loss_reduction="mean" if mean else "sum")
        except NotImplementedError as error:
            raise AssayError(
                f"Opacus has no gradients per example for a layer of this model: {str(error)[:200]}",
                code="per-example",
                hint="Freeze the layer, or move its buffers out of it.",
            ) from error

    def add_hooks(self, **_settings: Any) -> None:
        """Watch every layer that has numbers to train, on its own or as a whole where Opacus has no rule for it."""
        self.autograd_grad_sample_hooks = []
        self.layers = [m for m in self.iterate_submodules(self._module) if type(m) not in (DPRNN, DPLSTM, DPGRU)]
        for layer in self.layers:
            if self._by_torch(layer):
                prepare_layer(layer, batch_first=True)  # copies the layer: before anything is attached to it
        self.autograd_grad_sample_hooks += [layer.register_forward_hook(self._forward) for layer in self.layers]
        self.enable_hooks()

    def begin(self, rows: int, /) -> None:
        """The next forward and backward pass are for a batch of `rows`; what an earlier one left is gone.

        With 0 rows, passes are none of a batch and are not looked at.
        """
        self.rows, self.found = rows, {}

    def _forward(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if not (self.rows and self.hooks_enabled and layer.training and torch.is_grad_enabled()):
            return
        tensors = [given.detach() for given in inputs if isinstance(given, Tensor)]
        if not tensors or not isinstance(output, Tensor) or (self._by_torch(layer) and len(tensors) > 1):
            raise AssayError(
                f"{_shown(self.names[layer])} does not turn one positional tensor into one tensor.",
                code="per-example",
                hint="Pass a layer its input as the first argument, and nothing beside it.",
            )
        if output.requires_grad:
            watch: Any = output.register_hook
            watch(lambda gradient: self._backward(layer, tensors, gradient.detach()))

    def _backward(self, layer: nn.Module, inputs: list[Tensor], gradient: Tensor) -> None:
        if not self.hooks_enabled:
            return
        each = gradient * self.rows if self.mean else gradient
        for parameter, rows in self._gradients(layer, inputs, each).items():
            if parameter.requires_grad:
                self._add(layer, parameter, rows)

    def _by_torch(self, layer: nn.Module) -> bool:
        """True where torch.func computes the gradients of the rows."""
        return type(layer) not in self.GRAD_SAMPLERS or (type(layer) is nn.LayerNorm and layer.bias is None)

    def _gradients(self, module: nn.Module, inputs: list[Tensor], backprops: Tensor) -> dict[Any, RowGradient]:
        if type(module) is nn.Embedding and module.padding_idx is not None:
            backprops = backprops.masked_fill((inputs[0] == module.padding_idx)[..., None], 0)
        if self.ghost and type(module) is nn.Linear:
            found: dict[Any, RowGradient] = {module.weight: LinearFactors(inputs[0], backprops)}
            if module.bias is not None:
                found[module.bias] = Whole(backprops.reshape(len(backprops), -1, backprops.shape[-1]).sum(1))
            return found
        if self.ghost and type(module) is nn.Embedding:
            return {module.weight: EmbeddingFactors(inputs[0], backprops, entries=module.num_embeddings)}
        sampler = ft_compute_per_sample_gradient if self._by_torch(module) else self.GRAD_SAMPLERS[type(module)]
        with warnings.catch_warnings():
            # torch.func says that an operator has no batching rule and is slower; the numbers are the same.
            warnings.filterwarnings("ignore", message="There is a performance drop", category=UserWarning)
            return {p: Whole(rows) for p, rows in sampler(module, inputs, backprops).items()}

    def _add(self, module: nn.Module, parameter: nn.Parameter, gradient: RowGradient) -> None:
        rows = len(gradient.outputs if isinstance(gradient, LinearFactors | EmbeddingFactors) else gradient.whole())
        if isinstance(module, RNNLinear) and rows < self.rows:
            padded = gradient.whole().new_zeros(self.rows, *parameter.shape)
            padded[:rows] = gradient.whole()
            gradient, rows = Whole(padded), self.rows
        if rows != self.rows:
            raise AssayError(
                f"{_shown(self.names[module])} has gradients for {rows} rows; the batch has {self.rows}.",
                code="per-example",
                hint="Every tensor needs the rows of the batch, all and in order, as its first dimension. A layer with "
                "one input for all rows, as position embeddings: give it that input for each row (position_ids), or "
                "freeze it (privacy.lora, privacy.head_only).",
            )
        before = self.found.get(parameter)
        if before is None:
            self.found[parameter] = [gradient]
        else:  # used more than once: the norm of a sum needs the sum
            self.found[parameter] = [Whole(before[0].whole() + gradient.whole())]


def _shown(name: str) -> str:
    return f"The layer {name!r}" if name else "The model"
