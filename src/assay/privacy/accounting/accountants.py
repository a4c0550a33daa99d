"""The epsilon of a plan, by the accountant that is asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, MissingExtra
from assay.privacy.accounting.mixtures import either_losses, mixture_losses
from assay.privacy.accounting.pairs import Pair, pair_of
from assay.privacy.accounting.plan import Plan, named
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

LARGEST = {Accountant.PLD: 1e7, Accountant.PRV: 600.0}
"""Rényi's epsilon up to which an accountant works: beyond, floats overflow. Opacus then answers 700 whatever it is."""


def epsilon(plan: Plan, /, *, delta: float, accountant: Accountant = Accountant.PLD) -> float:
    """The epsilon at `delta` that `accountant` finds for `plan`: an upper bound of what is promised.

    `delta` must be below 1 / examples: a mechanism that publishes whole rows, each with that probability, has a delta
    of 1 / examples. Raises AssayError "delta"; "accountant" where this one has no bound for such a plan; MissingExtra
    without dp-accounting (or Opacus, for PRV). Never a guess: there is no other accountant in the place of one that
    fails.
    """
    check_delta(delta, examples=plan.examples)
    return _epsilon(plan, float(delta), named(Accountant, accountant))


@lru_cache(maxsize=256)
def _epsilon(plan: Plan, delta: float, kind: Accountant) -> float:
    pair = pair_of(plan)
    orders, rdp = divergences(pair)
    if kind is Accountant.RDP_OLD:
        return epsilon_old(orders, rdp, delta=delta)
    rough = epsilon_new(orders, rdp, delta=delta)
    if kind is Accountant.RDP:
        return rough
    return (_pld if kind is Accountant.PLD else _prv)(pair, delta, rough=rough)


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
    found = losses.get_delta_for_epsilon(np.asarray(epsilons, dtype=np.float64))
    return np.asarray(found, dtype=np.float64)


def _check_size(kind: Accountant, rough: float) -> None:
    if rough > LARGEST[kind]:
        raise AssayError(
            f"The accountant {kind.value} has no number for so little noise: Rényi's epsilon is {rough:,.0f}.",
            code="accountant",
            hint="It protects nobody. The accountant rdp has a number.",
        )


def _pld(pair: Pair, delta: float, *, rough: float) -> float:
    _check_size(Accountant.PLD, rough)
    found = float(_losses(pair, rough=rough).get_epsilon_for_delta(delta))
    if math.isfinite(found):
        return found
    raise AssayError(
        f"Privacy loss distributions say nothing at a delta of {delta:g}.",
        code="delta",
        hint="Give a larger delta, or use the accountant rdp.",
    )


def _losses(pair: Pair, *, rough: float) -> Any:
    """The PrivacyLossDistribution of dp-accounting after all answers. `rough` is an epsilon from above, for its grid.

    Rounding adds to the variance of each step's loss at most step²/4: with √count × step far below epsilon that is
    nothing.
    """
    from dp_accounting.pld import privacy_loss_distribution
    from dp_accounting.privacy_accountant import NeighboringRelation

    step = _grid(rough, pair.count)
    if pair.certain is not None:
        # Answers with the same shift are one answer with less noise.
        sd = pair.sd / pair.certain / math.sqrt(pair.count)
        return privacy_loss_distribution.from_gaussian_mechanism(sd, value_discretization_interval=step)
    if pair.either:
        return either_losses(pair, step=step).self_compose(pair.count)
    if pair.chance is None and len(pair.upper) > 2:
        return mixture_losses(pair, step=step).self_compose(pair.count)
    replaced = pair.chance is None
    one = privacy_loss_distribution.from_gaussian_mechanism(
        pair.sd / max(pair.upper),
        value_discretization_interval=step,
        sampling_prob=pair.share,
        neighboring_relation=NeighboringRelation.REPLACE_ONE if replaced else NeighboringRelation.ADD_OR_REMOVE_ONE,
    )
    return one.self_compose(pair.count)


def _grid(rough: float, count: int) -> float:
    """A step of GRID, finer for many small answers, coarser for a large epsilon."""
    if not math.isfinite(rough):
        return GRID
    return float(max(min(GRID, 0.02 * rough / math.sqrt(count)), 1e-5, GRID * rough / 20))


def _prv(pair: Pair, delta: float, *, rough: float) -> float:
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
    _check_size(Accountant.PRV, rough)
    accountant = PRVAccountant()
    accountant.history = [(pair.sd / max(pair.upper), pair.chance, pair.count)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order", category=UserWarning)  # of what only sets its grid
        try:
            return float(accountant.get_epsilon(delta))
        except ValueError as error:
            raise AssayError(
                f"The accountant prv says nothing at a delta of {delta:g}: {str(error)[:120]}",
                code="delta",
                hint="Give a larger delta, or use the accountant rdp.",
            ) from error
