"""The answer that is wanted, and how far a row is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.recourse.shortcut import Shortcut, shortcut
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
    the model for it; `shortcut` answers in its place.
    """

    target: Target
    reach: Bools
    words: str
    low: float = -np.inf
    high: float = np.inf
    by_scores: bool = False
    shortcut: Shortcut | None = None

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
            values = target(matrix) if self.shortcut is None else self.shortcut.answers(matrix)
            outside = np.maximum(self.low - values, values - self.high)
            return Answers(np.asarray(outside <= 0), -outside, values)
        table, scores = None, None if self.shortcut is None else self.shortcut.answers(matrix)
        if scores is None:
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


@dataclass(frozen=True, eq=False)
class Standing:
    """Where the rows of a question stand: the `goal`, what the model says of them, and of the background.

    `wanted` (background,) says which rows of it have the class of the goal's target, or a value within its interval.
    `quick` is the goal by the scores alone, where these decide all these rows as the model does, else the goal: for the
    many questions of a search, whose results are asked of the model's own decision in the end. Where the model shows
    its trees or coefficients, these are asked, which `Target.calls` does not count.
    """

    goal: Goal
    quick: Goal
    rows: Answers
    wanted: Bools


def standing(
    target: Target,
    rows: Floats,
    background: Floats,
    wanted: str | Sequence[float | None] | None,
    /,
    *,
    low: Floats | None = None,
    high: Floats | None = None,
) -> Standing:
    """The Standing for what is `wanted`: a class by name, (low, high) of a regression (None: open), or None.

    None is the other decision: rows decided as the class of `target` are to leave it, the others to reach it. `low`,
    `high` (columns,) are where a search may move numbers; without them the quick goal asks the model.
    """
    n = len(rows)
    goal = _goal(target, wanted)
    everything = np.concatenate([rows, background])
    forward = replace(goal, reach=np.ones(len(everything), dtype=bool))
    said = forward.ask(everything, np.arange(len(everything)))
    reach = ~said.met[:n] if wanted is None else np.full(n, goal.reach[0])
    mine = Answers(said.met[:n] == reach, np.where(reach, said.lead[:n], -said.lead[:n]), said.output[:n])
    goal = replace(goal, reach=reach)
    scored = target.output is not None and target.threshold is None and target.scale != "decision"
    quick = replace(goal, by_scores=True) if scored and ((said.lead > 0) == said.met).all() else goal
    may = quick.by_scores or target.output is None or target.threshold is not None
    if may and low is not None and high is not None:
        quick = replace(quick, shortcut=shortcut(goal.target, everything, said.output, low, high))
    return Standing(goal, quick, mine, said.met[n:])


def goal_for(target: Target, rows: Floats, wanted: str | Sequence[float | None] | None, /) -> Goal:
    """The Goal alone; see `standing`."""
    return standing(target, rows, rows[:0], wanted).goal


def _goal(target: Target, wanted: str | Sequence[float | None] | None) -> Goal:
    """The Goal of one row, to be repeated."""
    reaching = np.array([True])
    if target.output is None:
        if wanted is None or isinstance(wanted, str) or len(wanted) != 2:
            raise AssayError(
                "A regression has no other decision.",
                code="target",
                hint="Say which values are wanted: target=(low, high), None for an open end.",
            )
        low = -np.inf if wanted[0] is None else float(wanted[0])
        high = np.inf if wanted[1] is None else float(wanted[1])
        if not low <= high:
            raise AssayError(
                f"No value lies from {low:g} to {high:g}.", code="target", hint="Give the lower end first."
            )
        return Goal(target, reaching, f"prediction from {low:g} to {high:g}", low, high)
    if wanted is None:
        return Goal(target, reaching, f"the other decision on {target.label}")
    classes, words = target.model.classes, f"{wanted} is decided"
    if not isinstance(wanted, str):
        raise AssayError("A class is wanted by its name.", code="target", hint=f"One of {', '.join(classes)}.")
    if wanted not in classes:
        raise unknown("class of the model", wanted, classes, code="class")
    if wanted == target.label:
        return Goal(target, reaching, words)
    if target.threshold is not None:
        return Goal(target, ~reaching, words)
    return Goal(replace(target, output=classes.index(wanted)), reaching, words)
