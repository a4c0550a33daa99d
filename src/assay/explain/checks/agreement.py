"""Whether two ways of explaining say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.explain.trust.agreement import agreement
from assay.explain.trust.explaining import explained
from assay.explain.trust.sample import means, obstacle, sample, unmeasured

if TYPE_CHECKING:
    from assay.data.case import Case

NAMES = ("rank_agreement", "kendall_agreement", "top_overlap", "sign_agreement")


@check(
    "explain.agreement",
    version=1,
    title="Two explainers give the same columns the same weight",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(1)", "nist-ai-rmf:measure-2.9"),
)
def measure_agreement(
    case: Case,
    /,
    *,
    first: str = "shap",
    second: str = "lime",
    top: int = 3,
    rows: int = 60,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """Mean agreement, over rows, of the explanations of two methods.

    `rank_agreement` and `kendall_agreement`: rank correlation of the absolute values (Spearman's, Kendall's tau-b).
    `top_overlap`: the share of the `top` largest columns that both name; `sign_agreement`: the share that both name
    with the same sign. All by group of the protected attributes. Methods: shap (what fits the model), lime, or a SHAP
    method by name. With as few columns as `top`, one fewer is compared.

    This says how much depends on the choice of the method, and for whom; it does not say which is right, and two
    methods may agree on what is false. Methods answer different questions, and correlated columns share their effect
    in different ways; there is no limit. At most `rows` rows and 30 of each rare group, a seeded sample.
    Source: Krishna et al. (2022), arXiv 2202.01602.
    """
    if first == second or top < 1:
        raise AssayError("Agreement needs two different explainers, and a column.", code="parameter")
    reason = obstacle(case)
    if reason is not None:
        yield from unmeasured(NAMES, reason)
        return
    drawn = sample(case, rows=rows, seed=seed)
    one, other = (explained(drawn.question, explainer=name) for name in (first, second))
    most = min(top, len(drawn.question.columns) - 1)
    found = agreement(one.values, other.values, top=most)
    both = f"{one.method} and {other.method}"
    for name, values in zip(NAMES[:2], (found.spearman, found.kendall), strict=True):
        yield from means(name, values, drawn, level=level, method=both, within=(-1.0, 1.0))
    for name, values in zip(NAMES[2:], (found.overlap, found.signs), strict=True):
        yield from means(name, values, drawn, level=level, method=both, within=(0.0, 1.0))
