"""Versions that follow the model's own slope towards the wanted answer, where it has gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.recourse.steps.pool import Places, Pool, Problem

SPARSITIES = (0.5, 0.9)
"""Shares of the steepest slope below which a column does not move: two starts a row, the last moves few columns."""
STEPS = 8
FARTHEST = 2.0
"""Most that one step costs on its steepest column, in units of cost (one robust standard deviation)."""
BEYOND = 1.1


def descended(problem: Problem, base: Pool, /) -> Pool:
    """Versions of the rows of `base` along the gradient, with the wanted answer or as near as it led; none without one.

    A proximal step for an L1 cost, for all rows and two sparsities in one batch: in coordinates in which a unit costs
    a unit, the slope is divided by its steepest entry and shrunk towards 0 by the sparsity; the step is as long as
    would be enough if the model was linear. What a person cannot change has no slope. Numbers only; categories stay.
    Source: Wachter, Mittelstadt & Russell (2018), Harvard JOLT 31:841 (the objective); Beck & Teboulle (2009), SIAM J.
    Imaging Sci. 2:183 (the shrinkage).
    """
    space = problem.space
    if not len(base) or space.nominal.any() or np.isnan(base.after).any() or not _has_slopes(problem):
        return base.take(np.zeros(0, dtype=np.int64))
    owner = np.repeat(np.arange(len(base)), len(SPARSITIES))
    shrunk = np.tile(SPARSITIES, len(base))[:, None]
    row, start = base.row[owner], base.after[owner]
    box = space.box(problem.before[row])
    open_ = box.low <= box.high
    now, lead, side, found = start.copy(), base.lead[owner], base.side[owner], []
    for _ in range(STEPS):
        active = np.flatnonzero(lead < 0)
        if not len(active):
            break
        slope = _slope(problem, row[active], now[active], side[active]) / space.weights
        # at an end of its range a number has no slope beyond it
        stuck = np.where(slope > 0, now[active] >= box.high[active], now[active] <= box.low[active])
        slope = np.where(open_[active] & ~stuck, slope, 0.0)
        steepest = np.abs(slope).max(axis=1, keepdims=True)
        unit = np.divide(slope, steepest, out=np.zeros_like(slope), where=steepest > 0)
        step = np.sign(unit) * np.maximum(np.abs(unit) - shrunk[active], 0.0)
        gain = (step * slope).sum(axis=1, keepdims=True)
        length = np.divide(-BEYOND * lead[active, None], gain, out=np.zeros_like(gain), where=gain > 0)
        far = FARTHEST / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-9)
        moved = now[active] + np.minimum(length, far) * step / space.weights
        now[active] = np.where(open_[active], np.clip(moved, box.low[active], box.high[active]), start[active])
        whole = np.where(now > start, np.ceil(now - 1e-9), np.floor(now + 1e-9))
        tried = problem.tried(row[active], np.where(space.whole & (now != start), whole, now)[active])
        lead[active[tried.origin]], side[active[tried.origin]] = tried.lead, tried.side
        lead[np.setdiff1d(active, active[tried.origin])] = 0.0
        found.append(tried)
    return Pool.joined(found) if found else base.take(np.zeros(0, dtype=np.int64))


def _has_slopes(problem: Problem) -> bool:
    """True where the model gives the gradient of a row of the background: a number for each column, in their order."""
    model: Any = problem.goal.target.model
    if (
        not hasattr(model, "gradients")
        or tuple(model.features or problem.space.columns.names) != problem.space.columns.names
    ):
        return False
    probe = problem.before[:1]
    found = model.gradients(problem.space.columns.decode(probe))
    return found is not None and np.shape(found) == probe.shape


def _slope(problem: Problem, row: Places, matrix: Floats, side: Floats) -> Floats:
    """(m, columns) how fast the lead grows with each number, up to a positive factor of the row."""
    target, model = problem.goal.target, problem.goal.target.model
    table = target.columns.decode(matrix)

    def of(output: int) -> Floats:
        target.calls.batches += 1
        target.calls.rows += len(matrix)
        found: Any = model
        return np.asarray(found.gradients(table, output=output), dtype=np.float64).reshape(matrix.shape)

    if target.output is None:
        return -side[:, None] * of(0)
    way = np.where(problem.goal.reach[problem.places[row]], 1.0, -1.0)[:, None]
    if len(model.classes) > 2:
        return way * of(target.output)
    try:
        return way * (of(target.output) - of(1 - target.output))
    except AssayError as error:
        if error.code != "outputs":
            raise
    return way * (1.0 if target.output == 1 else -1.0) * of(0)
