"""Where a transformer looks: attention weights by layer and head, and their rollout. Not an attribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.deep.network import attempt, network_of, numbers, torch_library
from assay.explain.deep.tensors import checked

STATEMENT = (
    "Attention weights say where a layer looked, not what the answer depends on: they can change greatly without any "
    "change of the answer (Jain & Wallace 2019). They are not an attribution."
)


@dataclass(frozen=True, eq=False)
class Attention:
    """`weights[layer]` (rows, heads, to, from): how much place `to` took from each place `from`; sums over from are 1.

    `layers` are the names of the attention layers in the order they ran; `statement` is to be shown beside any picture.
    """

    layers: tuple[str, ...]
    weights: tuple[Floats, ...]
    statement: str = STATEMENT

    def of(self, layer: str, /, *, head: int | None = None) -> Floats:
        """(rows, to, from) of one head of a layer, or their mean."""
        if layer not in self.layers:
            raise unknown("attention layer", layer, self.layers, code="layer")
        found = self.weights[self.layers.index(layer)]
        if head is None:
            return np.asarray(found.mean(axis=1))
        if not 0 <= head < found.shape[1]:
            raise AssayError(
                f"There is no head {head}.", code="head", hint=f"They are numbered from 0 to {found.shape[1] - 1}."
            )
        return np.asarray(found[:, head])

    def rollout(self, layers: Sequence[str] = (), /) -> Floats:
        """(rows, to, from): attention followed through all self-attention layers, with the residual connections.

        The product of ½·mean over heads + ½·I, the last layer on the left. Source: Abnar & Zuidema (2020), section 3.
        """
        names = tuple(layers) or self.layers
        found = [self.of(name) for name in names]
        places = found[0].shape[1:]
        if any(each.shape[1:] != places or places[0] != places[1] for each in found):
            raise AssayError(
                "These layers do not attend over the same places.",
                code="layer",
                hint="Name the self-attention layers of one encoder.",
            )
        whole = np.eye(places[0])[None]
        for each in found:
            whole = (each / 2 + np.eye(places[0]) / 2) @ whole
        return np.asarray(whole)


def attention(model: Any, inputs: Any, /, *, tokens: bool = False) -> Attention:
    """The Attention of every `torch.nn.MultiheadAttention` in the model for inputs (rows, ...), in evaluation mode.

    `tokens`: inputs are places of tokens, whole numbers.

    Raises AssayError where the model has none: transformers with attention of their own making are not seen.
    """
    torch = torch_library()
    network = network_of(model, tokens=tokens)
    asked = checked(inputs, what="inputs")
    inner = {
        name: part for name, part in network.module.named_modules() if isinstance(part, torch.nn.MultiheadAttention)
    }
    if not inner:
        raise AssayError(
            f"{type(network.module).__name__} has no torch.nn.MultiheadAttention.",
            code="layer",
            hint="Only its attention weights can be shown.",
        )
    seen: list[tuple[str, Any]] = []
    with network.within(), torch.no_grad(), _watched(inner, seen):
        attempt(lambda: network.module(network.tensor(asked)))
    if not seen or any(weights.ndim != 4 or len(weights) != len(asked) for _, weights in seen):
        raise AssayError("The attention of these inputs has no rows.", code="layer", hint="Give a batch, rows first.")
    names = [name for name, _ in seen]
    if len(set(names)) < len(names):
        raise AssayError("An attention layer ran twice in one pass.", code="layer", hint="Its runs are not told apart.")
    return Attention(tuple(names), tuple(numbers(weights, what="attention weights") for _, weights in seen))


ORDER = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")
"""The arguments of `torch.nn.MultiheadAttention.forward`."""


@contextmanager
def _watched(layers: dict[str, Any], seen: list[tuple[str, Any]]) -> Iterator[None]:
    """Every layer is asked for its weights by head, which go to `seen`; torch's fused path, which has none, is off.

    Callers get what they asked for: no weights, their mean over heads, or all. The hooks are gone afterwards.
    """
    handles = []
    wanted: list[str] = []

    def ask(_layer: Any, inputs: Any, named: dict[str, Any]) -> Any:
        given = {**dict(zip(ORDER, inputs, strict=False)), **named}
        mean = "mean" if given.get("average_attn_weights", True) else "all"
        wanted.append(mean if given.get("need_weights", True) else "none")
        return (), {**given, "need_weights": True, "average_attn_weights": False}

    def keeper(name: str) -> Any:
        def keep(_layer: Any, _inputs: Any, given: Any) -> Any:
            weights = given[1]
            seen.append((name, weights))
            return given[0], {"none": None, "mean": weights.mean(dim=-3), "all": weights}[wanted.pop()]

        return keep

    try:
        for name, layer in layers.items():
            handles.append(layer.register_forward_pre_hook(ask, with_kwargs=True))
            handles.append(layer.register_forward_hook(keeper(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()
