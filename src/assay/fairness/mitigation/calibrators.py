"""Maps from a score to a calibrated probability, each kept as one array of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
METHODS = ("platt", "isotonic", "temperature")
EDGE = 1e-12
"""Scores are kept this far from 0 and 1, so that they have log-odds."""
COLDEST, HOTTEST = 0.01, 100.0


def learn(method: str, score: Floats, y: NDArray[np.int64], weight: Floats, /) -> Floats:
    """The map: (slope, intercept) of platt, (temperature,) or the (2, knots) of isotonic."""
    if method == "platt":
        return platt(log_odds(score), y, weight)
    if method == "temperature":
        return np.array([temperature(log_odds(score), y, weight)])
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, y, sample_weight=weight)
    return np.stack([fitted.X_thresholds_, fitted.y_thresholds_]).astype(np.float64)


def apply(method: str, table: Floats, score: Floats, /) -> Floats:
    """(rows,) calibrated probabilities."""
    if method == "isotonic":
        return np.asarray(np.interp(score, table[0], table[1]))
    z = log_odds(score)
    return sigmoid(np.asarray(table[0] * z + table[1] if method == "platt" else z / table[0]))


def log_odds(score: Floats, /) -> Floats:
    """ln(p / (1 − p))."""
    p = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def sigmoid(z: Floats, /) -> Floats:
    """1 / (1 + e^−z), without overflow."""
    half = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + half), half / (1 + half))


def platt(z: Floats, y: NDArray[np.int64], weight: Floats, /) -> Floats:
    """(slope, intercept) of the logistic regression of smoothed targets on z, by Newton's method with halved steps.

    Targets (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2), N being sums of weights: Platt (1999), section 2.2; so that the optimum is
    finite also where z separates the outcomes.
    """
    positive, negative = float(weight[y == 1].sum()), float(weight[y == 0].sum())
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    design = np.column_stack([z, np.ones(len(z))])
    found = np.array([0.0, np.log((positive + 1) / (negative + 1))])
    loss = _loss(design @ found, target, weight)
    for _ in range(100):
        p = sigmoid(design @ found)
        slope = design.T @ (weight * (p - target))
        curve = design.T @ (design * (weight * p * (1 - p))[:, None]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        tried = _loss(design @ (found - step), target, weight)
        while tried > loss and np.abs(step).max() > 1e-12:
            step /= 2
            tried = _loss(design @ (found - step), target, weight)
        found, loss = found - step, tried
        if np.abs(step).max() < 1e-10 * (1 + np.abs(found).max()):
            break
    return found


def temperature(z: Floats, y: NDArray[np.int64], weight: Floats, /) -> float:
    """The T in [0.01, 100] at which z / T has the least log-loss: where its derivative, rising in 1/T, crosses 0."""
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(60):
        middle = np.sqrt(low * high)
        if float(weight @ (z * (sigmoid(middle * z) - y))) > 0:
            high = middle
        else:
            low = middle
    return float(1 / np.sqrt(low * high))


def _loss(z: Floats, target: Floats, weight: Floats) -> float:
    return float(weight @ (np.logaddexp(0.0, z) - target * z))
