"""One number a row of which more is worse: an error, a false alarm, a refusal, a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.data.rows.columns import column_of, levels_of, numbers_of

Floats = NDArray[np.float64]
_TRUTH = {word: truth for truth in (True, False) for word in (str(truth), str(truth).lower(), str(int(truth)))}
CLIP = 1e-15
"""Scores are kept this far from 0 and 1 in the log loss."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """(rows,) `values`, not negative; NaN where the row is not in the denominator.

    `what` names what a Measure compares. It is the mean of the values, or, with `complement`, one minus it: slices are
    searched for by refusals, and reported by the selection rate.
    """

    what: str
    values: Floats
    complement: bool = False

    @property
    def known(self) -> NDArray[np.bool_]:
        """(rows,) which rows are in the denominator."""
        return ~np.isnan(self.values)


@dataclass(frozen=True, slots=True)
class Columns:
    """Label, prediction and score as pyarrow columns, each None where there is none; `scores` by class.

    Where there is no prediction it is favourable from a score of `threshold`, or the class of the largest of `scores`.
    """

    label: Any = None
    prediction: Any = None
    score: Any = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    favourable: str | None = None
    threshold: float | None = None


OUTCOMES = {
    "binary": ("error", "fpr", "fnr", "selection_rate", "log_loss", "squared_error"),
    "multiclass": ("error",),
    "regression": ("absolute_error", "squared_error"),
}
"""Task -> outcomes that slices may be searched for by; the first is the default."""


def outcome(columns: Columns, what: str, /, *, task: str) -> Outcome:
    """The Outcome called `what`; rows without what it takes are not in its denominator.

    `error`: label and prediction differ. `fpr` (`fnr`): among unfavourable (favourable) labels the prediction is
    favourable (unfavourable). `selection_rate`: favourable predictions, the fewer the worse. `log_loss` and, for a
    binary task, `squared_error`: of the score. `absolute_error` and `squared_error` of a regression: of the prediction.
    """
    if task not in OUTCOMES:
        raise unknown("task with outcomes", task, OUTCOMES, code="task")
    if what not in OUTCOMES[task]:
        raise unknown(f"outcome of a {task} task", what, OUTCOMES[task], code="parameter")
    if task == "multiclass":
        return Outcome(what, _differ(_words(columns.label, "label"), _classes(columns)))
    if task == "regression":
        error = np.abs(_numbers(columns.prediction, "prediction") - _numbers(columns.label, "label"))
        return Outcome(what, error if what == "absolute_error" else error**2)
    return _binary(columns, what)


def _binary(columns: Columns, what: str) -> Outcome:
    if what == "selection_rate":
        return Outcome(what, 1 - _chosen(columns), complement=True)
    label = _is(_words(columns.label, "label"), lambda word: word == columns.favourable)
    if what in ("log_loss", "squared_error"):
        score = _numbers(columns.score, "score")
        off = np.where(label == 1, 1 - score, np.where(label == 0, score, np.nan))
        return Outcome(what, off**2 if what == "squared_error" else -np.log(np.clip(1 - off, CLIP, 1 - CLIP)))
    chosen = _chosen(columns)
    wrong = np.where(np.isnan(label) | np.isnan(chosen), np.nan, (label != chosen).astype(np.float64))
    if what == "error":
        return Outcome(what, wrong)
    return Outcome(what, np.where(label == (0.0 if what == "fpr" else 1.0), wrong, np.nan))


def _chosen(columns: Columns) -> Floats:
    """1 where the prediction is favourable, 0 where not, NaN where there is none.

    A favourable 1 may be predicted as "true", as a Case reads it.
    """
    if columns.prediction is None and columns.threshold is not None:
        score = _numbers(columns.score, "score")
        return np.where(np.isnan(score), np.nan, (score >= columns.threshold).astype(np.float64))
    words = _words(columns.prediction, "prediction")
    truth = _TRUTH.get(columns.favourable or "")
    same = columns.favourable in words.levels or truth is None
    return _is(words, lambda word: word == columns.favourable if same else _TRUTH.get(word) == truth)


def _is(words: _Words, favourable: Callable[[str], bool]) -> Floats:
    """1 where the value is favourable, 0 where it is not, NaN where it is missing."""
    return np.array([np.nan if word is None else float(favourable(word)) for word in words.levels])[words.codes]


@dataclass(frozen=True, eq=False)
class _Words:
    levels: list[str | None]
    codes: NDArray[np.int64]


def _words(column: Any, role: str) -> _Words:
    """The distinct levels of a column and the one of each row."""
    values = _given(column, role).combine_chunks()
    encoded = values.dictionary_encode() if not hasattr(values, "dictionary") else values
    levels = levels_of(encoded.dictionary, column_of(role, encoded.dictionary.type))
    codes = np.asarray(encoded.indices.fill_null(len(levels)), dtype=np.int64)
    return _Words([*levels, None], codes)


def _classes(columns: Columns) -> _Words:
    """The predicted class: as given, or that of the largest score, the first of equal ones."""
    if columns.prediction is not None or not columns.scores:
        return _words(columns.prediction, "prediction")
    names = sorted(columns.scores)
    scores = np.stack([_numbers(columns.scores[name], "score") for name in names])
    return _Words([*names, None], np.where(np.isnan(scores).any(axis=0), len(names), scores.argmax(axis=0)))


def _differ(a: _Words, b: _Words) -> Floats:
    place = {level: i for i, level in enumerate(dict.fromkeys([*a.levels, *b.levels]))}
    left = np.array([place[level] for level in a.levels])[a.codes]
    right = np.array([place[level] for level in b.levels])[b.codes]
    missing = place[None]
    return np.where((left == missing) | (right == missing), np.nan, (left != right).astype(np.float64))


def _numbers(column: Any, role: str) -> Floats:
    values = _given(column, role).combine_chunks()
    return numbers_of(values, column_of(role, values.type))


def _given(column: Any, role: str) -> Any:
    if column is None:
        raise AssayError(f"There is no {role} to make this outcome of.", code="role", hint=f"Give {role}=.")
    return column
