"""Tuning a large network by few numbers: its head, or low-rank changes of some linear layers; the rest stays frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from assay.core.errors import AssayError, unknown


class LoraLinear(nn.Module):
    """A frozen linear layer plus `scale` · up(down(x)), a change of rank `rank` that starts at zero.

    Two plain linear layers, so that their gradients per example are those of linear layers. Source: Hu and others 2021,
    arXiv 2106.09685.
    """

    def __init__(self, base: nn.Linear, /, *, rank: int, scale: float) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        for parameter in base.parameters():
            parameter.requires_grad_(False)
        like = base.weight
        self.down = nn.Linear(base.in_features, rank, bias=False, device=like.device, dtype=like.dtype)
        self.up = nn.Linear(rank, base.out_features, bias=False, device=like.device, dtype=like.dtype)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        found: Tensor = self.base(x) + self.up(self.down(x)) * self.scale
        return found

    def merged(self) -> nn.Linear:
        """The frozen layer with the change added to its weight."""
        self.base.weight.data += self.scale * (self.up.weight.data @ self.down.weight.data)
        return self.base


def head_only(model: nn.Module, head: str | Sequence[str], /) -> list[nn.Parameter]:
    """Everything in `model` is frozen but the modules named in `head`; their parameters, for the optimizer.

    What the frozen part was trained on is not protected by a private training of the head.
    """
    names = [head] if isinstance(head, str) else list(head)
    known = [name for name, _ in model.named_modules() if name]
    for name in names:
        if name not in known:
            raise unknown("module of this model", name, known)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    trained = [p for name in names for p in model.get_submodule(name).parameters()]
    if not trained:
        raise AssayError(
            f"{', '.join(names)} has no numbers to train.", code="head", hint="Name the last linear layer."
        )
    for parameter in trained:
        parameter.requires_grad_(True)
    return list(dict.fromkeys(trained))


def lora(
    model: nn.Module,
    /,
    *,
    layers: Sequence[str],
    rank: int = 8,
    scale: float = 2.0,
    also: Sequence[str] = (),
) -> list[nn.Parameter]:
    """`model` with a low-rank change in each linear layer whose name ends in one of `layers`; all else is frozen.

    `layers` are last parts of dotted names, as ("query", "value") in BERT; the modules named in `also`, as a new
    classifier, are trained whole. Changes `model` in place and gives the trained parameters, for the optimizer. After
    training, `merged(model)` folds the changes into plain linear layers.
    """
    linear = {name: m for name, m in model.named_modules() if type(m) is nn.Linear}
    chosen = {name: m for name, m in linear.items() if any(f".{name}".endswith(f".{end}") for end in layers)}
    if not chosen:
        raise unknown("linear layer", ", ".join(layers), {name.rpartition(".")[2] for name in linear})
    if rank < 1:
        raise AssayError(f"The rank must be 1 or more; it is {rank}.", code="rank", hint="4 to 16 are usual.")
    whole = head_only(model, also) if also else []
    if not also:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
    trained: list[nn.Parameter] = []
    for name, layer in chosen.items():
        new = LoraLinear(layer, rank=rank, scale=scale)
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, new)
        trained += [*new.down.parameters(), *new.up.parameters()]
    return [*trained, *(p for p in whole if p.requires_grad)]


def merged(model: nn.Module, /) -> nn.Module:
    """`model` with every low-rank change folded into its linear layer: the network it was, with other numbers."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLinear):
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, module.merged())
    return model
