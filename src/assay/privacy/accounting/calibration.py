"""The least noise that keeps a training within a target epsilon."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, Context

from assay.core.errors import AssayError
from assay.privacy.accounting.accountants import Accountant, check_delta, epsilon
from assay.privacy.accounting.plan import Plan

DIGITS = 5
"""Significant digits of a noise multiplier that is found."""

TIGHT = 1e-4
"""How far below the target an epsilon may stay, as a share of it."""

LARGEST = 1e6
"""No noise multiplier beyond this is tried."""


def noise_for(plan: Plan, /, *, target_epsilon: float, delta: float, accountant: Accountant = Accountant.PLD) -> float:
    """The noise multiplier, to DIGITS digits rounded up, at which `plan` has at most `target_epsilon`; never more.

    The noise multiplier of `plan` itself is ignored: put the answer in with `dataclasses.replace`. The rounded number
    is checked with the same accountant. Raises AssayError "target" where no noise reaches the target, as where the
    count of an adaptive clipping norm spends more by itself.
    """
    check_delta(delta, examples=plan.examples)
    if not (math.isfinite(target_epsilon) and target_epsilon > 0):
        raise AssayError(f"The target epsilon must be above 0; it is {target_epsilon!r}.", code="target")

    def gap(noise: float, by: Accountant = accountant) -> float:
        found = epsilon(replace(plan, noise_multiplier=noise), delta=delta, accountant=by)
        return math.log(max(found, 1e-12) / target_epsilon)

    found = _rounded_up(_narrowed(gap, _roughly(lambda noise: gap(noise, Accountant.RDP))))
    while gap(found) > 0:
        found = _rounded_up(found * (1 + 10.0**-DIGITS))
    return found


def _roughly(gap: Callable[[float], float]) -> float:
    """A noise at which `gap`, falling in the noise and quickly computed, is about 0."""
    low, high = 1e-3, 1.0
    while gap(high) > 0:
        low, high = high, high * 2
        if high > LARGEST:
            raise AssayError(
                "No noise gives so small an epsilon in so many steps.",
                code="target",
                hint="Raise the target, take fewer steps, or give an adaptive clipping norm's count more noise.",
            )
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if gap(middle) <= 0 else (middle, high)
    return high


def _narrowed(gap: Callable[[float], float], start: float) -> float:
    """A noise at which `gap` lies in [−TIGHT, 0], from a start near it; as far below as it takes where a grid jumps.

    Regula falsi on the logarithm of the noise, with the weight of an end that stays halved (Illinois), aiming at the
    middle of that range.
    """
    low = high = math.log(start)
    above = below = gap(start) + TIGHT / 2
    while above > 0:
        low, below, high = high, above, high + max(above, 0.01)
        above = gap(math.exp(high)) + TIGHT / 2
    while below <= 0:
        high, above, low = low, below, low + min(below, -0.01)
        below = gap(math.exp(low)) + TIGHT / 2
    best, best_gap, kept = high, above, 0
    while best_gap < -TIGHT / 2 and high - low > 1e-7:
        middle = low + (high - low) * below / (below - above)
        found = gap(math.exp(middle)) + TIGHT / 2
        if found <= TIGHT / 2 and found > best_gap:
            best, best_gap = middle, found
        if found <= 0:
            high, above, below, kept = middle, found, below / (2 if kept == 1 else 1), 1
        else:
            low, below, above, kept = middle, found, above / (2 if kept == -1 else 1), -1
    return math.exp(best)


def _rounded_up(noise: float) -> float:
    return float(Context(prec=DIGITS, rounding=ROUND_CEILING).create_decimal_from_float(noise))
