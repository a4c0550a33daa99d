"""Inputs that a model is most sure of: what an attacker rebuilds of a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models.inputs import is_number, numbers
from assay.privacy.inference.extraction.queries import Asking
from assay.privacy.membership.answers import FLOOR, Floats, Places, batches, take

STARTS = 64
"""Reconstructions of a class."""
ROUNDS, PROPOSALS = 25, 8
STEPS = 80
GRADIENT, SEARCH = "gradient ascent", "random search"


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """Inputs rebuilt for one class, the `starts` that they come from, and (rows,) the model's `confidence` in them."""

    inputs: Any
    starts: Any
    confidence: Floats
    how: str


def rebuild(model: Model, known: Any, code: int, /, *, rng: np.random.Generator) -> Rebuilt:
    """Inputs of which the model is most sure that they are of the class at `code`, from made-up starts.

    `known` are rows of the population that no result is judged by: they give ranges, values and starts. A model with
    gradients is climbed by them, within the ranges: Fredrikson et al. (2015), CCS, algorithm 1 (MI-Face), from many
    starts. Any other is searched by proposals in batches: now a column is drawn anew, now a number is moved, by less
    and less.
    """
    gradients = getattr(model, "gradients", None)
    if callable(gradients):
        numeric = _matrix(known)
        if numeric is not None and gradients(numeric[:1]) is not None:
            return _climbed(model, numeric, code, rng)
    return _searched(model, known, code, rng)


def confidence(model: Model, inputs: Any, code: int, /) -> Floats:
    """(rows,) probability of the class at `code`."""
    found = [np.asarray(model.scores(batch), dtype=np.float64)[:, code] for batch in batches(inputs)]
    return np.concatenate(found)


# -- by gradients ----------------------------------------------------------------------------------


def _climbed(model: Any, known: Floats, code: int, rng: np.random.Generator) -> Rebuilt:
    """Steps of a shrinking length along the gradient of the log probability, from noise around the mean."""
    low, high, spread = known.min(axis=0), known.max(axis=0), known.std(axis=0)
    noise = rng.normal(size=(STARTS, *known.shape[1:]))
    starts = np.clip(known.mean(axis=0) + 0.7 * spread * noise, low, high)
    ascent = _ascent(model, known[:1], code)
    x, best = starts.copy(), starts.copy()
    reached = confidence(model, best, code)
    axes = tuple(range(1, x.ndim))
    for step in range(STEPS):
        gradient = ascent(x) * spread
        length = np.sqrt((gradient**2).mean(axis=axes, keepdims=True))
        x = np.clip(x + 0.2 * (1 - step / STEPS) * spread * gradient / np.maximum(length, 1e-30), low, high)
        now = confidence(model, x, code)
        better = now > reached
        best[better], reached[better] = x[better], now[better]
    return Rebuilt(best, starts, reached, GRADIENT)


def _ascent(model: Any, one: Floats, code: int) -> Callable[[Floats], Floats]:
    """The gradient of log p of the class, from those of the columns that the network puts out."""
    classes, logits = len(model.classes), getattr(model, "form", "logits") == "logits"
    single = classes == 2 and not _has_output(model, one, 1)
    outputs = [0] if single else list(range(classes)) if logits else [code]

    def found(x: Floats) -> Floats:
        p = np.asarray(model.scores(x), dtype=np.float64)
        own = np.maximum(p[:, code], FLOOR)
        out = np.zeros(x.shape)
        for output in outputs:
            if logits:
                target = 1 if single else output
                weight = (code == target) - p[:, target]
            else:
                weight = (1 if not single or code == 1 else -1) / own
            out += weight.reshape(-1, *[1] * (x.ndim - 1)) * model.gradients(x, output=output)
        return out

    return found


def _has_output(model: Any, one: Floats, output: int) -> bool:
    try:
        model.gradients(one, output=output)
    except AssayError as error:
        if error.code == "outputs":
            return False
        raise
    return True


