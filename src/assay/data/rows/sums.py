"""What each fixed-point sum adds up, in one formula for numpy arrays and Ibis expressions alike.

Only additions, multiplications, comparisons and floors of doubles, which are the same on every IEEE machine. The one
exception, the logarithm, is rounded at once, and rows where its last bits could matter are rounded in Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import unknown
from assay.data.counts import Scale
from assay.data.rows.protocol import Outcomes

Floats = NDArray[np.float64]
Input = Literal["label", "prediction", "score"]
CLIP = 1e-15
"""Probabilities are kept this far from 0 and 1 in a log-loss."""
EXPONENT = 32
"""Sums of scores and their errors are multiples of 2**-32, or coarser where weights are large."""
LOG_EXPONENT = 28
"""A row's log-loss is a multiple of 2**-28."""
DOUBTFUL = 2.0**-14
"""A row whose log-loss is nearer than this (in units of 2**-28) to a rounding edge is rounded in Python.

Log-losses are below 35, so 8 units in the last place of the engine's logarithm are 2**-16 of such a unit.
"""


@dataclass(frozen=True, slots=True)
class Formula:
    """`of(y, p)` for one row; `bound(y, p)` is its largest magnitude given those of y and p."""

    inputs: frozenset[Input]
    of: Callable[[Any, Any], Any]
    bound: Callable[[float, float], float]


def _formula(*inputs: Input, of: Callable[[Any, Any], Any], power: int = 1) -> Formula:
    return Formula(frozenset(inputs), of, lambda y, p: (y + p) ** power)


def _squared(x: Any) -> Any:
    return x * x


def _magnitude(x: Any) -> Any:
    return np.abs(x) if isinstance(x, np.ndarray) else x.abs()


BINARY: Mapping[str, Formula] = {
    "score": _formula("score", of=lambda y, p: p),
    "squared_error": _formula("label", "score", of=lambda y, p: _squared(p - y), power=2),
    "squared_error_squared": _formula("label", "score", of=lambda y, p: _squared(_squared(p - y)), power=4),
}
"""Sums for a label y in {0, 1} and a score p in [0, 1]. The log-losses, of which only `surprise` knows, come beside."""

LOG_LOSSES = ("log_loss", "log_loss_squared")
"""Σ -ln p_y and Σ (ln p_y)²."""
LARGEST_LOG_LOSS = -math.log(CLIP)

REGRESSION: Mapping[str, Formula] = {
    "y": _formula("label", of=lambda y, p: y),
    "y_squared": _formula("label", of=lambda y, p: _squared(y), power=2),
    "y_cubed": _formula("label", of=lambda y, p: _squared(y) * y, power=3),
    "y_fourth": _formula("label", of=lambda y, p: _squared(_squared(y)), power=4),
    "y_hat": _formula("prediction", of=lambda y, p: p),
    "y_hat_squared": _formula("prediction", of=lambda y, p: _squared(p), power=2),
    "y_y_hat": _formula("label", "prediction", of=lambda y, p: y * p, power=2),
    "error": _formula("label", "prediction", of=lambda y, p: p - y),
    "absolute_error": _formula("label", "prediction", of=lambda y, p: _magnitude(p - y)),
    "squared_error": _formula("label", "prediction", of=lambda y, p: _squared(p - y), power=2),
    "squared_error_squared": _formula("label", "prediction", of=lambda y, p: _squared(_squared(p - y)), power=4),
    "squared_error_y": _formula("label", "prediction", of=lambda y, p: _squared(p - y) * y, power=3),
    "squared_error_y_squared": _formula("label", "prediction", of=lambda y, p: _squared((p - y) * y), power=4),
}
"""Sums for a label y and a prediction p that are numbers."""

NAMES = frozenset({*BINARY, *LOG_LOSSES, *REGRESSION})


def inputs_of(name: str, /, *, regression: bool) -> frozenset[Input]:
    """The roles that a sum needs; an unknown name is an error that lists the known ones. Empty: not of this task."""
    if name not in NAMES:
        raise unknown("sum", name, NAMES, code="sum")
    formulas = REGRESSION if regression else BINARY
    if name in formulas:
        return formulas[name].inputs
    return frozenset({"label", "score"}) if name in LOG_LOSSES and not regression else frozenset()


def bounds(*, regression: bool, y: float, p: float, weight: float) -> dict[str, float]:
    """The largest magnitude that one row can add to each sum of the task, given those of y, p and the weight."""
    formulas = REGRESSION if regression else BINARY
    out = {name: formula.bound(y, p) * weight for name, formula in formulas.items()}
    if not regression:
        out |= {name: LARGEST_LOG_LOSS**power * weight for power, name in enumerate(LOG_LOSSES, start=1)}
    return out


def exponents(bounds: Mapping[str, float], /, *, regression: bool) -> dict[str, int]:
    """The power of two of each sum's fixed-point unit: what lets no row reach 2**52, and at most 32 for shares.

    Ten bits are left, so that later rows may be larger than those that the exponents were frozen on.
    """
    most = 900 if regression else EXPONENT
    return {name: min(most, 52 - math.frexp(bound)[1]) for name, bound in bounds.items()}


@lru_cache(maxsize=1 << 16)
def surprise(y: int, p: float, /) -> int:
    """-ln of the probability that the score p gave to the label y, correctly rounded to a multiple of 2**-28."""
    chance = min(max(p if y == 1 else 1.0 - p, CLIP), 1.0 - CLIP)
    with localcontext() as context:
        context.prec = 60
        exact = -Decimal(chance).ln() * (1 << LOG_EXPONENT) + Decimal("0.5")
        return math.floor(exact)


def scales_of(names: Sequence[str], outcomes: Outcomes, /) -> dict[str, Scale]:
    """Units of each sum per natural unit."""
    return {name: _power_of_two(outcomes.exponents[name]) for name in names}


def _power_of_two(exponent: int) -> Scale:
    return 1 << exponent if exponent >= 0 else Fraction(1, 1 << -exponent)


def array_sums(
    names: Sequence[str], outcomes: Outcomes, /, *, y: Floats | None, p: Floats | None, w: Floats | None
) -> dict[str, NDArray[np.int64]]:
    """The fixed-point addends of each sum, one a row; 0 where an input is missing (NaN)."""
    formulas, out = REGRESSION if outcomes.regression else BINARY, {}
    for name in names:
        value = _log_losses(y, p, name) if name in LOG_LOSSES else formulas[name].of(y, p)
        scaled = (value if w is None else value * w) * 2.0 ** outcomes.exponents[name]
        out[name] = np.floor(np.where(np.isnan(scaled), 0.0, scaled) + 0.5).astype(np.int64)
    return out


def _log_losses(y: Any, p: Any, name: str) -> Floats:
    """-ln p_y, or its square, to a multiple of 2**-28."""
    scaled = -np.log(np.clip(np.where(y == 1, p, 1.0 - p), CLIP, 1.0 - CLIP)) * 2.0**LOG_EXPONENT + 0.5
    units: Floats = np.floor(scaled)
    units[np.isnan(y)] = np.nan
    for row in np.flatnonzero(np.minimum(scaled - units, units + 1.0 - scaled) < DOUBTFUL):
        units[row] = surprise(int(y[row]), float(p[row]))
    loss = units / 2.0**LOG_EXPONENT
    return loss if name == LOG_LOSSES[0] else loss * loss
