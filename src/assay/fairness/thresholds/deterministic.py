"""The best rule with one cutoff a group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.fairness.thresholds.problem import SLACK, Problem
from assay.fairness.thresholds.range_minimum import RangeMinimum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEVELS = 60


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen point of every group, by position, and the cost of the rule."""

    points: Ints
    cost: float


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Boxes of windows, `low` to `low` + `size` (boxes, rates): no rule in a box costs less than `below`, its lowest
    window costs `reached`. `split` says which rates tell windows of the box apart."""

    low: Floats
    size: Floats
    below: Floats
    reached: Floats
    split: NDArray[np.bool_]


def choose(task: Problem, /) -> Choice:
    """The points with the least cost of all rules within the tolerance, found by branch and bound.

    All rates of a group rise together along its points, so that those inside a window are a run, and a rule within
    the tolerance is a window (the low end of each rate) and the cheapest point of every group in it. Boxes of windows
    are halved (Land & Doig 1960); a box is dropped when the cheapest points that any of its windows can hold cost as
    much as a rule already found. Nobody selected is always within the tolerance, so that a rule is always found.
    """
    least = [RangeMinimum(cost) for cost in task.costs]
    width = task.rates[0].shape[1]
    low, size = np.zeros((1, width)), np.ones((1, width))
    best, window = np.inf, np.zeros(width)
    for _ in range(LEVELS):
        boxes = _bounded(task, least, low, size)
        cheapest = int(np.argmin(boxes.reached))
        if boxes.reached[cheapest] < best:
            best, window = float(boxes.reached[cheapest]), low[cheapest]
        low, size = _halved(boxes, boxes.below < best)
        if not len(low):
            break
    return _cheapest(task, window)


def _bounded(task: Problem, least: list[RangeMinimum], low: Floats, size: Floats) -> _Boxes:
    below, reached = np.zeros(len(low)), np.zeros(len(low))
    split = np.zeros(low.shape, dtype=bool)
    for rates, minimum in zip(task.rates, least, strict=True):
        start, last = _start(rates, low), _start(rates, low + size)
        stop, far = _stop(rates, low, task.tolerance), _stop(rates, low + size, task.tolerance)
        split |= (start != last) | (stop != far)
        first = start.max(axis=1)
        below += minimum.least(first, far.min(axis=1))
        reached += minimum.least(first, stop.min(axis=1))
    return _Boxes(low, size, below, reached, split)


def _halved(boxes: _Boxes, keep: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Low ends and sizes of the kept boxes, each halved along every rate that tells its windows apart."""
    low, size, split = boxes.low[keep], boxes.size[keep], boxes.split[keep]
    for j in range(low.shape[1]):
        apart = split[:, j]
        size = size.copy()
        size[apart, j] /= 2
        upper = low[apart].copy()
        upper[:, j] += size[apart, j]
        low, size, split = (
            np.concatenate([low, upper]),
            np.concatenate([size, size[apart]]),
            np.concatenate([split, split[apart]]),
        )
    return low, size


def _start(rates: Floats, low: Floats) -> Ints:
    """(boxes, rates) first point of a group at which each rate is at least `low`."""
    places = [np.searchsorted(rates[:, j], low[:, j] - SLACK, "left") for j in range(rates.shape[1])]
    return np.stack(places, axis=1)


def _stop(rates: Floats, low: Floats, tolerance: float) -> Ints:
    """(boxes, rates) one past the last point at which each rate is within the window that starts at `low`."""
    places = [np.searchsorted(rates[:, j], low[:, j] + tolerance + SLACK, "right") for j in range(rates.shape[1])]
    return np.stack(places, axis=1)


def _cheapest(task: Problem, window: Floats) -> Choice:
    points = []
    for rates, cost in zip(task.rates, task.costs, strict=True):
        start = int(_start(rates, window[None]).max())
        stop = int(_stop(rates, window[None], task.tolerance).min())
        points.append(start + int(np.argmin(cost[start:stop])))
    total = float(sum(cost[point] for cost, point in zip(task.costs, points, strict=True)))
    return Choice(np.array(points, dtype=np.int64), total)
