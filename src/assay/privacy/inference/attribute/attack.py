"""Guesses of an attribute from the model's answers, beside guesses that never ask the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.privacy.inference.attribute.imputation import Features, imputed
from assay.privacy.inference.attribute.levels import Attribute
from assay.privacy.inference.encoding import encoding_of
from assay.privacy.inference.extraction.copies import log_odds
from assay.privacy.inference.victim import Victim
from assay.privacy.membership.answers import (
    FLOOR,
    Bools,
    Codes,
    Floats,
    Places,
    answers_of,
    batches,
    labels_of,
    take,
    taken,
)

MOST_TOLD = 5000
"""Rows that the imputer is fitted on."""
UNMOVED = 1e-9
"""Less than this between the log likelihoods of all values is no change of the answer."""


@dataclass(frozen=True, eq=False)
class Guesses:
    """(rows,) whether each guess of the attribute was right, of the rows at `places`.

    `attack` uses the model and the other columns, `imputed` the other columns and the label, `alone` the model and how
    frequent each value is. `asked` names what was read of the model.
    """

    places: Places
    attack: Bools
    imputed: Bools
    alone: Bools
    asked: str


def guess(victim: Victim, attribute: Attribute, /, *, seed: int = 0) -> Guesses:
    """Guesses of the attribute for every row that is not told, by Bayes' rule.

    The model's attack takes the level v that maximises P(v | other columns) · p(y | other columns, v), the first from
    an imputer fitted on the rows told, the second the model's probability of the true label with v in the place of the
    attribute: Fredrikson et al. (2014), USENIX Security, with the imputer in the place of the marginal distribution
    (as Jayaraman & Evans 2022, CCS, arXiv 2209.01292, have it), and Yeom et al. (2018), CSF, section 4. Of a model
    without probabilities the confusion of its labels on the rows told is taken in their place. Where the answer does
    not change with v, the model says nothing and the guess is the imputed one, which an attacker without it makes:
    P(v | other columns, y), fitted on the same rows.
    """
    asked = np.setdiff1d(np.flatnonzero(attribute.codes >= 0), victim.told)
    told = told_of(victim, attribute, seed=seed)
    confusion = _confusion(victim, told)
    likelihood = _likelihood(victim, attribute, asked, confusion)
    plain = features(victim, told, asked, without=(attribute.name,))
    parts = [plain, with_label(plain, victim, told, asked)]
    prior, full = imputed(parts, attribute.codes[told], size=attribute.size, seed=seed)
    moved = np.ptp(likelihood, axis=1) > UNMOVED
    attack = np.where(moved, (np.log(np.maximum(prior, FLOOR)) + likelihood).argmax(axis=1), full.argmax(axis=1))
    marginal = np.bincount(attribute.codes[told], minlength=attribute.size) / len(told)
    alone = (np.log(np.maximum(marginal, FLOOR)) + likelihood).argmax(axis=1)
    truth = attribute.codes[asked]
    how = "probabilities" if confusion is None else "labels and how often they are right"
    return Guesses(asked, attack == truth, full.argmax(axis=1) == truth, alone == truth, how)


def _confusion(victim: Victim, told: Places) -> Floats | None:
    """(classes, classes) chance of each true label by the predicted one, on the rows told; None where the model gives
    probabilities."""
    if victim.model.scores(take(victim.rows.inputs, told[:1])) is not None:
        return None
    said, size = labels_of(victim.model, take(victim.rows.inputs, told)), len(victim.model.classes)
    labels = np.asarray(victim.rows.codes, dtype=np.int64)[told]
    table = np.bincount(said * size + labels, minlength=size * size).reshape(size, size) + 1.0
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _likelihood(victim: Victim, attribute: Attribute, asked: Places, confusion: Floats | None) -> Floats:
    """(asked, levels) log probability of the true label, the mean over the values tried for each level."""
    labels = np.asarray(victim.rows.codes, dtype=np.int64)[asked]
    inputs, column = take(victim.rows.inputs, asked), victim.rows.inputs.column(attribute.name)
    chance = np.zeros((len(asked), attribute.size))
    for place, level in zip(attribute.places, attribute.level, strict=True):
        one = _label_chance(victim.model, _replaced(inputs, attribute.name, column, place), labels, confusion)
        chance[:, level] += one / (attribute.level == level).sum()
    return np.asarray(np.log(np.maximum(chance, FLOOR)))


def _label_chance(model: Any, inputs: Any, labels: Codes, confusion: Floats | None) -> Floats:
    if confusion is not None:
        return np.asarray(confusion[labels_of(model, inputs), labels])
    scores = np.concatenate([np.asarray(model.scores(batch), dtype=np.float64) for batch in batches(inputs)])
    return np.asarray(scores[np.arange(len(labels)), labels])


def _replaced(inputs: Any, name: str, column: Any, place: int) -> Any:
    """The Table with the value at `place` of `column` in every row of the column `name`."""
    import pyarrow as pa

    values = column.take(pa.array(np.full(inputs.num_rows, place)))
    return inputs.set_column(inputs.column_names.index(name), inputs.schema.field(name), values)


def features(victim: Victim, told: Places, asked: Places, /, *, without: tuple[str, ...] = ()) -> Features:
    """The columns that the model is fed, but for those `without`; none of texts."""
    if isinstance(victim.rows.inputs, list):
        return Features(np.empty((len(told), 0)), np.empty((len(asked), 0)))
    encoding = encoding_of(take(victim.rows.inputs, told), without=without)
    known, wanted = (encoding.matrix(take(victim.rows.inputs, places)) for places in (told, asked))
    return Features(known, wanted)


def with_label(part: Features, victim: Victim, told: Places, asked: Places, /) -> Features:
    """The same and the true label."""
    names, labels = np.eye(len(victim.model.classes)), np.asarray(victim.rows.codes, dtype=np.int64)
    return part.beside(names[labels[told]], names[labels[asked]])


def told_of(victim: Victim, attribute: Attribute, /, *, seed: int) -> Places:
    """Places of rows told whose attribute is known: what imputers are fitted on."""
    told = victim.told[attribute.codes[victim.told] >= 0]
    return np.random.default_rng([seed, 22]).permutation(told)[:MOST_TOLD]


def guess_unfed(victim: Victim, attribute: Attribute, /, *, seed: int = 0) -> Guesses:
    """Guesses of an attribute that the model is not fed, from its answers beside the columns that it is fed.

    A classifier fitted on rows told reads the model's log-odds (or its label) beside the other columns and the true
    label, and is compared with one that does not: what answers tell of an attribute that is only in the data (Shokri et
    al. 2017, on what a trained attack reads; Yeom et al. 2018, section 4, on the comparison).
    """
    asked = np.setdiff1d(np.flatnonzero(attribute.codes >= 0), victim.told)
    told = told_of(victim, attribute, seed=seed)
    known, wanted = (_answers(victim, places) for places in (told, asked))
    nothing = Features(np.empty((len(told), 0)), np.empty((len(asked), 0)))
    plain = with_label(features(victim, told, asked), victim, told, asked)
    alone = with_label(nothing, victim, told, asked).beside(known, wanted)
    parts = [plain.beside(known, wanted), plain, alone]
    found = imputed(parts, attribute.codes[told], size=attribute.size, seed=seed)
    attack, without, only = (chances.argmax(axis=1) == attribute.codes[asked] for chances in found)
    return Guesses(asked, attack, without, only, "answers beside the columns that it is fed")


def _answers(victim: Victim, places: Places) -> Floats:
    """(places, numbers) log-odds of the classes against the first, or the label where there are no probabilities."""
    said = answers_of(victim.model, taken(victim.rows, places))
    if said.probabilities is None:
        return np.eye(len(victim.model.classes))[said.predicted]
    return np.asarray(np.clip(log_odds(said.probabilities), -20, 20) / 4)
