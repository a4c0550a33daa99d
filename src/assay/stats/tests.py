"""Tests of two rates and of two-way tables, and how strongly a table's rows and columns hang together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.quantiles import two_sided_p
from assay.stats.rates import rate_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TestResult:
    """A two-sided test: its statistic (None where that is infinite), p-value, method and degrees of freedom."""

    __test__ = False  # pytest would collect a class whose name starts with Test

    statistic: float | None
    p_value: float
    method: str
    df: float | None = None


def two_proportions(a: Share, b: Share, /) -> TestResult:
    """The pooled z test that two rates are equal, on effective counts; z > 0 where `a` is higher.

    Asymptotic: use `fisher` where an expected count is under 5. Where all or none of the rows are hits, z = 0 and p
    = 1. Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, eq. 3.5 without
    correction.
    """
    (p, n), (q, m) = rate_of(a), rate_of(b)
    pooled = (p * n + q * m) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = (p - q) / error if error > 0 else 0.0
    return TestResult(z, two_sided_p(z), "two-proportion z, pooled")


def fisher(a: Share, b: Share, /) -> TestResult:
    """Fisher's exact test that two rates are equal; the statistic is the sample odds ratio of `a` to `b`.

    Two-sided: the probability, given the margins, of every table no likelier than this one. Needs unweighted rows that
    do not repeat units; other shares are refused. Source: Fisher (1935), JRSS 98:39; ties as in R's fisher.test (1e-7).
    """
    counts = [_whole(a), _whole(b)]
    (x, n), (y, m) = counts
    hits = x + y
    spread = math.sqrt(n * m * hits * (n + m - hits) / (n + m) ** 2 / max(1, n + m - 1))
    reach = math.ceil(40 * spread) + 40  # what lies beyond has a probability under 1e-300
    middle = round(hits * n / (n + m))
    low, high = max(0, hits - m, middle - reach), min(n, hits, middle + reach)
    weights = _hypergeometric(np.arange(low, high + 1, dtype=np.float64), n, m, hits)
    here = float(weights[x - low]) if low <= x <= high else 0.0
    p = float(weights[weights <= here * (1 + 1e-7)].sum())
    cross = (n - x) * y
    return TestResult(x * (m - y) / cross if cross else None, min(1.0, p), "Fisher exact")


def _whole(share: Share) -> tuple[int, int]:
    rate_of(share)
    if share.hits != int(share.hits) or not share.total == share.rows == share.effective:
        raise AssayError(
            "Fisher's exact test needs whole, unweighted, independent rows.",
            code="weighted",
            hint="Use two_proportions, which takes the effective n.",
        )
    return int(share.hits), int(share.total)


def _hypergeometric(x: Floats, n: int, m: int, hits: int) -> Floats:
    from scipy.special import gammaln

    log = -(gammaln(x + 1) + gammaln(n - x + 1) + gammaln(hits - x + 1) + gammaln(m - hits + x + 1))
    weights = np.exp(log - log.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def chi_square(table: ArrayLike, /) -> TestResult:
    """Pearson's test that rows and columns of a table of (effective) counts are independent; no Yates correction.

    Empty rows and columns are dropped; a table with one row or column left gives statistic 0, df 0 and p 1.
    Source: Pearson (1900); Agresti (2013), Categorical Data Analysis, eq. 3.10.
    """
    from scipy.special import chdtrc

    counts = dense(table)
    df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if df == 0:
        return TestResult(0.0, 1.0, "chi-square", 0)
    statistic = float(counts.sum()) * phi_squared(counts)
    return TestResult(statistic, float(chdtrc(df, statistic)), "chi-square", df)


def dense(table: ArrayLike, /) -> Floats:
    """The table without empty rows and columns; at least one cell, or AssayError "empty-denominator"."""
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or not np.isfinite(counts).all() or (counts < 0).any():
        raise AssayError(
            "A table must be two-way, of counts that are not negative.", code="table", hint="Check the cells."
        )
    if counts.sum() <= 0:
        raise AssayError(
            "The table is empty.", code="empty-denominator", hint="Report it as unmeasured, with this reason."
        )
    return np.asarray(counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0])


def phi_squared(counts: Floats, /) -> float:
    """Pearson's mean-square contingency φ² = χ²/n of a table without empty rows and columns."""
    rows, columns, n = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    expected = np.outer(rows, columns) / n
    return float((((counts - expected) ** 2 / expected).sum()) / n)


