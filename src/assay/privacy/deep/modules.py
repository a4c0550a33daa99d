"""A person's own torch network, trained privately on an encoded table, for `assay privacy train --model m:Net`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import ROW, Plan
from assay.privacy.deep.settings import Settings
from assay.privacy.deep.start import begun
from assay.privacy.deep.training import Training
from assay.privacy.training.descent import Diagnostics
from assay.privacy.training.examples import Examples
from assay.privacy.training.fitting import Fitted, Target, plan_for
from assay.privacy.training.fitting import Settings as FitSettings
from assay.privacy.training.network import Architecture, Output
from assay.privacy.training.optimizers import Stepping

ROWS_AT_ONCE = 4096
"""Rows whose gradients are held at a time."""


@dataclass(frozen=True, eq=False)
class TrainedModule:
    """A trained torch module, the plan it was trained by, and why nothing is promised of it (empty where it is)."""

    module: nn.Module
    plan: Plan
    not_private: tuple[str, ...] = ()
    diagnostics: dict[str, list[int]] = field(default_factory=dict)


def module_named(name: str, /, *, inputs: int, outputs: int) -> nn.Module:
    """What "package.module:Net" makes of `Net(inputs, outputs)`; whoever names it has it run in this process.

    The network takes (rows, inputs) floats and gives (rows, outputs) log-odds of the classes, or one number.
    """
    module, colon, attribute = name.partition(":")
    try:
        found = pkgutil.resolve_name(name) if colon and module and attribute else None
    except (ImportError, AttributeError, ValueError) as error:
        raise _no_network(name, str(error)) from error
    if not callable(found):
        raise _no_network(name, "it is not callable")
    try:
        made = found(inputs, outputs)
    except TypeError as error:
        raise _no_network(name, f"{attribute}({inputs}, {outputs}) fails: {str(error)[:200]}") from error
    if not isinstance(made, nn.Module):
        raise _no_network(name, f"it gives a {type(made).__name__}")
    return made.train()


def _no_network(name: str, why: str) -> AssayError:
    return AssayError(
        f"There is no network {name!r}: {why}.",
        code="model",
        hint="Name a class of a module on Python's path, as module:Net, where Net(inputs, outputs) is a torch module.",
    )


def train_module(
    name: str,
    data: Examples,
    architecture: Architecture,
    plan: Plan,
    /,
    *,
    delta: float,
    accountant: str = "pld",
    stepping: Stepping | None = None,
    diagnostics: Diagnostics = "off",
    insecure_seed: int | None = None,
    advanced: Callable[[int], None] | None = None,
) -> TrainedModule:
    """The network `name` trained on `data` by `plan`, whose noise is set; log loss, or half the squared error.

    Of `architecture` only the inputs and what the output means are used. `delta` and `accountant` are those that the
    plan was made for. The weights kept are the mean over the last `stepping.averaged` of the steps. `advanced` is told
    the number of finished steps.
    """
    how, classes = stepping or Stepping(), classes_of(architecture)
    quiet = torch.random.fork_rng() if insecure_seed is not None else nullcontext()
    with quiet:
        if insecure_seed is not None:
            torch.manual_seed(insecure_seed)
        model = module_named(name, inputs=architecture.inputs, outputs=classes or 1)
    rows = _rows(data)
    settings = Settings(
        delta=delta,
        accountant=accountant,
        noise_multiplier=plan.noise_multiplier,
        epochs=plan.epochs,
        steps=plan.steps,
        max_grad_norm=plan.max_grad_norm,
        examples=plan.examples,
        units=rows.units,
        unit=plan.unit if plan.unit != ROW else "unit",
        max_rows_at_once=ROWS_AT_ONCE,
        diagnostics=diagnostics,
        insecure_seed=insecure_seed,
    )
    dp = begun(model, _optimizer(model, how), DataLoader(rows.data, batch_size=plan.batch), settings)
    if dp.plan != plan:
        raise AssayError("This training knows Poisson sampling of rows or whole units.", code="plan")
    _descend(dp, classes, averaged=how.averaged, advanced=advanced)
    return TrainedModule(model.eval(), plan, dp.not_private, dp.diagnostics)


def _descend(dp: Training, classes: int, /, *, averaged: float, advanced: Callable[[int], None] | None) -> None:
    """All steps; the parameters that are left are the mean over the last share `averaged` of them."""
    with dp:
        mean = _Mean(dp.model, start=dp.steps - round(averaged * dp.steps))
        for x, y in dp.loader:
            loss: Any = _cost(dp.model(x), y, classes)
            loss.backward()
            dp.optimizer.step()
            mean.add(dp.done)
            if advanced is not None:
                advanced(dp.done)
        mean.put()


@dataclass(frozen=True, slots=True)
class _Rows:
    data: TensorDataset
    units: Any


def classes_of(architecture: Architecture) -> int:
    """How many classes there are; 0 for a number."""
    return {Output.NUMBER: 0, Output.BINARY: 2}.get(architecture.output, architecture.outputs)


def _rows(data: Examples) -> _Rows:
    """The rows that can be used, as tensors, and the unit of each."""
    if data.members is None:
        places, units = np.arange(len(data.x)), None
    else:
        places = data.members[data.members >= 0]
        units = np.nonzero(data.members >= 0)[0]
    x, y = (torch.from_numpy(np.ascontiguousarray(array[places])) for array in (data.x, data.y))
    return _Rows(TensorDataset(x, y), units)


def _cost(answers: Tensor, y: Tensor, classes: int) -> Tensor:
    if answers.shape != (len(y), classes or 1):
        raise AssayError(
            f"The network answers with shape {tuple(answers.shape)}; expected {(len(y), classes or 1)}.",
            code="outputs",
            hint="Give log-odds of each class in the order of the schema, or one number, before any softmax.",
        )
    if classes:
        return nn.functional.cross_entropy(answers, y.long())
    return (answers[:, 0] - y.to(answers.dtype)).square().mean() / 2


def _optimizer(model: nn.Module, how: Stepping) -> torch.optim.Optimizer:
    trained = [p for p in model.parameters() if p.requires_grad]
    if how.optimizer == "adam":
        return torch.optim.Adam(trained, lr=how.learning_rate)
    return torch.optim.SGD(trained, lr=how.learning_rate, momentum=how.momentum)


def fit_module(
    data: Examples,
    architecture: Architecture,
    settings: FitSettings,
    target: Target,
    /,
    *,
    unit: str = "",
    diagnostics: Diagnostics = "off",
    insecure_seed: int | None = None,
    started: Callable[[int], Callable[[int], None]] | None = None,
) -> Fitted[TrainedModule]:
    """The network that `settings.model` names, trained to keep to `target`; as `training.fitting.fit_examples`."""
    planned = plan_for(data, settings, target, unit=unit, insecure_seed=insecure_seed)
    trained = train_module(
        settings.model,
        data,
        architecture,
        planned.plan,
        delta=target.delta,
        accountant=settings.accountant.value,
        stepping=settings.stepping,
        diagnostics=diagnostics,
        insecure_seed=insecure_seed,
        advanced=started(planned.plan.total_steps) if started else None,
    )
    return Fitted(trained, planned.plan, settings, target.delta, planned.count)


class _Mean:
    """The mean of the parameters over the steps after `start`."""

    def __init__(self, model: nn.Module, /, *, start: int) -> None:
        self.parameters, self.start, self.count = list(model.parameters()), start, 0
        self.totals = [torch.zeros_like(p, dtype=torch.float64) for p in self.parameters]

    def add(self, done: int) -> None:
        if done > self.start:
            self.count += 1
            for total, p in zip(self.totals, self.parameters, strict=True):
                total += p.detach()

    def put(self) -> None:
        with torch.no_grad():
            for total, p in zip(self.totals, self.parameters, strict=True):
                if self.count:
                    p.copy_(total / self.count)
