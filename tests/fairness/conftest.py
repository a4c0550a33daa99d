"""Counts from rows, without a scan: what the checks of the area see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from assay.core.measure import Measure
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.counts import FIXED, Counts


def _dims(protected: Sequence[str], outcomes: Sequence[str], controls: Sequence[str]) -> list[Dim]:
    return [
        *(Dim("protected", name, Values(), ()) for name in protected),
        *(Dim("control", name, Values(), ()) for name in controls),
        *(Dim(name, name, Favourable("1"), ()) for name in outcomes),
    ]


def counts_of(
    columns: dict[str, Sequence[str | None]],
    /,
    *,
    outcomes: Sequence[str] = ("label", "prediction"),
    controls: Sequence[str] = (),
    weight: Sequence[float] | None = None,
    weights: str = "sampling",
) -> Counts:
    """Counts of rows given as columns; those that are no outcome and no control are protected attributes."""
    outcomes = [name for name in outcomes if name in columns]
    protected = [name for name in columns if name not in outcomes and name not in controls]
    order = [*protected, *controls, *outcomes]
    rows = list(zip(*(columns[name] for name in order), strict=True))
    dims = _dims(protected, outcomes, controls)
    if weight is None:
        cells = Counter(rows)
        return Counts.from_cells(dims, list(cells), {"n": list(cells.values())})
    fixed = [round(w * FIXED) for w in weight]
    sums = {"n": [1] * len(rows), "w": fixed, "ww": [w * w for w in fixed]}
    return Counts.from_cells(dims, rows, sums, weights=weights)


def scored(columns: dict[str, Sequence[str | None]], score: Sequence[float], /, *, bins: int = 100) -> Counts:
    """Counts by protected attributes, label and quantile bins of the score, with Σ score in each cell."""
    values = np.asarray(score, dtype=float)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    protected = [name for name in columns if name != "label"]
    names = [*protected, *(["label"] if "label" in columns else [])]
    dims = _dims(protected, names[len(protected) :], ())
    dims.append(Dim("score", "score", Bins(tuple(float(e) for e in edges)), ()))
    level = [str(b) for b in np.searchsorted(edges, values, "right")]
    rows = list(zip(*(columns[name] for name in names), level, strict=True))
    sums = {"n": [1] * len(rows), "score": [round(float(v) * FIXED) for v in values]}
    return Counts.from_cells(dims, rows, sums, scales={"score": FIXED})


@pytest.fixture(scope="session")
def make_counts() -> Callable[..., Counts]:
    return counts_of


@pytest.fixture(scope="session")
def make_scored() -> Callable[..., Counts]:
    return scored


@pytest.fixture(scope="session")
def find() -> Callable[..., Measure]:
    """The one Measure with this name, slice and `over`."""

    def one(
        measures: Sequence[Measure], name: str, slice: dict[str, str | None] | None = None, over: str = ""
    ) -> Measure:
        names = tuple(over.split()) if over else ()
        found = [m for m in measures if m.name == name and dict(m.slice) == (slice or {}) and m.over == names]
        assert len(found) == 1, f"{len(found)} Measures {name} {slice} {over}"
        return found[0]

    return one
