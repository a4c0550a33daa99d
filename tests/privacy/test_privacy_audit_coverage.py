"""Every check that says it is right on noisy counts: do its intervals hold the numbers of the population?"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from assay.data.cells.arithmetic import Pairs
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.counts import NOISE, Counts, N
from assay.engine.areas import registry
from assay.privacy.counting.publish import HEAVY_TAILS

GROUPS = tuple(f"g{i}" for i in range(5))
EDGES = np.linspace(0, 1, 11)
SCALE = 10**9
NOISY = sorted(check.id for check in registry().checks.values() if check.noisy)


def population(score, *, equal):
    """Shares of a population by group, label, and prediction or score bin; and its dimensions."""
    rng = np.random.default_rng(11)
    size = np.array([0.35, 0.25, 0.2, 0.12, 0.08])
    base, tpr, fpr = (np.full(5, v) if equal else v + rng.uniform(-0.15, 0.15, 5) for v in (0.4, 0.7, 0.2))
    dims = [Dim("protected", "g", Values(), GROUPS), Dim("label", "label", Favourable("1"), ("0", "1"))]
    if score:
        good = np.stack([np.diff(beta(3 + (0 if equal else x), 2).cdf(EDGES)) for x in rng.uniform(-1, 1, 5)])
        bad = np.stack([np.diff(beta(2, 3).cdf(EDGES))] * 5)
        table = np.stack([(1 - base)[:, None] * bad, base[:, None] * good], axis=1)
        dims.append(Dim("score", "score", Bins(tuple(EDGES[1:-1])), tuple(map(str, range(10)))))
    else:
        good, bad = np.stack([1 - tpr, tpr], axis=1), np.stack([1 - fpr, fpr], axis=1)
        table = np.stack([(1 - base)[:, None] * bad, base[:, None] * good], axis=1)
        dims.append(Dim("prediction", "prediction", Favourable("1"), ("0", "1")))
    return table * size[:, None, None], dims


def counts(table, dims, variance=None):
    sums = {N: table.reshape(-1).astype(np.int64)}
    if variance is not None:
        sums[NOISE] = np.full(table.size, math.ceil(variance * (1 << 20)), dtype=np.int64)
    codes = np.argwhere(np.ones(table.shape, dtype=bool)).astype(np.int32)
    return Counts.from_codes(dims, codes, sums, scales={NOISE: 1 << 20} if variance else {})


def key(measure):
    compared = measure.groups if measure.name.endswith("_difference") and measure.slice else ()
    return measure.name, str(sorted(measure.slice.items())), measure.over, str([sorted(g.items()) for g in compared])


def test_there_are_such_checks():
    assert {"fairness.selection_rates", "fairness.auc", "quality.performance"} <= {*NOISY}
    assert not {"fairness.inequality", "fairness.incompatibility"} & {*NOISY}


ASKED = [(id, id == "fairness.auc") for id in NOISY] + [("quality.performance", True)]


@pytest.mark.parametrize(("id", "scored"), ASKED)
def test_its_intervals_cover(id, scored):
    """95 % intervals for counts with Laplace noise hold the population's numbers in about 95 % of cases, or more.

    From where sampling decides (epsilon 2) to where the noise does (0.1). Simulated at length, each kind of number
    covers in 94 % and more; here in 92 % at least of some hundred draws, and of all together in 94.5 %.
    """
    check = registry().check(id)
    rng, inside, seen = np.random.default_rng(1), defaultdict(int), defaultdict(int)
    for equal in (True, False):
        table, dims = population(scored, equal=equal)
        truth = {key(m): m.value for m in check.function(counts(np.round(table * SCALE), dims))}
        for n, epsilon in ((400, 2.0), (3000, 0.4), (3000, 0.1)):
            odds, variance = 1 - math.exp(-epsilon), HEAVY_TAILS / (2 * math.sinh(epsilon / 2) ** 2)
            for _ in range(16):
                drawn = rng.multinomial(n, table.reshape(-1) / table.sum()).reshape(table.shape)
                noise = rng.geometric(odds, table.shape) - rng.geometric(odds, table.shape)
                for m in check.function(counts(drawn + noise, dims, variance)):
                    if m.value is None or m.interval is None or truth.get(key(m)) is None:
                        continue
                    seen[m.name] += 1
                    inside[m.name] += m.interval.low - 1e-6 <= truth[key(m)] <= m.interval.high + 1e-6
    low = {name: inside[name] / n for name, n in seen.items() if n >= 90 and inside[name] / n < 0.92}
    assert not low, low
    assert seen
    assert sum(inside.values()) / sum(seen.values()) > 0.945


@pytest.mark.parametrize("id", ["fairness.selection_rates", "fairness.error_rates"])
def test_intervals_cover_where_a_person_has_three_rows_alike(id):
    """The worst that a bound of three rows a unit allows: as many independent people as a third of the rows."""
    check, most, epsilon = registry().check(id), 3, 1.0
    table, dims = population(False, equal=True)
    truth = {key(m): m.value for m in check.function(counts(np.round(table * SCALE), dims))}
    rng, inside, seen = np.random.default_rng(2), 0, 0
    odds, variance = 1 - math.exp(-epsilon / most), HEAVY_TAILS / (2 * math.sinh(epsilon / most / 2) ** 2)
    for _ in range(80):
        people = rng.multinomial(700, table.reshape(-1) / table.sum()).reshape(table.shape)
        noisy = most * people + rng.geometric(odds, table.shape) - rng.geometric(odds, table.shape)
        made = counts(noisy, dims, variance)
        places = np.arange(len(made), dtype=np.int64)
        made = replace(made, pairs=Pairs(places, places, most * made.sums[N]))
        for m in check.function(made):
            if m.value is not None and m.interval is not None and truth.get(key(m)) is not None:
                seen += 1
                inside += m.interval.low - 1e-6 <= truth[key(m)] <= m.interval.high + 1e-6
    assert inside / seen > 0.935
    assert seen > 1000
