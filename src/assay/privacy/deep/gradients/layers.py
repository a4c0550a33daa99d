"""Layers that private training cannot have, what is put in their place, and whether that behaves."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from opacus.validators import ModuleValidator
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from assay.core.errors import AssayError
from assay.privacy.deep.gradients.attention import LinearAttention

LARGEST_GROUPS = 32
"""Groups of a group normalisation, at most (Wu & He 2018, arXiv 1803.08494)."""

FIX = "privacy.fixed(model) gives a copy with layers that private training can have; make its optimizer anew."
_RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)


def faults(model: nn.Module, /) -> Iterator[str]:
    """Why the layers of `model`, in training mode, cannot be trained privately; nothing where they can.

    Also layers that Opacus lets pass: batch normalisation without trainable numbers, embeddings that count how often an
    id is in the batch or rescale their table by it.
    """
    for name, module in model.named_modules():
        where = f"the layer {name!r}" if name else "the model"
        if isinstance(module, _BatchNorm) and (module.training or not module.track_running_stats):
            yield f"{where} ({type(module).__name__}) normalises an example by the others of its batch"
        elif isinstance(module, _InstanceNorm) and module.track_running_stats:
            yield f"{where} ({type(module).__name__}) keeps statistics of the data without noise"
        elif isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.scale_grad_by_freq:
            yield f"{where} (scale_grad_by_freq) counts over the examples of a batch"
        elif isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.max_norm is not None:
            yield f"{where} (max_norm) changes its table by what is in a batch, without noise"
        elif type(module) in (nn.MultiheadAttention, *_RECURRENT) and _trained(module):
            yield f"{where} ({type(module).__name__}) hides its gradients per example"


def require_fitting(model: nn.Module, /, *, hint: str = FIX) -> None:
    """Raises AssayError "layers" with the faults and what to do."""
    found = list(faults(model))
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        raise AssayError(
            f"This model cannot be trained privately: {'; '.join(found[:3])}{more}.", code="layers", hint=hint
        )


def fixed(model: nn.Module, /) -> nn.Module:
    """A copy of `model` whose layers can be trained privately, each replacement tried on random numbers.

    Batch normalisation becomes group normalisation whose groups hold at least two channels (all of them where rows may
    have no further numbers): with one number in a group, as Opacus' own fix has on rows of up to 32 features, the layer
    would answer zero whatever it is given. Attention becomes linear layers, LSTM and GRU those of Opacus, with the same
    weights; instance normalisation keeps no statistics. The copy is another network: it has to be trained. Raises
    AssayError "layers" where a layer has no replacement, or one that does not behave.
    """
    made = copy.deepcopy(model)
    for name, module in list(made.named_modules()):
        new = _replacement(module)
        if new is None:
            continue
        first = next(module.parameters(), None)
        new = new.to(first.device if first is not None else "cpu").train(module.training)
        made = _put(made, name, new)
    require_fitting(made, hint="There is no replacement for it: build the network with another layer.")
    return made


def _replacement(module: nn.Module) -> nn.Module | None:
    if isinstance(module, _BatchNorm):
        flat = isinstance(module, nn.BatchNorm1d | nn.SyncBatchNorm)
        new = _group_norm(module.num_features, affine=module.affine, eps=module.eps, flat=flat)
        _behaves(new, module.num_features, flat=flat)
        return new
    if isinstance(module, _InstanceNorm) and module.track_running_stats:
        kind = type(module)
        return kind(module.num_features, eps=module.eps, affine=module.affine, track_running_stats=False)
    if type(module) is nn.MultiheadAttention:
        return LinearAttention(module)
    if type(module) in ModuleValidator.FIXERS and not isinstance(module, _InstanceNorm):
        found: nn.Module = ModuleValidator.FIXERS[type(module)](module)
        return found
    return None


def _group_norm(channels: int, *, affine: bool, eps: float, flat: bool) -> nn.GroupNorm:
    if flat:
        if channels == 1:
            raise AssayError(
                "Batch normalisation of a single feature has nothing to put in its place: within one row there is "
                "nothing to normalise by.",
                code="layers",
                hint="Take the layer out, and scale that feature by public numbers.",
            )
        return nn.GroupNorm(1, channels, affine=affine, eps=eps)
    sizes = range(min(LARGEST_GROUPS, channels // 2), 0, -1)
    groups = next((groups for groups in sizes if channels % groups == 0), 1)
    return nn.GroupNorm(groups, channels, affine=affine, eps=eps)


def _behaves(layer: nn.GroupNorm, channels: int, *, flat: bool) -> None:
    """Rows in different numbers come out different, and no row depends on another."""
    shape = (3, channels) if flat else (3, channels, 2, 2)
    given = torch.linspace(-1, 2, 3 * channels * (1 if flat else 4)).square().reshape(shape)
    with torch.no_grad():
        whole, alone = layer(given), layer(given[:1])
    if not bool(whole.abs().amax(tuple(range(1, whole.dim()))).gt(1e-3).all()) or not torch.allclose(whole[:1], alone):
        raise AssayError("The replacement of a normalisation layer does not behave.", code="layers")


def _put(root: nn.Module, name: str, new: nn.Module) -> nn.Module:
    if not name:
        return new
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, new)
    return root


def single_values(layer: nn.Module, given: Tensor, /) -> bool:
    """True where a normalisation would see one number at a time and answer zero (opacus#567): by shapes alone."""
    if isinstance(layer, nn.GroupNorm):
        return given.dim() >= 2 and given[0].numel() <= layer.num_groups
    return isinstance(layer, _InstanceNorm) and given.dim() >= 2 and given[0].numel() <= given.shape[1]


def _trained(module: nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters())
