"""Models to retrain: kinds, settings and seeds drawn at random."""

from __future__ import annotations

import numpy as np

from assay.fairness.frontier.classifier import TableClassifier


def drawn(n: int, /, *, rng: np.random.Generator) -> list[TableClassifier]:
    """`n` unfitted models: every third a logistic regression, the others LightGBM, with settings that people try."""
    return [_logistic(rng) if i % 3 == 0 else _boosted(rng) for i in range(n)]


def _logistic(rng: np.random.Generator) -> TableClassifier:
    return TableClassifier("logistic", settings={"C": float(np.round(10 ** rng.uniform(-3, 2), 6))})


def _boosted(rng: np.random.Generator) -> TableClassifier:
    settings = {
        "n_estimators": int(rng.integers(40, 160)),
        "learning_rate": float(np.round(10 ** rng.uniform(-1.5, -0.7), 4)),
        "num_leaves": int(rng.integers(4, 48)),
        "min_child_samples": int(rng.integers(5, 80)),
        "colsample_bytree": float(np.round(rng.uniform(0.4, 1.0), 2)),
        "subsample": float(np.round(rng.uniform(0.5, 1.0), 2)),
        "subsample_freq": 1,
        "reg_lambda": float(np.round(10 ** rng.uniform(-2, 1.5), 4)),
    }
    return TableClassifier("lightgbm", settings=settings, seed=int(rng.integers(1 << 30)))