def cramers_v(table: ArrayLike, /) -> float | None:
    """Cramér's V with its bias taken out: 0 no association, 1 one side fixes the other.

    None where it does not exist: one row or column, or too few rows for the correction. Source: Bergsma (2013), Journal
    of the Korean Statistical Society 42:323, eq. 8–9.
    """
    counts = dense(table)
    n = float(counts.sum())
    r, c = counts.shape
    if min(r, c) < 2 or n <= 1:
        return None
    phi = max(0.0, phi_squared(counts) - (r - 1) * (c - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / smaller)) if smaller > 0 else None


def mutual_information(table: ArrayLike, /) -> float:
    """Mutual information of rows and columns in nats, with Miller and Madow's correction; it may be slightly negative.

    Plug-in + (filled rows + filled columns − filled cells − 1)/(2n). Source: Miller (1955), Note on the bias of
    information estimates; Paninski (2003), Neural Computation 15:1191, eq. 4.
    """
    counts = dense(table)
    filled = int((counts > 0).sum())
    return float(_plug_in(counts[None])[0]) + (sum(counts.shape) - filled - 1) / (2 * float(counts.sum()))


def independence_by_permutation(
    table: ArrayLike, /, *, rng: np.random.Generator, permutations: int = 999
) -> TestResult:
    """The permutation test of independence with mutual information as statistic (plug-in, nats).

    Shuffling one variable draws tables with the same margins; those are drawn directly, in time that does not
    depend on n. p = (1 + tables at least as far)/(1 + permutations): valid for any n (Phipson & Smyth 2010, eq. 2).
    Whole counts only.
    """
    counts = dense(table)
    if (counts != np.rint(counts)).any():
        raise AssayError(
            "A permutation test needs whole counts.", code="weighted", hint="Use chi_square for weighted rows."
        )
    if counts.sum() >= 1e9:  # the reach of numpy's hypergeometric draws
        raise AssayError("A permutation test takes fewer than 10^9 rows.", code="table", hint="Use chi_square.")
    observed = float(_plug_in(counts[None])[0])
    drawn = _plug_in(_tables(counts.sum(axis=1), counts.sum(axis=0), permutations, rng))
    beyond = int((drawn >= observed * (1 - 1e-9) - 1e-15).sum())
    return TestResult(observed, (1 + beyond) / (1 + permutations), f"permutation, {permutations} draws")


def _plug_in(tables: Floats) -> Floats:
    """Σ p ln(p / (p_row p_column)) of each of a stack of tables (stack × rows × columns) with a common total."""
    n = float(tables[0].sum())
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)

    def entropy(counts: Floats) -> Floats:
        p = counts.reshape(len(counts), -1) / n
        return np.asarray(-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1))

    return entropy(rows) + entropy(columns) - entropy(tables)


def _tables(rows: Floats, columns: Floats, size: int, rng: np.random.Generator) -> Floats:
    """`size` random tables with these margins, as if one variable were shuffled: cell by cell, hypergeometric."""
    out = np.zeros((size, len(rows), len(columns)))
    left = np.tile(columns.astype(np.int64), (size, 1))
    for i, total in enumerate(rows.astype(np.int64)):
        need = np.full(size, total)
        for j in range(len(columns) - 1):
            cell = rng.hypergeometric(left[:, j], left[:, j + 1 :].sum(axis=1), need)
            out[:, i, j] = cell
            need -= cell
            left[:, j] -= cell
        out[:, i, -1] = need
        left[:, -1] -= need
    return out
