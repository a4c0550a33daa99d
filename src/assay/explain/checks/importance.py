"""Which columns the model leans on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import Attached, importance_drawn
from assay.explain.overall.importance import Importance, Reliance, reliance
from assay.explain.overall.permuting.labelled import labelled
from assay.explain.overall.permuting.loss import NAMES
from assay.explain.overall.unmeasured import NO_TABLE, said_why

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "explain.importance",
    version=1,
    title="How much worse the model does without what a column says",
    needs=("rows", "model", "label"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(3)(b)(iv)", "eu-ai-act:13(3)(b)(vii)", "nist-ai-rmf:measure-2.9"),
)
def importance(
    case: Case,
    /,
    *,
    level: float = 0.95,
    rows: int = 2000,
    repeats: int = 5,
    loss: str | None = None,
    conditional: bool = True,
    seed: int = 0,
) -> Iterator[Measure]:
    """Permutation importance of each column: the rise of the mean loss when its values are exchanged between rows.

    `importance` exchanges among all rows, `conditional_importance` only among rows that are alike in the other columns:
    what the column says beyond them. One-hot columns are exchanged together. The loss is Brier's for classes, the
    squared error for numbers, or the `loss` that is named ("log-loss", "error", "absolute-error"). Intervals are over
    rows as receivers and givers of values, by unit where people have several rows, each column by itself; they are
    about this model, not about one fitted anew. Columns that go with another by more than 0.7 say so: exchanged alone
    they make rows that may not exist, and share or hide their importance.

    Held-out rows with a label only, at most `rows`, each counted once; `repeats` exchanges of each. Source: Breiman
    (2001); Fisher, Rudin & Dominici (2019), JMLR 20(177); Molnar et al. (2023) for the conditional one. No limit: what
    a model should lean on is for people to say.
    """
    if not case.model_columns:
        yield Measure("importance", None, 0, reason=NO_TABLE)
        return
    with said_why("label", "repeats", "features") as why:
        about = labelled(case, limit=rows, seed=seed)
        measured = partial(reliance, about, loss=loss, repeats=repeats, level=level, seed=seed)
        found, beyond = measured(), measured(conditional=True) if conditional else None
    if why.reason is not None:
        yield Measure("importance", None, 0, reason=why.reason)
        return
    attached = importance_drawn(found, beyond)
    for i, each in enumerate(found.ranked()):
        yield _measure("importance", each, found, {} if i else attached)
    for each in beyond.ranked() if beyond is not None else ():
        yield _measure("conditional_importance", each, found, {})


def _measure(name: str, each: Reliance, found: Importance, attached: Attached) -> Measure:
    notes = list(found.notes)
    for pair in found.correlated:
        if pair.first in each.columns or pair.second in each.columns:
            text = "{first} and {second} go together ({measure} {value}), so that importance is shared or hidden"
            params = {"first": pair.first, "second": pair.second, "measure": pair.measure}
            notes.append(Message("correlated", text, params | {"value": f"{pair.association:.2f}"}))
    if each.interval is None:
        notes.append(Message("unmoved", "no answer changed, so that there is no error bar"))
    return Measure(
        name,
        each.importance,
        found.n,
        over=each.columns,
        interval=each.interval,
        method=f"permutation importance, {NAMES[found.loss]}, {found.repeats} exchanges",
        notes=tuple(notes),
        attachments=attached,
    )
