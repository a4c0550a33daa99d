"""Whether one model can serve all groups, or a group would be better served by a model of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.fairness.data_bias.aggregation import GAIN, Learning, gains
from assay.fairness.data_bias.case_rows import case_rows
from assay.fairness.proxy.features import code_feature
from assay.fairness.words import left_out_rows

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "fairness.aggregation",
    version=1,
    title="One model for everybody is worse for a group than its own",
    needs=("rows", "protected", "label", "features"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:10(4)", "nist-ai-rmf:map-2.3"),
)
def aggregation(case: Case, /, *, level: float = 0.95, rows: int = 20_000, seed: int = 0) -> Iterator[Measure]:
    """How much a group would gain from a model fitted on its rows alone: `aggregation_gain`, nats of log-loss a row.

    Where the relation of features and label differs between groups, one model for all fits the largest or nobody
    (aggregation bias: Suresh & Guttag 2021, EAAMO, section 3.4). Gradient-boosted trees are fitted on all rows and on
    each group's own, both without the attribute, and compared on the same rows that neither was fitted on, in five
    folds. The gain is the mean of the differences of their losses, for every group and (without slice) for all groups
    with a model; the interval is that of a mean of pairs (Bayle, Bayle, Janson & Mackey 2020, NeurIPS 33) and is of
    these models, fitted on so many rows. p-values are one-sided, of a gain above 0, and controlled over groups and
    attributes.

    A gain below 0 is what a group pays for fewer rows to learn from, and the rule where one model is right: it is no
    proof that one model is. It is not about the model in the case, but about what its features can say.

    At most `rows` rows are read, a seeded sample. Groups with under 50 favourable or under 50 other labels get no
    model. Weights count in the fits and the means; to the interval a row is one row, whatever it stands for. No limit:
    how much loss matters depends on the use.
    """
    roles = case.roles
    found = case_rows(case, columns=roles.features, limit=rows, seed=seed)
    coded = [code_feature(found.table.column(name)) for name in roles.features]
    label = found.label if found.label is not None else np.zeros(0)
    known = np.isfinite(label)
    usable = [replace(one, codes=one.codes[known]) for one in coded if one is not None]
    if not usable or not known.any():
        reason = Message("no-feature", "no feature holds numbers or words, or no row has a label")
        yield Measure(GAIN, None, 0, reason=reason)
        return
    missing = len(known) - int(known.sum())
    notes = (*found.notes, *((left_out_rows(missing, "label"),) if missing else ()))
    learning = Learning.of(
        usable,
        label[known],
        weights=None if found.weights is None else found.weights[known],
        units=None if found.units is None else found.units[known],
        seed=seed,
    )
    pooled = learning.losses(np.arange(int(known.sum())))
    for grouping in found.groupings(depth=1):
        yield from gains(learning, pooled, replace(grouping, codes=grouping.codes[known]), level=level, notes=notes)
