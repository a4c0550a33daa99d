"""What attribute inference found, as Measures with what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.core.errors import Message, Scalar
from assay.core.measure import Measure, Share, Slice
from assay.privacy.inference.attribute.attack import Guesses, guess, guess_unfed
from assay.privacy.inference.attribute.levels import attribute_beside, attribute_of
from assay.privacy.inference.paired import difference_of, mcnemar, paired_difference
from assay.privacy.inference.victim import FEWEST, Victim
from assay.privacy.membership.answers import Bools
from assay.privacy.membership.scoring import Rate
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

WARN, FAIL = 0.05, 0.10
IN_PLACE = 3
"""Columns that are asked where there is no protected attribute, nor a quasi-identifier that the model is fed."""


def asked_attributes(case: Case, /) -> tuple[str, ...]:
    """The protected attributes, and the quasi-identifiers that the model is fed; its first columns for want of any."""
    fed = case.model_columns
    known = [name for name in case.roles.quasi_identifiers if name in fed]
    return tuple(dict.fromkeys((*case.roles.protected, *known))) or tuple(fed[:IN_PLACE])


def attribute_measures(victim: Victim, names: Sequence[str], /, *, level: float, seed: int) -> Iterator[Measure]:
    """The numbers of each attribute, or the one Measure that says why it has none."""
    for name in names:
        where: Slice = {"attribute": name}
        sides = (len(victim.members), len(victim.others))
        fed = name in getattr(victim.rows.inputs, "column_names", ())
        if not fed and name not in victim.groups:
            words = "{attribute} is neither a column that the model is fed nor a protected attribute"
            yield Measure("advantage", None, sides, where, reason=Message("not-known", words, {"attribute": name}))
            continue
        if fed:
            attribute = attribute_of(victim.rows.inputs, name, victim.told)
        else:
            attribute = attribute_beside(victim.groups[name], victim.told)
        if isinstance(attribute, Message):
            yield Measure("advantage", None, sides, where, reason=attribute)
            continue
        known = [int((attribute.codes[places] >= 0).sum()) for places in (victim.told, victim.members, victim.others)]
        if min(known) < FEWEST:
            words = "{known} rows with a value of {attribute} are too few: {needed} are needed on each side"
            params: dict[str, Scalar] = {"known": min(known), "attribute": name, "needed": FEWEST}
            yield Measure("advantage", None, sides, where, reason=Message("too-few-values", words, params))
            continue
        found = (guess if fed else guess_unfed)(victim, attribute, seed=seed)
        yield from _numbers(found, victim.member[found.places], where, fed=fed, level=level)


def _numbers(found: Guesses, member: Bools, where: Slice, /, *, fed: bool, level: float) -> Iterator[Measure]:
    mine, other = (paired_difference(found.attack[s], found.imputed[s], level=level) for s in (member, ~member))
    gap = difference_of(mine, other)
    n = (int(member.sum()), int((~member).sum()))
    method = f"accuracy by the model's {found.asked} minus accuracy of imputation, rows trained on"
    p = mcnemar(found.attack[member], found.imputed[member])
    yield Measure(
        *("advantage", mine.value, n[0], where),
        interval=mine.interval,
        p_value=p,
        family="advantage",
        method=method,
        notes=advice(mine, gap, fed=fed),
    )
    method = "the same on rows that the model was not trained on"
    yield Measure("advantage_others", other.value, n[1], where, interval=other.interval, method=method)
    method = "advantage on rows trained on minus on others: what the model remembers of these rows"
    yield Measure("advantage_gap", gap.value, n, where, interval=gap.interval, method=method)
    accuracies = {
        "attack_accuracy": found.attack,
        "imputation_accuracy": found.imputed,
        "model_only_accuracy": found.alone,
    }
    for name, right in accuracies.items():
        hits = float(np.count_nonzero(right[member]))
        share = Share(hits, n[0], n[0], n[0])
        yield Measure(name, share.value, n[0], where, interval=wilson(share, level=level), method=METHODS[name])


METHODS = {
    "attack_accuracy": "by the model and the other columns, rows trained on",
    "imputation_accuracy": "by the other columns and the label, without the model, rows trained on",
    "model_only_accuracy": "by the model and how frequent each value is, rows trained on",
}


def advice(mine: Rate, gap: Rate, /, *, fed: bool) -> tuple[Message, ...]:
    """What follows from an advantage beyond chance, of an attribute that the model is fed or not; nothing from a small
    one."""
    if mine.interval.low <= 0 or mine.value <= WARN:
        return ()
    if gap.interval.low > 0:
        words = (
            "the attribute is guessed {gap} more often of rows that were trained on than of others: "
            "regularise more, or train with differential privacy"
        )
        return (Message("attribute-remembered", words, {"gap": f"{gap.value:.3f}"}),)
    if not fed:
        words = "others are as exposed as rows that were trained on: show fewer digits of the answers, or labels only"
        return (Message("attribute-in-answers", words),)
    words = (
        "others are as exposed as rows that were trained on: what tells is how the answer depends on the attribute; "
        "leave it out of the model, or show fewer digits or labels only"
    )
    return (Message("attribute-of-everyone", words),)
