"""What one feature column is like: how much of it is missing, whether it varies, whether it gives the label away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Measure
from assay.data.coding import OTHER, Bins, Favourable
from assay.data.counts import Counts, N
from assay.quality.association import correlation_ratio, cramers_v
from assay.quality.disaggregate import Estimate, absent, over, rate
from assay.quality.scores import area_under_curve, score_bins
from assay.stats.tests import chi_square

Floats = NDArray[np.float64]
FAMILY = "label association of the features"


def missing_share(counts: Counts, /) -> Measure:
    """Share of these very rows in which the feature is missing."""
    dim, code = counts.dim("feature"), counts.dim("feature").code(None)
    slice_ = {"feature": dim.name}
    if counts.n == 0:
        return absent(0, "this column").measure("missing_share", slice_)
    gone = _by_value(counts, N)[code] if code is not None else 0.0
    return Measure("missing_share", float(gone) / counts.n, counts.n, slice=slice_, exact=True)


def distinct_values(counts: Counts, /) -> Measure:
    """How many values the feature takes where it is not missing; numbers are counted in bins, which a note says."""
    dim = counts.dim("feature")
    values = [level for level in dim.levels if level is not None]
    notes: tuple[Message, ...] = ()
    if OTHER in values:
        notes = (Message("rare-together", "rare values are counted as one: there are at least this many"),)
    elif isinstance(dim.coding, Bins):
        notes = (Message("binned", "numbers are counted in bins: there are at least this many values"),)
    slice_ = {"feature": dim.name}
    return Measure("distinct_values", float(len(values)), counts.n, slice=slice_, notes=notes, exact=True)


def label_association(counts: Counts, /, *, level: float) -> Iterator[Measure]:
    """How well the feature alone tells the label: `label_association`, and `label_auc` for numbers and two classes."""
    slice_ = {"feature": counts.dim("feature").name}
    scale = _per_weight(counts)
    if "y" in counts.sums:
        weight, total, squares = (_by_value(counts, name) * scale for name in ("", "y", "y_squared"))
        found = correlation_ratio(weight, total, squares, counts.n, level=level)
        yield found.measure("label_association", slice_)
        return
    table, rows = _by_value_and_label(counts) * scale, int(_by_value_and_label(counts, N).sum())
    measure = cramers_v(table, rows, level=level).measure("label_association", slice_)
    yield replace(measure, p_value=chi_square(table).p_value, family=FAMILY) if measure.value is not None else measure
    if isinstance(counts.dim("feature").coding, Bins) and isinstance(counts.dim("label").coding, Favourable):
        yield _either_way(area_under_curve(score_bins(counts, of="feature")[0][1], level=level)).measure(
            "label_auc", slice_
        )


def label_shares(counts: Counts, /, *, level: float) -> Iterator[Measure]:
    """The share of each label among the rows that have one."""
    known = over(counts, "label")
    labels = tuple(label for label in known.dim("label").levels if label is not None)
    for label in labels:
        share = known.share({"label": label}, {"label": labels})
        yield rate(share, "a label", level=level).measure("label_share", {"label": label})


def _by_value(counts: Counts, sum: str) -> Floats:
    """A sum for each value of the feature, in its order of levels."""
    dim = counts.dim("feature")
    codes = counts.codes[:, counts.dims.index(dim)]
    return np.bincount(codes, weights=counts.values(sum), minlength=len(dim.levels)).astype(np.float64)


def _by_value_and_label(counts: Counts, sum: str = "") -> Floats:
    """A sum for each value of the feature and each label that is not missing."""
    feature, label = counts.dim("feature"), counts.dim("label")
    table = np.zeros((len(feature.levels), len(label.levels)))
    axes = (counts.dims.index(feature), counts.dims.index(label))
    np.add.at(table, tuple(counts.codes[:, axis] for axis in axes), counts.values(sum))
    return table[:, [level is not None for level in label.levels]]


def _per_weight(counts: Counts) -> float:
    """Effective rows a unit of weight."""
    share = counts.share({})
    return share.effective / share.total if share.total > 0 else 0.0


def _either_way(found: Estimate) -> Estimate:
    """An AUC below a half tells the label as well as its mirror image does."""
    if found.value is None or found.value >= 0.5:
        return found
    interval = found.interval and replace(found.interval, low=1 - found.interval.high, high=1 - found.interval.low)
    return replace(found, value=1 - found.value, interval=interval)
