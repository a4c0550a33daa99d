"""Whether the model's answers tell an attribute of the people it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.inference.attribute.measures import FAIL, WARN, asked_attributes, attribute_measures
from assay.privacy.inference.victim import MOST, accuracy_measure, aim

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.attribute_inference",
    version=1,
    title="The model's answers tell an attribute of people it was trained on",
    needs=("rows", "model", "label", "split"),
    tasks=("binary", "multiclass"),
    limit=(
        Limit("advantage", better="lower", warn=WARN, fail=FAIL),
        Limit("advantage_gap", better="lower", warn=WARN, fail=FAIL),
    ),
    clauses=("gdpr:5(1)(f)", "gdpr:9(1)", "gdpr:32(1)", "eu-ai-act:15(5)", "nist-ai-rmf:measure-2.10"),
)
def attribute_inference(
    case: Case,
    /,
    *,
    attributes: tuple[str, ...] = (),
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """How much more often an attribute is guessed with the model than without it, per attribute.

    The attacker knows everything else of a row and its true label. Of an attribute that the model is fed it asks the
    model about every value, and weighs each by an imputer; of any other, a classifier reads the model's answers beside
    the other columns. `advantage` is the accuracy of that minus the accuracy of imputation without the model, both
    imputers fitted on the same rows, on at most `rows` rows that the model was trained on; p by McNemar's test.
    `advantage_others` is the same on other rows, and `advantage_gap` the difference: what is due to remembering and not
    to what the model says of everyone. Numbers are guessed by fifths, categories among ten values.

    `attributes` names columns; without it the protected attributes and the quasi-identifiers that the model is fed, or
    its first three columns where there are none. `defence` puts a part of the kind "defence" before the model
    (`defence_trainer`, as "module:function", is for one that trains again); `accuracy` is then the defended model's.
    Passing says that this attack failed, not that none succeeds. The limits (5 and 10 points) are convention. Sources:
    Fredrikson et al. (2014), USENIX Security; Yeom et al. (2018), CSF; Jayaraman & Evans (2022), CCS.
    """
    found = aim(case, defence=defence, trainer=defence_trainer, rows=rows, seed=seed)
    victim = found.victim
    if victim is None:
        yield Measure("advantage", None, found.counts, reason=found.reason)
        return
    names = attributes or asked_attributes(case)
    if not names:
        reason = Message("no-attribute", "there is no protected attribute, and the model is fed no columns")
        yield Measure("advantage", None, found.counts, reason=reason)
        return
    yield accuracy_measure(victim, level=level)
    yield from attribute_measures(victim, names, level=level, seed=seed)
