"""Whether the scores of several classes tell them apart less well in one group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import NOT_RUN, Limit, Measure
from assay.fairness.comparisons import check_depth
from assay.fairness.data_bias.case_rows import CaseRows, case_rows, levels_in, numbers
from assay.fairness.estimates import Estimate, compared
from assay.fairness.multiclass.areas import ScoredRows, against_others, hand_till

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "fairness.multiclass_auc",
    version=2,
    title="The scores tell classes apart less well in one group",
    needs=("rows", "protected", "label", "score"),
    tasks=("multiclass",),
    limit=Limit("auc_m_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def multiclass_auc(
    case: Case, /, *, depth: int = 1, level: float = 0.95, classes: int = 20, rows: int = 100_000, seed: int = 0
) -> Iterator[Measure]:
    """Hand and Till's M by group with its gap, and the area of each class against all others.

    `auc_m`: the mean over ordered pairs of classes (i, j) of the probability that a row of i has a higher score for i
    than a row of j; it does not depend on how frequent classes are, and is 0.5 by chance. `auc`, with the class in the
    slice: that of one class against all others, which does. A group without rows of some class has no M. Weights and
    repeated units are in the intervals (units are not where weights are frequencies). All held-out rows that have a
    label and every score, or a seeded sample of at most `rows`; the `classes` with the most rows. The limit (0.05,
    0.10) on `auc_m_gap` is convention.

    Source: Hand & Till (2001), Machine Learning 45:171.
    """
    check_depth(depth)
    if classes < 2 or rows < 2:
        raise AssayError(
            f"classes {classes} and rows {rows} compare nothing.", code="parameter", hint="Give 2 or more."
        )
    named = case.roles.scores
    read = case_rows(case, columns=tuple(named.values()), limit=rows, seed=seed, held_out=True)
    scored, names, places = _scored(case, read, most=classes)
    if len(names) < 2:
        reason = Message("one-class", "rows with all scores have fewer than two classes that have a score")
        yield Measure(NOT_RUN, None, len(scored.labels), reason=reason)
        return
    taken = set(read.protected)
    key = next(name for name in ("class", "predicted class", "class of the model") if name not in taken)
    asked: list[tuple[str, dict[str, str | None], Callable[[ScoredRows], Estimate]]] = [
        ("auc_m", {}, lambda part: hand_till(part, names, level=level))
    ]
    asked += [("auc", {key: name}, partial(against_others, c=c, level=level)) for c, name in enumerate(names)]
    for name, within, estimate in asked:
        whole = estimate(scored)
        yield replace(whole, notes=(*whole.notes, *read.notes)).measure(name, within)
        for grouping in read.groupings(depth=depth):
            codes = grouping.codes[places]
            found = [estimate(scored.only(np.flatnonzero(codes == g))) for g in range(len(grouping.slices))]
            yield from (one.measure(name, within | dict(s)) for s, one in zip(grouping.slices, found, strict=True))
            for made in compared(name, grouping.over, grouping.slices, found, level=level, widest=1.0):
                yield replace(made, slice=within)


def _scored(case: Case, read: CaseRows, /, *, most: int) -> tuple[ScoredRows, tuple[str, ...], np.ndarray]:
    """The rows with a label and every score, the classes that are shown, and the places of these rows."""
    named, label = case.roles.scores, levels_in(read.table, case.roles.label or "")
    scores = np.stack([numbers(read.table.column(column)) for column in named.values()], axis=1)
    sizes = {name: int((label.codes == c).sum()) for c, name in enumerate(label.texts) if name in named}
    shown = tuple(sorted(sorted(sizes, key=lambda name: (-sizes[name], name or ""))[:most], key=str))
    names = tuple(name for name in shown if name is not None)
    code = np.array([names.index(text) if text in names else -1 for text in label.texts] or [-1])[label.codes]
    weights = np.ones(len(code)) if read.weights is None else read.weights
    units = np.arange(len(code)) if read.units is None else read.units
    places = np.flatnonzero((code >= 0) & ~np.isnan(scores).any(axis=1) & (weights > 0))
    columns = [list(named).index(name) for name in names]
    own = scores[:, columns][places]
    return ScoredRows(own, code[places], units[places], weights[places], read.frequency), names, places
