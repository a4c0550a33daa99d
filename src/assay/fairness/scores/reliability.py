"""The reliability curve of a group: the rate of favourable labels against the score that promised it."""

from __future__ import annotations

import numpy as np

from assay.core.measure import Attachment, Slice, attached_table
from assay.fairness.scores.histogram import Floats
from assay.pictures import Chart
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson_bounds

FEWEST = 10
"""Bins of fewer rows are left out of curve and table: a picture is not checked for small cells later."""


def reliability(
    n: Floats, hits: Floats, scores: Floats, slice: Slice, /, *, effective: Floats, level: float
) -> dict[str, Attachment]:
    """The curve as a picture and as a table, by the names "reliability" and "reliability_table"; {} without a bin.

    `n`, `hits` and `scores` are the rows, the favourable labels and the sum of scores of each bin, `effective` the
    independent rows that carry as much. Intervals are Wilson's (1927), at `level` for each bin by itself.
    Source: DeGroot & Fienberg (1983), The Statistician 32:12, for the diagram.
    """
    kept = (n >= FEWEST) & (effective >= FEWEST)
    if not kept.any():
        return {}
    n, effective, mean = n[kept], effective[kept], scores[kept] / n[kept]
    rate = np.clip(hits[kept] / n, 0.0, 1.0)
    low, high = wilson_bounds(rate, effective, two_sided(level))
    of = ", ".join(f"{name} = {'(missing)' if group is None else group}" for name, group in slice.items())
    title = f"Scores and rates for {of}" if of else "Scores and rates"
    chart = Chart(title, x="mean score", y="share of favourable labels", width=560, height=360)
    chart.line([0.0, 1.0], [0.0, 1.0], name="as the scores say")
    chart.points(mean, rate, name=f"observed, {100 * level:.10g}% intervals", low=low, high=high)
    chart.line(mean, rate)
    columns = ("mean score", "share of favourable labels", "low", "high", "rows")
    rows = zip(*(column.tolist() for column in (mean, rate, low, high, n)), strict=True)
    table = attached_table(columns, [(*row[:4], _whole(row[4])) for row in rows], caption=title)
    return {
        "reliability": Attachment(chart.svg().encode(), "image/svg+xml", title),
        "reliability_table": table,
    }


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
