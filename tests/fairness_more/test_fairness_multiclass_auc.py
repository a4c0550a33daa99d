"""Hand and Till's M by group, against scikit-learn, brute force and simulation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from assay.core.measure import Measure
from assay.data.case import Case
from assay.engine.areas import registry
from assay.engine.run import measures_of
from assay.fairness.multiclass.areas import ScoredRows, against_others, hand_till
from assay.stats.auc import auc

NAMES = ("high", "low", "middle")


def drawn(n: int, *, rng: np.random.Generator, signal: float = 1.2) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    truth = rng.choice(3, n, p=[0.2, 0.5, 0.3])
    odds = np.exp(rng.normal(size=(n, 3)) + signal * (np.arange(3) == truth[:, None]))
    return truth, odds / odds.sum(axis=1, keepdims=True)


def plain(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> ScoredRows:
    return ScoredRows(scores, truth, np.arange(len(truth)), np.ones(len(truth)))


def measures(case: Case, **params: object) -> dict[tuple[str, ...], Measure]:
    found: Iterator[Measure] = measures_of(registry().check("fairness.multiclass_auc"), case, **params)
    return {(m.name, *(f"{k}={v}" for k, v in m.slice.items())): m for m in found}


def test_it_is_scikit_learns_in_every_group() -> None:
    rng = np.random.default_rng(1)
    truth, scores = drawn(900, rng=rng)
    group = rng.choice(["a", "b"], 900)
    columns = {f"p_{name}": scores[:, i] for i, name in enumerate(NAMES)}
    table = pa.table({"level": [NAMES[c] for c in truth], "group": group, **columns})
    case = Case.from_frame(
        table, label="level", score={name: f"p_{name}" for name in NAMES}, protected=["group"], features=()
    )
    found = measures(case)
    for where, own in ((), group == group), (("group=a",), group == "a"), (("group=b",), group == "b"):
        expected = roc_auc_score(truth[own], scores[own], multi_class="ovo", average="macro")
        assert found[("auc_m", *where)].value == pytest.approx(expected, abs=1e-12)
        for c, name in enumerate(NAMES):
            one = found[("auc", f"class={name}", *where)]
            assert one.value == pytest.approx(roc_auc_score(truth[own] == c, scores[own][:, c]), abs=1e-12)
    pair = [found["auc_m", f"group={g}"].value for g in "ab"]
    assert found[("auc_m_gap",)].value == pytest.approx(max(pair) - min(pair))


def test_ties_and_weights_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    truth, scores = drawn(60, rng=rng)
    scores, weights = np.round(scores, 1), rng.integers(1, 4, 60).astype(float)
    expected = []
    for i, j in permutations(range(3), 2):
        ours, theirs = np.flatnonzero(truth == i), np.flatnonzero(truth == j)
        won = (scores[ours, i][:, None] > scores[theirs, i]) + 0.5 * (scores[ours, i][:, None] == scores[theirs, i])
        both = weights[ours][:, None] * weights[theirs]
        expected.append((won * both).sum() / both.sum())
    rows = ScoredRows(scores, truth, np.arange(60), weights)
    found = hand_till(rows, NAMES, level=0.95)
    assert found.value == pytest.approx(np.mean(expected), abs=1e-12)
    counted = hand_till(ScoredRows(scores, truth, np.arange(60), weights, frequency=True), NAMES, level=0.95)
    often = np.repeat(np.arange(60), weights.astype(int))
    repeated = hand_till(plain(truth[often], scores[often]), NAMES, level=0.95)
    assert counted.value == pytest.approx(repeated.value, abs=1e-12)
    assert counted.error == pytest.approx(repeated.error, rel=1e-9)
    doubled = rows.only(np.repeat(np.arange(60), 2))
    assert found.error is not None
    assert hand_till(doubled, NAMES, level=0.95).error == pytest.approx(found.error, rel=0.05)


def test_two_classes_have_delongs_error() -> None:
    truth, scores = drawn(200, rng=np.random.default_rng(4))
    levels = np.unique(scores[:, 1])
    sides = [np.bincount(np.searchsorted(levels, scores[own, 1]), minlength=200) for own in (truth == 1, truth != 1)]
    peer, found = auc(*sides), against_others(plain(truth, scores), c=1, level=0.95)
    assert found.value == pytest.approx(peer.value, abs=1e-12)
    assert found.error == pytest.approx(peer.standard_error, rel=1e-9)


def test_the_interval_covers() -> None:
    rng = np.random.default_rng(7)
    truth, scores = drawn(200_000, rng=rng)
    known = hand_till(plain(truth, scores), NAMES, level=0.95).value
    assert known is not None
    for n in (60, 400):
        held = 0
        for _ in range(400):
            interval = hand_till(plain(*drawn(n, rng=rng)), NAMES, level=0.95).interval
            assert interval is not None
            held += interval.low <= known <= interval.high
        assert 0.92 * 400 <= held <= 0.985 * 400


def test_what_has_no_number_or_no_error_says_so() -> None:
    truth, scores = np.array([0, 0, 1, 1, 1]), np.eye(3)[[0, 0, 1, 1, 1]]
    lacking = hand_till(plain(truth, scores), NAMES, level=0.95)
    assert lacking.value is None
    assert lacking.reason is not None
    assert "middle" in lacking.reason.text()
    perfect = hand_till(plain(truth, scores[:, :2]), NAMES[:2], level=0.95)
    assert perfect.value == 1.0
    assert perfect.interval is not None
    assert perfect.interval.low < 0.9
    assert perfect.error is None
