"""What a column does to the answer: partial dependence, individual curves, accumulated local effect."""

from __future__ import annotations

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.drawing.terms import cut, signed
from assay.explain.overall.effects.accumulated import Accumulated
from assay.explain.overall.effects.dependence import Dependence
from assay.pictures import Chart, Picture

CURVES = 120
"""Most individual curves that are drawn, evenly through all rows in the order of their means."""


def effects(
    found: Dependence,
    /,
    *,
    accumulated: Accumulated | None = None,
    values: Floats | None = None,
    curves: bool = True,
    width: int = 720,
) -> Picture:
    """The picture of partial dependence with its interval, over the individual curves of rows (pale).

    `accumulated` adds the accumulated local effect of the same column, dashed; it has no level of its own and is moved
    to the mean of the partial dependence (the legend says by how much). `values` (rows,) of the column are drawn as a
    rug at the foot: where there are few strokes, little is known. A category has points in place of lines.
    """
    named = found.column.kind == "category"
    xs = list(found.shown) if named else found.grid
    level = f"{found.level:.0%}"
    chart = Chart(
        f"What {found.column.name} does to {found.target}",
        x=found.column.name,
        y=f"{cut(found.target, 30)}, mean over {len(found.curves):,} rows",
        note=f"{level} intervals over the rows, each point by itself · what the model does, not what causes what",
        width=width,
    )
    if curves and len(found.curves) > 1:
        some = _some(found.curves)
        chart.threads(xs, some, name=f"single rows ({len(some)})")
    low, high = _interval(found)
    draw = chart.points if named or len(found.grid) == 1 else chart.line
    draw(xs, found.mean, name="partial dependence", low=low, high=high)
    if accumulated is not None:
        _accumulated(chart, found, accumulated)
    if values is not None and not named:
        known = values[~np.isnan(values)]
        inside = known[(known >= _start(found, accumulated)) & (known <= _end(found, accumulated))]
        chart.rug(inside, name="rows")
    return chart.picture()


def _some(curves: Floats) -> Floats:
    """At most CURVES of the curves, evenly through them in the order of their means."""
    order = np.argsort(curves.mean(axis=1), kind="stable")
    return curves[order[np.unique(np.linspace(0, len(order) - 1, min(CURVES, len(order))).astype(np.int64))]]


def _interval(found: Dependence) -> tuple[list[float], list[float]]:
    """The lower and the upper ends; the mean itself where it has no interval."""
    low = [m.interval.low if m.interval else m.value for m in found.means]
    return low, [m.interval.high if m.interval else m.value for m in found.means]


def _accumulated(chart: Chart, found: Dependence, accumulated: Accumulated) -> None:
    """The accumulated local effect, moved to the mean of the partial dependence."""
    if accumulated.column.name != found.column.name:
        raise AssayError(
            f"One effect is of {found.column.name!r}, the other of {accumulated.column.name!r}.",
            code="column",
            hint="Draw two effects of the same column.",
        )
    shift = float(np.mean(found.mean))
    decimals = 3 if abs(shift) < 10 else 1
    chart.line(
        accumulated.ends,
        accumulated.effect + shift,
        name=f"accumulated local effect {signed(shift, decimals)}",
        low=accumulated.low + shift,
        high=accumulated.high + shift,
    )


def _start(found: Dependence, accumulated: Accumulated | None) -> float:
    return min(float(found.grid[0]), float(accumulated.ends[0]) if accumulated else np.inf)


def _end(found: Dependence, accumulated: Accumulated | None) -> float:
    return max(float(found.grid[-1]), float(accumulated.ends[-1]) if accumulated else -np.inf)
