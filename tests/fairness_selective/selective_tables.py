"""Lenders whose every outcome is known to us, and not to the audit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from assay.core.check import Check
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.selective_labels import selective_labels

ROLES: dict[str, Any] = {"label": "repaid", "prediction": "yes", "observed": "seen", "protected": ["g"], "features": []}


def found(case: Case, check: Check[Any, Any] = selective_labels, **params: Any) -> dict[tuple[Any, ...], Measure]:
    """Measures by name and group; those of all rows, and gaps over `g`, by name alone."""
    assert check.counts is not None
    ((counts,),) = case.count([check.counts])
    out = {}
    for m in check.function(counts, **params):
        key = (m.name, *(m.slice.values() if m.slice or m.over == ("g",) else m.over))
        assert key not in out
        out[key] = m
    return out


def rates(repaid: Any, yes: Any) -> dict[str, float | None]:
    """The rates by their definitions, with every outcome known."""

    def share(hits: Any, among: Any) -> float | None:
        return float(np.mean(hits[among])) if among.any() else None

    repaid, yes = np.asarray(repaid) == 1, np.asarray(yes) == 1
    return {
        "tpr": share(yes, repaid),
        "fpr": share(yes, ~repaid),
        "ppv": share(repaid, yes),
        "npv": share(~repaid, ~yes),
        "base_rate": share(repaid, np.ones(len(yes), dtype=bool)),
    }


def every_completion(frame: pd.DataFrame) -> dict[str, tuple[float, float] | None]:
    """The least and the most of every rate over all outcomes that the unseen could have had."""
    unseen = np.flatnonzero(~frame["seen"].to_numpy())
    values: dict[str, list[float]] = {name: [] for name in ("tpr", "fpr", "ppv", "npv", "base_rate")}
    for filled in product((0, 1), repeat=len(unseen)):
        repaid = frame["repaid"].to_numpy().copy()
        repaid[unseen] = filled
        for name, value in rates(repaid, frame["yes"]).items():
            values[name] += [value] if value is not None else []
    return {name: (min(seen), max(seen)) if seen else None for name, seen in values.items()}


@dataclass(frozen=True)
class Lender:
    """People of two groups: `select` say yes by group, and the share of each stratum that would repay.

    With `hidden` people are approved by a sign besides the prediction, so that the seen differ from the unseen with the
    same prediction. `slice` is the share approved at random, of all or of those refused.
    """

    select: tuple[float, ...] = (0.6, 0.4)
    good: tuple[float, ...] = (0.9, 0.85)
    less: tuple[float, ...] = (0.4, 0.7)
    slice: float = 0.0
    hidden: bool = False
    drawn_from: str = "all"

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """`n` rows a group; `outcome` is what happened or would have."""
        parts = []
        for g, name in enumerate("abcdefghij"[: len(self.select)]):
            yes = rng.random(n) < self.select[g]
            sign = rng.random(n)
            outcome = np.where(yes, self.good[g], self.less[g]) > sign
            approved = yes & (sign < 0.95) | ~yes & (sign < 0.15) if self.hidden else yes
            lot = rng.random(n) < self.slice
            drawn = lot if self.drawn_from == "all" else lot & ~approved
            seen = approved | drawn
            parts.append(
                pd.DataFrame(
                    {
                        "g": name,
                        "yes": yes.astype(int),
                        "outcome": outcome.astype(int),
                        "repaid": np.where(seen, outcome, 0).astype(int),
                        "seen": seen,
                        "drawn": drawn,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def truth(self, group: int) -> dict[str, float]:
        """The rates of the people that the rows of a group are drawn from."""
        pi, good, less = self.select[group], self.good[group], self.less[group]
        repaid = pi * good + (1 - pi) * less
        return {
            "tpr": pi * good / repaid,
            "fpr": pi * (1 - good) / (1 - repaid),
            "ppv": good,
            "npv": 1 - less,
            "base_rate": repaid,
        }


def lend(frame: pd.DataFrame, **roles: Any) -> Case:
    return Case.from_frame(frame.drop(columns="outcome", errors="ignore"), **{**ROLES, "favourable": 1, **roles})
