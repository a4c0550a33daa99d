"""Privacy loss distributions of Gaussian answers whose shift is by chance one of several."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.privacy.accounting.pairs import ALONE, Pair

Floats = NDArray[np.float64]

_TAIL = 10.2
"""Widths of the noise beyond which nothing is looked at: a chance of e^-53 on either side."""

_POINTS = 200_000
"""Points of the output between which the loss is a straight line: an output is off by 1e-8 widths, a delta by less."""


def mixture_losses(pair: Pair, /, *, step: float) -> Any:
    """The `PrivacyLossDistribution` of dp-accounting of one answer of `pair`, whose second side has no shift.

    The deltas at the multiples of `step` are joined so that they exceed ("connect the dots", Doroshenko and others
    2022, arXiv 2207.04380, algorithm 1), in both directions: the one where the unit is removed and the one where it is
    added. dp-accounting has the same, and takes a search in Python for each point.
    """
    from dp_accounting.pld import pld_pmf, privacy_loss_distribution

    assert pair.lower == ALONE
    x = np.linspace(-_TAIL * pair.sd, max(pair.upper) + _TAIL * pair.sd, _POINTS)
    losses = _loss(pair, x)
    low, high = math.floor(losses[0] / step), math.ceil(losses[-1] / step)
    removed = pld_pmf.create_pmf_pessimistic_connect_dots_fixed_gap(
        step, low, high, _delta_removed(pair, x, losses, np.arange(low, high + 1) * step)
    )
    added = pld_pmf.create_pmf_pessimistic_connect_dots_fixed_gap(
        step, -high, -low, _delta_added(pair, x, losses, np.arange(-high, -low + 1) * step)
    )
    return privacy_loss_distribution.PrivacyLossDistribution(removed, added)


def either_losses(pair: Pair, /, *, step: float) -> Any:
    """The `PrivacyLossDistribution` of one answer of a `pair` that may stand either way round.

    Where δ is the profile at ε of at least 0, it is 1 − e^ε + e^ε δ(−ε) below: that of the two exchanged.
    """
    from dp_accounting.pld import pld_pmf, privacy_loss_distribution

    x = np.linspace(-_TAIL * pair.sd, max(pair.upper) + _TAIL * pair.sd, _POINTS)
    losses = _loss(pair, x)
    high = math.ceil(losses[-1] / step)
    epsilons = np.arange(high + 1) * step
    above = _delta_removed(pair, x, losses, epsilons)
    below = -np.expm1(-epsilons[:0:-1]) + np.exp(-epsilons[:0:-1]) * above[:0:-1]
    both = pld_pmf.create_pmf_pessimistic_connect_dots_fixed_gap(step, -high, high, np.concatenate([below, above]))
    return privacy_loss_distribution.PrivacyLossDistribution(both)


def profile(pair: Pair, epsilons: Floats, /) -> tuple[Floats, Floats]:
    """(epsilons,) the deltas of one answer with the first data set first, and with the second."""
    x = np.linspace(-_TAIL * pair.sd, max(pair.upper) + _TAIL * pair.sd, _POINTS)
    losses = _loss(pair, x)
    return _delta_removed(pair, x, losses, epsilons), _delta_added(pair, x, losses, epsilons)


def _loss(pair: Pair, x: Floats) -> Floats:
    """ln Σ p_i N(x; s_i) / N(x; 0), which rises with x."""
    found = np.full(x.shape, -np.inf)
    for shift, share in pair.upper.items():
        found = np.logaddexp(found, math.log(share) + shift * (2 * x - shift) / (2 * pair.sd**2))
    return found


def _delta_removed(pair: Pair, x: Floats, losses: Floats, epsilons: Floats) -> Floats:
    """P[L > ε] − e^ε Q[L > ε] where L is the loss, P the mixture and Q the noise alone."""
    from scipy.special import log_ndtr

    edge = np.interp(epsilons, losses, x)
    upper = sum(share * np.exp(log_ndtr((shift - edge) / pair.sd)) for shift, share in pair.upper.items())
    return np.clip(upper - np.exp(epsilons + log_ndtr(-edge / pair.sd)), 0, 1)


def _delta_added(pair: Pair, x: Floats, losses: Floats, epsilons: Floats) -> Floats:
    """Q[−L > ε] − e^ε P[−L > ε]."""
    from scipy.special import log_ndtr

    edge = np.interp(-epsilons, losses, x)
    mixture = sum(
        share * np.exp(np.minimum(epsilons, 700) + log_ndtr((edge - shift) / pair.sd))
        for shift, share in pair.upper.items()
    )
    return np.clip(np.exp(log_ndtr(edge / pair.sd)) - mixture, 0, 1)
