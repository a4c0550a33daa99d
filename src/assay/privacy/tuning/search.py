"""Trainings of candidates on one part of the units, scored on the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.mechanisms.gaussian import gaussian
from assay.privacy.training.descent import Trained, train
from assay.privacy.training.examples import Examples
from assay.privacy.training.network import Architecture, Network, Output
from assay.privacy.training.sampling import system_generator
from assay.privacy.training.tables.prepared import Table
from assay.privacy.tuning.grid import Candidate

LEVELS = 1 << 10
"""A row's score is a whole number of LEVELS parts of 1, so that sums are exact."""

LEAST = 5
"""The least noise on a score, in units."""


@dataclass(frozen=True)
class Division:
    """Units for training and units for validation, and the public number of each."""

    train: Examples
    validation: Examples
    architecture: Architecture
    examples: int
    validated: int

    @property
    def score_noise(self) -> int:
        """Standard deviation of the noise on a score, in units; public.

        √n / 2: no more than what the score varies by anyhow, with which n units happen to be held out.
        """
        return max(LEAST, math.ceil(math.sqrt(self.validated) / 2))

    @property
    def score_rho(self) -> Fraction:
        """The zCDP of one score: the noise over what one unit can change."""
        return Fraction(1, 2 * self.score_noise**2)

    def score(self, network: Network, /) -> int:
        """The sum of what each validation row earns, in parts of LEVELS: not private.

        1 where the class is right; with numbers 1 less half the distance on the scale [−1, 1]. A unit with several rows
        earns their sum, at most its most rows.
        """
        if not len(self.validation.x):
            return 0
        margins = network.margins(self.validation.x).astype(np.float64)
        places = self.validation.members
        earned = _earned(margins, self.validation.y, self.architecture.output)
        used = earned if places is None else np.where(places >= 0, earned[places], 0)
        return int(used.sum())

    def private_score(self, network: Network, /) -> float:
        """The same as a share of the public number of validation rows, with discrete Gaussian noise of `score_rho`."""
        most = LEVELS * self.validation.rows_per_unit
        made = gaussian.make(
            [self.score(network)], sensitivity=most, rho=self.score_rho, adjacency=Adjacency.ADD_REMOVE
        )
        return float(made.value) / (most * self.validated)


def _earned(margins: NDArray[np.float64], y: NDArray[Any], output: Output) -> NDArray[np.int64]:
    if output is Output.NUMBER:
        off = np.abs(np.clip(np.nan_to_num(margins[:, 0]), -1, 1) - y) / 2
        return np.asarray(np.rint((1 - np.clip(off, 0, 1)) * LEVELS), dtype=np.int64)
    chosen = margins[:, 0] > 0 if output is Output.BINARY else margins.argmax(axis=1)
    return np.asarray(np.where(chosen == y, LEVELS, 0), dtype=np.int64)


def divided(
    table: Table, architecture: Architecture, /, *, examples: int, max_rows: int, validation: float
) -> Division:
    """Each unit is for validation by a coin of its own with probability `validation`, else for training."""
    if not 0 < validation < 1:
        raise AssayError("The share for validation lies between 0 and 1.", code="validation", hint="0.2 is usual.")
    units = np.arange(len(table.x)) if table.units is None else table.units
    coins = system_generator().random(int(units.max(initial=-1)) + 1) < validation
    held = coins[units]
    held_out = max(1, round(validation * examples))
    if held_out >= examples:
        raise AssayError(f"{examples} examples cannot be divided.", code="examples", hint="Train without tuning.")
    return Division(
        table.examples(architecture, max_rows=max_rows, chosen=~held),
        table.examples(architecture, max_rows=max_rows, chosen=held),
        architecture,
        examples - held_out,
        held_out,
    )


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate, its training, and its score in [0, 1]; noisy where the selection is accounted."""

    candidate: Candidate
    trained: Trained
    score: float


def best_of_random(
    division: Division, found: Sequence[Candidate], /, *, mean: float, done: Callable[[float], None]
) -> Tried:
    """The best of K candidates, drawn with replacement, K from the geometric distribution with that mean.

    The number of runs and every run but the best stay here. `done` is told the share that is finished.
    """
    generator = system_generator()
    runs = int(generator.geometric(1 / mean))
    best: list[Tried] = []
    for run in range(runs):
        candidate = found[int(generator.integers(len(found)))]
        trained = train(division.train, division.architecture, candidate.plan, stepping=candidate.settings.stepping)
        best.append(Tried(candidate, trained, division.private_score(trained.network)))
        best = [max(best, key=lambda tried: tried.score)]
        done((run + 1) / runs)
    return best[0]


def all_of(division: Division, found: Sequence[Candidate], /, *, done: Callable[[float], None]) -> list[Tried]:
    """Every candidate, the best first, by its exact score: each training is private, their comparison is not."""
    tried = []
    scale = LEVELS * max(1, len(division.validation.x))
    for place, candidate in enumerate(found):
        trained = train(division.train, division.architecture, candidate.plan, stepping=candidate.settings.stepping)
        reason = "the selection is not private: scores of all candidates were compared without noise"
        score = division.score(trained.network) / scale
        tried.append(Tried(candidate, replace(trained, not_private=(reason,)), score if math.isfinite(score) else 0.0))
        done((place + 1) / len(found))
    return sorted(tried, key=lambda one: -one.score)
