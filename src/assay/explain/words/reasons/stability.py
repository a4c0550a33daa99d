"""How often a reason stays when numbers move a little, and when the baseline is drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.words.reasons.codes import CodeTable
from assay.explain.words.reasons.factors import factors, principal

Explain = Callable[[Question], Attributions]
TASK = "explain.reason_codes"


@dataclass(frozen=True, slots=True)
class Shaking:
    """How reasons are tried: `moves` versions of each row whose numbers are within `noise` (relative) of their own,
    and `seeds` baselines drawn anew, with as many seeds of a method that samples.
    """

    noise: float = 0.01
    moves: int = 20
    seeds: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.noise < 1 or self.moves < 1 or self.seeds < 1:
            raise AssayError(
                f"Reasons cannot be tried with noise {self.noise:g}, {self.moves} moves and {self.seeds} seeds.",
                code="shaking",
                hint="Give noise between 0 and 1 (0.01 is 1 %), and at least one move and one seed.",
            )


@dataclass(frozen=True, eq=False)
class Kept:
    """(rows, codes) the share of moves, and of seeds, in which each code is among the principal reasons."""

    moves: Floats
    seeds: Floats


def kept(
    question: Question,
    table: CodeTable,
    explain: Explain,
    /,
    *,
    count: int,
    shaking: Shaking,
    progress: Progress | None = None,
) -> Kept:
    """How often each code is among the `count` principal reasons of each row; `question.background` is the baseline.

    Moved: every number x becomes x·(1 + u), u uniform in ±noise; whole numbers stay whole, and categories and missing
    values stay. All moves are explained together. Seeds: the baseline is drawn with replacement from its own rows, and
    the seed of the explainer is another.
    """
    if progress is not None:
        progress.started(TASK, total=1 + shaking.seeds)
    rng = np.random.default_rng(question.seed)
    n = len(question.rows)
    moved = np.concatenate([_moved(question, shaking.noise, rng) for _ in range(shaking.moves)])
    by_moves = _chosen(question.of(moved), table, explain, count).reshape(shaking.moves, n, -1).mean(axis=0)
    by_seeds = np.zeros((n, len(table.codes)))
    for seed in range(shaking.seeds):
        if progress is not None:
            progress.advanced(TASK, done=1 + seed)
        drawn = question.background[rng.integers(len(question.background), size=len(question.background))]
        again = replace(question, background=drawn, seed=question.seed + 1 + seed)
        by_seeds += _chosen(again, table, explain, count)
    if progress is not None:
        progress.ended(TASK)
    return Kept(by_moves, by_seeds / shaking.seeds)


def _moved(question: Question, noise: float, rng: np.random.Generator) -> Floats:
    rows = question.rows
    moved = rows * (1 + rng.uniform(-noise, noise, size=rows.shape))
    whole = np.array([column.kind == "integer" for column in question.columns.columns], dtype=bool)
    moved[:, whole] = np.rint(moved[:, whole])
    return np.where(question.columns.nominal, rows, moved)


def _chosen(question: Question, table: CodeTable, explain: Explain, count: int) -> Floats:
    found = factors(table, explain(question), question.background)
    return principal(found, count=count).astype(np.float64)
