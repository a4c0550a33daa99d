"""Dimensions made from label and prediction together: whether they agree, and which kind of error it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.data.coding import Dim, Values
from assay.data.counts import Counts

KINDS = {("1", "1"): "tp", ("0", "1"): "fp", ("1", "0"): "fn", ("0", "0"): "tn"}
"""(label, prediction) of a binary outcome -> the field's name of the cell."""


def with_correct(counts: Counts, /) -> Counts:
    """Counts by `correct` in place of label and prediction: "1" where they agree, None where either is missing."""
    return _combined(counts, "correct", lambda label, prediction: "1" if label == prediction else "0")


def with_error_kind(counts: Counts, /) -> Counts:
    """Counts by `error` in place of label and prediction: "fp" or "fn", and None where there is no error."""

    def kind(label: str, prediction: str) -> str | None:
        name = KINDS.get((label, prediction))
        return name if name in ("fp", "fn") else None

    return _combined(counts, "error", kind)


def with_benefit(counts: Counts, /) -> Counts:
    """Counts by `benefit` in place of label and prediction: prediction − label + 1 (Speicher et al. 2018)."""
    return _combined(counts, "benefit", lambda label, prediction: str(int(prediction) - int(label) + 1))


def _combined(counts: Counts, name: str, level: Callable[[str, str], str | None]) -> Counts:
    label, prediction = counts.dim("label"), counts.dim("prediction")
    axes = [i for i, dim in enumerate(counts.dims) if dim.role not in ("label", "prediction")]
    levels = tuple(None if y is None or p is None else level(y, p) for y in label.levels for p in prediction.levels)
    by_role = {dim.role: counts.codes[:, i] for i, dim in enumerate(counts.dims)}
    joint = by_role["label"] * len(prediction.levels) + by_role["prediction"]
    return Counts.from_codes(
        [*(counts.dims[i] for i in axes), Dim(name, name, Values(), levels)],
        np.column_stack([counts.codes[:, axes], joint]).astype(np.int32),
        counts.sums,
        scales=counts.scales,
        weights=counts.weights,
        pairs=counts.pairs,
    )
