"""What a model says of labelled rows, as attacks on membership read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models.inputs import row_count
from assay.models.outputs import codes_of
from assay.models.trainers import TrainingRows

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

FLOOR = 1e-16
"""Least probability that is told from 0: one minus a double next to 1."""
MANY_ZEROS = 0.01
BATCH = 1 << 14


def logit(probabilities: Floats, labels: Codes, /) -> Floats:
    """(rows,) log p_y − log Σ_{c≠y} p_c, from (rows, classes) probabilities.

    The sum of the others, and not 1 − p_y, keeps its digits where p_y is next to 1. Both are cut at FLOOR; see
    `_least` for models whose probabilities are shares of votes. Source: Carlini et al. (2022), IEEE S&P, arXiv
    2112.03570, section IV-C.
    """
    return _logit(_own_and_rest(probabilities, labels))


def logits_of(model: Model, rows: TrainingRows, /, *, classes: Sequence[str]) -> Floats | None:
    """(rows,) logits of the labels, a batch of probabilities at a time; None where the model gives none."""
    parts, start = [], 0
    for batch in batches(rows.inputs):
        found = model.scores(batch)
        if found is None:
            return None
        labels = rows.codes[start : start + len(found)]
        parts.append(_own_and_rest(_aligned(np.asarray(found, dtype=np.float64), model.classes, classes), labels))
        start += len(found)
    return _logit(np.concatenate(parts, axis=1))


def _own_and_rest(probabilities: Floats, labels: Codes) -> Floats:
    """(2, rows) the probability of the label, and of all other classes together."""
    places = np.arange(len(labels))
    others = probabilities.copy()
    others[places, labels] = 0.0
    return np.stack([probabilities[places, labels], others.sum(axis=1)])


def _logit(sides: Floats) -> Floats:
    cut = np.log(np.maximum(sides, _least(sides)))
    return np.asarray(cut[0] - cut[1])


def _least(chances: Floats) -> float:
    """What a probability is cut at: FLOOR, or, where many are exactly 0, the 5 % quantile of those that are not.

    Shares of trees or neighbours that vote are 0 where none does, whose logarithm would be as far away as FLOOR
    pleases. Cut there, the logits of a forest are spread more like a normal, which LiRA takes them to be: it finds up
    to seven times as many of its members at 1 % false positives.
    """
    positive = chances[chances > 0]
    if len(positive) >= (1 - MANY_ZEROS) * chances.size:
        return FLOOR
    return max(FLOOR, min(0.5, float(np.quantile(positive, 0.05))))


def log_likelihood(logits: Floats, /) -> Floats:
    """(rows,) log p_y of logits of p_y: minus the cross-entropy loss."""
    return np.asarray(-np.logaddexp(0.0, -logits))


@dataclass(frozen=True, eq=False)
class Answers:
    """`predicted` (rows,) positions in the classes, and (rows, classes) `probabilities` where the model gives any.

    `labels` (rows,) are the true classes of the rows.
    """

    labels: Codes
    predicted: Codes
    probabilities: Floats | None

    @property
    def correct(self) -> Bools:
        """(rows,) whether the prediction is the label."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def logit(self) -> Floats:
        """(rows,) logit of the probability of the label; see `logit`."""
        return logit(self._given, self.labels)

    @cached_property
    def entropy(self) -> Floats:
        """(rows,) −Σ p_c ln p_c, in nats, whatever the label."""
        p = self._given
        return np.asarray(-(p * np.log(np.maximum(p, FLOOR))).sum(axis=1))

    @cached_property
    def modified_entropy(self) -> Floats:
        """(rows,) −(1 − p_y) ln p_y − Σ_{c≠y} p_c ln(1 − p_c): 0 for a sure right answer, large for a sure wrong one.

        Source: Song & Mittal (2021), USENIX Security, arXiv 2003.10595, eq. 6.
        """
        p, places = self._given, np.arange(len(self.labels))
        others = p * np.log(np.maximum(1 - p, FLOOR))
        others[places, self.labels] = 0.0
        odds = np.logaddexp(0.0, self.logit)  # −ln(1 − p_y)
        return np.asarray(-np.exp(-odds) * log_likelihood(self.logit) - others.sum(axis=1))

    @property
    def _given(self) -> Floats:
        if self.probabilities is None:
            raise AssayError("The model gives no probabilities.", code="probabilities", hint="Attack its labels only.")
        return self.probabilities


def answers_of(model: Model, rows: TrainingRows, /, *, classes: Sequence[str] = ()) -> Answers:
    """The Answers of `model` for `rows`, whose labels are positions in `classes` (its own, where none are given).

    Classes that the model does not know have probability 0.
    """
    names = tuple(classes) or model.classes
    predicted, parts = [], []
    for batch in batches(rows.inputs):
        predicted.append(codes_of(np.asarray(model.predict(batch), dtype=object), names))
        found = model.scores(batch)  # asked second: the labels of a batch are kept with its probabilities
        if found is not None:
            parts.append(_aligned(np.asarray(found, dtype=np.float64), model.classes, names))
    probabilities = np.concatenate(parts) if parts else None
    return Answers(np.asarray(rows.codes, dtype=np.int64), np.concatenate(predicted), probabilities)


def silent(model: Model, rows: TrainingRows, /) -> bool:
    """Whether the model gives no probabilities, asked of one row."""
    return model.scores(take(rows.inputs, np.array([0]))) is None


def labels_of(model: Model, inputs: Any, /) -> Codes:
    """(rows,) predicted positions in the classes of the model, asked in batches."""
    return np.concatenate(
        [codes_of(np.asarray(model.predict(batch), dtype=object), model.classes) for batch in batches(inputs)]
    )


def batches(inputs: Any, /) -> Iterator[Any]:
    """`inputs` (a Table, texts or an array) in batches for a model."""
    for start in range(0, row_count(inputs), BATCH):
        sliced = hasattr(inputs, "num_rows")
        yield inputs.slice(start, BATCH) if sliced else inputs[start : start + BATCH]


def take(inputs: Any, places: Places, /) -> Any:
    """The inputs at `places`, in that order."""
    if hasattr(inputs, "num_rows"):
        import pyarrow as pa

        return inputs.take(pa.array(places))
    return [inputs[place] for place in places] if isinstance(inputs, list) else inputs[places]


def taken(rows: TrainingRows, places: Places, /) -> TrainingRows:
    """The rows at `places`, in that order."""
    return TrainingRows(take(rows.inputs, places), rows.codes[places])


def _aligned(probabilities: Floats, own: Sequence[str], wanted: Sequence[str]) -> Floats:
    if tuple(own) == tuple(wanted):
        return probabilities
    strange = sorted(set(own) - set(wanted))
    if strange:
        raise AssayError(
            f"A model that was trained again knows the class {strange[0]!r}, which is none of {', '.join(wanted)}.",
            code="classes",
            hint="A trainer gives a model of the classes of the labels that it gets.",
        )
    out = np.zeros((len(probabilities), len(wanted)))
    out[:, [wanted.index(name) for name in own]] = probabilities
    return out
