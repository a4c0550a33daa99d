"""The model inside a mitigation: fitted with weights that reach it, and asked for probabilities."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.models.adapter import Adapter

Floats = NDArray[np.float64]


def fit_clone(estimator: Any, x: Any, y: Any, weight: Floats | None, /) -> Any:
    """A fitted copy of `estimator`; weights that it cannot take are an error, never dropped."""
    from sklearn.base import clone

    if isinstance(estimator, type) or not callable(getattr(estimator, "fit", None)):
        raise AssayError(
            f"{_name(estimator)} cannot be fitted.",
            code="estimator",
            hint="Give an estimator with fit() and predict_proba(), or prefit=True where the method allows it.",
        )
    made = clone(estimator)
    if weight is None:
        return made.fit(x, y)
    return made.fit(x, y, **{weight_keyword(made): weight})


def weight_keyword(estimator: Any, /) -> str:
    """The keyword by which `fit` takes weights: of the last step in a pipeline."""
    last = estimator
    prefix = ""
    while getattr(last, "steps", None):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    parameters = inspect.signature(last.fit).parameters.values()
    if not any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise AssayError(
            f"{_name(last)} takes no sample_weight, so that weights would change nothing.",
            code="weights",
            hint="Choose an estimator whose fit() has sample_weight, or the method 'resampling'.",
        )
    return f"{prefix}sample_weight"


def favourable_scores(estimator: Any, x: Any, /) -> Floats:
    """(rows,) probability of the favourable outcome 1."""
    if isinstance(estimator, Adapter) or hasattr(x, "column_names"):
        return _adapter_scores(estimator, x)
    if not callable(getattr(estimator, "predict_proba", None)):
        raise AssayError(
            f"{_name(estimator)} gives no probabilities.",
            code="score",
            hint="This method needs predict_proba(); wrap the estimator in CalibratedClassifierCV, for instance.",
        )
    table = np.asarray(estimator.predict_proba(x), dtype=np.float64)
    return np.ascontiguousarray(table[:, _place([str(label) for label in estimator.classes_], estimator)])


def predictions(estimator: Any, x: Any, /) -> NDArray[np.int64]:
    """(rows,) the estimator's own decisions, 0 or 1."""
    if isinstance(estimator, Adapter) or hasattr(x, "column_names"):
        from assay.models.live import wrap

        model = wrap(estimator)
        return np.asarray(np.asarray(model.predict(arrow(x))) == model.classes[_place(list(model.classes), model)], int)
    return np.asarray(estimator.predict(x), dtype=np.int64).reshape(-1)


def _adapter_scores(estimator: Any, x: Any) -> Floats:
    from assay.models.live import wrap

    model = wrap(estimator)
    table = model.scores(arrow(x))
    if table is None:
        raise AssayError(f"{model.name} gives no probabilities.", code="score", hint="This method needs them.")
    return np.ascontiguousarray(np.asarray(table, dtype=np.float64)[:, _place(list(model.classes), model)])


def _place(classes: list[str], estimator: Any) -> int:
    """Position of the class 1 among the two classes."""
    names = ["1" if name in ("1", "1.0", "True", "true") else name for name in classes]
    if len(names) != 2 or "1" not in names:
        raise AssayError(
            f"{_name(estimator)} has the classes {', '.join(map(repr, classes[:5]))}, not 0 and 1.",
            code="classes",
            hint="Fit it on an outcome coded 1 for favourable and 0 otherwise.",
        )
    return names.index("1")


def arrow(x: Any, /) -> Any:
    """A pandas frame as an Arrow table; anything else as it is."""
    if hasattr(x, "iloc"):
        import pyarrow as pa

        return pa.Table.from_pandas(x, preserve_index=False)
    return x


def given_scores(x: Any, /) -> Floats:
    """(rows,) scores given in place of features: one column, or the last of two columns of probabilities."""
    scores = np.asarray(x, dtype=np.float64)
    if scores.ndim == 2 and scores.shape[1] in (1, 2):
        scores = scores[:, -1]
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise AssayError(
            "Without an estimator, X is the score: one finite number a row.",
            code="score",
            hint="Give P(favourable) as (rows,), (rows, 1) or (rows, 2), or an estimator.",
        )
    return np.ascontiguousarray(scores)


def _name(estimator: Any) -> str:
    return str(getattr(estimator, "name", "") or type(estimator).__name__)
