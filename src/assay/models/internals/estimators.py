"""An estimator or pipeline in memory: its last step as a form, and the columns that this reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.models.inputs import row_count
from assay.models.internals import lightgbm_trees, linear, sklearn_trees, xgboost_trees
from assay.models.internals.forms import Inside, LinearForm, reason
from assay.models.internals.origins import trace
from assay.models.structure import lightgbm_text, xgboost_json
from assay.models.structure.ensemble import TreeEnsemble

_TREES = sklearn_trees.SINGLE | sklearn_trees.FORESTS | sklearn_trees.BOOSTED | sklearn_trees.HISTOGRAM
_WIDEST = 100_000
_SEARCHES = frozenset({"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"})


@dataclass(frozen=True, eq=False)
class Reading:
    """How the last step is read: its form, where its own columns come from, and three functions of its input.

    `prepare` gives the matrix of the form, `raw` the library's scores on the form's scale, and
    `contributed` (None where there are none) SHAP values (rows, columns + 1, outputs).
    """

    form: TreeEnsemble | LinearForm
    own: np.ndarray
    prepare: Callable[[Any], np.ndarray]
    raw: Callable[[Any], np.ndarray]
    contributed: Callable[[Any], np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Opened:
    """What an estimator shows: `inside`, and where that has a form the `reading` of the last step."""

    inside: Inside
    reading: Reading | None = None


def open_estimator(estimator: Any, features: tuple[str, ...], /) -> Opened:
    """The form of a fitted estimator, or of the last step of a pipeline, traced to its input columns."""
    steps = steps_of(estimator)
    last = steps[-1][1]
    # A step that passes all through does not count its columns: the next one does.
    counts = [step.n_features_in_ for _, step in steps if hasattr(step, "n_features_in_")]
    origin = np.arange(int(counts[0]) if counts else len(features))
    for name, step in steps[:-1]:
        found = trace(step, origin, name=name)
        if found.mixed:
            return Opened(Inside(reason=reason("models.inside.mixed", step=found.mixed)))
        origin = found.origin
    read = _read(last)
    if isinstance(read, Message):
        return Opened(Inside(reason=read))
    traced = origin[read.own]
    form = read.form
    names = _names([step for _, step in steps[:-1]], features, traced, own=read.own)
    if form.width > _WIDEST:
        return Opened(Inside(reason=reason("models.inside.part", part="A matrix of so many columns")))
    inside = Inside(
        ensemble=form if isinstance(form, TreeEnsemble) else None,
        linear=form if isinstance(form, LinearForm) else None,
        names=names,
        origin=traced,
        contributes=read.contributed is not None,
    )
    return Opened(inside, read)


def prepared(estimator: Any, batch: Any, /) -> Any:
    """What the last step of a pipeline gets; `batch` where there is only one step."""
    for _, step in steps_of(estimator)[:-1]:
        batch = batch if isinstance(step, str) else step.transform(batch)
    return batch


def steps_of(estimator: Any, /) -> list[tuple[str, Any]]:
    """The named steps of a pipeline, those of a pipeline that is its last one included; a search is its best estimator.

    A pipeline may end with a step that passes all through: then the estimator is not read.
    """
    kind = type(estimator).__name__
    if type(estimator).__module__.partition(".")[0] != "sklearn":
        return [("", estimator)]
    if kind in _SEARCHES and hasattr(estimator, "best_estimator_"):
        return steps_of(estimator.best_estimator_)
    if kind != "Pipeline":
        return [("", estimator)]
    *before, (name, last) = estimator.steps
    kept = [(label, step) for label, step in before if step is not None]
    inner = steps_of(last)
    return [*kept, *(inner if len(inner) > 1 else [(name, inner[0][1])])]


def dense(batch: Any, /, *, absent: float = 0.0) -> np.ndarray:
    """(rows, columns) float64; what a sparse matrix does not hold is `absent`."""
    if not hasattr(batch, "tocoo"):
        return np.array(batch, dtype=np.float64)
    entries = batch.tocoo()
    found = np.full(entries.shape, absent)
    found[entries.row, entries.col] = entries.data
    return found


def _names(before: list[Any], features: tuple[str, ...], origin: np.ndarray, *, own: np.ndarray) -> tuple[str, ...]:
    """The names that the steps before give to their columns, else the feature's name with a number."""
    given: list[str] | None = list(features) or None
    try:
        for step in before:
            if not isinstance(step, str):
                given = [str(name) for name in step.get_feature_names_out(given)]
    except (AttributeError, TypeError, ValueError, IndexError, KeyError):
        given = None
    if before and given and len(given) == len(own):
        return tuple(given[i] for i in own)
    counts: dict[int, int] = {}
    names = []
    repeated = set(np.flatnonzero(np.bincount(origin, minlength=1) > 1).tolist())
    for position in origin.tolist():
        counts[position] = counts.get(position, 0) + 1
        name = features[position] if position < len(features) else f"column {position}"
        names.append(f"{name} [{counts[position]}]" if position in repeated else name)
    return tuple(names)


