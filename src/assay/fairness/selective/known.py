"""One dimension that says of every row what was predicted, what is known of its outcome, and through what."""

from __future__ import annotations

from itertools import product

import numpy as np

from assay.data.coding import Dim, Values
from assay.data.counts import Counts
from assay.fairness.outcomes import KINDS

NAME = "known"
ROLES = ("label", "prediction", "observed", "randomised")
UNKNOWN = {"1": "selected", "0": "rejected"}
"""Prediction -> the level of rows with that prediction and an unknown outcome."""
SLICE = "slice "
"""What the levels of rows of the randomised slice begin with."""


def seen(*kinds: str) -> tuple[str, ...]:
    """The levels of rows whose outcome is known, in the slice and outside."""
    return tuple(prefix + kind for kind in kinds for prefix in ("", SLICE))


SELECTED, REJECTED = seen("tp", "fp"), seen("fn", "tn")
"""Levels of rows with a known outcome that are predicted favourable, and unfavourable."""


def with_known(counts: Counts, /) -> Counts:
    """Counts by `known` in place of label, prediction, observed and randomised.

    "tp", "fp", "fn", "tn" with "slice " before it in the randomised slice; "selected" or "rejected" where the outcome
    is unknown; None where the prediction is missing. A label counts only where it was observed.
    """
    by_role = {dim.role: (dim, counts.codes[:, axis]) for axis, dim in enumerate(counts.dims)}
    present = [role for role in ROLES if role in by_role]
    joint = np.zeros(len(counts), dtype=np.int64)
    for role in present:
        dim, codes = by_role[role]
        joint = joint * len(dim.levels) + codes
    cells = product(*(by_role[role][0].levels for role in present))
    levels = tuple(_level(dict(zip(present, cell, strict=True))) for cell in cells)
    axes = [axis for axis, dim in enumerate(counts.dims) if dim.role not in ROLES]
    return Counts.from_codes(
        [*(counts.dims[axis] for axis in axes), Dim(NAME, NAME, Values(), levels)],
        np.column_stack([counts.codes[:, axes], joint]).astype(np.int32),
        counts.sums,
        scales=counts.scales,
        weights=counts.weights,
        pairs=counts.pairs,
    )


def _level(cell: dict[str, str | None]) -> str | None:
    prediction, label = cell["prediction"], cell["label"]
    if prediction is None:
        return None
    if cell["observed"] != "1" or label is None:
        return UNKNOWN[prediction]
    return (SLICE if cell.get("randomised") == "1" else "") + KINDS[label, prediction]
