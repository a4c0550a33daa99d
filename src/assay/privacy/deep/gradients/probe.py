"""Whether a network does with one example what it would do without the others, seen at the first batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from opacus.layers.dp_rnn import RNNLinear
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from assay.core.errors import AssayError
from assay.privacy.deep.gradients.clipping import Found
from assay.privacy.deep.gradients.layers import FIX, single_values

TOLERANCE = 1e-3
"""Relative difference between a gradient and the sum of its rows that rounding may make."""


class Probe:
    """Watches `model` until one batch of at least two rows went through it, then takes itself off.

    At that forward pass the network is run twice more, without gradients and with the same random numbers, the second
    time with other numbers in the first row: the answers for the other rows must not move, nor what trained layers are
    given for them; no buffer may change (it would hold the data without noise), and no normalisation may be given
    single numbers. Where batches are `steady`, all of one size, it is run with one row more, too: what a trained layer
    is given must grow with it, and not have that many rows by coincidence, as places of a text. At the backward pass,
    `compare` holds the sum of the gradients of the rows against the gradient of autograd. What is compared are shapes
    and equalities that hold for every data set or for none. A loss that mixes rows is not seen: it must be a mean or a
    sum over rows of what each row costs by itself (not over the tokens or weights of the whole batch).
    """

    def __init__(
        self, model: nn.Module, layers: Sequence[nn.Module], /, *, quiet: Callable[[], Any], steady: bool
    ) -> None:
        self.model, self.layers, self.quiet, self.steady = model, layers, quiet, steady
        self.rows, self.active = 0, True
        self._handle = model.register_forward_pre_hook(self._look, with_kwargs=True)

    def close(self) -> None:
        """Take it off."""
        self._handle.remove()
        self.active = False

    def _look(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = [leaf for leaf in _leaves([args, kwargs]) if isinstance(leaf, Tensor) and leaf.dim()]
        batch = self.rows >= 2 and any(len(leaf) == self.rows for leaf in given)
        if not (batch and model.training and torch.is_grad_enabled()):
            return
        self._handle.remove()
        buffers = {name: buffer.detach().clone() for name, buffer in model.named_buffers()}
        zeroing: list[str] = []
        seen: list[Tensor] = []
        watched = [
            module.register_forward_pre_hook(lambda layer, given, name=name: _note(zeroing, name, layer, given))
            for name, module in model.named_modules()
        ]
        watched += [
            layer.register_forward_pre_hook(lambda _, given: seen.extend(given[:1]))
            for layer in self.layers
            if layer is not model and type(layer) is not RNNLinear  # its rows are those still running
        ]
        with self.quiet(), torch.no_grad():
            first = [*_run(model, args, kwargs), *seen]
            seen.clear()
            second = [*_run(model, *_other_first_row(args, kwargs, self.rows)), *seen]
            seen.clear()
            if self.steady:
                _run(model, *_one_row_more(args, kwargs, self.rows))
            fitting = all(len(tensor) == self.rows + 1 for tensor in seen)
        for handle in watched:
            handle.remove()
        changed = [name for name, buffer in model.named_buffers() if not _same(buffer, buffers[name])]
        for name, buffer in model.named_buffers():
            buffer.data.copy_(buffers[name])
        _refuse_where(zeroing, "gives a normalisation single numbers, so that it answers zero", "Use nn.LayerNorm.")
        _refuse_where(changed, "changes with the data, without noise", FIX)
        if not fitting:
            raise AssayError(
                "A trained layer is given something that is not of the rows of the batch, but has as many.",
                code="per-example",
                hint="Give it its input for each row, as position_ids (rows, places), or freeze it.",
            )
        if any(_moved(a, b, self.rows) for a, b in zip(first, second, strict=False)):
            raise AssayError(
                "What the model computes for an example depends on the other examples of its batch.",
                code="layers",
                hint="Keep every operation within its row (dimension 0 is the batch).",
            )

    def compare(self, found: Found, /, *, rows: int, mean: bool, names: Mapping[nn.Parameter, str]) -> None:
        """Raise unless the rows add up to the gradient that autograd left in each parameter; take the probe off."""
        if rows < 2:
            return
        totals = {}
        for parameter, (gradient,) in found.items():
            one = torch.ones(rows, device=parameter.device)
            totals[parameter] = gradient.weighted(one).reshape(parameter.shape) / (rows if mean else 1)
        seen = {p: p.grad.to_dense() for p in totals if p.grad is not None}
        if not all(bool(torch.isfinite(t).all()) for t in (*totals.values(), *seen.values())):
            return
        self.close()
        largest = max((float(grad.norm()) for grad in seen.values()), default=0.0)
        for parameter, grad in seen.items():
            away = float((totals[parameter].to(grad.dtype) - grad).norm())
            if away > TOLERANCE * float(grad.norm()) + 1e-2 * TOLERANCE * largest:
                raise AssayError(
                    f"The gradients of the rows do not add up to that of {names[parameter]!r}.",
                    code="per-example",
                    hint="Call the layer itself, not its weight, and let the loss be a mean over rows (or loss='sum').",
                )


def _note(zeroing: list[str], name: str, layer: nn.Module, given: tuple[Any, ...]) -> None:
    if given and isinstance(given[0], Tensor) and len(given[0]) and single_values(layer, given[0]):
        zeroing.append(name)


def _refuse_where(names: list[str], what: str, hint: str) -> None:
    if names:
        raise AssayError(f"The layer or buffer {names[0]!r} {what}.", code="layers", hint=hint)


def _run(model: nn.Module, args: Any, kwargs: Any) -> list[Tensor]:
    """All tensors of the answer; random numbers, as of dropout, are those of the pass to come."""
    with torch.random.fork_rng():
        answer = model.forward(*args, **kwargs)
    return [leaf for leaf in _leaves(answer) if isinstance(leaf, Tensor)]


def _leaves(answer: Any) -> Iterator[Any]:
    if isinstance(answer, Mapping):
        for value in answer.values():
            yield from _leaves(value)
    else:
        yield from tree_flatten(answer)[0]


def _other_first_row(args: Any, kwargs: Any, rows: int) -> tuple[Any, Any]:
    """The same arguments with other numbers in the first row: floats moved, whole numbers those of the second row."""

    def changed(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or leaf.dim() == 0 or len(leaf) != rows:
            return leaf
        moved = leaf.detach().clone()
        moved[0] = leaf[0] * 2 + 50 if leaf.is_floating_point() else leaf[1]
        return moved

    return tree_map(changed, args), tree_map(changed, kwargs)


def _one_row_more(args: Any, kwargs: Any, rows: int) -> tuple[Any, Any]:
    """The same arguments with the last row twice."""

    def longer(leaf: Any) -> Any:
        own = isinstance(leaf, Tensor) and leaf.dim() > 0 and len(leaf) == rows
        return torch.cat([leaf, leaf[-1:]]) if own else leaf

    return tree_map(longer, args), tree_map(longer, kwargs)


def _moved(first: Tensor, second: Tensor, rows: int) -> bool:
    if first.dim() == 0 or len(first) != rows or first.shape != second.shape:
        return False
    a, b = first[1:], second[1:]
    if not first.is_floating_point():
        return not torch.equal(a, b)
    return not torch.allclose(a, b, rtol=1e-5, atol=1e-6 * float(a.abs().nan_to_num().max() + 1), equal_nan=True)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(a.nan_to_num(), b.nan_to_num()))
