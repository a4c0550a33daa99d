"""The answer that is wanted, and how far a row is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.target import BATCH, Target

Bools = NDArray[np.bool_]
SMALL = 1e-12
"""Probabilities are kept this far from 0 and 1 where their log-odds are taken."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of rows: `met` (rows,) the wanted answer, `lead` how far beyond it (below 0: short of it).

    `lead` is in log-odds of the class against the next one (or against the threshold), or in units of a regression;
    ±0.5 of a model without probabilities. `output` is the explained number.
    """

    met: Bools
    lead: Floats
    output: Floats


@dataclass(frozen=True, eq=False)
class Goal:
    """For each of the rows of a question: to `reach` the class of `target`, or to leave it; or a regression's interval.

    `words` say it for people. `by_scores`: the decision is taken to be the class of the highest score, without asking
    the model for it; see `quicker`.
    """

    target: Target
    reach: Bools
    words: str
    low: float = -np.inf
    high: float = np.inf
    by_scores: bool = False

    def quicker(self, probe: Floats, /) -> Goal:
        """The same goal asked of the scores alone, where they decide every row of `probe` as the model does; else this.

        For the many questions of a search: what it finds is asked of the model's own decision in the end.
        """
        target = self.target
        if target.output is None or target.threshold is not None or target.scale == "decision":
            return self
        trial = replace(self, by_scores=True, reach=np.ones(len(probe), dtype=bool))
        same = trial.ask(probe, np.arange(len(probe))).met == target.decides(probe)
        return replace(self, by_scores=True) if same.all() else self

    def ask(self, matrix: Floats, rows: NDArray[np.int64], /) -> Answers:
        """The Answers for `matrix` (m, columns), each of which is a version of the row at `rows` (m,). Batched."""
        if not len(matrix):
            return Answers(np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0))
        parts = [self._batch(matrix[i : i + BATCH], rows[i : i + BATCH]) for i in range(0, len(matrix), BATCH)]
        if len(parts) == 1:
            return parts[0]
        return Answers(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("met", "lead", "output")))

    def _batch(self, matrix: Floats, rows: NDArray[np.int64]) -> Answers:
        target = self.target
        if target.output is None:
            values = target(matrix)
            outside = np.maximum(self.low - values, values - self.high)
            return Answers(np.asarray(outside <= 0), -outside, values)
        table = target.columns.decode(matrix)
        target.calls.batches += 1
        target.calls.rows += table.num_rows
        scores = None if target.scale == "decision" else target.model.scores(table)
        reach = self.reach[rows]
        if scores is None:
            is_class = np.asarray(np.asarray(target.model.predict(table)).astype(str) == target.label)
            return Answers(is_class == reach, np.where(is_class == reach, 0.5, -0.5), is_class.astype(np.float64))
        chance = np.asarray(scores[:, target.output], dtype=np.float64)
        if target.threshold is not None:
            is_class = chance >= target.threshold
            ahead = _log_odds(chance) - float(_log_odds(np.array(target.threshold)))
        else:
            others = np.delete(np.asarray(scores, dtype=np.float64), target.output, axis=1).max(axis=1)
            ahead = np.log(np.maximum(chance, SMALL)) - np.log(np.maximum(others, SMALL))
            is_class = ahead > 0
            if not self.by_scores:
                is_class = np.asarray(np.asarray(target.model.predict(table)).astype(str) == target.label)
        return Answers(np.asarray(is_class == reach), np.where(reach, ahead, -ahead), chance)


def _log_odds(chance: Floats) -> Floats:
    kept = np.clip(chance, SMALL, 1 - SMALL)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def goal_for(target: Target, rows: Floats, wanted: str | Sequence[float | None] | None, /) -> Goal:
    """The Goal for `rows`: a class by name, (low, high) of a regression (None: open), or, for None, the other decision.

    With None, rows decided as the class of `target` are to leave it, the others to reach it.
    """
    if target.output is None:
        if wanted is None or isinstance(wanted, str) or len(wanted) != 2:
            raise AssayError(
                "A regression has no other decision.",
                code="target",
                hint="Say which values are wanted: target=(low, high), None for an open end.",
            )
        low, high = (
            -np.inf if wanted[0] is None else float(wanted[0]),
            np.inf if wanted[1] is None else float(wanted[1]),
        )
        if not low <= high:
            raise AssayError(
                f"No value lies from {low:g} to {high:g}.", code="target", hint="Give the lower end first."
            )
        return Goal(target, np.ones(len(rows), dtype=bool), f"prediction from {low:g} to {high:g}", low, high)
    if wanted is None:
        words = f"the other decision on {target.label}"
        return Goal(target, ~target.decides(rows) if len(rows) else np.zeros(0, dtype=bool), words)
    if not isinstance(wanted, str):
        raise AssayError(
            "A class is wanted by its name.", code="target", hint=f"One of {', '.join(target.model.classes)}."
        )
    reached = _of_class(target, wanted)
    return Goal(reached.target, np.full(len(rows), reached.reach[0]), f"{wanted} is decided")


def _of_class(target: Target, wanted: str) -> Goal:
    classes = target.model.classes
    if wanted not in classes:
        raise unknown("class of the model", wanted, classes, code="class")
    if wanted == target.label:
        return Goal(target, np.array([True]), "")
    if target.threshold is not None:
        return Goal(target, np.array([False]), "")
    return Goal(replace(target, output=classes.index(wanted)), np.array([True]), "")
