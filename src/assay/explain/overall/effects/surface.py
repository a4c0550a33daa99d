"""Effects of two columns together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Column, Floats
from assay.explain.overall.asked import asked
from assay.explain.overall.effects.dependence import WITHIN
from assay.explain.overall.effects.grid import edges, grid, interval_of
from assay.explain.question import Question

if TYPE_CHECKING:
    from assay.data.case import Case

POINTS = 10
ROWS = 300
ROWS_ALE = 5000


@dataclass(frozen=True, eq=False)
class Surface:
    """`values` (first points, second points) of an effect of two `columns` at the points of their `grids`.

    `standard_errors` of the same shape are over the rows; for the accumulated effect those of a bootstrap. `rows`
    counts them in the cells between points for the accumulated effect: where a cell has none, nothing is known there
    and the nearest cell stands in. It is empty for partial dependence.
    """

    columns: tuple[Column, Column]
    grids: tuple[Floats, Floats]
    values: Floats
    standard_errors: Floats
    rows: Floats
    n: int
    target: str

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "columns": [column.name for column in self.columns],
            "shown": [
                [column.show(float(value)) for value in values]
                for column, values in zip(self.columns, self.grids, strict=True)
            ],
            "values": self.values.tolist(),
            "standard_errors": self.standard_errors.tolist(),
            "rows": self.rows.tolist(),
            "n": self.n,
            "target": self.target,
        }


def partial_dependence_surface(
    about: Question | Case,
    first: str,
    second: str,
    /,
    *,
    points: int = POINTS,
    within: tuple[float, float] = WITHIN,
    limit: int = ROWS,
    seed: int = 0,
) -> Surface:
    """The mean answer with two columns set to each pair of their grids; see `partial_dependence`."""
    question = asked(about, limit=limit, seed=seed)
    places = _places(question, first, second)
    kinds = question.columns.columns[places[0]], question.columns.columns[places[1]]
    rows = question.rows
    one, two = (
        grid(kind, rows[:, place], points=points, within=within) for kind, place in zip(kinds, places, strict=True)
    )
    cells = np.stack([np.repeat(one, len(two)), np.tile(two, len(one))], axis=1)
    matrix = np.repeat(rows, len(cells), axis=0)
    matrix[:, places] = np.tile(cells, (len(rows), 1))
    curves = question.target(matrix).reshape(len(rows), len(one), len(two))
    errors = curves.std(axis=0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.zeros(curves.shape[1:])
    return Surface(kinds, (one, two), curves.mean(axis=0), errors, np.zeros((0, 0)), len(rows), question.target.name)


def ale_surface(
    about: Question | Case,
    first: str,
    second: str,
    /,
    *,
    intervals: int = POINTS,
    replicates: int = 100,
    limit: int = ROWS_ALE,
    seed: int = 0,
) -> Surface:
    """What two numbers do together beyond what each does: their second-order accumulated local effect.

    Each row is asked four times, at the corners of its own cell. Both main effects of the accumulated sum and its mean
    over rows are taken off, so that it is 0 everywhere for a model that adds the two. Source: Apley & Zhu (2020), JRSS
    B 82:1059, eq. 17 to 20; an empty cell takes the difference of the nearest one with rows, as in their section 3.2.
    """
    question = asked(about, limit=limit, seed=seed)
    places = _places(question, first, second)
    kinds = question.columns.columns[places[0]], question.columns.columns[places[1]]
    rows = question.rows[~np.isnan(question.rows[:, places]).any(axis=1)]
    one, two = (edges(kind, rows[:, place], intervals=intervals) for kind, place in zip(kinds, places, strict=True))
    a, b = interval_of(rows[:, places[0]], one), interval_of(rows[:, places[1]], two)
    corners = np.tile(rows, (4, 1))
    corners[:, places[0]] = np.concatenate([one[a + 1], one[a], one[a + 1], one[a]])
    corners[:, places[1]] = np.concatenate([two[b + 1], two[b + 1], two[b], two[b]])
    high, left, below, low = question.target(corners).reshape(4, len(rows))
    twist, cell, shape = high - left - below + low, a * (len(two) - 1) + b, (len(one) - 1, len(two) - 1)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=replicates)
    again = [_accumulate(twist, cell, weights.astype(np.float64), shape) for weights in draws]
    counted = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    return Surface(
        kinds,
        (one, two),
        _accumulate(twist, cell, np.ones(len(rows)), shape),
        np.std(again, axis=0, ddof=1),
        counted,
        len(rows),
        question.target.name,
    )


def _places(question: Question, first: str, second: str) -> list[int]:
    if first == second:
        raise AssayError(f"Column {first!r} has no effect together with itself.", code="column", hint="Name another.")
    return question.columns.places([first, second])


def _accumulate(twist: Floats, cell: np.ndarray, weights: Floats, shape: tuple[int, int]) -> Floats:
    """(shape + 1) the second-order effect where row i counts `weights` times."""
    size = shape[0] * shape[1]
    rows: Floats = np.bincount(cell, weights, size).reshape(shape).astype(np.float64)
    means = np.bincount(cell, weights * twist, size).reshape(shape) / np.maximum(rows, 1e-300)
    means = _filled(np.where(rows > 0, means, 0.0), rows > 0)
    out = np.zeros((shape[0] + 1, shape[1] + 1))
    out[1:, 1:] = means.cumsum(axis=0).cumsum(axis=1)
    first, second = _main(out, rows), _main(out.T, rows.T)
    out = out - first[:, None] - second[None, :]
    middle = (out[:-1, :-1] + out[1:, :-1] + out[:-1, 1:] + out[1:, 1:]) / 4
    return np.asarray(out - (rows * middle).sum() / rows.sum())


def _main(surface: Floats, rows: Floats) -> Floats:
    """(first points,) the accumulated effect of the first column within the surface."""
    rises = surface[1:] - surface[:-1]
    across, total = (rises[:, :-1] + rises[:, 1:]) / 2, rows.sum(axis=1)
    means = np.where(total > 0, (rows * across).sum(axis=1) / np.maximum(total, 1e-300), across.mean(axis=1))
    return np.concatenate([[0.0], np.cumsum(means)])


def _filled(means: Floats, known: np.ndarray) -> Floats:
    """The means, with that of the nearest known cell where there is none; distances in intervals."""
    if known.all():
        return means
    from scipy.ndimage import distance_transform_edt

    place = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(means[tuple(place)])
