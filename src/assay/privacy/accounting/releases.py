"""Epsilon of releases that are all fixed beforehand, each with its own promise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from assay.core.errors import AssayError, MissingExtra
from assay.privacy.accounting.accountants import Accountant
from assay.privacy.accounting.renyi import epsilon_new
from assay.privacy.loss.conversion import zcdp_of_pure
from assay.privacy.loss.event import Event


@dataclass(frozen=True, slots=True)
class Releases:
    """`count` releases of the same `event`."""

    event: Event
    count: int = 1


@dataclass(frozen=True, slots=True)
class Composed:
    """The least epsilon known at `delta`, the accountant it is by, and what each accountant that can found."""

    epsilon: float
    delta: float
    accountant: Accountant
    epsilons: Mapping[Accountant, float]


def composed(plan: Sequence[Releases], /, *, delta: float) -> Composed:
    """What all releases of a fixed plan promise together at `delta`: an upper bound.

    The plan must be fixed before the first answer is seen, parameters and all: privacy loss distributions and converted
    Rényi divergences are unsound where a later epsilon is chosen by an earlier answer. For that there is a Ledger.

    PLD, where every event has an epsilon: each release is at most as revealing as the worst (epsilon, delta) pair
    (Kairouz, Oh & Viswanath 2015, arXiv 1311.0776), and those are convolved. RDP, where every event has a rho or an
    epsilon: a release with a delta and no rho is one of pure epsilon but for a chance of delta, and those deltas are
    added. Both are bounds, so the smaller is one.

    Raises AssayError "adjacency" for events of two, "delta" where the deltas of the releases leave nothing of `delta`.
    """
    if not (isinstance(delta, float) and 0 < delta < 1):
        raise AssayError(f"delta must lie between 0 and 1; it is {delta!r}.", code="delta", hint="1e-6 is usual.")
    if any(releases.count < 1 for releases in plan):
        raise AssayError("A plan has each release once or more.", code="plan", hint="Leave out what never happens.")
    if len({releases.event.adjacency for releases in plan}) != 1:
        raise AssayError(
            "A plan needs releases, all for one kind of neighbouring data sets.",
            code="adjacency",
            hint="Promises under different adjacencies cannot be composed.",
        )
    try:
        found = {Accountant.RDP: rdp} if (rdp := _renyi(plan, delta)) is not None else {}
        if all(releases.event.epsilon is not None for releases in plan) and math.isfinite(pld := _pld(plan, delta)):
            found[Accountant.PLD] = pld
    except ImportError as error:
        raise MissingExtra("Accounting", extra="privacy") from error
    if not found:
        raise AssayError(
            f"The deltas of the releases leave nothing of {delta:g}.",
            code="delta",
            hint="Ask at a larger delta, or give the releases smaller ones.",
        )
    best = min(found, key=lambda kind: found[kind])
    return Composed(found[best], delta, best, found)


def _renyi(plan: Sequence[Releases], delta: float) -> float | None:
    """By dp-accounting, at what the deltas of releases without a rho leave of `delta`; None where that is nothing."""
    from dp_accounting import privacy_accountant
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(neighboring_relation=privacy_accountant.NeighboringRelation.REPLACE_ONE)
    left = Fraction(delta)
    for releases in plan:
        event = releases.event
        if event.rho is None:
            left -= event.delta * releases.count
            event = replace(event, delta=Fraction())
        elif event.epsilon is None or event.delta > 0 or event.rho < zcdp_of_pure(event.epsilon):
            event = replace(event, epsilon=None, delta=Fraction())
        accountant.compose(event.dp_event(), releases.count)
    return epsilon_new(accountant.orders, accountant.rdp, delta=float(left)) if left > 0 else None


def _pld(plan: Sequence[Releases], delta: float) -> float:
    """Each epsilon is rounded up to a grid of a thousandth of the smallest, or of two million steps for the sum."""
    from dp_accounting.pld import common, privacy_loss_distribution

    epsilons = [float(releases.event.epsilon or 0) for releases in plan]
    total = sum(one * releases.count for one, releases in zip(epsilons, plan, strict=True))
    step = max(min(1e-4, min(epsilons) / 1000), total / 2e6, 1e-9)
    whole = privacy_loss_distribution.identity(step)
    for one, releases in zip(epsilons, plan, strict=True):
        worst = common.DifferentialPrivacyParameters(one, float(releases.event.delta))
        alone = privacy_loss_distribution.from_privacy_parameters(worst, step)
        whole = whole.compose(alone.self_compose(releases.count))
    return float(whole.get_epsilon_for_delta(delta))
