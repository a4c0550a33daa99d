"""One private training: the optimizer steps with clipped, noisy sums, as often as the plan says and no more."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from assay.core.errors import AssayError
from assay.privacy.accounting.accountants import epsilon
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.accounting.statement import Statement
from assay.privacy.deep.gradients.clipping import LogicalBatch, clipped_sum, normal_like
from assay.privacy.deep.gradients.hooks import LOOP, RowGradients
from assay.privacy.deep.gradients.probe import Probe
from assay.privacy.deep.loader import PrivateLoader
from assay.privacy.deep.promise import FORMAT, Account
from assay.privacy.deep.sampling import Part, Schedule
from assay.privacy.deep.settings import Settings
from assay.privacy.training.descent import SEEDED, WATCHED


class Training:
    """The context manager of `dp_training`; between its start and its end the optimizer's step is private.

    `loader` gives the batches of all steps that are left, `epochs()` one loader for each epoch. `statement` is the
    promise, made before the first step and true from the first to the last: of every weight on the way, too. `done` of
    `steps` steps are taken. `not_private` says why nothing is promised (a seed, diagnostics); it is empty else.
    `diagnostics`, kept only where they were asked for, are rows, clipped and bad gradients of each step: not private.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loader: DataLoader[Any],
        schedule: Schedule,
        account: Account,
        settings: Settings,
        /,
    ) -> None:
        self.model, self.optimizer, self.schedule, self.account = model, optimizer, schedule, account
        self.promise, self.generator, self.settings = account.promise, schedule.generator, settings
        watched, saved = settings.diagnostics != "off", settings.state
        self.not_private = (
            *((SEEDED,) if settings.insecure_seed is not None else ()),
            *((WATCHED,) if watched else ()),
        )
        self.diagnostics: dict[str, list[int]] = {"rows": [], "clipped": [], "bad": []} if watched else {}
        self.done = 0 if saved is None else int(saved["done"])
        self.norm = self.plan.max_grad_norm if saved is None else float(saved["norm"])
        self.mean = settings.loss == "mean"
        self._data = loader
        self.parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        self._known = _trained(optimizer)
        self._names = {p: name for name, p in model.named_parameters()}
        self._part: Part | None = None
        self._batch = LogicalBatch()
        self._hooks: RowGradients | None = None
        self._entered = False
        self._turn: object = None

    @property
    def plan(self) -> Plan:
        """What the training does, as far as its privacy depends on it."""
        return self.promise.plan

    @property
    def steps(self) -> int:
        """Steps of the whole plan."""
        return self.schedule.steps

    @property
    def loader(self) -> PrivateLoader:
        """The batches of all steps that are left; of none, once the plan is done."""
        return self._until(self.steps)

    def epochs(self) -> Iterator[PrivateLoader]:
        """A loader for each epoch that is left: the batches up to its end."""
        share = self.steps / (self.plan.epochs or self.steps * self.plan.batch / self.plan.examples)
        while self.done < self.steps:
            epoch = int((self.done + 1e-9) / share) + 1
            before = self.done
            yield self._until(min(max(round(epoch * share), before + 1), self.steps))
            if self.done == before:
                raise AssayError("An epoch went by without a step.", code="training-loop", hint=LOOP)

    @cached_property
    def epsilon(self) -> float:
        """What is promised at the delta of the plan, by its accountant."""
        return epsilon(self.plan, delta=self.promise.delta, accountant=self.promise.accountant)

    @cached_property
    def statement(self) -> Statement:
        """What is promised of the weights, whether or not all steps were taken."""
        notes = [f"Nothing is promised: {why}." for why in self.not_private]
        notes.append("It counts on a loss that is a sum, or a mean, over the rows of what each row costs by itself.")
        if self.settings.state is not None:
            notes.append("It was interrupted and went on from a saved state; it holds if no other training did.")
        return self.promise.statement(tuple(notes))

    @property
    def finished(self) -> bool:
        """True when all steps of the plan were taken."""
        return self.done >= self.steps

    def state(self) -> dict[str, Any]:
        """What `dp_training(..., state=)` goes on from, as JSON types; save the model and the optimizer beside it.

        Nothing random is in it: noise is drawn afresh. The plan is for one training: two that go on from one state
        release more than it promises (with a ledger the second is refused).
        """
        spend = self.account.spend
        return {
            "format": FORMAT,
            "promise": self.promise.digest,
            "noise_multiplier": self.plan.noise_multiplier,
            "done": self.done,
            "norm": self.norm,
            "spend": None if spend is None else spend.id,
        }

    def conclude(self) -> None:
        """End the training here, before all steps are taken; a ledger that is given holds the digest of the weights."""
        self.done = self.steps

    def __enter__(self) -> Self:
        if self._entered:
            raise AssayError("A private training begins once.", code="training-loop", hint="Call dp_training again.")
        self._entered = True
        with ExitStack() as undo:
            self._hooks = RowGradients(self.model, mean=self.mean, ghost=self.settings.clipping == "ghost")
            undo.callback(self._hooks.cleanup)
            self.account.open(self.settings.state)
            undo.pop_all()
        steady = self.plan.sampling is not Sampling.POISSON
        self._probe = Probe(self.model, self._hooks.layers, quiet=self._quiet, steady=steady)
        self._own_step = self.optimizer.__dict__.get("step")
        self._take: Callable[[], Any] = self.optimizer.step
        self.optimizer.__dict__["step"] = types.MethodType(self._private_step(), self.optimizer)
        self._clear()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        assert self._hooks is not None
        self._probe.close()
        self._hooks.begin(0)
        self._hooks.cleanup()
        self.optimizer.__dict__.pop("step", None)
        if self._own_step is not None:
            self.optimizer.__dict__["step"] = self._own_step
        self._part, self._hooks = None, None
        self._clear()
        if kind is None and self.finished:
            self.account.close(self.model)

    def fresh(self, turn: object, /) -> int:
        """An iteration of the loader starts; a step left undone is refused: the reason may be in the data."""
        self.settle()
        if self._batch.count:
            raise AssayError("A step lacks the rest of its batch.", code="training-loop", hint=LOOP)
        self._turn, self.done = turn, self.schedule.start(self.done)
        return self.done

    def begin(self, part: Part, turn: object, /) -> None:
        """A batch of these rows goes out."""
        self._in_turn(turn)
        self.settle()
        self._part = part
        self._probe.rows = len(part.rows) * self.settings.views
        assert self._hooks is not None
        self._hooks.begin(self._probe.rows)

    def settle(self) -> None:
        """Raise where a batch went out and no step was taken for it."""
        if self._part is not None:
            raise AssayError(
                "A batch had no optimizer.step(): steps that depend on the data are not covered by the plan.",
                code="training-loop",
                hint=LOOP,
            )

    def noise_alone(self, turn: object, /) -> None:
        """The step of a batch that nobody is in."""
        self._in_turn(turn)
        self._finish()

    def _in_turn(self, turn: object) -> None:
        """Batches of two iterations at a time would be more than the plan has."""
        if self._hooks is None:
            raise AssayError("The private training is over.", code="training-loop", hint="Train inside of `with`.")
        if turn is not self._turn or self.finished:
            raise AssayError("This iteration of the loader is over.", code="training-loop", hint=LOOP)

    def _until(self, step: int) -> PrivateLoader:
        return PrivateLoader(self._data, self.schedule, self, until=step)

    def _private_step(self) -> Callable[..., Any]:
        def step(_optimizer: torch.optim.Optimizer, closure: Any = None) -> Any:
            return self._step(closure)

        if hasattr(self._take, "_wrapped_by_lr_sched"):  # a schedule counts the steps taken, and looks for its mark
            vars(step)["_wrapped_by_lr_sched"] = True
        return step

    def _step(self, closure: Any) -> Any:
        """What `optimizer.step` does inside of the training."""
        part, hooks = self._part, self._hooks
        if hooks is None or part is None or closure is not None:
            raise self._astray(closure)
        if any(isinstance(m, _BatchNorm) and m.training for m in self.model.modules()):
            raise AssayError("A frozen batch normalisation was put in training mode.", code="layers", hint=LOOP)
        if _trained(self.optimizer) != self._known:
            raise AssayError(
                "What is trained was changed within the training: new numbers would be trained without noise.",
                code="training-loop",
                hint="Freeze, unfreeze and add parameters before dp_training.",
            )
        found = {p: hooks.found[p] for p in self.parameters if p in hooks.found}
        unseen = [self._names[p] for p in self.parameters if p.grad is not None and p not in found]
        if unseen or not found:
            raise AssayError(
                f"The gradients per example of {(unseen or ['the trained parameters'])[0]!r} cannot be seen.",
                code="per-example",
                hint="Call the layer itself, in training mode, where its weight is used.",
            )
        if self._probe.active:
            self._probe.compare(found, rows=self._probe.rows, mean=self.mean, names=self._names)
        views = self.settings.views
        groups = part.groups if views == 1 else np.repeat(np.arange(len(part.rows)), views)
        clipped = clipped_sum(
            found,
            norm=self.norm,
            groups=None if groups is None else torch.from_numpy(np.ascontiguousarray(groups)),
            mean=views > 1 or self.plan.microbatched,
        )
        self._batch.add(clipped)
        self._batch.rows += len(part.rows)
        hooks.begin(0)
        self._clear()
        self._part = None
        return self._finish() if part.last else None

    def _finish(self) -> Any:
        """Noise on the sum, the public divisor, and the user's optimizer."""
        plan, batch = self.plan, self._batch
        parts = plan.microbatches if plan.microbatched else plan.batch
        assert parts is not None
        sd = plan.noise_multiplier * self.norm
        with torch.no_grad():
            for p in self.parameters:
                total = batch.sums.get(p, torch.zeros_like(p))
                p.grad = (total + normal_like(p, self.generator, sd=sd)) / (parts if self.mean else 1)
        if (adaptive := self.settings.adaptive) is not None:
            assert plan.clip_count_noise is not None
            noisy = batch.unclipped - batch.count / 2 + self.generator.normal(scale=plan.clip_count_noise)
            self.norm = adaptive.moved(self.norm, noisy_count=noisy, batch=parts)
        if self.diagnostics:
            clipped = batch.count - batch.unclipped - batch.bad
            for name, number in (("rows", batch.rows), ("clipped", clipped), ("bad", batch.bad)):
                self.diagnostics[name].append(number)
        self.done += 1
        self._batch = LogicalBatch()
        answer = self._take()
        self._clear()
        return answer

    def _astray(self, closure: Any) -> AssayError:
        if closure is not None:
            return AssayError("A private step takes no closure.", code="training-loop", hint="Use SGD or Adam.")
        if self.finished:
            return AssayError(
                f"All {self.steps:,} steps of the plan are taken; a further one would not be covered.",
                code="plan",
                hint="Plan more epochs from the start; they cost more.",
            )
        return AssayError("A step without a batch of dp.loader.", code="training-loop", hint=LOOP)

    def _clear(self) -> None:
        for group in self.optimizer.param_groups:  # of frozen ones too: a step would use what was left there
            for p in group["params"]:
                p.grad = None

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        assert self._hooks is not None
        self._hooks.disable_hooks()
        try:
            yield
        finally:
            self._hooks.enable_hooks()


def _trained(optimizer: torch.optim.Optimizer) -> set[nn.Parameter]:
    """The parameters that `optimizer` trains."""
    return {p for group in optimizer.param_groups for p in group["params"] if p.requires_grad}
