"""Rows on which an original and its conversion are compared: the user's, and generated ones where these are few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.adapter import Adapter
from assay.models.inputs import listed

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 1000
MOST = 10_000
_SEED = 20_261_122
_MARGIN = 0.1


def rows_for(data: pa.Table | None, ranges: Mapping[str, Mapping[str, Any]], /, *, name: str) -> tuple[pa.Table, int]:
    """A table of at least `FEWEST` rows, and how many of them are generated.

    Rows of `data` come first, `MOST` at most. Generated rows draw each column by itself: from the
    column's values in `data` where there are any, else from what the model's own parts say of its range,
    with a margin. A fixed seed makes them the same each time.
    """
    import pyarrow as pa

    generator = np.random.default_rng(_SEED)
    if data is not None and data.num_rows:
        kept = data.slice(0, MOST)
        missing = max(0, FEWEST - kept.num_rows)
        drawn = [kept.column(i).take(generator.integers(0, kept.num_rows, missing)) for i in range(kept.num_columns)]
        extra = pa.Table.from_arrays(drawn, schema=kept.schema) if missing else kept.slice(0, 0)
        return pa.concat_tables([kept, extra]).combine_chunks(), missing
    unknown = [column for column, known in ranges.items() if not known]
    if unknown or not ranges:
        raise AssayError(
            f"What values {name} takes is not known for {listed(unknown) if unknown else 'any column'}.",
            code="convert",
            hint="Give rows it can predict: --data sample.parquet.",
        )
    columns = {column: _drawn(known, generator) for column, known in ranges.items()}
    return pa.table(columns), FEWEST


def _drawn(known: Mapping[str, Any], generator: np.random.Generator) -> Any:
    if "values" in known:
        values = known["values"]
        return [values[i] for i in generator.integers(0, len(values), FEWEST)]
    low, high = float(known["low"]), float(known["high"])
    margin = _MARGIN * (high - low or abs(high) or 1.0)
    return generator.uniform(low - margin, high + margin, FEWEST)


def known_ranges(model: Adapter, /) -> dict[str, dict[str, Any]]:
    """What the model's parts say of each column: {"low", "high"}, {"values"}, or {} where they say nothing.

    Thresholds of trees, moments of scalers and categories of encoders are such parts.
    """
    names = list(model.features) or [f"column {i}" for i in range(model.width or 0)]
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    if hasattr(model, "estimator"):
        _from_estimator(model.estimator, names, found)
    elif hasattr(model, "booster"):
        found.update(_from_lightgbm(model) if hasattr(model.booster, "model_to_string") else _from_xgboost(model))
    return found


def _from_lightgbm(model: Any) -> dict[str, dict[str, Any]]:
    """The ranges and categories that LightGBM's text states for each feature."""
    found = {}
    lists = dict(zip(model.facts.categorical, model.facts.categories, strict=False))
    for position, (name, info) in enumerate(zip(model.features, model.facts.infos, strict=True)):
        if position in lists:
            found[name] = {"values": [_plain(value) for value in lists[position]]}
            continue
        low, _, high = info.strip("[]").partition(":")
        found[name] = _span(low, high) if info.startswith("[") else _span(0, 1)
    return found


def _from_xgboost(model: Any) -> dict[str, dict[str, Any]]:
    """The range of the thresholds of each feature, and the categories where the model stores them."""
    splits = model.booster.trees_to_dataframe()
    found = {}
    for position in range(model.width):
        name = model.features[position] if model.features else f"column {position}"
        if model.facts.categories[position]:
            found[name] = {"values": list(model.facts.categories[position])}
            continue
        own = splits.loc[splits["Feature"] == (name if model.features else f"f{position}"), "Split"].dropna()
        found[name] = _span(own.min(), own.max()) if len(own) else _span(0, 1)
    return found


def _from_estimator(estimator: Any, names: list[str], found: dict[str, dict[str, Any]]) -> None:
    if hasattr(estimator, "steps"):
        _from_estimator(estimator.steps[0][1], names, found)
        return
    if hasattr(estimator, "transformers_"):
        for _, inner, columns in estimator.transformers_:
            taken = [names[c] if isinstance(c, int | np.integer) else str(c) for c in np.atleast_1d(columns)]
            if not isinstance(inner, str):
                _from_estimator(inner, taken, found)
        return
    for name, known in zip(names, _facts(estimator, len(names)), strict=False):
        found[name] = known


def _facts(part: Any, count: int) -> Iterable[dict[str, Any]]:
    if hasattr(part, "categories_"):
        return [{"values": [_plain(v) for v in values if v == v and v is not None]} for values in part.categories_]
    if hasattr(part, "mean_") and hasattr(part, "scale_"):
        return [_span(m - 3 * s, m + 3 * s) for m, s in zip(part.mean_, part.scale_, strict=True)]
    if hasattr(part, "data_min_"):
        return [_span(low, high) for low, high in zip(part.data_min_, part.data_max_, strict=True)]
    thresholds = list(_thresholds(part))
    if not thresholds:
        return [{}] * count
    features = np.concatenate([feature for feature, _ in thresholds])
    values = np.concatenate([value for _, value in thresholds])
    found = []
    for i in range(count):
        own = values[(features == i) & np.isfinite(values)]
        # A column that no tree splits on cannot change the answer: any value will do.
        found.append(_span(own.min(), own.max()) if len(own) else _span(0, 1))
    return found


def _thresholds(part: Any) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    if hasattr(part, "tree_"):
        yield part.tree_.feature, part.tree_.threshold
    for inner in np.ravel(np.asarray(getattr(part, "estimators_", []), dtype=object)):
        yield from _thresholds(inner)
    for iteration in getattr(part, "_predictors", []):
        for predictor in iteration:
            if predictor.nodes["is_categorical"].any():
                return
            inner_nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
            yield inner_nodes["feature_idx"].astype(np.int64), inner_nodes["num_threshold"]


def _span(low: Any, high: Any) -> dict[str, Any]:
    return {"low": float(low), "high": float(high)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
