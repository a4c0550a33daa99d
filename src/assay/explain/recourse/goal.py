"""The answer that is wanted, and how far a row is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.kept import Kept
from assay.explain.recourse.shortcut import CLOSE, Shortcut, shortcut
from assay.explain.target import BATCH, Target

Bools = NDArray[np.bool_]
SMALL = 1e-12
"""Probabilities are kept this far from 0 and 1 where their log-odds are taken."""
CONTROL = 8
"""Rows of the background that are asked again, to see that the model is still the same."""


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
        scores = None if self.shortcut is None else self.shortcut.answers(matrix)
        labels = None
        if scores is None:
            table = target.columns.decode(matrix)
            target.calls.batches += 1
            target.calls.rows += table.num_rows
            if target.scale == "decision" or (target.threshold is None and not self.by_scores):
                # labels first: the pass for them gives the scores of the same table too
                labels = np.asarray(target.model.predict(table)).astype(str)
            scores = None if target.scale == "decision" else target.model.scores(table)
        reach = self.reach[rows]
        if scores is None:
            is_class = np.asarray(labels == target.label)
            return Answers(is_class == reach, np.where(is_class == reach, 0.5, -0.5), is_class.astype(np.float64))
        chance = np.asarray(scores[:, target.output], dtype=np.float64)
        if target.threshold is not None:
            is_class = chance >= target.threshold
            ahead = _log_odds(chance) - float(_log_odds(np.array(target.threshold)))
        else:
            others = np.delete(np.asarray(scores, dtype=np.float64), target.output, axis=1).max(axis=1)
            ahead = np.log(np.maximum(chance, SMALL)) - np.log(np.maximum(others, SMALL))
            is_class = ahead > 0
            if labels is not None:
                is_class = np.asarray(labels == target.label)
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


@dataclass(frozen=True, eq=False)
class Ground:
    """What a model says of a background as if the goal's class was wanted of each row: `said`.

    `by_scores`: the scores alone decide it as the model does. `shortcut`: its form, where it answers these rows as the
    model does. `asked` is how many rows the model was asked for it.
    """

    said: Answers
    by_scores: bool
    shortcut: Shortcut | None
    asked: int


def standing(
    target: Target,
    rows: Floats,
    background: Floats,
    wanted: str | Sequence[float | None] | None,
    /,
    *,
    low: Floats | None = None,
    high: Floats | None = None,
    kept: Kept | None = None,
) -> Standing:
    """The Standing for what is `wanted`: a class by name, (low, high) of a regression (None: open), or None.

    None is the other decision: rows decided as the class of `target` are to leave it, the others to reach it. `low`,
    `high` (columns,) are where a search may move numbers; without them the quick goal asks the model. What the model
    says of the background is taken from `kept` where it is known; a few rows of it are asked again each time, and all
    of them where the model has changed. `Target.calls` counts all of them all the same.
    """
    goal, n, k = _goal(target, wanted), len(rows), min(CONTROL, len(background))
    with_control = np.concatenate([rows, background[:k]])
    said = _forward(goal, n + k).ask(with_control, np.arange(n + k))
    sides = tuple(None if side is None else side.tobytes() for side in (low, high))
    key = ("ground", goal.target.output, target.threshold, target.scale, goal.low, goal.high, sides)
    about, before = (target.model, target.columns, background), target.calls.rows
    known, make = Kept() if kept is None else kept, partial(_ground, goal, background, low, high)
    ground = known.get(key, about, make)
    if not np.allclose(ground.said.output[:k], said.output[n:], rtol=1e-5, atol=1e-7):
        ground = known.get(key, about, make, anew=True)
    target.calls.rows = before + ground.asked
    reach = ~said.met[:n] if wanted is None else np.full(n, goal.reach[0])
    mine = Answers(said.met[:n] == reach, np.where(reach, said.lead[:n], -said.lead[:n]), said.output[:n])
    goal = replace(goal, reach=reach)
    quick = goal
    if ground.by_scores and bool(((said.lead > 0) == said.met).all()):
        quick = replace(goal, by_scores=True)
    if _may_shorten(quick) and low is not None and high is not None:
        quick = replace(quick, shortcut=_shortened(goal.target, ground, background, rows, said.output[:n], low, high))
    return Standing(goal, quick, mine, ground.said.met)


def _forward(goal: Goal, n: int) -> Goal:
    return replace(goal, reach=np.ones(n, dtype=bool))


def _may_shorten(quick: Goal) -> bool:
    return quick.by_scores or quick.target.output is None or quick.target.threshold is not None


def _ground(goal: Goal, background: Floats, low: Floats | None, high: Floats | None) -> Ground:
    target, before = goal.target, goal.target.calls.rows
    said = _forward(goal, len(background)).ask(background, np.arange(len(background)))
    scored = target.output is not None and target.threshold is None and target.scale != "decision"
    by_scores = scored and bool(((said.lead > 0) == said.met).all())
    found = None
    if _may_shorten(replace(goal, by_scores=by_scores)) and low is not None and high is not None and len(background):
        found = shortcut(target, background, said.output, low, high)
    return Ground(said, by_scores, found, target.calls.rows - before)


def _shortened(
    target: Target, ground: Ground, background: Floats, rows: Floats, outputs: Floats, low: Floats, high: Floats
) -> Shortcut | None:
    """The background's Shortcut where the rows lie within it and are answered alike, else one of all of them."""
    if ground.shortcut is None:
        return None
    lost = np.isnan(rows)
    least, most = (side.reduce(background, axis=0) for side in (np.fmin, np.fmax))
    within = np.where(lost, np.isnan(background).any(axis=0), (rows >= least) & (rows <= most)).all()
    if within:
        answers = ground.shortcut.answers(rows)
        said = answers if target.output is None else answers[:, target.output]
        if np.allclose(said, outputs, rtol=CLOSE, atol=CLOSE):
            return ground.shortcut
    everything = np.concatenate([rows, background])
    return shortcut(target, everything, np.concatenate([outputs, ground.said.output]), low, high)


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
