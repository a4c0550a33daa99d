"""Answers and gradients on the straight way between two points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.deep.network import attempt, batch_size, numbers, torch_library

NODES = 4
"""Gradients on a segment of the way."""


@dataclass(frozen=True, eq=False)
class Path:
    """The way from `start` to `whole`, tensors (rows, ...), on which `forward` is asked, with `extra` beside it."""

    forward: Callable[..., Any]
    start: Any
    whole: Any
    extra: Any = None

    def answers(self, rows: NDArray[np.intp], shares: Floats, /) -> Floats:
        """(points,) the answer at each share (0 to 1) of the way of each row."""
        return np.concatenate([self._answer(*each) for each in self._batches(rows, shares)])

    def integrals(self, rows: NDArray[np.intp], low: Floats, high: Floats, /) -> Floats:
        """(segments, ...) what each input adds between the shares `low` and `high`, by a Gauss-Legendre rule."""
        if not len(rows):
            return np.zeros((0, *self.whole.shape[1:]))
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        shares = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
        points = self._batches(np.repeat(rows, NODES), shares.ravel())
        slopes = np.concatenate([self._slope(*each) for each in points]).reshape(len(rows), NODES, -1)
        way = (self.whole - self.start).detach().cpu().double().numpy().reshape(len(self.whole), -1)
        found = np.einsum("skd,k->sd", slopes, weights / 2) * way[rows] * (high - low)[:, None]
        return np.asarray(found.reshape(len(rows), *self.whole.shape[1:]))

    def _batches(self, rows: NDArray[np.intp], shares: Floats) -> list[tuple[NDArray[np.intp], Floats]]:
        size = batch_size(tuple(self.whole.shape))
        return [(rows[i : i + size], shares[i : i + size]) for i in range(0, max(1, len(rows)), size)]

    def _points(self, rows: NDArray[np.intp], shares: Floats) -> Any:
        torch = torch_library()
        start, whole = self.start[rows], self.whole[rows]
        share = torch.as_tensor(shares, device=start.device, dtype=start.dtype)
        return start + share.reshape(-1, *(1,) * (start.ndim - 1)) * (whole - start)

    def _asked(self, points: Any, rows: NDArray[np.intp]) -> Any:
        beside = () if self.extra is None else (self.extra[rows],)
        return attempt(partial(self.forward, points, *beside))

    def _answer(self, rows: NDArray[np.intp], shares: Floats) -> Floats:
        if not len(rows):
            return np.zeros(0)
        with torch_library().no_grad():
            return numbers(self._asked(self._points(rows, shares), rows), what="answers")

    def _slope(self, rows: NDArray[np.intp], shares: Floats) -> Floats:
        torch = torch_library()
        points = self._points(rows, shares).detach().requires_grad_()
        answers = self._asked(points, rows)
        return numbers(attempt(lambda: torch.autograd.grad(answers.sum(), points)[0]), what="gradients")
