"""Private training with torch as calls of `assay.privacy`; torch and Opacus are loaded by the call."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from assay.core.errors import MissingExtra

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

    from assay.privacy.deep.modules import TrainedModule
    from assay.privacy.deep.training import Training
    from assay.privacy.training.fitting import Fitted
    from assay.privacy.training.network import Architecture


def dp_training(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any], /, **settings: Any
) -> Training:
    """A context in which `optimizer.step()` is differentially private; see `deep.start.dp_training`.

    Settings, see `deep.settings.Settings`: delta, and target_epsilon or noise_multiplier, epochs or steps; then
    accountant, max_grad_norm, examples, batch, sampling, repeats, units, unit, adjacency, clipping, microbatches,
    views, adaptive, max_rows_at_once, loss, ledger, who, what, state, diagnostics, insecure_seed.
    """
    _require("Private training of a network")
    from assay.privacy.deep.start import dp_training as started

    return started(model, optimizer, loader, **settings)


def fixed(model: torch.nn.Module, /) -> torch.nn.Module:
    """A copy of `model` whose layers can be trained privately; see `deep.gradients.layers.fixed`."""
    _require("The fix of a network")
    from assay.privacy.deep.gradients.layers import fixed as made

    return made(model)


def head_only(model: torch.nn.Module, head: str | Sequence[str], /) -> list[torch.nn.Parameter]:
    """All of `model` frozen but the modules named in `head`, whose parameters these are; see `deep.tuning`."""
    _require("Tuning a network")
    from assay.privacy.deep.tuning import head_only as chosen

    return chosen(model, head)


def lora(
    model: torch.nn.Module, /, *, layers: Sequence[str], rank: int = 8, scale: float = 2.0, also: Sequence[str] = ()
) -> list[torch.nn.Parameter]:
    """`model` with low-rank changes in the linear layers named, whose parameters these are; see `deep.tuning`."""
    _require("Tuning a network")
    from assay.privacy.deep.tuning import lora as chosen

    return chosen(model, layers=layers, rank=rank, scale=scale, also=also)


def merged(model: torch.nn.Module, /) -> torch.nn.Module:
    """`model` with the changes of `lora` folded into its linear layers."""
    _require("Tuning a network")
    from assay.privacy.deep.tuning import merged as folded

    return folded(model)


def fit_module(*given: Any, **settings: Any) -> Fitted[TrainedModule]:
    """A person's own network, trained privately on Examples; see `deep.modules.fit_module`."""
    _require("A network of torch")
    from assay.privacy.deep.modules import fit_module as fitted

    return fitted(*given, **settings)


def check_network(name: str, architecture: Architecture, /) -> None:
    """Raise where "package.module:Net" is no network for `architecture`, or could not be trained or saved."""
    _require("A network of torch")
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise MissingExtra("Saving a network of torch", extra="convert")
    from assay.privacy.deep.gradients.layers import require_fitting
    from assay.privacy.deep.modules import classes_of, module_named

    require_fitting(module_named(name, inputs=architecture.inputs, outputs=classes_of(architecture) or 1))


def _require(what: str) -> None:
    if find_spec("torch") is None or find_spec("opacus") is None:
        raise MissingExtra(what, extra="deep")
