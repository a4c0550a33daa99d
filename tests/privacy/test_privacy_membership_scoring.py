"""Scores of attacks on membership: against other implementations, and the coverage that intervals promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from assay.privacy.membership.scoring import _clopper_pearson, area, balanced_accuracy, best_threshold, needed, tpr_at

SCORES = st.lists(st.integers(-5, 5), min_size=2, max_size=40)


def drawn(seed: int, *, shift: float = 1.0, members: int = 700, others: int = 1000, ties: float = 0.0):
    rng = np.random.default_rng(seed)
    pair = rng.normal(shift, 1, members), rng.normal(size=others)
    return tuple(np.round(side / ties) * ties if ties else side for side in pair)


@given(SCORES, SCORES)
def test_the_area_is_that_of_scikit_learn(members, others):
    labels = [1] * len(members) + [0] * len(others)
    found = area(np.array(members, float), np.array(others, float))
    assert found.value == pytest.approx(roc_auc_score(labels, members + others))
    assert found.interval.low <= found.value <= found.interval.high


@given(SCORES, SCORES, st.sampled_from([0.05, 0.1, 0.5]))
def test_the_rate_is_the_highest_of_a_rule_with_no_more_false_positives(members, others, fpr):
    own, rest = np.array(members, float), np.array(others, float)
    rules = [(np.mean(own > t), np.mean(rest > t)) for t in (-9.0, *own, *rest)]
    found = tpr_at(own, rest, fpr=fpr)
    assert found.value == max(tpr for tpr, false in rules if false <= fpr + 1e-12)
    assert found.interval.low <= found.value <= found.interval.high
    again = tpr_at(np.exp(own[::-1]), np.exp(rest[::-1]), fpr=fpr)
    assert (again.value, again.interval) == (found.value, found.interval)


def test_with_distinct_scores_the_rate_is_read_off_the_curve_of_scikit_learn():
    own, rest = drawn(0)
    fprs, tprs, _ = roc_curve([1] * 700 + [0] * 1000, np.concatenate([own, rest]), drop_intermediate=False)
    for fpr in (0.01, 0.05, 0.2):
        assert tpr_at(own, rest, fpr=fpr).value == tprs[fprs <= fpr + 1e-12].max()


@pytest.mark.parametrize(("shift", "ties"), [(0.0, 0.0), (1.5, 0.0), (1.5, 0.5)])
def test_the_interval_of_the_rate_holds_the_truth_though_the_threshold_is_estimated(shift, ties):
    """The truth is at the threshold of the population, not at that of the non-members at hand."""
    fpr, runs = 0.01, 300
    if ties:
        grid = np.arange(-8, 12, ties)
        cut = grid[np.flatnonzero(norm.sf(grid + ties / 2) <= fpr)[0]]
        truth = norm.sf(cut + ties / 2, loc=shift)
    else:
        truth = norm.sf(norm.isf(fpr), loc=shift)
    found = [tpr_at(*drawn(seed, shift=shift, ties=ties), fpr=fpr) for seed in range(runs)]
    covered = np.mean([rate.interval.low <= truth <= rate.interval.high for rate in found])
    assert covered >= 0.95
    naive = [binomtest(round(rate.value * 700), 700).proportion_ci(method="exact") for rate in found]
    if shift and not ties:
        assert np.mean([low <= truth <= high for low, high in naive]) < 0.9


def test_too_few_non_members_leave_the_low_end_at_zero():
    own, rest = drawn(1, shift=5.0, others=60)
    assert tpr_at(own, rest, fpr=0.01).interval.low == 0.0
    assert (needed(0.01), needed(0.001)) == (1000, 10_000)


@pytest.mark.parametrize(("hits", "n"), [(0, 40), (3, 40), (40, 40), (999, 10_000)])
def test_exact_limits_are_those_of_scipy(hits, n):
    low, high = binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert _clopper_pearson(hits, n, 0.025) == pytest.approx((low, high))


@given(SCORES, SCORES)
def test_the_threshold_is_the_best_there_is_and_the_accuracy_that_of_scikit_learn(members, others):
    own, rest = np.array(members, float), np.array(others, float)
    threshold = best_threshold(own, rest)
    labels, scores = [1] * len(members) + [0] * len(others), np.concatenate([own, rest])
    best = max(balanced_accuracy_score(labels, scores >= t) for t in (*scores, scores.max() + 1))
    found = balanced_accuracy(own, rest, threshold=threshold)
    assert found.value == pytest.approx(balanced_accuracy_score(labels, scores >= threshold))
    assert found.value == pytest.approx(max(best, 0.5))


@settings(max_examples=20)
@given(st.integers(2, 50), st.integers(2, 50))
def test_scores_that_are_all_the_same_tell_nothing(members, others):
    own, rest = np.ones(members), np.ones(others)
    assert area(own, rest).value == 0.5
    assert tpr_at(own, rest, fpr=0.1).value == 0.0
    assert balanced_accuracy(own, rest, threshold=best_threshold(own, rest)).value == 0.5


def test_the_interval_of_the_balanced_accuracy_holds_the_truth():
    truth, held = (norm.cdf(0.5) + norm.sf(0.5, loc=1)) / 2, 0
    for seed in range(300):
        interval = balanced_accuracy(*drawn(seed, members=80, others=50), threshold=0.5).interval
        held += interval.low <= truth <= interval.high
    assert 0.93 <= held / 300 <= 0.98
