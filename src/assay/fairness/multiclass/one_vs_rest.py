"""One-vs-rest rates of every class, and over the classes their mean and the worst of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.data.counts import Cells, Counts
from assay.fairness.estimates import Estimate
from assay.fairness.rates import GroupRates, Rate
from assay.fairness.words import empty_denominator, too_few_groups
from assay.stats.gaps import widest_gap
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes whose rates are given, all classes there are, and what a slice calls a class."""

    shown: tuple[str, ...]
    every: tuple[str, ...]
    key: str

    @classmethod
    def of(cls, counts: Counts, /, *, most: int) -> Classes:
        """The `most` classes with the most rows by label (by prediction where there are no labels)."""
        main = "label" if counts.has("label") else "prediction"
        rows = dict(zip(counts.dim(main).levels, counts.table(main, sum="n"), strict=True))
        roles = [role for role in ("label", "prediction") if counts.has(role)]
        every = sorted({level for role in roles for level in counts.dim(role).levels if level is not None})
        largest = sorted(every, key=lambda name: (-rows.get(name, 0.0), name))[:most]
        taken = {dim.name for dim in counts.dims if dim.role == "protected"}
        key = next(name for name in ("class", "predicted class", "class of the model") if name not in taken)
        return cls(tuple(sorted(largest)), tuple(every), key)

    def rates(self, *, labelled: bool) -> tuple[Rate, ...]:
        """Selection rate, and with labels TPR and FPR, of every class shown against all others."""
        made = []
        for name in self.shown:
            within: Slice = {self.key: name}
            others = tuple(other for other in self.every if other != name)
            made.append(Rate("selection_rate", {"prediction": name}, {"prediction": self.every}, within))
            if labelled:
                made.append(Rate("tpr", {"prediction": name}, {"label": name, "prediction": self.every}, within))
                made.append(Rate("fpr", {"prediction": name}, {"label": others, "prediction": self.every}, within))
        return tuple(made)


def macro(counts: Counts, /, *, classes: Classes, rate: str, level: float) -> Estimate:
    """The plain mean over all classes of the one-vs-rest `rate` ("tpr" or "fpr"), with a delta-method interval.

    A row of label i predicted as j moves the mean by z_ij; Var = Σ p_ij z_ij² / n. For the variance two rows are
    added to each label, spread evenly over the predictions (Agresti & Caffo 2000), so that rates of 0 and 1 are not
    taken as certain. Unmeasured where a class has no rows to be a rate of.
    """
    table = _confusion(counts, classes.every)
    both: Cells = {"label": classes.every, "prediction": classes.every}
    share = counts.share(both, both)
    rows = share.rows
    if not table.size or (_denominators(table, rate) <= 0).any():
        return Estimate(None, rows, reason=empty_denominator("every class"))
    value = float(_class_rates(table, rate).mean())
    scale = share.effective / share.total
    smooth = table * scale + 2 / len(classes.every)
    error = math.sqrt(_variance(smooth, rate))
    reach = two_sided(level) * error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach), level, "delta method")
    return Estimate(value, rows, share.effective, interval, error, f"mean over {len(classes.every)} classes")


def _variance(table: Floats, rate: str) -> float:
    """Variance of the mean rate for effective counts by label (rows) and prediction (columns)."""
    k, below = len(table), _denominators(table, rate)
    rates = _class_rates(table, rate)
    inside = np.eye(k, dtype=bool) if rate == "tpr" else ~np.eye(k, dtype=bool)
    # Row of label i: in the denominator of class c where inside[i, c]; a hit of c where it is predicted c.
    base = (np.where(inside, -rates / below, 0.0)).sum(axis=1, keepdims=True)
    moved = (base + np.where(inside, 1 / below, 0.0)) / k
    return float((table * moved**2).sum())


def _class_rates(table: Floats, rate: str) -> Floats:
    own = np.diag(table)
    hits = own if rate == "tpr" else table.sum(axis=0) - own
    return np.asarray(hits / _denominators(table, rate), dtype=np.float64)


def _denominators(table: Floats, rate: str) -> Floats:
    of_label = table.sum(axis=1)
    return np.asarray(of_label if rate == "tpr" else table.sum() - of_label, dtype=np.float64)


def _confusion(counts: Counts, classes: Sequence[str]) -> Floats:
    """Σw (rows without weights) by label and prediction, over `classes` in their order."""
    out, place = np.zeros((len(classes), len(classes))), {name: i for i, name in enumerate(classes)}
    found = counts.table("label", "prediction")
    for i, label in enumerate(counts.dim("label").levels):
        for j, prediction in enumerate(counts.dim("prediction").levels):
            if label is not None and prediction is not None:
                out[place[label], place[prediction]] = found[i, j]
    return out


def worst_class(counts: Counts, rates: Sequence[Rate], slice: Slice, /, *, level: float) -> Measure:
    """`worst_class_tpr`: the lowest TPR of a class, with the interval that follows from Wilson's of all classes."""
    shares = [(rate, share) for rate in rates if (share := counts.share(rate.of, rate.among)).total > 0]
    if not shares:
        return Measure("worst_class_tpr", None, 0, slice=slice, reason=empty_denominator("every class"))
    bounds = [wilson(share, level=1 - (1 - level) / len(shares)) for _, share in shares]
    rate, worst = min(shares, key=lambda item: item[1].hits / item[1].total)
    value = worst.hits / worst.total
    interval = Interval(min(b.low for b in bounds), min(b.high for b in bounds), level, "Wilson score, Bonferroni")
    note = Message("worst-class", "the lowest is that of {name}", {"name": next(iter(rate.within.values())) or ""})
    return Measure("worst_class_tpr", value, worst.rows, slice=slice, interval=interval, notes=(note,))


def widest_over_classes(tables: Sequence[GroupRates], /, *, level: float) -> Measure:
    """`worst_class_RATE_gap`: the widest gap of one rate over all classes; its interval holds over classes and pairs.

    Each class's own interval is made at the level 1 - (1 - level) / classes (Bonferroni).
    """
    name, over = f"worst_class_{tables[0].rate.name}_gap", tables[0].over
    usable = [table for table in tables if len(table.filled) > 1]
    if not usable:
        first = tables[0]
        return Measure(name, None, 0, over=over, reason=too_few_groups([first.slices[i] for i in first.filled]))
    gaps = [widest_gap(table.shares, level=1 - (1 - level) / len(usable)) for table in usable]
    place = max(range(len(gaps)), key=lambda i: gaps[i].value)
    table, gap = usable[place], gaps[place]
    low, high = max(g.interval.low for g in gaps), max(g.interval.high for g in gaps)
    note = Message(
        "worst-class", "the widest is that of {name}", {"name": next(iter(table.rate.within.values())) or ""}
    )
    return Measure(
        name,
        gap.value,
        (table.shares[gap.high].rows, table.shares[gap.low].rows),
        over=over,
        groups=(table.slices[gap.high], table.slices[gap.low]),
        interval=Interval(min(low, gap.value), max(high, gap.value), level, f"{gap.interval.method}, Bonferroni"),
        method=f"widest gap of {len(usable)} classes",
        notes=(note,),
    )
