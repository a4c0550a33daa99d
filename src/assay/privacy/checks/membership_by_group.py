"""Whether one group's membership in the training data is told more easily than another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.privacy.membership.answers import silent
from assay.privacy.membership.attack import attack_membership, chosen, own_attacks
from assay.privacy.membership.candidates import MOST, candidates
from assay.privacy.membership.groups import by_group
from assay.privacy.membership.shadows import SHADOWS, USUAL

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.membership_by_group",
    version=1,
    title="One group's presence in the training data is told more easily",
    needs=("rows", "model", "label", "split", "protected"),
    tasks=("binary", "multiclass"),
    limit=Limit("auc_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("gdpr:5(1)(f)", "eu-ai-act:10(2)(f)", "eu-ai-act:15(5)", "nist-ai-rmf:measure-2.10"),
)
def membership_by_group(
    case: Case,
    /,
    *,
    attack: str = "",
    trainer: str = "",
    shadows: int = 0,
    rows: int = MOST,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """The AUC of one attack among the rows of each group, its advantage (TPR minus FPR), and the widest gap.

    `attack` is a membership attack by id: without one, LiRA offline where models are trained (`trainer`, `shadows`, see
    `privacy.membership`), the loss where the model gives probabilities, else labels alone. The threshold of the
    advantage is one for everyone, from rows that are not judged by it. Private training, small groups and rare outcomes
    make groups differ: a small group is often memorised most. `auc_difference` compares each group with all other rows,
    with a p-value; the tests of all groups are one family. The limit (0.05, 0.10) on `auc_gap` is convention, as for
    AUCs of scores by group. Source: Kulynych et al. (2022), PoPETs, arXiv 1906.00389.
    """
    from assay.models.trainers import trainer_named

    train, drawn = trainer_named(trainer), candidates(case, most=rows, seed=seed)
    if drawn.rows is None or case.model is None:
        yield Measure("auc_gap", None, case.n, reason=drawn.reason)
        return
    count = shadows or (USUAL if trainer else 0)
    if count:
        case.require_consent(SHADOWS, held_out=True)
    asked = attack or (
        "lira-offline" if count else "label-only" if silent(case.model, drawn.rows) else "loss-threshold"
    )
    found = attack_membership(
        case.model,
        drawn.rows,
        drawn.member,
        attacks=chosen(own_attacks(), (asked,)),
        trainer=train,
        shadows=count,
        blind=False,
        seed=seed,
        level=level,
    ).successes[asked]
    if found.auc is None:
        yield Measure("auc_gap", None, drawn.counts, reason=found.reason)
        return
    yield from by_group(found, dict(drawn.groups), level=level)
