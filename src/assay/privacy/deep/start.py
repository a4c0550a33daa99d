"""Private training of a torch module, begun: what can be refused is refused before a row is drawn."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from assay.core.errors import AssayError, unknown
from assay.privacy.accounting.plan import Sampling
from assay.privacy.deep.gradients.layers import require_fitting
from assay.privacy.deep.loader import checked
from assay.privacy.deep.promise import Account, promised
from assay.privacy.deep.sampling import Schedule, Units
from assay.privacy.deep.settings import Settings
from assay.privacy.deep.training import Training
from assay.privacy.training.sampling import insecure_generator, system_generator


def dp_training(
    model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any], /, **settings: Any
) -> Training:
    """A context in which `optimizer.step()` is differentially private (Abadi and others 2016, arXiv 1607.00133).

        with dp_training(model, optimizer, loader, target_epsilon=3, delta=1e-5, epochs=10, max_grad_norm=1) as dp:
            for x, y in dp.loader:
                criterion(model(x), y).backward()
                optimizer.step()
        print(dp.statement.text())

    `settings` are those of Settings. One iteration of `dp.loader` is the whole plan, `dp.epochs()` gives it epoch by
    epoch. Any optimizer without a closure will do: what comes after the noise is free. Gradients that are NaN or
    infinite count as zero.

    The loss must be a mean or a sum over rows of what each row costs by itself: not a contrast between rows, not a mean
    over all the tokens or class weights of a batch. That is the one thing that is not checked.

    Raises AssayError: "layers" (with the fix: `privacy.fixed`), "loader", "repeats", "sampler", "plan", "target",
    "delta", "units", "resume", "optimizer", and "training-loop" or "per-example" from within the loop; MissingExtra
    without torch or Opacus.
    """
    known = [field.name for field in fields(Settings)]
    for name in settings:
        if name not in known:
            raise unknown("setting of private training", name, known)
    if "delta" not in settings:
        raise AssayError("Private training needs a delta.", code="delta", hint="Give one well below 1 / examples.")
    return begun(model, optimizer, loader, Settings(**settings))


def begun(
    model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any], settings: Settings, /
) -> Training:
    """The Training of `dp_training`."""
    data = checked(loader)
    require_fitting(model)
    _own_parameters(model, optimizer)
    people = Units(len(data.dataset), settings.units)  # type: ignore[arg-type]
    promise = promised(
        settings.plan(data, count=people.count),
        delta=settings.delta,
        accountant=settings.accountant,
        target_epsilon=settings.target_epsilon,
        noise_multiplier=settings.noise_multiplier,
        saved=settings.state,
    )
    seed = settings.insecure_seed
    schedule = Schedule(
        promise.plan,
        people,
        generator=system_generator() if seed is None else insecure_generator(seed),
        most=settings.max_rows_at_once,
        custom=data.batch_sampler if promise.plan.sampling is Sampling.CUSTOM else None,
    )
    account = Account(settings.ledger, promise, settings.who, settings.what)
    return Training(model, optimizer, data, schedule, account, settings)


def _own_parameters(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raise unless the optimizer trains all numbers of the model that are to be trained, and no others."""
    own = {p: name for name, p in model.named_parameters() if p.requires_grad}
    trained = {p for group in optimizer.param_groups for p in group["params"] if p.requires_grad}
    if not trained or not trained <= set(own):
        strange = "The optimizer trains numbers that the model does not have."
        raise AssayError(
            strange if trained else "The optimizer trains nothing.",
            code="optimizer",
            hint="Make it anew from model.parameters(), after the model was fixed or changed.",
        )
    if left := [name for p, name in own.items() if p not in trained]:
        raise AssayError(
            f"The model has numbers to train that the optimizer has not, as {left[0]!r}: another optimizer would see "
            "their gradients without noise.",
            code="optimizer",
            hint="Give them to the optimizer, or freeze them: privacy.head_only(model, ...).",
        )
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        raise AssayError("Private training runs in one process.", code="optimizer", hint="Leave torch.distributed out.")
