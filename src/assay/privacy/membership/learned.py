"""A classifier of membership, fitted on rows that the attacker was told of; and what it finds without the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.models.trainers import TrainingRows
from assay.privacy.anonymity.table import coded
from assay.privacy.membership.answers import Bools, Floats, Places

WIDEST = 2000
"""Most numbers of an input that the classifier reads."""


def chance_of_member(told: Floats, member: Bools, asked: Floats, /, *, seed: int) -> Floats:
    """(asked,) chance that a row is a member where half are, by boosted trees fitted on the rows told.

    Small trees and a slow rate, fixed beforehand: settings chosen on the same rows would flatter the attack.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=80,
        max_leaf_nodes=8,
        min_samples_leaf=max(5, min(50, len(told) // 20)),
        l2_regularization=1.0,
        early_stopping=False,
        class_weight="balanced",
        random_state=seed,
    )
    with threadpool_limits(limits=1, user_api="openmp"):  # so few rows are not worth waiting for other threads
        chance = model.fit(told, member).predict_proba(asked)[:, 1]
    return np.asarray(chance, dtype=np.float64)


def without_the_model(rows: TrainingRows, told: Places, member: Bools, asked: Places, /, *, seed: int) -> Floats | None:
    """(asked,) chance of being a member by the inputs and the label alone; None for inputs that are no numbers.

    Where this tells members from others, the two are from different populations, and an attack's success need not come
    from the model. Source: Das, Zhang & Tramèr (2024), "Blind baselines beat membership inference attacks", arXiv
    2406.16201.
    """
    numbers = _numbers(rows)
    return None if numbers is None else chance_of_member(numbers[told], member, numbers[asked], seed=seed)


def _numbers(rows: TrainingRows) -> Floats | None:
    inputs = rows.inputs
    if hasattr(inputs, "column_names"):
        columns = [_column(inputs, name) for name in inputs.column_names[:WIDEST]]
        return np.column_stack([*columns, rows.codes])
    if isinstance(inputs, np.ndarray) and inputs[:1].size <= WIDEST:
        return np.column_stack([inputs.reshape(len(inputs), -1).astype(np.float64), rows.codes])
    return None


def _column(table: Any, name: str) -> Floats:
    """Numbers as they are; anything else by the rank of how frequent its value is."""
    from assay.models.inputs import is_number, numbers

    if is_number(table.column(name).type):
        return numbers(table.column(name))
    found = coded(table, name)
    rank = np.argsort(np.argsort(-found.rows, kind="stable"), kind="stable")
    return np.asarray(rank[found.codes], dtype=np.float64)
