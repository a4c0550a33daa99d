"""What the task is, which outcome is favourable, and where the sums of Counts get their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.subject import Model, Task
from assay.data.roles.given import CLASSES, Roles
from assay.data.rows.columns import Column, number_text, text_level
from assay.data.rows.protocol import Rows, Tally

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "none")
NUMBERS = 32
"""More distinct whole numbers than this are a number to predict, not classes."""
_TRUE, _FALSE = ("1", "true", "True", "TRUE"), ("0", "false", "False", "FALSE")
_FAVOURABLE = {frozenset(pair): pair[1] for pair in (*zip(_FALSE, _TRUE, strict=True), ("-1", "1"))}
"""Pairs of labels of which the second is favourable when nothing else is said."""


@dataclass(frozen=True)
class Resolved:
    """What a Case is about: its task, the classes, and the favourable value as label and as prediction write it."""

    task: Task
    classes: tuple[str, ...] = ()
    favourable: str | None = None
    predicted: str | None = None
    score: str | None = None
    notes: tuple[str, ...] = ()


def tally(rows: Rows, name: str, role: str, /) -> Tally:
    """The distinct values of a column that groups rows; too many are an error."""
    found = rows.tally(name, most=CLASSES)
    if found is None:
        raise AssayError(
            f"Column {name!r}, given as {role}, has more than {CLASSES:,} distinct values.",
            code="levels",
            hint="Put its values into groups first, such as age bands, and give that column.",
        )
    return found


TRAINING = ("train", "training")


def held_out_levels(rows: Rows, split: str | None, /) -> tuple[str, ...]:
    """The values of the split column that name rows the model was not fitted on.

    Empty where there is no split, where no value of it says "train" or "training", or where every value does.
    """
    if split is None:
        return ()
    levels = [level for level in tally(rows, split, "split").levels if level is not None]
    held_out = tuple(sorted({level for level in levels if level.casefold() not in TRAINING}))
    return held_out if len(held_out) < len(set(levels)) else ()


def level_of(value: Any, column: Column | None, /) -> str:
    """The canonical text of a value that a person wrote, for instance as favourable."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number_text(float(value)) or ""
    text = str(value)
    if column is not None and column.kind == "number":
        try:
            return number_text(float(text)) or ""
        except ValueError:
            return text_level(text)
    return text.lower() if column is not None and column.kind == "boolean" else text_level(text)


def resolve(rows: Rows, roles: Roles, /, *, task: str | None, favourable: Any, model: Model | None) -> Resolved:
    """The task and its outcomes; every contradiction in the data is an AssayError."""
    found: Task = _known_task(task) or _infer(rows, roles, favourable, model)
    if found in ("regression", "none"):
        _refuse_classes(found, roles, favourable)
        _check_numbers(rows, roles, found)
        return Resolved(found)
    labels = _levels(rows, roles.label, "label")
    predictions = _levels(rows, roles.prediction, "prediction")
    if found == "multiclass":
        return _multiclass(rows, roles, labels, predictions, favourable, model)
    return _binary(rows, roles, labels, predictions, favourable, model)


def _known_task(task: str | None) -> Task | None:
    if task is None:
        return None
    for known in TASKS:
        if known == task:
            return known
    raise unknown("task", task, TASKS, code="task")


def _infer(rows: Rows, roles: Roles, favourable: Any, model: Model | None) -> Task:
    if len(roles.scores) > 2:
        return "multiclass"
    if favourable is not None or roles.score is not None:
        return "binary"
    name = roles.label or roles.prediction
    if name is None:
        return model.task if model is not None else "none"
    column, found = rows.columns[name], rows.tally(name, most=CLASSES)
    if found is not None and len(set(found.levels) - {None}) <= 2:
        return "binary"
    if column.kind != "number":
        return "multiclass"
    if found is None or len(set(found.levels) - {None}) > NUMBERS:
        return "regression"
    return "multiclass" if all(v is None or math.isnan(v) or v.is_integer() for v in found.raw) else "regression"


def _levels(rows: Rows, name: str | None, role: str) -> tuple[str, ...]:
    if name is None:
        return ()
    return tuple(sorted(level for level in tally(rows, name, role).by_level if level is not None))


def _refuse_classes(task: Task, roles: Roles, favourable: Any) -> None:
    for name, value in (("score", roles.score), ("favourable", favourable), ("threshold", roles.threshold)):
        if value is not None:
            raise AssayError(
                f"{name} is given, and the task is {task}.",
                code="task",
                hint=f"Leave {name} out, or give task='binary'.",
            )


def _check_numbers(rows: Rows, roles: Roles, task: Task) -> None:
    if task != "regression":
        return
    for name, extent in rows.extents([c for c in (roles.label, roles.prediction) if c]).items():
        if extent.finite < extent.present:
            raise AssayError(
                f"Column {name!r} has infinite numbers.", code="range", hint="Drop these rows or make them missing."
            )


