"""Whether a small tree says what the model says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import Attached, surrogate_drawn
from assay.explain.overall.surrogate import LOW, Fidelity
from assay.explain.overall.surrogate import surrogate as copied
from assay.explain.overall.unmeasured import NO_TABLE, said_why

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "explain.surrogate",
    version=1,
    title="How nearly a small decision tree says what the model says",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(3)(b)(iv)", "eu-ai-act:13(3)(b)(vii)", "nist-ai-rmf:measure-2.9"),
)
def surrogate(
    case: Case, /, *, level: float = 0.95, depth: int = 3, least: int = 20, rows: int = 4000, seed: int = 0
) -> Iterator[Measure]:
    """The fidelity of a decision tree of `depth` that is fitted to the model's answers, and its rules.

    `fidelity` is R² of the answers on the half of the rows that the tree was not fitted on; `agreement` the share of
    decisions that are the same, `balanced_agreement` the mean of that share over both decisions. The rules are
    attached with the rows they hold for. Below an R² of 0.7 a note says that the rules are of the tree and not of the
    model. At most `rows` rows. Source: Craven & Shavlik (1996), NIPS 8. No limit: a model need not be so simple.
    """
    if not case.model_columns:
        yield Measure("fidelity", None, 0, reason=NO_TABLE)
        return
    with said_why("rows") as why:
        found = copied(case, depth=depth, least=least, level=level, limit=rows, seed=seed)
    if why.reason is not None:
        yield Measure("fidelity", None, 0, reason=why.reason)
        return
    text = "R² is below {low}: read the rules as those of the tree, not of the model"
    notes = (Message("low-fidelity", text, {"low": LOW}),) if found.low else ()
    attached = surrogate_drawn(found)
    named = {"fidelity": found.r_squared, "agreement": found.agreement, "balanced_agreement": found.balanced}
    for name, each in named.items():
        if each is not None:
            yield _measure(name, each, depth, notes, attached if name == "fidelity" else {})


def _measure(name: str, each: Fidelity, depth: int, notes: tuple[Message, ...], attached: Attached) -> Measure:
    return Measure(
        name,
        each.value,
        each.n,
        interval=each.interval,
        method=f"decision tree of depth {depth}, on its other half",
        reason=each.reason,
        notes=notes,
        attachments=attached,
    )
