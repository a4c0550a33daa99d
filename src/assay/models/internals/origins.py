"""Which input feature each column of a fitted scikit-learn transformer comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MIXED = -1
"""The origin of a column that several features make, or that is made in a way that is not known."""


_APART = frozenset(
    {
        *("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Binarizer"),
        *("QuantileTransformer", "PowerTransformer", "OrdinalEncoder"),
    }
)
"""Transformers that make one column of each by itself. One column out for each in is not enough: Normalizer."""


@dataclass(frozen=True, eq=False)
class Traced:
    """Where columns come from: `origin` (columns,) int64 input positions, and the first step that `mixed` some."""

    origin: np.ndarray
    mixed: str = ""


def trace(step: Any, origin: np.ndarray, /, *, name: str = "") -> Traced:
    """The origins of the columns that `step` makes from columns of `origin`.

    Known: pipelines, column transformers, feature unions, encoders, simple imputers, scalers, binning,
    selection, functions of numpy, and powers and splines of one column.
    """
    kind = type(step).__name__
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return Traced(origin)
    if isinstance(step, str):
        return Traced(origin[:0])
    if not _from_sklearn(step):
        return _unknown(step, name or kind)
    if kind == "Pipeline":
        return _pipeline(step, origin)
    if kind == "ColumnTransformer":
        return _columns(step, origin)
    if kind == "FeatureUnion":
        parts = [trace(part, origin, name=label) for label, part in step.transformer_list if part != "drop"]
        return _joined(parts)
    found = _known(step, kind, len(origin))
    if found is None:
        return _unknown(step, name or kind)
    made = np.where(found < 0, MIXED, origin[np.maximum(found, 0)] if len(origin) else found)
    return Traced(made, (name or kind) if (made < 0).any() else "")


def _from_sklearn(step: Any) -> bool:
    return type(step).__module__.partition(".")[0] == "sklearn"


def _unknown(step: Any, name: str) -> Traced:
    return Traced(np.array([MIXED]), name)


def _joined(parts: list[Traced]) -> Traced:
    mixed = next((part.mixed for part in parts if part.mixed), "")
    return Traced(np.concatenate([np.empty(0, np.int64), *(part.origin for part in parts)]), mixed)


def _pipeline(pipeline: Any, origin: np.ndarray) -> Traced:
    found = Traced(origin)
    for name, step in pipeline.steps:
        found = trace(step, found.origin, name=name)
        if found.mixed:
            return found
    return found


def _columns(transformer: Any, origin: np.ndarray) -> Traced:
    """The parts in the order of their output; `output_indices_` says where each begins."""
    places = transformer.output_indices_
    inputs = transformer._transformer_to_input_indices
    parts = sorted(
        ((places[name].start, places[name].stop, name, part) for name, part, _ in transformer.transformers_),
        key=lambda item: item[:2],
    )
    made = []
    for start, stop, name, part in parts:
        if start == stop:
            continue
        own = trace(part, origin[np.asarray(inputs[name], dtype=np.int64)], name=name)
        if not own.mixed and len(own.origin) != stop - start:
            return _unknown(part, name)
        made.append(own)
    return _joined(made)


def _known(step: Any, kind: str, width: int) -> np.ndarray | None:
    """(columns out,) position of the column in, `MIXED`, or None where the transformer is not known."""
    rules: dict[str, Callable[[Any, int], np.ndarray | None]] = {
        "OneHotEncoder": lambda step, _: _spread(step._n_features_outs),
        "KBinsDiscretizer": lambda step, width: np.arange(width) if step.encode == "ordinal" else _spread(step.n_bins_),
        "SimpleImputer": _imputer,
        "MissingIndicator": lambda step, _: np.asarray(step.features_, np.int64),
        "FunctionTransformer": _function,
        "PolynomialFeatures": lambda step, _: _alone(step.powers_),
        "SplineTransformer": lambda step, width: _spread([step.n_features_out_ // max(1, width)] * width),
    }
    if kind in rules:
        return rules[kind](step, width)
    if callable(getattr(step, "get_support", None)):
        return np.flatnonzero(step.get_support())
    if kind == "TargetEncoder":  # several classes make several columns, in another order
        return np.arange(width) if len(step.encodings_) == width else None
    return np.arange(width) if kind in _APART else None


def _spread(widths: Any) -> np.ndarray:
    return np.repeat(np.arange(len(widths)), np.asarray(widths, dtype=np.int64))


def _imputer(step: Any, width: int) -> np.ndarray:
    """Columns without any value are dropped unless they are kept; indicators follow."""
    kept = np.arange(width)
    statistics = np.asarray(step.statistics_)
    if not step.keep_empty_features and step.strategy != "constant":
        kept = kept[np.array([value is not None and value == value for value in statistics], dtype=bool)]
    flags = np.asarray(step.indicator_.features_, np.int64) if step.add_indicator else np.empty(0, np.int64)
    return np.concatenate([kept, flags])


def _function(step: Any, width: int) -> np.ndarray | None:
    """A function of numpy of one argument works on each number alone; any other may not, whatever it declares."""
    alone = step.func is None or (isinstance(step.func, np.ufunc) and step.func.nin == 1)
    return np.arange(width) if alone else None


def _alone(powers: np.ndarray) -> np.ndarray:
    """A product of one column with itself comes from that; the constant 1, and products of several, mix."""
    single = (powers > 0).sum(axis=1) == 1
    return np.where(single, powers.argmax(axis=1), MIXED)
