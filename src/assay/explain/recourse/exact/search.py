"""The cheapest way to another answer for each row, with a proof that none is cheaper, or that there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.question import Question
from assay.explain.recourse.appraisal import Judge
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Counterfactual, Proof, Recourse, Ways
from assay.explain.recourse.exact.boxes import Found
from assay.explain.recourse.exact.cells import cells_of
from assay.explain.recourse.exact.linear import Plane
from assay.explain.recourse.exact.numbers import check_rules
from assay.explain.recourse.exact.reading import Reading, reading_of
from assay.explain.recourse.exact.trees import Forest
from assay.explain.recourse.goal import Goal, goal_for
from assay.explain.recourse.plausibility import Neighbourhood
from assay.explain.recourse.search import counterfactuals
from assay.explain.recourse.space import Space, space_of

TASK = "explain.counterfactuals.exact"


def optimal(
    question: Question,
    /,
    *,
    constraints: Constraints | Mapping[str, Any] | None = None,
    target: str | Sequence[float | None] | None = None,
    seconds: float = 60.0,
    progress: Progress | None = None,
) -> Recourse:
    """For every row of the question the cheapest way to the wanted answer, and its Proof.

    `constraints` and `target` as for `counterfactuals`, whose cost this is and whose result is the limit from which
    the search begins. `seconds` is the time for one row; where it is not enough, the best way found is returned with
    the bound that was proven. Every way has been answered as wanted by the model itself.

    Trees (`TreeEnsemble`): branch and bound over boxes of cells between the thresholds of each column, the cheapest box
    first, bounded by the sum over trees of the highest leaf that a box reaches; after four seconds the rest goes to a
    mixed-integer program of the leaves (HiGHS). The optimum is exact to 1e-9 in cost, with rules between columns (kept
    by branch and bound alone) to 1e-6. A number at an open boundary is the neighbouring float64 number. Linear forms: a
    mixed-integer program, exact to 1e-6. Rules must be linear in numbers.

    Raises AssayError for models that show neither trees nor coefficients, for rules that are not linear, and for
    columns that the model reads in a way that rises and falls. Beyond some hundred trees of depth 6 on tens of columns
    expect the time limit: use `counterfactuals`. Sources: the bound, Chen et al. (2019), Robustness verification of
    tree-based models; programs over cells, Cui et al. (2015), Optimal action extraction for random forests; thresholds
    shared by all trees, Parmentier and Vidal (2021), Optimal counterfactual explanations in tree ensembles.
    """
    if not seconds > 0:
        raise AssayError(f"{seconds} seconds are no time.", code="seconds", hint="Give a number above 0.")
    asked = constraints if isinstance(constraints, Constraints) else Constraints.parse(constraints or {})
    space = space_of(asked, question.columns, question.background)
    check_rules(space, question.rows)
    reading = reading_of(question)
    before = question.target.calls.rows
    start = counterfactuals(question, constraints=asked, target=target, count=1)
    goal = goal_for(question.target, question.rows, target)
    solver = _solver(reading, space, goal, question)
    judge = Judge(goal, space, Neighbourhood.of(space, question.background))
    ways = []
    if progress is not None:
        progress.started(TASK, total=len(question.rows))
    for row, known in enumerate(start.ways):
        ways.append(_way(question, judge, solver, row, known, seconds))
        if progress is not None:
            progress.advanced(TASK, done=row + 1)
    if progress is not None:
        progress.ended(TASK)
    return replace(
        start,
        ways=tuple(ways),
        method="exact",
        calls=(question.target.calls.rows - before) / max(1, len(question.rows)),
        settings={name: value for name, value in start.settings.items() if name != "count"} | {"seconds": seconds},
    )


def _solver(reading: Reading, space: Space, goal: Goal, question: Question) -> Forest | Plane:
    if reading.trees is None:
        return Plane(reading, space, goal)
    return Forest(reading, space, goal, cells_of(reading, space, question.background))


def _way(question: Question, judge: Judge, solver: Forest | Plane, row: int, known: Ways, seconds: float) -> Ways:
    """The Ways of one row; `known` is what the search by heuristics found."""
    if known.already:
        return Ways((), already=True, proof=Proof("optimal", 0.0, 0.0, 0.0))
    started = time.perf_counter()
    limit = known.found[0].cost if known.found else np.inf
    before = question.rows[row]
    found = solver.solve(before, row, limit=limit, until=started + seconds)
    best = known.found[:1]
    if found.after is not None:
        best = judge.appraise(before[None], found.after[None], np.array([row]))
        if not best[0].valid or best[0].violated:
            raise AssayError(
                f"The optimum of row {row} is not answered as wanted when it is asked for again.",
                code="exact",
                hint="The model does not answer the same row in the same way; use explain.counterfactuals.",
            )
    took = time.perf_counter() - started
    return Ways(_marked(best, found), None if best else known.blocked, proof=_proof(best, found, took))


def _marked(best: tuple[Counterfactual, ...], found: Found) -> tuple[Counterfactual, ...]:
    return tuple(replace(one, exact=found.finished) for one in best)


def _proof(best: tuple[Counterfactual, ...], found: Found, took: float) -> Proof:
    if found.finished:
        return Proof("optimal", best[0].cost, 0.0, took) if best else Proof("infeasible", None, None, took)
    bound = max(0.0, found.bound)
    if not np.isfinite(bound):
        return Proof("time limit", None, None, took)
    gap = (best[0].cost - bound) / best[0].cost if best and best[0].cost > 0 else None
    return Proof("time limit", bound, gap, took)
