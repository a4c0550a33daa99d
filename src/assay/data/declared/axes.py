"""Dimensions whose levels a person wrote down, so that nothing about them has to be learnt from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.roles.given import CLASSES

MOST_BINS = 100
_PAIRS = (("0", "1"), ("false", "true"), ("-1", "1"))
"""Pairs of labels that need no saying; the second is favourable where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension with all its levels, and how the values of `column` become them.

    `spelled` are the values that mean each level, in their order; or, where it is empty, a number belongs to the level
    numbered by how many of `edges` are at most the number. Whatever is neither belongs to no level.
    """

    dim: Dim
    column: str
    spelled: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.dim.levels)


def keys_of(given: Mapping[str, Any], /) -> dict[str, tuple[str, ...]]:
    """The values that each column may have, as a person wrote them: at least two, none twice."""
    found = {}
    for column, values in given.items():
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        texts = tuple(_text(value) for value in values) if listed else ()
        if not 2 <= len(texts) <= CLASSES or len(set(texts)) != len(texts):
            raise AssayError(
                f"The public values of {column!r} must be a list of 2 to {CLASSES:,} different ones.",
                code="public-keys",
                hint=f'Write {column} = ["one", "other"] under [public.keys], or --keys {column}=one,other.',
            )
        found[column] = texts
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def grouped(role: str, column: str, keys: Mapping[str, tuple[str, ...]], /) -> Axis:
    """The dimension of a column whose values are its groups; without public values an error."""
    if column not in keys:
        raise AssayError(
            f"The groups of {column!r} must be said: a private audit never takes them from the data.",
            code="public-keys",
            hint=f"Write {column} = [...] under [public.keys] of the case file, or --keys {column}=GROUP,GROUP.",
        )
    levels = tuple(sorted(keys[column]))
    return Axis(Dim(role, column, Values(), levels), column, levels)


def outcome(role: str, column: str, keys: Mapping[str, tuple[str, ...]], favourable: Any, /) -> Axis:
    """The dimension of a column of two values, of which `favourable` is the level "1"."""
    good = None if favourable is None else _text(favourable)
    pair = keys.get(column)
    if pair is None:
        pair = next((known for known in _PAIRS if good is None or good in known), None)
    if pair is None or len(pair) != 2:
        raise AssayError(
            f"The two values of {column!r} ({role}) must be said: a private audit never takes them from the data.",
            code="public-keys",
            hint=f"Write {column} = [...] under [public.keys] of the case file, or --keys {column}=ONE,OTHER.",
        )
    if good is None:
        good = next((known[1] for known in _PAIRS if set(known) == set(pair)), None)
        if good is None:
            raise AssayError(
                f"Which value of {column!r} is favourable, {pair[0]!r} or {pair[1]!r}?",
                code="favourable",
                hint=f"Give it: --favourable {pair[1]}.",
            )
    if good not in pair:
        raise unknown(f"favourable value of {column}", good, pair, code="favourable")
    (other,) = (value for value in pair if value != good)
    return Axis(Dim(role, role, Favourable(good), ("0", "1")), column, (other, good))


def threshold(column: str, at: float | None, /) -> Axis:
    """The prediction that a score of `at` (0.5) or more makes."""
    return Axis(Dim("prediction", "prediction", Favourable("1"), ("0", "1")), column, edges=(_within(at),))


def _within(at: float | None) -> float:
    number = 0.5 if at is None else float(at)
    if not math.isfinite(number) or not 0 <= number <= 1:
        raise AssayError(f"The threshold {at!r} is no number from 0 to 1.", code="threshold", hint="For example 0.5.")
    return number


def scores(column: str, bins: int, /) -> Axis:
    """The score in `bins` bins of equal width: quantiles would tell of the data."""
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= MOST_BINS:
        raise AssayError(f"score_bins must be a whole number from 2 to {MOST_BINS}; it is {bins!r}.", code="score-bins")
    edges = tuple(i / bins for i in range(1, bins))
    return Axis(Dim("score", "score", Bins(edges), tuple(map(str, range(bins)))), column, edges=edges)
