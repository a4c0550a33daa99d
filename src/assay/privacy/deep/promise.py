"""What a training with torch promises: its plan, made before anything is drawn, and its spend on a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from assay.core.canonical import digest, digest_bytes
from assay.core.errors import AssayError
from assay.core.house import Ledger, Spend
from assay.privacy.accounting.accountants import Accountant, check_delta, epsilon
from assay.privacy.accounting.calibration import noise_for
from assay.privacy.accounting.charge import charge
from assay.privacy.accounting.plan import Plan
from assay.privacy.accounting.statement import Statement, statement

FORMAT = 1
"""Of a saved state."""


@dataclass(frozen=True)
class Promise:
    """A fixed `plan` and the `delta` and `accountant` that its epsilon is for."""

    plan: Plan
    delta: float
    accountant: Accountant

    def statement(self, notes: tuple[str, ...], /) -> Statement:
        """In words and numbers."""
        return statement(self.plan, delta=self.delta, accountant=self.accountant, notes=notes)

    @property
    def digest(self) -> str:
        """The same for the same promise: what a saved state belongs to."""
        return digest({"plan": asdict(self.plan), "delta": repr(self.delta), "accountant": self.accountant.value})


def promised(
    plan: Plan,
    /,
    *,
    delta: float,
    accountant: str,
    target_epsilon: float | None,
    noise_multiplier: float | None,
    saved: Mapping[str, Any] | None,
) -> Promise:
    """The Promise of `plan` with the noise that is given, or that the target epsilon needs; one of the two.

    A saved training goes on with the noise that it began with.
    """
    if (target_epsilon is None) == (noise_multiplier is None):
        raise AssayError(
            "Private training needs either a target epsilon or a noise multiplier.",
            code="plan",
            hint="Give target_epsilon=3, say, or noise_multiplier=1.1.",
        )
    kind = Accountant(accountant)
    check_delta(delta, examples=plan.examples)
    if noise_multiplier is None:
        assert target_epsilon is not None
        kept = None if saved is None else saved.get("noise_multiplier")
        found = noise_for(plan, target_epsilon=target_epsilon, delta=delta, accountant=kind) if kept is None else kept
        noise_multiplier = float(found)
    promise = Promise(replace(plan, noise_multiplier=noise_multiplier), delta, kind)
    if saved is not None and (saved.get("format") != FORMAT or saved.get("promise") != promise.digest):
        raise AssayError(
            "The saved state is of a training with another plan.",
            code="resume",
            hint="Go on with the same examples, batch, epochs, noise, clipping and delta that it began with.",
        )
    if saved is not None and target_epsilon is not None:
        begun = epsilon(promise.plan, delta=delta, accountant=kind)
        if begun > target_epsilon:
            raise AssayError(
                f"The saved training promises an epsilon of {begun:.6g}, more than the target of {target_epsilon:g}.",
                code="resume",
                hint="Go on with the target that it began with; noise that is in the weights cannot be raised.",
            )
    return promise


@dataclass
class Account:
    """The spend of one training on a ledger: reserved before the first step, committed with what leaves."""

    ledger: Ledger | None
    promise: Promise
    who: str
    what: str
    spend: Spend | None = None

    def open(self, saved: Mapping[str, Any] | None, /) -> None:
        """Reserve the whole plan; a training that goes on takes up its own reservation, if that is still open."""
        if self.ledger is None:
            if saved is not None and saved.get("spend"):
                raise AssayError(
                    "The saved training was paid for from a ledger.",
                    code="resume",
                    hint="Go on with the same ledger=: it knows whether the training was released already.",
                )
            return
        amount = charge(
            self.promise.plan, self.ledger.terms, delta=self.promise.delta, accountant=self.promise.accountant
        )
        if saved is None:
            self.spend = self.ledger.reserve(amount, who=self.who, what=self.what)
            return
        entries = [spend for spend in self.ledger.history() if spend.id == saved.get("spend")]
        if not entries or any(spend.state != "reserved" for spend in entries):
            raise AssayError(
                "The reservation of the saved training is not open on this ledger: it was released, or is another's.",
                code="resume",
                hint="A state can be resumed to one release only; train anew, and pay for it.",
            )
        self.spend = entries[-1]

    def close(self, model: nn.Module, /) -> None:
        """Commit with the digest of the weights; only now they may leave."""
        if self.ledger is not None and self.spend is not None:
            self.spend = self.ledger.commit(self.spend, release=weights_digest(model))


def weights_digest(model: nn.Module, /) -> str:
    """SHA-256 of all names, types, shapes and numbers of the state of `model`, in the order of names."""
    data = bytearray()
    for name, value in sorted(model.state_dict().items()):
        array = value.detach().cpu().contiguous()
        data += f"{name}\0{array.dtype}\0{tuple(array.shape)}\0".encode()
        data += array.flatten().view(torch.uint8).numpy().tobytes() if array.numel() else b""
    return digest_bytes(bytes(data))
