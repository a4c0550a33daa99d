"""Which features the task could do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.privacy.anonymity.minimise import FeatureNeed, minimise
from assay.privacy.anonymity.table import coded

if TYPE_CHECKING:
    from assay.data.case import Case

FEWEST = 100


@check(
    "privacy.minimisation",
    version=1,
    title="The task uses personal data that it does not need",
    needs=("rows", "label", "features"),
    tasks=("binary", "multiclass"),
    clauses=("gdpr:5(1)(c)", "gdpr:25(2)"),
)
def minimisation(
    case: Case, /, *, loss: float = 0.01, rows: int = 4000, splits: int = 5, level: float = 0.95, seed: int = 0
) -> Iterator[Measure]:
    """How much accuracy is lost where a feature is dropped, or made coarse, and how many can go together within `loss`.

    For each feature a small boosted tree model is fitted anew on `splits` splits of up to `rows` rows, without it and
    with its coarse form (numbers in quarters of equal size, categories the three most frequent and all others), and
    asked of the rows held out. `accuracy_lost_dropped` and `accuracy_lost_coarse` have the interval of Nadeau & Bengio
    2003. A feature may go where the whole interval lies below `loss`; `droppable_features` is how many may go at once,
    found one after another and confirmed on fresh splits of the same rows. This is about features for this task and
    this kind of model: one that can be dropped alone may be needed once another is gone.
    """
    label, features = case.roles.whole_label or "", case.roles.features
    if not label:
        reason = Message("observed-label", "the label is observed only for some rows")
        yield Measure("droppable_features", None, case.n, reason=reason)
        return
    case.require_consent("Trying features")
    table = case.rows((*features, label), limit=rows, seed=seed)
    table = table.filter(np.array([text is not None for text in _levels(table, label)]))
    outcome = coded(table, label)
    if table.num_rows < FEWEST or outcome.size < 2 or len(features) < 2:
        words = "{rows} labelled rows of {classes} classes with {features} features are too few to fit"
        params = {"rows": table.num_rows, "classes": outcome.size, "features": len(features)}
        yield Measure("droppable_features", None, table.num_rows, reason=Message("too-few", words, params))
        return
    columns = [coded(table, name) for name in features]
    found = minimise(columns, outcome.codes, loss=loss, seeds=splits, seed=seed, level=level)
    n = found.rows
    notes = (Message("minimise-rows", "{rows} rows, accuracy {accuracy}", _facts(found.rows, found.accuracy)),)
    together = found.together.features if found.together else ()
    names = (Message("droppable", "together: {names}", {"names": ", ".join(together) or "none"}), *notes)
    yield Measure("droppable_features", float(len(together)), n, method="backward elimination", notes=names)
    for need in (*found.needs, *([found.together] if found.together else [])):
        yield _measure(need, n, together=need is found.together)


def _facts(rows: int, accuracy: float) -> dict[str, str]:
    return {"rows": f"{rows:,}", "accuracy": f"{accuracy:.3f}"}


def _measure(need: FeatureNeed, n: int, *, together: bool) -> Measure:
    if together:
        return Measure("accuracy_lost_together", need.lost, n, interval=need.interval, method=need.interval.method)
    where = {"feature": need.features[0]}
    return Measure(
        f"accuracy_lost_{need.form}", need.lost, n, where, interval=need.interval, method=need.interval.method
    )


def _levels(table: object, name: str) -> list[str | None]:
    column = coded(table, name)
    levels = column.levels
    return [levels[code] for code in column.codes.tolist()]
