"""Whether the model's answers tell who was in its training data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.privacy.membership.attack import attack_membership, own_attacks
from assay.privacy.membership.candidates import MOST, candidates
from assay.privacy.membership.measures import AUC_FAIL, AUC_WARN, TPR_FAIL, TPR_WARN, measures
from assay.privacy.membership.shadows import SHADOWS, USUAL

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.membership",
    version=1,
    title="The model's answers tell who was in its training data",
    needs=("rows", "model", "label", "split"),
    tasks=("binary", "multiclass"),
    limit=(
        Limit("auc", better="lower", warn=AUC_WARN, fail=AUC_FAIL),
        Limit("tpr_at_fpr_1pct", better="lower", warn=TPR_WARN, fail=TPR_FAIL),
    ),
    clauses=("gdpr:5(1)(f)", "gdpr:32(1)", "eu-ai-act:15(5)", "nist-ai-rmf:measure-2.10"),
)
def membership(
    case: Case, /, *, trainer: str = "", shadows: int = 0, rows: int = MOST, level: float = 0.95, seed: int = 0
) -> Iterator[Measure]:
    """How well attacks tell training rows from others: AUC, balanced accuracy, and members found at 1 % and 0.1 % false
    positives, each attack a slice; 0.5 is a guess.

    The role `split` says which rows were trained on; at most `rows` of these and of the others are attacked. Half of
    each are told to the attacker: fitted attacks and thresholds come from these and are judged on the rest. A true
    positive rate needs ten expected false positives: 1,000 non-members at 1 %, 10,000 at 0.1 %. `null_auc` is the same
    attack where random non-members are called members, 0.5 but for chance. `blind_auc` is a classifier that never asks
    the model: above 0.5, members and others are from different populations. `accuracy_gap` is accuracy on training rows
    minus on others.

    By loss, entropy, a trained attack and labels alone. LiRA and RMIA train `shadows` models (16 with a trainer): by
    `trainer`, a function "module:function" of the installed code that gets a pandas frame and the labels; without one,
    an estimator in this process is cloned and a booster trained by its parameters. Passing says that these attacks
    failed, not that none succeeds. Each row counts once, whatever its weight.

    The limits are those of what differential privacy would allow: an AUC of 0.55 and 0.65 is the largest at epsilon 0.2
    and 0.62; 2 % and 5 % of members at 1 % false positives are the most at 0.69 and 1.6 (Kairouz, Oh & Viswanath 2015).
    Source: Carlini et al. (2022), IEEE S&P, on why a low false positive rate is what matters.
    """
    from assay.models.trainers import trainer_named

    train, drawn = trainer_named(trainer), candidates(case, most=rows, seed=seed)
    if drawn.rows is None or case.model is None:
        yield Measure("auc", None, case.n, reason=drawn.reason)
        return
    count = shadows or (USUAL if trainer else 0)
    if count:
        case.require_consent(SHADOWS, held_out=True)
    found = attack_membership(
        case.model,
        drawn.rows,
        drawn.member,
        attacks=own_attacks(),
        trainer=train,
        shadows=count,
        seed=seed,
        level=level,
    )
    yield from measures(found, level=level, notes=drawn.notes)