def _check_scores(rows: Rows, columns: Sequence[str]) -> None:
    for name, extent in rows.extents(columns).items():
        if extent.finite < extent.present or (extent.low or 0.0) < 0 or (extent.high or 0.0) > 1:
            span = f"{extent.low:.6g} to {extent.high:.6g}" if extent.low is not None else "infinite numbers"
            raise AssayError(
                f"Scores must lie in [0, 1]; column {name!r} has {span}.",
                code="score",
                hint="Give probabilities, or the decision itself as prediction.",
            )


def _shown(values: Sequence[str]) -> str:
    listed = ", ".join(repr(value) for value in values[:5])
    return f"{listed}, …" if len(values) > 5 else listed


def _outside(name: str | None, strange: Sequence[str], classes: Sequence[str]) -> AssayError:
    return AssayError(
        f"Predictions in column {name!r} are outside the label set: {_shown(strange)}.",
        code="prediction",
        hint=f"The labels are {_shown(classes)}; write predictions the same way.",
    )


def _multiclass(
    rows: Rows,
    roles: Roles,
    labels: tuple[str, ...],
    predictions: tuple[str, ...],
    favourable: Any,
    model: Model | None,
) -> Resolved:
    if isinstance(roles.score, str):
        raise AssayError(
            "One score column says nothing about more than two classes.",
            code="score",
            hint="Give a score column for each class: score={'a': 'p_a', 'b': 'p_b', 'c': 'p_c'}.",
        )
    _check_scores(rows, tuple(roles.scores.values()))
    known = {*labels, *roles.scores, *(model.classes if model is not None else ())}
    strange = sorted(set(predictions) - known) if known else []
    if strange:
        raise _outside(roles.prediction, strange, sorted(known))
    classes = tuple(sorted(known or predictions))
    chosen = None
    if favourable is not None:
        chosen = level_of(favourable, _column(rows, roles))
        if chosen not in classes:
            raise unknown("favourable label", chosen, classes, code="favourable")
    return Resolved("multiclass", classes, chosen)


def _column(rows: Rows, roles: Roles) -> Column | None:
    name = roles.label or roles.prediction
    return rows.columns[name] if name else None


def _binary(
    rows: Rows,
    roles: Roles,
    labels: tuple[str, ...],
    predictions: tuple[str, ...],
    favourable: Any,
    model: Model | None,
) -> Resolved:
    if len(labels or predictions) > 2:
        raise AssayError(
            f"A binary task has two labels; column {roles.label or roles.prediction!r} has "
            f"{len(labels or predictions)}: {_shown(labels or predictions)}.",
            code="label",
            hint="Give task='multiclass', or make a column of two values.",
        )
    given = level_of(favourable, _column(rows, roles)) if favourable is not None else None
    classes = _pair(labels, predictions, given, model)
    if given is None:
        given = _FAVOURABLE.get(frozenset(classes))
        if given is None:
            values = " or ".join(repr(value) for value in classes)
            raise AssayError(
                f"Which outcome is favourable, {values}?",
                code="favourable",
                hint=f"Give it: favourable={classes[-1]!r}, or --favourable {classes[-1]}.",
            )
    if given not in classes:
        raise unknown("favourable label", given, classes, code="favourable")
    predicted, notes = _predicted(roles.prediction, predictions, classes, given)
    score = roles.scores.get(given) if roles.scores else roles.score
    if roles.scores and score is None:
        raise unknown("class in score", given, roles.scores, code="score")
    if isinstance(score, str):
        _check_scores(rows, (score,))
    return Resolved("binary", classes, given, predicted, score if isinstance(score, str) else None, notes)


def _pair(
    labels: tuple[str, ...], predictions: tuple[str, ...], given: str | None, model: Model | None
) -> tuple[str, ...]:
    """The two classes: the labels, filled up from what else is known where the data show fewer."""
    seen = labels or predictions
    if len(seen) < 2 and model is not None and len(model.classes) == 2 and set(seen) <= set(model.classes):
        seen = tuple(sorted(model.classes))
    if len(seen) < 2:
        pairs = [pair for pair in _FAVOURABLE if set(seen) <= pair and (given is None or given in pair)]
        fitting = [pair for pair in pairs if set(predictions) <= pair] or pairs
        if fitting and (seen or given is None):
            return tuple(sorted(fitting[0]))
        seen = tuple(sorted({*seen, *((given,) if given is not None else ())}))
    if len(seen) < 2:
        seen = tuple(sorted({*seen, *predictions}))[:2]
    return seen


def _predicted(
    name: str | None, predictions: tuple[str, ...], classes: tuple[str, ...], favourable: str
) -> tuple[str, tuple[str, ...]]:
    """The favourable value as the predictions write it; true and false are read for 1 and 0, which a note says."""
    strange = sorted(set(predictions) - set(classes))
    if not strange or (len(classes) == 1 and len({*classes, *predictions}) <= 2):
        return favourable, ()
    words = (*_TRUE, *_FALSE)
    if not all(value in words for value in (*predictions, *classes)):
        raise _outside(name, strange, classes)
    wanted = _TRUE if favourable in _TRUE else _FALSE
    spelled = [value for value in predictions if value in wanted]
    if len(spelled) > 1:
        raise _outside(name, strange, classes)
    note = f"predictions written {_shown(predictions)} are read as labels {_shown(classes)}"
    return spelled[0] if spelled else wanted[0], (note,)
