"""Integrated gradients whose completeness is checked along the way, with as many steps as it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.methods.path import NODES, Path
from assay.explain.deep.network import Network, batch_size
from assay.explain.deep.result import Found

METHOD = "integrated-gradients"
STEPS = 32
MOST = 4096
TOLERANCE = 1e-3
NARROW = 2.0**-20
"""A segment of this part of the way is not cut: float32 knows no points between."""
SHARE = 256
"""A segment of the way is cut in two while it misses more than this part of what the whole way may miss."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How many `steps` (gradients) an integral begins with, the `most` it may take, and the gap that is allowed.

    The sum of the values of a row may miss output − base by `tolerance`·(1 + |output − base|).
    """

    steps: int = STEPS
    most: int = MOST
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if self.steps < 1 or self.most < self.steps or not self.tolerance > 0:
            raise AssayError("Give steps from 1, most ≥ steps and a tolerance above 0.", code="steps")

    def settings(self) -> dict[str, Any]:
        """As the settings of a call."""
        return {"steps": self.steps, "most": self.most, "tolerance": self.tolerance}


def integrated_gradients(
    network: Network, inputs: Floats, baseline: Floats, /, *, precision: Precision, progress: Progress | None = None
) -> Found:
    """What each input added on the straight way from the baseline (broadcast to the inputs) to the input.

    See `integrate` for completeness. Source: Sundararajan, Taly & Yan (2017), equations 1 and 2, proposition 1.
    """
    with network.within():
        whole = network.tensor(inputs)
        start = network.tensor(np.broadcast_to(baseline, inputs.shape))
        return integrate(network.answers, whole, start, precision=precision, progress=progress)


def integrate(
    forward: Callable[..., Any],
    whole: Any,
    start: Any,
    /,
    *,
    precision: Precision,
    extra: Any = None,
    method: str = METHOD,
    progress: Progress | None = None,
) -> Found:
    """The integral of the gradient of `forward` from `start` to `whole` ((rows, ...)), complete where it can be.

    The way is cut into segments, each with a Gauss-Legendre rule of four gradients. Between the ends of a segment the
    sum of the values must be the difference of the answers, as for the whole way: segments that miss it are halved,
    until the row is complete within the tolerance or has taken `precision.most` gradients. So kinks (ReLU) cost a few
    halvings and not a finer grid everywhere. `facts["steps"]` is how many gradients a row took, `facts["complete"]` 0
    where they were not enough: then `additive` is False and `residual` says by how much. `extra` (rows, ...) is handed
    to `forward` beside the points.
    """
    count = int(whole.shape[0])
    made = _Made(np.zeros(tuple(whole.shape)), np.zeros(count), np.zeros(count), np.zeros(count))
    size = max(1, batch_size(tuple(whole.shape)) // precision.steps)
    if progress is not None:
        progress.started(method, total=count)
    for i in range(0, count, size):
        rows = slice(i, min(i + size, count))
        path = Path(forward, start[rows], whole[rows], None if extra is None else extra[rows])
        _rows(path, made, rows, precision)
        if progress is not None:
            progress.advanced(method, done=rows.stop)
    if progress is not None:
        progress.ended(method)
    allowed = precision.tolerance * (1 + np.abs(made.outputs - made.base))
    gaps = made.outputs - made.base - made.values.reshape(count, -1).sum(axis=1)
    complete = np.abs(gaps) <= allowed
    return Found(
        method,
        made.values,
        made.base,
        made.outputs,
        additive=bool(complete.all()),
        tolerance=allowed,
        facts={"steps": made.steps, "complete": complete.astype(np.float64)},
        settings=precision.settings(),
    )


@dataclass(frozen=True, eq=False)
class _Made:
    values: Floats
    base: Floats
    outputs: Floats
    steps: Floats


@dataclass(frozen=True, eq=False)
class _Segments:
    """Parts of the way of `rows`, from `low` to `high`, and the answers at both ends; all (segments,)."""

    rows: NDArray[np.intp]
    low: Floats
    high: Floats
    first: Floats
    last: Floats

    def halved(self, path: Path, chosen: NDArray[np.bool_]) -> _Segments:
        rows, low, high = self.rows[chosen], self.low[chosen], self.high[chosen]
        middle = (low + high) / 2
        between = path.answers(rows, middle)
        ends = (low, middle), (middle, high), (self.first[chosen], between), (between, self.last[chosen])
        return _Segments(np.concatenate([rows, rows]), *(np.concatenate(pair) for pair in ends))


def _rows(path: Path, made: _Made, rows: slice, precision: Precision) -> None:
    """Fill in what was found for these rows."""
    count = rows.stop - rows.start
    parts = _begun(path, count, max(1, -(-precision.steps // NODES)))
    base, outputs = path.answers(np.arange(count), np.zeros(count)), path.answers(np.arange(count), np.ones(count))
    allowed = precision.tolerance * (1 + np.abs(outputs - base))
    values, taken = made.values[rows], np.zeros(count)
    missed = np.zeros(count)
    while len(parts.rows):
        added = path.integrals(parts.rows, parts.low, parts.high)
        np.add.at(taken, parts.rows, NODES)
        gaps = np.abs(parts.last - parts.first - added.reshape(len(added), -1).sum(axis=1))
        poor = (gaps > allowed[parts.rows] / SHARE) & (parts.high - parts.low > NARROW)
        failing = np.bincount(parts.rows[poor], minlength=count)
        total = missed + np.bincount(parts.rows, gaps, minlength=count)
        going = (total > allowed) & (taken + 2 * NODES * failing <= precision.most)
        split = poor & going[parts.rows]
        np.add.at(values, parts.rows[~split], added[~split])
        missed += np.bincount(parts.rows[~split], gaps[~split], minlength=count)
        parts = parts.halved(path, split)
    made.base[rows], made.outputs[rows], made.steps[rows] = base, outputs, taken


def _begun(path: Path, count: int, segments: int) -> _Segments:
    edges = np.linspace(0, 1, segments + 1)
    rows = np.repeat(np.arange(count), segments + 1)
    answers = path.answers(rows, np.tile(edges, count)).reshape(count, segments + 1)
    return _Segments(
        np.repeat(np.arange(count), segments),
        np.tile(edges[:-1], count),
        np.tile(edges[1:], count),
        answers[:, :-1].ravel(),
        answers[:, 1:].ravel(),
    )
