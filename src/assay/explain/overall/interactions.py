"""Friedman's H: how much of what columns do together is not the sum of what each does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.core.measure import Interval
from assay.explain.columns import Floats
from assay.explain.overall.asked import asked
from assay.explain.question import Question
from assay.stats.moments import student

if TYPE_CHECKING:
    from assay.data.case import Case

ROWS = 60
COLUMNS = 5
NOTHING = 1e-12
"""A variance below this share of the answers' own is rounding."""
TASK = "interactions"
FLAT = Message("no-effect", "these columns do nothing on these rows, so that nothing can be shared between them")


@dataclass(frozen=True, slots=True)
class Interaction:
    """H² of one column with all others, or of a pair: the share of the variance of its effect that is interaction.

    `strength` is the unnormalised H, the standard deviation of what is interaction, on the answer's scale; it does not
    blow up where the effects themselves are small. `bias` is the jackknife's estimate of how much H² is too high on so
    few rows. `h_squared` is None with a `reason` where the columns have no effect at all.
    """

    columns: tuple[str, ...]
    h_squared: float | None
    interval: Interval | None
    bias: float | None
    strength: float
    reason: Message | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "columns": list(self.columns),
            "h_squared": self.h_squared,
            "interval": self.interval.to_json() if self.interval else None,
            "bias": self.bias,
            "strength": self.strength,
            "reason": self.reason.text() if self.reason else None,
        }


@dataclass(frozen=True, eq=False)
class Interactions:
    """`totals` of each column with all others and `pairs` of columns, the strongest first, from `n` rows."""

    totals: tuple[Interaction, ...]
    pairs: tuple[Interaction, ...]
    n: int
    target: str

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "rows": self.n,
            "target": self.target,
            "totals": [each.to_json() for each in self.totals],
            "pairs": [each.to_json() for each in self.pairs],
        }


def h_statistic(
    about: Question | Case,
    /,
    *,
    columns: Sequence[str] | None = None,
    most: int = COLUMNS,
    limit: int = ROWS,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> Interactions:
    """H² and its unnormalised form for each column with all others, and for pairs.

    Pairs are those of `columns`; where none are named, of the `most` columns with the strongest total. All effects are
    partial dependence on the same n rows (at most `limit`), which costs n² answers a column and a pair; equal values
    are asked once. H² is biased upward where the truth is small: squared noise of the means does not cancel, and a pair
    of weak effects makes a small denominator; `bias` is the jackknife's estimate of that. The interval is Student's
    with the jackknife's standard error over rows, cut at 0. In simulations of products of normals at 95 % it covered 86
    to 92 % with 60 rows, 91 to 96 % with 200, and always where the truth was 0 (the bootstrap: 80 to 91 %). A pair that
    the model adds has exactly 0 on any rows. Correlated columns make rows that do not exist, and interactions seen only
    there count too. Source: Friedman & Popescu (2008), Annals of Applied Statistics 2:916, eq. 44 to 46; unnormalised:
    Inglis, Parnell & Hurley (2022), JCGS 31:766; Efron & Stein (1981), Annals of Statistics 9:586, for the jackknife.
    """
    question = asked(about, limit=limit, seed=seed)
    n, names = len(question.rows), question.columns.names
    if n < 3:
        raise AssayError(f"H needs three rows; there are {n}.", code="limit", hint="60 are usual.")
    chosen = None if columns is None else question.columns.places(columns)
    width = range(len(names)) if chosen is None else chosen
    weights = np.concatenate([np.full((n, 1), 1 / n), (1 - np.eye(n)) / (n - 1)], axis=1)
    paired = min(most, len(width)) if chosen is None else len(chosen)
    steps = _Steps(progress, len(width) + paired * (paired - 1) // 2)
    single = {place: steps.of(_answers(question, [place])) for place in width}
    totals = {place: _total(names[place], answers, weights, level) for place, answers in single.items()}
    if chosen is None:
        chosen = sorted(sorted(totals, key=lambda place: -totals[place].strength)[:most])
    pairs = []
    for i, j in combinations(chosen, 2):
        joint = steps.of(_answers(question, [i, j]))
        pairs.append(_pair((names[i], names[j]), joint, (single[i], single[j]), weights, level))
    steps.end()
    return Interactions(_strongest(totals.values()), _strongest(pairs), n, question.target.name)


def _strongest(found: Iterable[Interaction]) -> tuple[Interaction, ...]:
    return tuple(sorted(found, key=lambda each: -each.strength))


@dataclass
class _Steps:
    """Counts effects for a Progress, where there is one."""

    progress: Progress | None
    total: int
    done: int = 0

    def __post_init__(self) -> None:
        if self.progress is not None:
            self.progress.started(TASK, total=self.total)

    def of(self, answers: Floats) -> Floats:
        """The answers; one more step is done."""
        self.done += 1
        if self.progress is not None:
            self.progress.advanced(TASK, done=self.done)
        return answers

    def end(self) -> None:
        """All steps are done."""
        if self.progress is not None:
            self.progress.ended(TASK)


def _answers(question: Question, places: list[int]) -> Floats:
    """(rows, rows) the answer for row i with the columns at `places` as in row a, at [a, i]."""
    rows = question.rows
    distinct, code = np.unique(rows[:, places], axis=0, return_inverse=True, equal_nan=True)
    matrix = np.tile(rows, (len(distinct), 1))
    matrix[:, places] = np.repeat(distinct, len(rows), axis=0)
    return np.asarray(question.target(matrix).reshape(len(distinct), len(rows))[code.reshape(-1)])


def _total(name: str, answers: Floats, weights: Floats, level: float) -> Interaction:
    """One column with all others: f less its own effect and that of all others (eq. 45)."""
    whole = np.repeat(np.diag(answers)[:, None], weights.shape[1], axis=1)
    # The effect of all others at row a is the mean over i of the answer with the column as in i and the rest as in a.
    return _interaction((name,), whole, [_means(answers, weights), _means(answers.T, weights)], weights, answers, level)


def _pair(
    names: tuple[str, str], joint: Floats, single: tuple[Floats, Floats], weights: Floats, level: float
) -> Interaction:
    parts = [_means(answers, weights) for answers in single]
    return _interaction(names, _means(joint, weights), parts, weights, joint, level)


def _means(answers: Floats, weights: Floats) -> Floats:
    """(rows, samples) partial dependence; so small a product is sooner done than shared out to threads."""
    return np.asarray(np.einsum("ai,is->as", answers, weights))


def _interaction(
    names: tuple[str, ...], whole: Floats, parts: Sequence[Floats], weights: Floats, answers: Floats, level: float
) -> Interaction:
    """H² of effects (rows, samples) under `weights` (rows, samples): all rows first, then without each row in turn."""
    centred = whole - (weights * whole).sum(axis=0)
    rest = centred - sum(part - (weights * part).sum(axis=0) for part in parts)
    scale = NOTHING * max(float(answers.var()), NOTHING * float((answers**2).mean()))
    shared, effect = (np.asarray((weights * each**2).sum(axis=0)) for each in (rest, centred))
    shared = np.where(shared <= scale, 0.0, shared)
    strength = float(np.sqrt(shared[0]))
    if effect[0] <= scale:
        return Interaction(names, None, None, None, strength, FLAT)
    ratios = shared / np.maximum(effect, scale or 1.0)
    value, without, n = float(ratios[0]), ratios[1:], len(whole)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    half = student(level, n - 1) * error
    interval = Interval(max(0.0, value - half), value + half, level, "jackknife t") if error > 0 else None
    return Interaction(names, value, interval, (n - 1) * (float(without.mean()) - value), strength)