def _read(last: Any) -> Reading | Message:
    kind = type(last).__name__
    library = type(last).__module__.partition(".")[0]
    if library == "sklearn" and kind in _TREES:
        form: TreeEnsemble | LinearForm | Message = sklearn_trees.form_of(last)
    elif library == "sklearn" and kind in linear.KINDS:
        form = linear.form_of(last)
    elif library == "xgboost" and hasattr(last, "get_booster"):
        return _xgboost(last)
    elif library == "lightgbm" and hasattr(last, "booster_"):
        return _lightgbm(last)
    else:
        return reason("models.inside.kind", kind=kind)
    if isinstance(form, Message):
        return form
    own = np.arange(form.width)
    if kind in sklearn_trees.HISTOGRAM:
        categorical = last.is_categorical_
        if categorical is not None:
            flags = np.asarray(categorical, dtype=bool)
            own = np.concatenate([np.flatnonzero(flags), np.flatnonzero(~flags)])
        return Reading(form, own, partial(_binned, last), partial(_sklearn_scores, last, form))
    return Reading(form, own, dense, partial(_sklearn_scores, last, form))


def _binned(last: Any, batch: Any) -> np.ndarray:
    """The numbers that histogram boosting compares: categories first, as codes; unknown ones are missing."""
    return dense(last._preprocess_X(batch, reset=False))


def _sklearn_scores(last: Any, form: TreeEnsemble | LinearForm, batch: Any) -> np.ndarray:
    if form.scale == "probability":
        scores = np.asarray(last.predict_proba(batch), np.float64)
        return scores[:, 1:] if form.outputs == 1 else scores
    if hasattr(last, "classes_"):
        return np.asarray(last.decision_function(batch), np.float64) * sklearn_trees.boosting_slope(last)
    answers = np.asarray(last.predict(batch), np.float64).reshape(row_count_of(batch))
    return np.log(answers) if form.scale == "log" else answers


def row_count_of(batch: Any, /) -> int:
    """Rows of what a step gave, sparse or not."""
    return int(batch.shape[0]) if hasattr(batch, "shape") else row_count(batch)


def _xgboost(last: Any) -> Reading | Message:
    import xgboost

    booster = last.get_booster()
    facts = xgboost_json.read(bytes(booster.save_raw("json")))
    absent = getattr(last, "missing", np.nan)
    if "c" in facts.types or not (absent is None or np.isnan(absent)):
        return reason("models.inside.part", part="An XGBoost step with categories or a missing number")
    form = xgboost_trees.form_of(booster, facts)
    if isinstance(form, Message):
        return form
    best = facts.best_iteration
    until = (0, best + 1) if best is not None else (0, 0)

    def prepare(batch: Any) -> np.ndarray:
        # XGBoost takes what a sparse matrix does not hold as missing.
        matrix = dense(batch, absent=np.nan).astype(np.float32).astype(np.float64)
        return np.nan_to_num(matrix, nan=0.0) if isinstance(form, LinearForm) else matrix

    def data(batch: Any) -> Any:
        rows = batch if hasattr(batch, "tocoo") else np.asarray(batch, np.float32)
        return xgboost.DMatrix(rows, feature_names=list(facts.features) or None, nthread=1)

    return Reading(
        form,
        np.arange(form.width),
        prepare,
        lambda batch: booster.predict(data(batch), output_margin=True, iteration_range=until),
        lambda batch: shap_array(booster.predict(data(batch), pred_contribs=True, iteration_range=until), form),
    )


def shap_array(values: Any, form: TreeEnsemble | LinearForm, /) -> np.ndarray:
    """(rows, columns + 1, outputs) of what a booster gives, flat or by output."""
    found = np.asarray(values, np.float64).reshape(len(values), form.outputs, form.width + 1)
    return np.ascontiguousarray(found.transpose(0, 2, 1))


def _lightgbm(last: Any) -> Reading | Message:
    booster = last.booster_
    facts = lightgbm_text.read(booster.model_to_string().encode())
    if facts.categories:
        return reason("models.inside.part", part="A LightGBM step with categories")
    form = lightgbm_trees.form_of(facts)
    if isinstance(form, Message):
        return form
    options = {"num_threads": 1, "validate_features": False}
    return Reading(
        form.ensemble,
        np.arange(form.ensemble.width),
        lambda batch: form.prepare(dense(batch)),
        lambda batch: booster.predict(dense(batch), raw_score=True, **options) * form.factor,
        lambda batch: (
            shap_array(booster.predict(dense(batch), pred_contrib=True, **options), form.ensemble) * form.factor
        ),
    )
