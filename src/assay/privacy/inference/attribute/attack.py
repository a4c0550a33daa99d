"""Guesses of an attribute from the model's answers, beside guesses that never ask the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.privacy.inference.attribute.levels import Attribute
from assay.privacy.inference.encoding import encoding_of
from assay.privacy.inference.victim import Victim
from assay.privacy.membership.answers import FLOOR, Bools, Codes, Floats, Places, batches, labels_of, take

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
    told = victim.told[attribute.codes[victim.told] >= 0]
    told = np.random.default_rng([seed, 22]).permutation(told)[:MOST_TOLD]
    confusion = _confusion(victim, told)
    likelihood = _likelihood(victim, attribute, asked, confusion)
    imputed = _imputers(victim, attribute, asked, told, seed=seed)
    prior, full = imputed.prior, imputed.full
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


@dataclass(frozen=True, eq=False)
class _Imputed:
    """(asked, levels) chances by the other columns alone (`prior`), and by these and the label (`full`)."""

    prior: Floats
    full: Floats


def _imputers(victim: Victim, attribute: Attribute, asked: Places, told: Places, *, seed: int) -> _Imputed:
    """What is guessed without the model, by the kind of classifier that does best on a fifth of the rows told.

    One kind for both, by the sum of their log losses, so that the attack is no other imputer than the baseline; a weak
    one would flatter the model's attack.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    encoding = encoding_of(take(victim.rows.inputs, told), without=(attribute.name,))
    known, wanted = (encoding.matrix(take(victim.rows.inputs, places)) for places in (told, asked))
    names = np.eye(len(victim.model.classes))
    labels = np.asarray(victim.rows.codes, dtype=np.int64)
    labelled, sought = np.hstack([known, names[labels[told]]]), np.hstack([wanted, names[labels[asked]]])
    truth, size = attribute.codes[told], attribute.size
    order = np.random.default_rng([seed, 23]).permutation(len(told))
    held, fitted = order[: len(order) // 5], order[len(order) // 5 :]
    with threadpool_limits(limits=1):
        losses = [
            sum(
                -np.log(np.maximum(chances[np.arange(len(held)), truth[held]], 1e-6)).mean()
                for part in (known, labelled)
                for chances in [_chances(kind, part[fitted], truth[fitted], part[held], size)]
            )
            for kind in imputers(len(fitted), seed=seed)
        ]
        best = imputers(len(told), seed=seed)[int(np.argmin(losses))]
        return _Imputed(_chances(best, known, truth, wanted, size), _chances(best, labelled, truth, sought, size))


def imputers(rows: int, /, *, seed: int) -> list[Any]:
    """Classifiers that guess an attribute: how frequent each level is, logistic regression with two penalties, boosted
    trees."""
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    trees = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=40,
        max_leaf_nodes=8,
        min_samples_leaf=max(5, min(30, rows // 20)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    lines = [LogisticRegression(C=c, max_iter=300) for c in (0.03, 1.0)]
    return [DummyClassifier(strategy="prior"), *lines, trees]


def _chances(kind: Any, known: Floats, truth: Codes, asked: Floats, size: int) -> Floats:
    if not known.shape[1] or len(np.unique(truth)) == 1:
        return np.tile(np.bincount(truth, minlength=size) / len(truth), (len(asked), 1))
    found = np.zeros((len(asked), size))
    fitted = kind.fit(known, truth)
    found[:, fitted.classes_] = fitted.predict_proba(asked)
    return found
