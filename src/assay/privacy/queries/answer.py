"""What leaves: noisy numbers with intervals, what was promised for them, and what is public of how they were made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.budget.accounting import loss_text, loss_to_json
from assay.core.canonical import digest
from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.core.part import printable
from assay.core.subject import Task
from assay.privacy.loss.amount import Amount
from assay.privacy.loss.event import Event
from assay.privacy.queries.estimates.estimate import Estimate

NOISE_ONLY = Message(
    "noise-only", "the interval is for the noise; how far the data stand for a population is not in it"
)
INSECURE = Message(
    "not-private", "the noise came from a seed: whoever knows it can take it away, so nothing is private"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The estimate for one key; `slice` maps columns to the text of the key, and is empty where there are no keys."""

    slice: Mapping[str, str]
    estimate: Estimate


@dataclass(frozen=True)
class PrivateAnswer:
    """The answer to `ask`, and `event`, what it did to privacy.

    `facts` are public: how contributions were bounded, the missing were treated, noise was made. `paid` is what the
    ledger took; without a ledger it is None. `private` is False where the noise came from a seed. `id` is random.
    """

    ask: str
    name: str
    cells: tuple[Cell, ...]
    level: float
    event: Event
    private: bool
    facts: Mapping[str, Any]
    ledger: str = ""
    paid: Amount | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def digest(self) -> str:
        """SHA-256 of what is released: the ledger keeps it."""
        return digest(self.to_json())

    @property
    def value(self) -> float | None:
        """The number of an answer that has one."""
        if len(self.cells) != 1:
            raise ValueError(f"this answer has {len(self.cells)} numbers: use `cells`")
        return self.cells[0].estimate.value

    @property
    def interval(self) -> Interval:
        """The interval of an answer that has one number."""
        if len(self.cells) != 1:
            raise ValueError(f"this answer has {len(self.cells)} intervals: use `cells`")
        return self._interval(self.cells[0].estimate)

    def _interval(self, estimate: Estimate) -> Interval:
        return Interval(estimate.low, estimate.high, self.level, f"noise of the {self.event.mechanism} mechanism")

    def measures(self) -> Iterator[Measure]:
        """A Measure a cell. n is the noisy number of rows where that came with the answer, else 0: it is private."""
        mark = Message("private-release", "differentially private release {release}", {"release": self.id})
        notes = (NOISE_ONLY, mark, *(() if self.private else (INSECURE,)))
        for cell in self.cells:
            estimate = cell.estimate
            yield Measure(
                self.name,
                estimate.value,
                estimate.rows or 0,
                slice=dict(cell.slice),
                interval=self._interval(estimate),
                reason=estimate.reason,
                method=self.ask,
                notes=notes,
            )

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON types."""
        event = self.event
        cells = [
            {
                "slice": dict(cell.slice),
                "value": cell.estimate.value,
                "low": cell.estimate.low,
                "high": cell.estimate.high,
                "noisy_rows": cell.estimate.rows,
                "reason": cell.estimate.reason.text() if cell.estimate.reason else None,
            }
            for cell in self.cells
        ]
        return {
            "format": 1,
            "id": self.id,
            "ask": self.ask,
            "cells": cells,
            "level": self.level,
            "private": self.private,
            "mechanism": event.mechanism,
            "adjacency": event.adjacency.value,
            "epsilon": None if event.epsilon is None else str(event.epsilon),
            "delta": str(event.delta),
            "rho": None if event.rho is None else str(event.rho),
            "ledger": self.ledger,
            "paid": None if self.paid is None else loss_to_json(self.paid),
            "facts": dict(self.facts),
        }

    def text(self) -> str:
        """The numbers, one a line, and what they promise; control characters of keys are written out."""
        lines = [f"{self.ask}, privately", *self._rows(), *self._promise()]
        return "\n".join(map(printable, lines))

    def _rows(self) -> Iterator[str]:
        labels = [", ".join(f"{name}={level}" for name, level in cell.slice.items()) or "all" for cell in self.cells]
        wide = min(40, max((len(label) for label in labels), default=0))
        for label, cell in zip(labels, self.cells, strict=True):
            low, high = f"{cell.estimate.low:,.6g}", f"{cell.estimate.high:,.6g}"
            number = "unmeasured" if cell.estimate.value is None else f"{cell.estimate.value:,.6g}"
            why = f"  ({cell.estimate.reason.text()})" if cell.estimate.reason else ""
            yield f"  {label:<{wide}}  {number:>14}   {low} to {high}{why}"
        if not self.cells:
            yield "  no key is held by enough units to be shown"

    def _promise(self) -> Iterator[str]:
        yield f"Intervals at {self.level:.0%} are for the noise alone, not for how far the data stand for a population."
        if not self.private:
            yield "NOT PRIVATE: the noise came from a seed."
        event = self.event
        units = {"epsilon": event.epsilon, "delta": event.delta or None, "rho": event.rho}
        loss = {unit: value for unit, value in units.items() if value is not None}
        yield f"Loss: {loss_text(loss, left=False)}, for neighbours that {event.adjacency}."
        yield from (f"{name}: {value}." for name, value in self.facts.items())
        if self.paid is not None:
            paid = {unit: value for unit, value in self.paid.items() if value}
            yield f"The ledger {self.ledger} took {loss_text(paid, left=False)}."
        else:
            yield "No ledger counted this: whoever asks again learns more."


@dataclass(frozen=True)
class ReleaseSubject:
    """Implements Subject: an answer that left, with the role `release` and no other."""

    answer: PrivateAnswer
    name: str = "private answers"
    task: Task = "none"

    def has(self, role: str) -> bool:
        """True for `release`."""
        return role == "release"
