"""What copies of a model came to, as Measures with what follows from them."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.errors import Message
from assay.core.measure import Attachment, Interval, Measure, Share, Slice, attached_table
from assay.privacy.inference.extraction.extract import Curve, Extraction
from assay.stats.rates import wilson

WARN, FAIL = 0.80, 0.95
EXACT = 1e-3
"""An error in log-odds below which a linear model was taken as it is."""


def extraction_measures(found: Extraction, /, *, level: float) -> Iterator[Measure]:
    """Agreement of each copy with the model after its last query, over a constant answer, and what needs no query."""
    n, constant = found.rows, found.constant
    yield _rate("constant_fidelity", constant, n, {}, level=level, method="of one answer for every row")
    if found.without is None:
        reason = Message("copy-unknown", "how a model of this family is fitted is not known here")
        yield Measure("fidelity_without_model", None, n, reason=reason)
    else:
        method = f"of a model fitted on {found.without.queries} true labels, which never asks"
        yield _rate("fidelity_without_model", found.without.agreed, n, {}, level=level, method=method)
    for curve in found.curves:
        yield from _of_curve(curve, found, level=level)


def _of_curve(curve: Curve, found: Extraction, /, *, level: float) -> Iterator[Measure]:
    where: Slice = {"strategy": curve.strategy, "copy": curve.copy}
    n = found.rows
    if not curve.points:
        yield Measure("fidelity", None, n, where, reason=curve.reason)
        return
    last = curve.points[-1]
    method = f"agreement of the copy with the model's label after {last.queries} queries"
    agreement = _rate("fidelity", last.agreed, n, where, level=level, method=method, table=_table(curve, n, level))
    yield agreement
    yield _gain(curve, found, agreement.interval)
    if curve.error is not None:
        method = "largest error in log-odds on rows that were not asked, where no class is all but ruled out"
        yield Measure("log_odds_error", curve.error, n, where, method=method, exact=True)


def _gain(curve: Curve, found: Extraction, interval: Interval | None) -> Measure:
    """(fidelity − constant) / (1 − constant): the share of a constant's disagreement that the copy removes."""
    where: Slice = {"strategy": curve.strategy, "copy": curve.copy}
    n, last = found.rows, curve.points[-1]
    if found.constant == n or interval is None:
        reason = Message("constant-model", "the model gives every row that judges the same answer")
        return Measure("fidelity_gain", None, n, where, reason=reason)
    constant = found.constant / n
    value, low, high = ((one - constant) / (1 - constant) for one in (last.agreed / n, interval.low, interval.high))
    ends = Interval(low, high, interval.level, f"{interval.method}, the constant's share taken as known")
    method = "share of a constant answer's disagreement that the copy removes"
    return Measure("fidelity_gain", value, n, where, interval=ends, method=method, notes=_advice(curve, ends))


def _advice(curve: Curve, gain: Interval) -> tuple[Message, ...]:
    """What follows from a copy that is nearly the model; nothing from one that is not."""
    if curve.error is not None and curve.error < EXACT:
        words = (
            "{queries} answers with probabilities give the linear model away exactly: show few digits or labels only, "
            "and treat its coefficients as public"
        )
        return (Message("extraction-exact", words, {"queries": curve.points[-1].queries}),)
    if gain.low <= WARN:
        return ()
    words = "{queries} queries copy the model: limit queries of one user, {less}, and treat the model as known"
    less = "show labels only" if curve.copy == "probabilities" else "watch for queries near the boundary"
    return (Message("extraction-limit", words, {"queries": curve.points[-1].queries, "less": less}),)


def _rate(
    name: str, hits: int, n: int, where: Slice, /, *, level: float, method: str, table: Attachment | None = None
) -> Measure:
    share = Share(float(hits), n, n, n)
    attached = {} if table is None else {"curve": table}
    interval = wilson(share, level=level)
    return Measure(name, share.value, n, where, interval=interval, method=method, attachments=attached)


def _table(curve: Curve, n: int, level: float) -> Attachment:
    rows = []
    for point in curve.points:
        ends = wilson(Share(float(point.agreed), n, n, n), level=level)
        rows.append([point.queries, point.agreed / n, ends.low, ends.high])
    title = f"Fidelity against queries: {curve.strategy}, copy of {curve.copy}"
    return attached_table(["queries", "fidelity", "low", "high"], rows, caption=title)
