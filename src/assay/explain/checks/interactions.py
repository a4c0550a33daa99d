"""Which columns work together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import Attached, interactions_drawn, shap_pairs_drawn, surface_drawn
from assay.explain.overall.effects.screen import strongest
from assay.explain.overall.effects.surface import partial_dependence_surface
from assay.explain.overall.interactions import Interaction, Interactions, h_statistic
from assay.explain.overall.shap_pairs import PairMeans, shap_pairs
from assay.explain.overall.unmeasured import NO_TABLE, said_why
from assay.explain.question import question

if TYPE_CHECKING:
    from assay.data.case import Case


WIDE = 15
"""Of more columns, only those whose exchange moves the answers most are looked at."""


@check(
    "explain.interactions",
    version=1,
    title="How much columns do together beyond what each does alone",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(3)(b)(iv)", "eu-ai-act:13(3)(b)(vii)", "nist-ai-rmf:measure-2.9"),
)
def interactions(
    case: Case, /, *, level: float = 0.95, rows: int = 60, columns: int = 5, seed: int = 0
) -> Iterator[Measure]:
    """Friedman's H² for each column with all others (`h_squared_total`) and for pairs of columns (`h_squared`).

    H² is the share of the variance of the joint partial dependence that is not the sum of its parts; pairs are those of
    the `columns` columns with the strongest total. Everything is estimated on the same `rows` rows, at a cost of their
    square. H² is biased upward where it is small; the bias is in the notes. The interval, each by itself, is Student's
    with the jackknife's standard error, and somewhat narrow: in simulations it covered 86 to 92 % at 95 % with 60 rows.
    A pair that the model adds has exactly 0. Unnormalised H, on the scale of the answer, is in the attached table: read
    it where effects are weak. Of sums of trees also the strongest pairs by `mean_abs_shap_interaction`, exact SHAP
    interaction values of 100 rows on the scale on which the trees sum.

    Source: Friedman & Popescu (2008), Annals of Applied Statistics 2:916, eq. 44 to 46; Lundberg et al. (2020). No
    limit: an interaction is neither good nor bad.
    """
    if not case.model_columns:
        yield Measure("h_squared", None, 0, reason=NO_TABLE)
        return
    with said_why("limit") as why:
        about = question(case, limit=max(rows, 100), seed=seed)
        names = strongest(about, most=columns, seed=seed) if len(about.columns) > WIDE else None
        found = h_statistic(about, columns=names, most=columns, limit=rows, level=level, seed=seed)
    if why.reason is not None:
        yield Measure("h_squared", None, 0, reason=why.reason)
        return
    attached = interactions_drawn(found)
    if found.pairs and found.pairs[0].h_squared:
        surface = partial_dependence_surface(about, *found.pairs[0].columns, limit=100, seed=seed)
        attached |= surface_drawn(surface)
    for each in found.pairs:
        yield _measure("h_squared", each, found, attached)
        attached = {}
    for each in found.totals:
        yield _measure("h_squared_total", each, found, attached)
        attached = {}
    together = shap_pairs(about, level=level, seed=seed)
    if together is not None:
        yield from _shap(together, most=columns * (columns - 1) // 2)


def _shap(found: PairMeans, *, most: int) -> Iterator[Measure]:
    attached = shap_pairs_drawn(found)
    for each in found.pairs[:most]:
        yield Measure(
            "mean_abs_shap_interaction",
            each.mean.value,
            each.mean.n,
            over=each.columns,
            interval=each.mean.interval,
            method=f"{found.method}, {found.scale}",
            attachments=attached,
        )
        attached = {}


def _measure(name: str, each: Interaction, found: Interactions, attached: Attached) -> Measure:
    notes: tuple[Message, ...] = ()
    if each.h_squared:
        text = "the jackknife puts the bias of H² on {rows} rows at {bias}"
        notes = (Message("bias", text, {"rows": found.n, "bias": f"{each.bias:+.3f}"}),)
    return Measure(
        name,
        each.h_squared,
        found.n,
        over=each.columns,
        interval=each.interval,
        method="Friedman's H², partial dependence",
        reason=each.reason,
        notes=notes,
        exact=each.h_squared == 0,
        attachments=attached,
    )
