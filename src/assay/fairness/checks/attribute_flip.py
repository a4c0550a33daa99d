"""Whether a decision changes when nothing but the protected attribute does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure, Share, Slice
from assay.fairness.individual.flips import MOST_GROUPS, Flips, decisions, flips, model_columns
from assay.fairness.individual.judged import judged_rows
from assay.fairness.individual.rows_once import counts_rows_once
from assay.fairness.words import too_few_groups
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

NO_TABLE = Message("no-table", "the model is not fed columns of a table, so that none can be changed")
NOT_AN_INPUT = "the attribute {attribute} is no input of the model, so that changing it changes nothing"


@check(
    "fairness.attribute_flip",
    version=1,
    title="Changing nothing but the protected attribute changes the decision",
    needs=("rows", "model", "protected"),
    tasks=("binary", "multiclass"),
    limit=Limit("flip_rate", better="lower", warn=0.01, fail=0.05),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.4(a)"),
)
@counts_rows_once
def attribute_flip(case: Case, /, *, level: float = 0.95, rows: int = 20_000, seed: int = 0) -> Iterator[Measure]:
    """Share of the model's decisions that change when the protected attribute is set to another group.

    `flip_rate`: changed by at least one other group, overall (`over` the attribute) and for the rows of each group;
    `flip_rate_to`: the rows of a group when set to one other. Each attribute by itself, all other inputs as they are.
    The missing value is no group to be set to; of more than 20 groups the most frequent 20 are.

    This is not counterfactual fairness (Kusner et al. 2017, NeurIPS): a person of another group would differ in more
    than this column, and nothing here moves what the attribute causes. A rate of 0 says only that the model does not
    use the column; it may use its proxies (fairness.proxies). An attribute that is no input of the model is unmeasured,
    not 0.

    The model is asked anew, for at most `rows` held-out rows, a seeded sample; each counts once, whatever its weight.
    The limits (0.01, 0.05) are convention and no law's: some laws forbid any use of the attribute.
    """
    inputs = model_columns(case)
    used = [name for name in case.roles.protected if name in inputs]
    for name in case.roles.protected:
        if name not in used:
            reason = Message("not-an-input", NOT_AN_INPUT, {"attribute": name}) if inputs else NO_TABLE
            yield Measure("flip_rate", None, 0, over=(name,), reason=reason)
    if not used:
        return
    table = judged_rows(case, inputs, rows=rows, seed=seed).select(list(inputs))
    before = decisions(case, table)
    for name in used:
        yield from _measures(flips(case, table, name, before), name, level=level)


def _measures(found: Flips, name: str, *, level: float) -> Iterator[Measure]:
    slices: list[Slice] = [{name: group} for group in found.levels]
    if len(found.targets) < 2:
        reason = too_few_groups(slices[:1])
        yield Measure("flip_rate", None, len(found.codes), over=(name,), reason=reason)
        return
    text = "rows were set to the {most} most frequent of {groups} groups"
    more = len(found.levels) > MOST_GROUPS
    notes = (Message("most-frequent", text, {"most": MOST_GROUPS, "groups": len(found.levels)}),) if more else ()
    anywhere = np.asarray(found.changed.any(axis=1))
    yield _rate("flip_rate", anywhere, {}, level=level, over=(name,), notes=notes)
    for g, slice_ in enumerate(slices):
        mine = found.codes == g
        yield _rate("flip_rate", anywhere[mine], slice_, level=level, notes=notes)
        for column, target in enumerate(found.targets):
            if target != g:
                other = slices[target]
                yield _rate("flip_rate_to", found.changed[mine, column], slice_, level=level, groups=(slice_, other))


def _rate(
    name: str,
    changed: NDArray[np.bool_],
    slice: Slice,
    /,
    *,
    level: float,
    over: tuple[str, ...] = (),
    groups: tuple[Slice, ...] = (),
    notes: tuple[Message, ...] = (),
) -> Measure:
    n, hits = len(changed), float(changed.sum())
    interval = wilson(Share(hits, float(n), n, float(n)), level=level)
    return Measure(name, hits / n, n, slice=slice, over=over, groups=groups, interval=interval, notes=notes)
