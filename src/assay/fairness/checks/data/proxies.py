"""Which features give a protected attribute away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.fairness.proxy.features import code_feature, code_groups
from assay.fairness.proxy.search import Target, proxy_measures

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "fairness.proxies",
    version=1,
    title="Features that give a protected attribute away",
    needs=("rows", "protected", "features"),
    limit=Limit("proxy_auc_all", better="lower", warn=0.75, fail=1.0),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.6(a)"),
)
def proxies(case: Case, /, *, level: float = 0.95, rows: int = 20_000, seed: int = 0) -> Iterator[Measure]:
    """How well each feature, and all together, tell the groups of a protected attribute apart, on held-out rows.

    `proxy_auc` is the AUC of one feature (0.5: says nothing, 1: gives the group away), `proxy_auc_all` that of all
    of them in gradient-boosted trees; with more than two groups, the mean over the groups of one against the rest.
    Five folds; the model of each fold has not seen its rows, so that a feature that says nothing has 0.5 on
    average and not more. p-values are one-sided against 0.5 and controlled over all features and attributes.

    At most `rows` rows are read, a seeded sample; each counts once, whatever its weight. Groups under 50 rows, and
    all but the ten largest, stand only on the side of the rest.

    The limit warns above 0.75 and never fails: most useful features say something about a group, no law names a
    number, and whether a proxy does harm is seen in the selection and error rates. It says where to look first.
    """
    attributes, unit = case.roles.protected, case.roles.unit
    columns = dict.fromkeys((*case.roles.features, *attributes, *((unit,) if unit else ())))
    table = case.rows(tuple(columns), limit=rows, seed=seed)
    features = {name: code_feature(table.column(name)) for name in case.roles.features}
    units = code_groups(table.column(unit)) if unit else None
    for attribute in attributes:
        target = Target.of(table.column(attribute), attribute, units=units, seed=seed)
        yield from proxy_measures(features, target, level=level, seed=seed)
