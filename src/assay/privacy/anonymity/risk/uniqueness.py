"""How many people of a population are unique, estimated from a sample and its share of the population."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.anonymity.measures.classes import Classes
from assay.privacy.anonymity.table import Codes, Floats

SMALL_SAMPLE = 0.1
"""Up to this share of the population Dankar's rule takes Pitman's model."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """`counts` classes of `sizes` rows each, of a sample that is `fraction` of the population."""

    sizes: Codes
    counts: Codes
    fraction: float

    @property
    def rows(self) -> int:
        """Rows of the sample."""
        return int((self.sizes * self.counts).sum())

    @property
    def population(self) -> float:
        """People of the population."""
        return self.rows / self.fraction

    def of(self, size: int) -> int:
        """Classes of `size` rows."""
        return int(self.counts[self.sizes == size].sum())


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """Estimated population uniques by model (None where a model has no solution), and what Dankar's rule chose.

    `share` is that of the chosen model's uniques in the population. These are point estimates of models, without an
    error bar.
    """

    pitman: float | None
    zayatz: float
    snb: float | None
    chosen: str
    share: float


def uniqueness(classes: Classes, /, *, fraction: float) -> Uniqueness:
    """The Uniqueness of the population of which `classes` is a uniform sample of the share `fraction`.

    Dankar, El Emam, Neisa & Roffey 2012 (BMC Med Inform Decis Mak 12:66): Pitman's model up to a share of 0.1; above,
    the slide negative binomial (SNB) unless Zayatz' estimate is lower. Where that model has no solution, Zayatz'.
    """
    if not 0 < fraction < 1:
        raise AssayError(
            f"A sampling fraction of {fraction} is none.", code="fraction", hint="Give a share in (0, 1), like 0.05."
        )
    sizes, counts = np.unique(classes.sizes, return_counts=True)
    found = Histogram(sizes.astype(np.int64), counts.astype(np.int64), fraction)
    if found.of(1) == 0:
        return Uniqueness(0.0, 0.0, 0.0, "no sample uniques", 0.0)
    by_pitman, by_zayatz, by_snb = pitman(found), zayatz(found), snb(found)
    if fraction <= SMALL_SAMPLE:
        chosen, value = ("pitman", by_pitman) if by_pitman is not None else ("zayatz", by_zayatz)
    elif by_snb is not None and by_snb <= by_zayatz:
        chosen, value = "snb", by_snb
    else:
        chosen, value = "zayatz", by_zayatz
    return Uniqueness(by_pitman, by_zayatz, by_snb, chosen, float(value) / found.population)


def zayatz(found: Histogram, /) -> float:
    """Population uniques by Zayatz 1991 (US Bureau of the Census, SRD 91/08).

    The classes of the population are taken to be spread over the sizes as those of the sample; by Bayes' rule, with
    hypergeometric chances of one row in the sample, so many sample uniques are unique in the population; over the
    fraction.
    """
    from scipy.special import gammaln

    people, rows = round(found.population), found.rows

    def one_in_sample(size: Floats) -> Floats:
        log = np.log(size) + _log_choose(people - size, rows - 1.0, gammaln) - _log_choose(people, rows, gammaln)
        return np.exp(np.where(people - size >= rows - 1, log, -np.inf))

    chances = found.counts / found.counts.sum() * one_in_sample(found.sizes.astype(np.float64))
    return float(found.of(1) * chances[found.sizes == 1][0] / chances.sum() / found.fraction)


def _log_choose(n: Floats | float, k: float, gammaln: Callable[..., Floats]) -> Floats:
    rest = np.maximum(n - k, 0)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(rest + 1.0))


def pitman(found: Histogram, /) -> float | None:
    """Population uniques by Pitman's sampling formula, fitted by maximum likelihood.

    Hoshino 2001 (J. Official Statistics 17:499). With theta > -alpha and 0 < alpha < 1 the expected number of unique
    people among N is N (theta + alpha)_{N-1} / (theta + 1)_{N-1} in rising factorials. Far too high where the classes
    of the population are not of this kind. None where the optimiser did not settle.
    """
    from scipy.optimize import minimize
    from scipy.special import expit, gammaln

    n, u = float(found.rows), float(found.counts.sum())

    def unlikely(at: Floats) -> float:
        a = float(expit(at[0]))
        t = float(np.exp(np.clip(at[1], -40, 40))) - a
        born = (u - 1) * np.log(a) + gammaln(t / a + u) - gammaln(t / a + 1)
        grown = (found.counts * (gammaln(found.sizes - a) - gammaln(1 - a))).sum()
        return float(gammaln(t + n) - gammaln(t + 1) - born - grown)

    best = minimize(unlikely, np.array([0.0, np.log(u + 1)]), method="Nelder-Mead", options=_SETTLE)
    a = float(expit(best.x[0]))
    t, people = float(np.exp(np.clip(best.x[1], -40, 40))) - a, found.population
    log = np.log(people) + gammaln(t + a + people - 1) - gammaln(t + a) + gammaln(t + 1) - gammaln(t + people)
    return float(np.exp(log)) if best.success and np.isfinite(log) else None


_SETTLE: Any = {"maxiter": 4000, "maxfev": 4000, "xatol": 1e-9, "fatol": 1e-10}


def snb(found: Histogram, /) -> float | None:
    """Population uniques by the slide negative binomial model (Chen & Keller-McNulty 1998, J. Official Stat. 14:79).

    A class has 1 + NB(alpha, beta) people; thinned by the fraction f, with d = (1-f)(1-beta), the expected sample
    classes of one and two rows are K f (beta/(1-d))^alpha (1 + alpha d/(1-d)) and
    K f^2/2 alpha (1-beta) beta^alpha (2 - (1-alpha) d) / (1-d)^(alpha+2). K is `population_classes`; uniques are
    K beta^alpha. None where the two equations have no solution.
    """
    from scipy.optimize import least_squares

    total, f = population_classes(found), found.fraction
    ones, twos = float(found.of(1)), float(found.of(2))

    def missed(at: Floats) -> Floats:
        a, b = float(np.exp(at[0])), float(1 / (1 + np.exp(-at[1])))
        d = (1 - f) * (1 - b)
        one = total * f * (b / (1 - d)) ** a * (1 + a * d / (1 - d))
        two = total * f * f / 2 * a * (1 - b) * b**a * (2 - (1 - a) * d) / (1 - d) ** (a + 2)
        return np.array([one - ones, two - twos]) / max(ones, 1.0)

    starts = [(a, b) for a in (-2.0, 0.0, 2.0) for b in (-4.0, -1.0, 2.0)]
    tries = [least_squares(missed, np.array(at), bounds=([-12, -20], [8, 20])) for at in starts]
    best = min(tries, key=lambda tried: float(tried.cost))
    if float(np.abs(best.fun).max()) > 1e-4:
        return None
    return float(total * (1 / (1 + np.exp(-best.x[1]))) ** np.exp(best.x[0]))


def population_classes(found: Histogram, /) -> float:
    """Non-empty classes of the population: Shlosser's estimator as modified by Haas & Stokes 1998 (JASA 93), Sh3."""
    q, sizes, counts = found.fraction, found.sizes.astype(np.float64), found.counts.astype(np.float64)
    missed = (1 - q) ** sizes
    first = (sizes * q * q * (1 - q * q) ** (sizes - 1) * counts).sum() / _positive(missed, q, sizes, counts)
    second = (missed * counts).sum() / (sizes * q * (1 - q) ** (sizes - 1) * counts).sum()
    return float(counts.sum() + found.of(1) * first * second**2)


def _positive(missed: Floats, q: float, sizes: Floats, counts: Floats) -> float:
    """Sum of (1-q)^i ((1+q)^i - 1) f_i, as (1-q^2)^i - (1-q)^i so that large classes do not overflow."""
    return float((((1 - q * q) ** sizes - missed) * counts).sum())
