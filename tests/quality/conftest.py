"""Counts made from rows, as a Case would make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.data.coding import Bins, Coding, Dim, Favourable, Values
from assay.data.counts import FIXED, Counts, Pairs

Array = NDArray[Any]


def _losses(label: Array, score: Array) -> dict[str, Array]:
    y = np.array([{"1": 1.0, "0": 0.0}.get(v, 0.0) for v in label])
    known = np.array([v in ("0", "1") for v in label])
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    error, log_loss = score - y, -np.where(y == 1, np.log(clipped), np.log1p(-clipped))
    sums = {
        "score": score,
        "squared_error": error**2,
        "squared_error_squared": error**4,
        "log_loss": log_loss,
        "log_loss_squared": log_loss**2,
    }
    return {name: np.where(known, values, 0.0) for name, values in sums.items()}


def _errors(y: Array, y_hat: Array) -> dict[str, Array]:
    e = y_hat - y
    return {
        "y": y,
        "y_squared": y**2,
        "error": e,
        "absolute_error": np.abs(e),
        "squared_error": e**2,
        "squared_error_squared": e**4,
        "squared_error_y": e**2 * y,
        "squared_error_y_squared": e**2 * y**2,
        "y_cubed": y**3,
        "y_fourth": y**4,
    }


def _fixed(values: Array, unit: int = FIXED) -> list[int]:
    return [round(float(v) * unit) for v in values]


def _pairs(cells: Sequence[tuple[Any, ...]], unit: Array, weight: Array | None) -> Pairs:
    """Σ over units of the products of cell weights, by brute force. One input cell a row: the cells fold later."""
    w = np.ones(len(unit)) if weight is None else weight
    i, j, square = [], [], []
    for one in np.unique(unit):
        rows = np.flatnonzero(unit == one)
        for a in rows:
            for b in rows:
                i.append(a)
                j.append(b)
                square.append(round(float(w[a] * w[b]) * (FIXED * FIXED if weight is not None else 1)))
    return Pairs(np.array(i, dtype=np.int64), np.array(j, dtype=np.int64), np.array(square, dtype=object))


def _counts(
    *,
    label: Sequence[Any] | None = None,
    prediction: Sequence[Any] | None = None,
    score: Array | None = None,
    edges: Sequence[float] | None = None,
    protected: Mapping[str, Sequence[Any]] | None = None,
    feature: tuple[str, Coding, Sequence[Any]] | None = None,
    weight: Array | None = None,
    weights: str = "sampling",
    unit: Array | None = None,
    binary: bool = True,
    y: Array | None = None,
    y_hat: Array | None = None,
) -> Counts:
    dims: list[Dim] = []
    columns: list[Sequence[Any]] = []
    sums: dict[str, Any] = {}
    coding: Coding = Favourable("1") if binary else Values()

    def add(role: str, name: str, how: Coding, levels: Sequence[Any]) -> None:
        dims.append(Dim(role, name, how, ()))
        columns.append(levels)

    for name, values in (protected or {}).items():
        add("protected", name, Values(), values)
    if feature is not None:
        add("feature", *feature)
    if label is not None:
        add("label", "label", coding, label)
    if prediction is not None:
        add("prediction", "prediction", coding, prediction)
    if score is not None:
        cuts = np.unique(score) if edges is None else np.asarray(edges)
        add("score", "score", Bins(tuple(map(float, cuts))), [str(b) for b in np.searchsorted(cuts, score, "right")])
        sums |= _losses(np.asarray(label, dtype=object), score)
    if y is not None and y_hat is not None:
        sums |= _errors(y, y_hat)
    n = len(columns[0]) if columns else len(y if y is not None else ())
    cells = list(zip(*columns, strict=True)) if columns else [()] * n
    w = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
    fixed: dict[str, Any] = {name: _fixed(values * w, 1 << 40) for name, values in sums.items()}
    fixed["n"] = [1] * n
    if weight is not None:
        fixed |= {"w": _fixed(w), "ww": _fixed(w * w, FIXED * FIXED)}
    pairs = _pairs(cells, unit, weight) if unit is not None else None
    scales = dict.fromkeys(sums, 1 << 40)
    kind = weights if weight is not None else ""
    return Counts.from_cells(dims, cells, fixed, scales=scales, weights=kind, pairs=pairs)


@pytest.fixture(scope="session")
def counts() -> Callable[..., Counts]:
    """Makes Counts from rows: text labels and predictions, numeric scores (binned at `edges`, else each value)."""
    return _counts


@pytest.fixture(scope="session")
def people() -> dict[str, Any]:
    """4,000 synthetic rows in the manner of the census data: scores that know something, and two attributes."""
    rng = np.random.default_rng(7)
    n = 4000
    sex = rng.choice(["Female", "Male"], n, p=[0.33, 0.67])
    race = rng.choice(["White", "Black", "Asian", "Other"], n, p=[0.8, 0.1, 0.06, 0.04])
    latent = rng.normal(-1.2 + 0.7 * (sex == "Male"), 1.3, n)
    truth = rng.random(n) < 1 / (1 + np.exp(-1.2 * latent))
    score = 1 / (1 + np.exp(-(latent + rng.normal(0, 0.4, n))))
    label = np.where(truth, "1", "0").astype(object)
    prediction = np.where(score >= 0.5, "1", "0").astype(object)
    return {
        "label": label,
        "prediction": prediction,
        "score": score,
        "protected": {"sex": sex.astype(object), "race": race.astype(object)},
        "weight": np.round(rng.gamma(2.0, 1.0, n) * 1024) / 1024 + 1 / 1024,
    }
