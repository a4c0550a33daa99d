"""Whether training rows can be rebuilt from what the model is sure of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.inference.inversion.measures import (
    AUC_FAIL,
    AUC_WARN,
    SHARE_FAIL,
    SHARE_WARN,
    inversion_measures,
)
from assay.privacy.inference.victim import MOST, accuracy_measure, aim
from assay.privacy.membership.answers import silent

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.inversion",
    version=1,
    title="Training rows can be rebuilt from what the model is sure of",
    needs=("rows", "model", "label", "split"),
    tasks=("binary", "multiclass"),
    limit=(
        Limit("distance_auc", better="lower", warn=AUC_WARN, fail=AUC_FAIL),
        Limit("nearest_member_share", better="lower", warn=SHARE_WARN, fail=SHARE_FAIL),
    ),
    clauses=("gdpr:5(1)(f)", "gdpr:32(1)", "eu-ai-act:15(5)", "nist-ai-rmf:measure-2.10"),
)
def inversion(
    case: Case,
    /,
    *,
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """Whether inputs that the model is most sure of lie nearer to its training rows than to other rows of their class.

    For each class 64 inputs are rebuilt: by gradients where the model has them (torch, in this process), else by random
    search in batches. An average of a class is as near to anyone of it, and no leak: `distance_auc` is the chance that
    a training row lies nearer to what was rebuilt than another row of that class (0.5 by chance), and
    `nearest_member_share` the share of training rows among the rows nearest to it, where there are as many of both.
    `blind_auc` is the same of the made-up starts, which never asked the model: away from 0.5, the two kinds of rows are
    from different populations. `confidence` is how sure the model is of what was rebuilt. Distances are Euclidean, of
    standardised numbers and of categories one apart.

    `defence` puts a part of the kind "defence" before the model (`defence_trainer` is for one that trains again). At
    most `rows` training rows are compared. Passing says that this attack failed, not that none succeeds: generative
    priors (of images) are not used. The limits on the AUC are those of `privacy.membership`; those on the share are
    convention. Source: Fredrikson, Jha & Ristenpart (2015), CCS.
    """
    found = aim(case, defence=defence, trainer=defence_trainer, rows=rows, seed=seed)
    victim = found.victim
    if victim is None:
        yield Measure("distance_auc", None, found.counts, reason=found.reason)
        return
    yield accuracy_measure(victim, level=level)
    if isinstance(victim.rows.inputs, list):
        reason = Message("inversion-texts", "texts are not rebuilt: between two of them there is no step")
    elif silent(victim.model, victim.rows):
        reason = Message("inversion-labels", "the model gives no probabilities, by which inputs are rebuilt")
    else:
        yield from inversion_measures(victim, level=level, seed=seed)
        return
    yield Measure("distance_auc", None, found.counts, reason=reason)