def _matrix(known: Any) -> Floats | None:
    """The rows as one array of finite numbers; None where a column is none."""
    if not hasattr(known, "column_names"):
        return None if isinstance(known, list) else np.asarray(known, dtype=np.float64)
    if not all(is_number(field.type) for field in known.schema):
        return None
    found = np.column_stack([numbers(column) for column in known.columns])
    return found if np.isfinite(found).all() else None


# -- by asking -------------------------------------------------------------------------------------


def _searched(model: Model, known: Any, code: int, rng: np.random.Generator) -> Rebuilt:
    """Proposals around the best so far of each start, all of a round in one batch."""
    from assay.privacy.attacks.query_strategies import made_up_rows

    none = np.empty(0, dtype=np.intp)
    starts = made_up_rows.make(Asking(known, none, STARTS, None, rng)).inputs
    best, reached = starts, confidence(model, starts, code)
    own = np.repeat(np.arange(STARTS), PROPOSALS)
    for step in range(ROUNDS):
        proposals = _proposed(take(best, own), known, 0.5 * (1 - step / ROUNDS), rng)
        found = confidence(model, proposals, code).reshape(STARTS, PROPOSALS)
        winner = found.argmax(axis=1)
        value = found[np.arange(STARTS), winner]
        better = value > reached
        picked = np.where(better, STARTS + np.arange(STARTS) * PROPOSALS + winner, np.arange(STARTS))
        best, reached = _picked(best, proposals, picked), np.where(better, value, reached)
    return Rebuilt(best, starts, reached, SEARCH)


def _picked(best: Any, proposals: Any, picked: Places) -> Any:
    if hasattr(best, "column_names"):
        import pyarrow as pa

        return pa.concat_tables([best, proposals]).take(pa.array(picked)).combine_chunks()
    return np.concatenate([best, proposals])[picked]


def _proposed(rows: Any, known: Any, scale: float, rng: np.random.Generator) -> Any:
    """Every row with some of its columns drawn anew, or its numbers moved by normal noise of `scale` deviations."""
    if not hasattr(rows, "column_names"):
        flat, other = rows.reshape(len(rows), -1).astype(np.float64), known.reshape(len(known), -1)
        moved = [
            _number(flat[:, j], other[:, j].astype(np.float64), scale, flat.shape[1], rng) for j in range(flat.shape[1])
        ]
        made = np.column_stack(moved).reshape(rows.shape)
        return (np.rint(made) if rows.dtype.kind in "iu" else made).astype(rows.dtype)
    import pyarrow as pa
    import pyarrow.types as types

    columns = []
    for j, field in enumerate(rows.schema):
        here, all_of = rows.column(j), known.column(j)
        if types.is_integer(field.type) or types.is_floating(field.type):
            made = _number(numbers(here), numbers(all_of), scale, rows.num_columns, rng)
            whole = np.rint(made) if types.is_integer(field.type) else made
            missing = ~np.isfinite(whole)
            columns.append(pa.array(np.where(missing, 0.0, whole), mask=missing).cast(field.type, safe=False))
            continue
        drawn = rng.integers(0, known.num_rows, rows.num_rows)
        anew = rng.random(rows.num_rows) < _chance(rows.num_columns)
        both = pa.concat_arrays([*here.chunks, *all_of.chunks])
        columns.append(both.take(pa.array(np.where(anew, rows.num_rows + drawn, np.arange(rows.num_rows)))))
    return pa.table(columns, schema=rows.schema)


def _number(values: Floats, known: Floats, scale: float, columns: int, rng: np.random.Generator) -> Floats:
    """Some values drawn anew from those known, as many others moved; never out of the range known."""
    finite = known[np.isfinite(known)]
    if not len(finite):
        return values
    turn, n = rng.random(len(values)), len(values)
    moved = np.clip(values + scale * finite.std() * rng.normal(size=n), finite.min(), finite.max())
    made = np.where(turn < 3 * _chance(columns), moved, values)
    return np.where(turn < _chance(columns), known[rng.integers(0, len(known), n)], made)


def _chance(columns: int) -> float:
    """Of a column to be drawn anew: of one column a row, on average, at most."""
    return min(0.3, 1.0 / columns)
