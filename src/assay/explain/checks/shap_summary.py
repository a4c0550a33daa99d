"""How much each column adds on average, and whether more for one group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import Attached, summary_drawn
from assay.explain.overall.summary import FEWEST, ColumnMean, Summary
from assay.explain.overall.summary import shap_summary as summarised
from assay.explain.overall.unmeasured import NO_TABLE

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "explain.shap_summary",
    version=1,
    title="How much each column adds on average, and whether more for one group",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=(
        "eu-ai-act:13(3)(b)(iv)",
        "eu-ai-act:13(3)(b)(vii)",
        "nist-ai-rmf:measure-2.9",
        "nist-ai-rmf:measure-2.11",
    ),
)
def shap_summary(
    case: Case, /, *, level: float = 0.95, rows: int = 500, columns: int = 10, seed: int = 0
) -> Iterator[Measure]:
    """Mean absolute SHAP value of each column over rows, overall and for each group of the protected attributes.

    `mean_abs_shap` is on the scale that the method names (log-odds where trees or coefficients sum on it), with
    Student's interval over rows. `mean_abs_shap_difference` is a group's mean less that of all other rows, with Welch's
    interval; its p-values are controlled together. A column that adds more for one group is no unfairness by itself: it
    says where to look. The `columns` most important columns; `rows` rows; groups under 10 rows have no number. Values
    are against a background (the method names it), and are the model's, not the world's. Source: Lundberg & Lee (2017);
    Lundberg et al. (2020), Nature Machine Intelligence 2:56. No limit: see fairness checks for outcomes.
    """
    if not case.model_columns:
        yield Measure("mean_abs_shap", None, 0, reason=NO_TABLE)
        return
    found = summarised(case, level=level, limit=rows, seed=seed)
    attached, shown = summary_drawn(found), found.columns[:columns]
    for each in shown:
        yield _mean(each, found, attached, left_out=len(found.columns) - len(shown))
        attached = {}
    for each in shown:
        yield from _groups(each, found)


def _method(found: Summary) -> str:
    about = found.attributions
    return f"{about.method}, {about.scale}, against {about.origin}"


def _mean(each: ColumnMean, found: Summary, attached: Attached, *, left_out: int) -> Measure:
    notes = []
    if left_out:
        notes.append(
            Message("columns-left-out", "{columns} less important columns are in no Measure", {"columns": left_out})
        )
    if found.small:
        text = "{groups} groups have fewer than {rows} rows, and no number"
        notes.append(Message("small-groups", text, {"groups": len(found.small), "rows": FEWEST}))
    return Measure(
        "mean_abs_shap",
        each.mean.value,
        len(found.attributions),
        over=(each.column,),
        interval=each.mean.interval,
        method=_method(found),
        notes=tuple(notes),
        attachments=attached,
    )


def _groups(each: ColumnMean, found: Summary) -> Iterator[Measure]:
    for group in each.groups:
        n, method = int(group.mean.n), _method(found)
        yield Measure(
            "mean_abs_shap",
            group.mean.value,
            n,
            slice=group.slice,
            over=(each.column,),
            interval=group.mean.interval,
            method=method,
        )
        if group.difference is None:
            reason = Message("no-spread", "all values of a side are alike, so that nothing is known of their error")
            yield Measure(
                "mean_abs_shap_difference",
                None,
                (n, group.others),
                slice=group.slice,
                over=(each.column,),
                reason=reason,
            )
            continue
        yield Measure(
            "mean_abs_shap_difference",
            group.difference,
            (n, group.others),
            slice=group.slice,
            over=(each.column,),
            interval=group.interval,
            p_value=group.p_value,
            family="mean_abs_shap_difference",
            method=method,
        )
