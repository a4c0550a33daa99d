"""The epsilon of a plan, by the accountant that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, MissingExtra
from assay.privacy.accounting.pairs import ALONE, Pair, pair_of
from assay.privacy.accounting.plan import Plan
from assay.privacy.accounting.renyi import divergences, epsilon_new, epsilon_old


class Accountant(StrEnum):
    """How epsilon is found; each is an upper bound, PLD the tightest.

    PLD: privacy loss distributions on a grid, rounded so that they exceed (dp-accounting, "connect the dots":
    Doroshenko and others 2022, arXiv 2207.04380). RDP: Rényi differential privacy, with the newer conversion (arXiv
    2004.00010); RDP_OLD: with that of Mironov 2017. PRV: Opacus' privacy random variables (Gopi, Lee & Wutschitz 2021,
    arXiv 2106.02848), where Opacus is installed. The central-limit ("GDP") figure is no bound and is not offered.
    """

    PLD = "pld"
    RDP = "rdp"
    RDP_OLD = "rdp-old"
    PRV = "prv"


WORDS = {
    Accountant.PLD: "privacy loss distributions (PLD), rounded up",
    Accountant.RDP: "Rényi differential privacy, newer conversion (Canonne, Kamath & Steinke 2020)",
    Accountant.RDP_OLD: "Rényi differential privacy, older conversion (Mironov 2017)",
    Accountant.PRV: "privacy random variables (PRV) of Opacus, upper bound",
}
"""What the statement calls them."""

GRID = 1e-4
"""Step of the grid of privacy losses, where it is neither too coarse nor too fine."""


def epsilon(plan: Plan, /, *, delta: float, accountant: Accountant = Accountant.PLD) -> float:
    """The epsilon at `delta` that `accountant` finds for `plan`: an upper bound of what is promised.

    `delta` must be below 1 / examples: a mechanism that publishes whole rows, each with that probability, has a delta
    of 1 / examples. Raises AssayError "delta"; "accountant" where this one has no bound for such a plan; MissingExtra
    without dp-accounting (or Opacus, for PRV). Never a guess: there is no other accountant in the place of one that
    fails.
    """
    check_delta(delta, examples=plan.examples)
    pair, kind = pair_of(plan), Accountant(accountant)
    if kind is Accountant.PRV:
        return _prv(pair, delta)
    orders, rdp = divergences(pair)
    if kind is Accountant.PLD:
        return _pld(pair, delta, rough=epsilon_new(orders, rdp, delta=delta))
    return (epsilon_new if kind is Accountant.RDP else epsilon_old)(orders, rdp, delta=delta)


def check_delta(delta: float, /, *, examples: int) -> None:
    """Raises AssayError "delta" where it is not above 0 and below 1 / examples."""
    if not (isinstance(delta, float) and 0 < delta < 1):
        raise AssayError(f"delta must lie between 0 and 1; it is {delta!r}.", code="delta", hint="1e-6 is usual.")
    if delta * examples >= 1:
        raise AssayError(
            f"A delta of {delta:g} is too large for {examples:,} examples: publishing a few whole rows would keep it.",
            code="delta",
            hint=f"Give one well below 1 / examples, as {10.0 ** math.floor(-math.log10(examples * 1.01) - 1):g}.",
        )


def privacy_profile(plan: Plan, /, *, epsilons: Sequence[float]) -> NDArray[np.float64]:
    """(epsilons,) the delta of `plan` at each epsilon of at least 0, from above, by privacy loss distributions."""
    pair = pair_of(plan)
    orders, rdp = divergences(pair)
    losses = _losses(pair, rough=epsilon_new(orders, rdp, delta=1e-6))
    return np.asarray(losses.get_delta(np.asarray(epsilons, dtype=np.float64)), dtype=np.float64)


def _pld(pair: Pair, delta: float, *, rough: float) -> float:
    found = float(_losses(pair, rough=rough).get_epsilon(delta))
    if math.isfinite(found):
        return found
    raise AssayError(
        f"Privacy loss distributions say nothing at a delta of {delta:g}.",
        code="delta",
        hint="Give a larger delta, or use the accountant rdp.",
    )


def _losses(pair: Pair, *, rough: float) -> Any:
    """The accountant of dp-accounting after all answers. `rough` is an epsilon from above, for the step of the grid.

    Rounding adds to the variance of each step's loss at most step²/4: with √count × step far below epsilon that is
    nothing. A mixture of several shifts is laid on a coarser grid, because each point of it takes a search.
    """
    from dp_accounting import dp_event, privacy_accountant
    from dp_accounting.pld import PLDAccountant

    relation = privacy_accountant.NeighboringRelation.ADD_OR_REMOVE_ONE
    mixed = pair.chance is None and len(pair.upper) > 2
    event: Any
    if pair.certain is not None:
        event = dp_event.GaussianDpEvent(pair.sd / pair.certain)
    elif mixed:
        assert pair.lower == ALONE
        event = dp_event.MixtureOfGaussiansDpEvent(pair.sd, list(pair.upper), list(pair.upper.values()))
    else:
        gaussian = dp_event.GaussianDpEvent(pair.sd / max(pair.upper))
        event = dp_event.PoissonSampledDpEvent(1 - pair.upper.get(0.0, 0.0), gaussian)
        if pair.chance is None:
            relation = privacy_accountant.NeighboringRelation.REPLACE_ONE
    step = _grid(rough, pair.count) * (10 if mixed else 1)
    return PLDAccountant(relation, step).compose(event, pair.count)


def _grid(rough: float, count: int) -> float:
    """A step of GRID, finer for many small answers, coarser for a large epsilon."""
    if not math.isfinite(rough):
        return GRID
    return float(max(min(GRID, 0.02 * rough / math.sqrt(count)), 1e-5, GRID * rough / 20))


def _prv(pair: Pair, delta: float) -> float:
    """Opacus' upper bound, with its own tolerances."""
    try:
        from opacus.accountants import PRVAccountant  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingExtra("The accountant prv", extra="deep") from error
    if pair.chance is None or pair.certain is not None:
        raise AssayError(
            "The accountant prv is for Poisson sampling of single examples that are added or removed.",
            code="accountant",
            hint="Use pld.",
        )
    accountant = PRVAccountant()
    accountant.history = [(pair.sd / max(pair.upper), pair.chance, pair.count)]
    return float(accountant.get_epsilon(delta))
