"""Trees as a mixed-integer program: one leaf of each tree, where the option of every choice leaves the way open."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.exact.boxes import Field, Found
from assay.explain.recourse.exact.boxes.branching import below
from assay.explain.recourse.exact.choices import Choice
from assay.explain.recourse.exact.program import Program
from assay.explain.recourse.exact.reading import Places, Reading
from assay.explain.recourse.space import Bools

REFUSED = 50
"""Most solutions that the model itself may refuse before the search is given up."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """The program of one row: its `field`, and how a row is `answered` (True: as wanted) by the model itself.

    An option is 1 or 0, a leaf between 0 and 1; the leaves of a tree that pass through the same set of options are no
    more than these. Source: Cui et al. (2015); the thresholds are shared by all trees as in Parmentier and Vidal
    (2021).
    """

    reading: Reading
    field: Field
    before: Floats
    answered: Callable[[Floats], bool]

    def solve(self, *, limit: float, until: float) -> Found:
        """The cheapest row below `limit`; lines of which one is enough are solved one after the other."""
        kept = self.field.requirement
        groups = [[i] for i in range(len(kept.bounds))] if kept.anyone else [[*range(len(kept.bounds))]]
        after, bound, finished = None, np.inf, True
        for lines in groups:
            found = self._solve(lines, limit, until)
            bound, finished = min(bound, found.bound), finished and found.finished
            if found.after is not None:
                after, limit = found.after, found.cost
        return Found(after, limit, limit if finished else min(limit, bound), finished, 0)

    def _solve(self, lines: list[int], limit: float, until: float) -> Found:
        program = Program()
        picked = [_options(program, choice) for choice in self.field.choices]
        self._add_trees(program, picked, lines)
        if np.isfinite(limit):
            program.line({v: c for v, c in enumerate(program.cost) if c}, high=below(limit))
        bound = 0.0
        for _ in range(REFUSED):
            found = program.solve(seconds=until - time.perf_counter())
            bound = max(bound, found.bound)
            if found.values is None:
                return Found(None, limit, bound, found.finished, 0)
            options = [int(np.argmax(found.values[variables])) for variables in picked]
            after, cost = self.before.copy(), 0.0
            for choice, option in zip(self.field.choices, options, strict=True):
                after[choice.places] = choice.values[option]
                cost += float(choice.cost[option])
            if self.answered(after):
                return (
                    Found(after, cost, bound, found.finished, 0)
                    if cost < limit
                    else Found(None, limit, bound, found.finished, 0)
                )
            chosen = [variables[option] for variables, option in zip(picked, options, strict=True)]
            program.line(dict.fromkeys(chosen, 1.0), high=len(chosen) - 1)
        return Found(None, limit, bound, False, 0)

    def _add_trees(self, program: Program, picked: list[list[int]], lines: list[int]) -> None:
        trees, field = self.reading.trees, self.field
        assert trees is not None
        weights = np.array([self.weights[i] for i in lines])
        value = trees.value @ weights.T
        ends = np.append(trees.roots[1:], trees.nodes)
        scores: list[dict[int, float]] = [{} for _ in lines]
        for first, last in zip(trees.roots, ends, strict=True):
            leaves = first + np.flatnonzero((trees.left[first:last] < 0) & field.alive[first:last])
            variables = [program.variable(0, 1) for _ in leaves]
            program.line(dict.fromkeys(variables, 1.0), low=1, high=1)
            for k, score in enumerate(scores):
                score |= {v: float(value[leaf, k]) for v, leaf in zip(variables, leaves, strict=True)}
            for ways, options in zip(field.ways, picked, strict=True):
                _link(program, ways[:, leaves], np.array(variables), options)
        base = trees.base @ weights.T
        for k, i in enumerate(lines):
            program.line(scores[k], low=float(field.requirement.bounds[i] - base[k]))

    @property
    def weights(self) -> Floats:
        """(lines, outputs) of the requirement."""
        return self.field.requirement.weights


def _options(program: Program, choice: Choice) -> list[int]:
    """A variable for each option, one of which is 1."""
    options = [program.variable(0, 1, cost=float(cost), whole=True) for cost in choice.cost]
    program.line(dict.fromkeys(options, 1.0), low=1, high=1)
    return options


def _link(program: Program, ways: Bools, leaves: Places, options: list[int]) -> None:
    """Leaves (the columns of `ways`) with the same set of options are no more than these options together."""
    kinds, which = np.unique(ways, axis=1, return_inverse=True)
    for k in range(kinds.shape[1]):
        if not kinds[:, k].all():
            line = {int(leaf): 1.0 for leaf in leaves[which.ravel() == k]}
            program.line(line | {options[o]: -1.0 for o in np.flatnonzero(kinds[:, k])}, high=0)
