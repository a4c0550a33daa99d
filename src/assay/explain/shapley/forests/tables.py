"""Shapley values of one leaf for every pattern of conditions that a row can meet on its path."""

from __future__ import annotations

from functools import cache

import numpy as np

from assay.explain.columns import Floats


@cache
def quadrature(players: int, /) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, 1) that integrate polynomials of degree `players` - 1 exactly (Gauss-Legendre)."""
    nodes, weights = np.polynomial.legendre.leggauss(max(1, (players + 1) // 2))
    return (nodes + 1) / 2, weights / 2


def product_shares(ratios: Floats, /) -> Floats:
    """(leaves, 2^players) shares of the patterns, when each bit is met by itself with its ratio.

    `ratios` is (leaves, players). With the ratios of covers this is the game of path-dependent TreeSHAP.
    """
    shares = np.ones((len(ratios), 1))
    for ratio in ratios.T[:, :, None]:
        shares = np.concatenate([shares * (1 - ratio), shares * ratio], axis=1)
    return shares


def value_tables(shares: Floats, players: int, /) -> Floats:
    """(leaves, players, 2^players): the Shapley value of each player for each pattern of the explained row.

    A leaf's value of 1 is shared out. Bit k of a pattern says that a row meets all conditions that player k has on the
    path; `shares` (leaves, 2^players) says how often the background has each pattern. With coalition S, player k counts
    as met by the row's bit a when k is in S, else by the background's b; so the multilinear extension of the game is
    the mean over b of the product of (t a + (1 - t) b), and the value of k the integral over t of its derivative.

    Source: Owen (1972), "Multilinear extensions of games"; the pattern tables of interventional SHAP are due to
    Nadel & Wettenstein (2025), "From decision trees to Boolean logic: a fast and unified SHAP algorithm".
    """
    t, weights = quadrature(players)
    mixed = _mixed(shares, players, t)
    out = np.empty((len(shares), players, 1 << players))
    for k in range(players):
        out[:, k] = np.tensordot(weights, _derived(mixed, k, t), 1)
    return out


def pair_tables(shares: Floats, players: int, /) -> Floats:
    """(leaves, pairs, 2^players): the Shapley interaction index of each pair (i < j), for each pattern.

    Pairs come in the order of `np.triu_indices(players, 1)`. Source: Grabisch & Roubens (1999); Owen (1972).
    """
    t, weights = quadrature(max(1, players - 1))
    mixed = _mixed(shares, players, t)
    pairs = list(zip(*np.triu_indices(players, 1), strict=True))
    out = np.empty((len(shares), len(pairs), 1 << players))
    for place, (i, j) in enumerate(pairs):
        out[:, place] = np.tensordot(weights, _derived(_derived(mixed, int(i), t), int(j), t), 1)
    return out


def _bits(array: Floats, k: int) -> Floats:
    """The last axis split into (higher bits, bit k, lower bits)."""
    return array.reshape(*array.shape[:-1], -1, 2, 1 << k)


def _mixed(shares: Floats, players: int, t: Floats) -> Floats:
    """(nodes, leaves, 2^players): each bit b of the background replaced by the mean of t a + (1 - t) b, for each a."""
    mixed = np.repeat(shares[None], len(t), axis=0)
    ahead = t[:, None, None, None]
    for k in range(players):
        split = _bits(mixed, k)
        unmet, met = split[..., 0, :].copy(), split[..., 1, :].copy()
        split[..., 0, :] = (1 - ahead) * met
        split[..., 1, :] = ahead * unmet + met
    return mixed


def _derived(mixed: Floats, k: int, t: Floats) -> Floats:
    """`mixed` with the factor of bit k replaced by its derivative a - b."""
    ahead = t[:, None, None, None]
    out = np.empty_like(mixed)
    split, derived = _bits(mixed, k), _bits(out, k)
    met = split[..., 0, :] / (1 - ahead)
    derived[..., 0, :] = -met
    derived[..., 1, :] = (split[..., 1, :] - met) / ahead
    return out
