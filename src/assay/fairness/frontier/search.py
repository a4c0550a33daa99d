"""The record of a search for models that are equally accurate and less unfair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.core.measure import Interval
from assay.fairness.frontier.outcomes import Outcome
from assay.fairness.frontier.record import reduction_json
from assay.fairness.mitigation.held_out import Reduction


@dataclass(frozen=True, slots=True)
class Model:
    """One retrained model: `chosen_by` is its accuracy on the rows set aside, by which it is `kept` or not.

    `outcome` is on the held-out rows, and there for kept models only.
    """

    number: int
    kind: str
    settings: Mapping[str, Any]
    seed: int
    chosen_by: float
    kept: bool
    outcome: Outcome | None = None

    def to_json(self) -> dict[str, Any]:
        """The model as JSON types."""
        named = ("number", "kind", "seed", "chosen_by", "kept")
        found = {name: getattr(self, name) for name in named} | {"settings": dict(self.settings)}
        if self.outcome:
            found |= {"accuracy": self.outcome.accuracy.to_json(), "gap": self.outcome.gap.to_json()}
        return found


@dataclass(frozen=True, slots=True)
class Flips:
    """Share of the held-out rows of a group (all rows: {}) whose decision differs between kept models."""

    slice: Mapping[str, str | None]
    value: float
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Search:
    """The record of a search for less discriminatory alternatives.

    `lowest` and `highest` are the ends of the gap over kept models, on held-out rows. `best` is the most accurate model
    and `alternative` the kept one with the least gap, both by the rows set aside; `reduction` is from the one to the
    other, on held-out rows.
    """

    rate: str
    models: tuple[Model, ...]
    lowest: float
    highest: float
    flips: tuple[Flips, ...]
    best: int
    alternative: int
    reduction: Reduction
    facts: Mapping[str, Any]

    @property
    def kept(self) -> tuple[Model, ...]:
        """The models that are about as accurate as the best."""
        return tuple(model for model in self.models if model.kept)

    def to_json(self) -> dict[str, Any]:
        """The whole search as JSON types."""
        return {
            "rate": self.rate,
            "models": [model.to_json() for model in self.models],
            "gap": {"lowest": self.lowest, "highest": self.highest, "kept": len(self.kept)},
            "flips": [
                {"slice": dict(f.slice), "value": f.value, "interval": f.interval.to_json(), "n": f.n}
                for f in self.flips
            ],
            "best": self.best,
            "alternative": self.alternative,
            "reduction": reduction_json(self.reduction),
            "facts": dict(self.facts),
        }
