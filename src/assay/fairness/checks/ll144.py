"""The bias audit of New York City's Local Law 144, selection-rate mode."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.bias_audit import audit
from assay.fairness.rates import SELECTION_RATE


@check(
    "fairness.ll144",
    version=1,
    title="Local Law 144: impact ratios of selection",
    counts=by("protected", "prediction"),
    tasks=("binary",),
    clauses=("nyc-ll144:5-301(b)",),
    noisy=True,
)
def ll144(counts: Counts, /, *, depth: int = 2, level: float = 0.95, exclude_under: float = 0.0) -> Iterator[Measure]:
    """Selection rate, impact ratio and number of unknowns for every category, as 6 RCNY 5-301 asks for.

    For sex, race or ethnicity and their crossing, where those are the protected attributes. `impact_ratio` is the rate
    of a category over that of the most selected one. People whose category is unknown are in none; `unknown_rows` says
    how many there are. `exclude_under` (at most 0.02) leaves out categories under that share of the data, as an
    independent auditor may: they then never set the highest rate; a note names them, and their number and rate stay to
    be seen. The law sets no mark to pass, so there is no limit: for the four-fifths rule see fairness.selection_rates.
    """
    yield from audit(counts, SELECTION_RATE, depth=depth, level=level, exclude_under=exclude_under)
