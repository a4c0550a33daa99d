"""Rényi divergences of a Pair, and the two ways to turn them into epsilon."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import MissingExtra
from assay.privacy.accounting.mixtures import profile
from assay.privacy.accounting.pairs import Pair

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


def divergences(pair: Pair, /) -> tuple[Floats, Floats]:
    """Orders (of dp-accounting) and, for each, the Rényi divergence of all answers of `pair`, the larger direction.

    One shift that chance decides is computed by dp-accounting (Mironov, Talwar & Zhang 2019, section 3.3: the direction
    of removal is the larger); other pairs by quadrature. Raises MissingExtra without dp-accounting.
    """
    try:
        from dp_accounting import dp_event
        from dp_accounting.rdp import rdp_privacy_accountant as rdp
    except ImportError as error:
        raise MissingExtra("Accounting", extra="privacy") from error
    orders = np.array(rdp.DEFAULT_RDP_ORDERS, dtype=np.float64)
    if pair.chance is None:
        one = _either(pair, orders) if pair.either else np.array([_larger(pair, float(order)) for order in orders])
        return orders, pair.count * one
    event: Any = dp_event.GaussianDpEvent(pair.sd / max(pair.upper))
    if pair.certain is None:
        event = dp_event.PoissonSampledDpEvent(pair.chance, event)
    with _quiet():
        accountant = rdp.RdpAccountant(list(orders)).compose(event, pair.count)
    return orders, np.asarray(accountant.rdp, dtype=np.float64)


def _larger(pair: Pair, order: float) -> float:
    return max(_divergence(pair, order, 1), _divergence(pair, order, -1))


def _either(pair: Pair, orders: Floats) -> Floats:
    """The divergences of a pair that may stand either way round.

    With the profile H at t = e^ε, E[(P/Q)^α] = 1 + α(α−1) (∫ t^(α−2) H(P, Q) dt + ∫ t^(−α−1) H(Q, P) dt), both from 1
    (the integral form of f-divergences of Sason & Verdú 2016, arXiv 1508.00335): the second takes the larger profile.
    """
    epsilons = np.concatenate([[0.0], np.geomspace(1e-6, 40, 20_000)])
    forward, back = profile(pair, epsilons)
    more = np.clip(forward - back, 0, None)
    found = []
    for order in orders:
        excess = order * (order - 1) * np.trapezoid(np.exp(-order * epsilons) * more, epsilons)
        moment = (order - 1) * _divergence(pair, float(order), 1)
        found.append(np.logaddexp(moment, np.log(excess) if excess > 0 else -np.inf) / (order - 1))
    return np.array(found)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what dp-accounting says of orders it leaves out: series that do not converge, losses below rounding."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _divergence(pair: Pair, order: float, direction: int) -> float:
    """ln ∫ p^α q^(1−α) / (α − 1) by the trapezoid rule, whose error for such integrands falls exponentially in 1/step.

    Each component of the integrand is a Gaussian of the width of the noise, at most (2α + 1) times the largest shift
    away: a coarse grid over all that finds where the integrand is not negligible, a fine one sums it up there.
    """
    first, second = (pair.upper, pair.lower)[::direction]
    shifts = sorted({*first, *second})
    edge = (2 * order + 1) * max(abs(shifts[0]), abs(shifts[-1])) + 12 * pair.sd
    gap = max(b - a for a, b in pairwise(shifts))

    def exponent(x: Floats) -> Floats:
        return order * _log_density(first, pair.sd, x) + (1 - order) * _log_density(second, pair.sd, x)

    rough = np.linspace(-edge, edge, math.ceil(4 * edge / pair.sd) + 1)
    seen = exponent(rough)
    there = rough[seen > seen.max() - 60]
    low, high = there[0] - pair.sd, there[-1] + pair.sd
    step = pair.sd / 16 * min(1.0, pair.sd / gap)
    x = np.linspace(low, high, math.ceil((high - low) / step) + 1)
    fine = exponent(x)
    top = float(fine.max())
    return (top + math.log(float(np.exp(fine - top).sum()) * (x[1] - x[0]))) / (order - 1)


def _log_density(shifts: dict[float, float], sd: float, x: Floats) -> Floats:
    found = np.full(x.shape, -np.inf)
    for shift, share in shifts.items():
        found = np.logaddexp(found, math.log(share) - (x - shift) ** 2 / (2 * sd * sd))
    scaled: Floats = found - math.log(sd * math.sqrt(2 * math.pi))
    return scaled


def epsilon_new(orders: Sequence[float] | Floats, divergence: Sequence[float] | Floats, /, *, delta: float) -> float:
    """min over α of rdp(α) + ln((α−1)/α) − (ln δ + ln α)/(α−1), or 0 where that is less.

    Source: Canonne, Kamath & Steinke 2020, arXiv 2004.00010, proposition 12; Asoodeh and others 2020, arXiv 2001.05990.
    """
    from dp_accounting.rdp import rdp_privacy_accountant as rdp

    with _quiet():
        return max(0.0, float(rdp.compute_epsilon(list(orders), list(divergence), delta)[0]))


def epsilon_old(orders: Sequence[float] | Floats, divergence: Sequence[float] | Floats, /, *, delta: float) -> float:
    """min over α of rdp(α) + ln(1/δ)/(α−1) (Mironov 2017, arXiv 1702.07476, proposition 3): what older texts print."""
    a, r = np.asarray(orders, dtype=np.float64), np.asarray(divergence, dtype=np.float64)
    return max(0.0, float(np.min(r + math.log(1 / delta) / (a - 1))))
