"""AUC within and across groups against scikit-learn on the raw scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.auc import auc

Find = Callable[..., Measure]


def scored_rows(seed: int, n: int = 6000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    label = rng.random(n) < 0.4
    noise = np.where(group == "c", 2.0, 1.0) * rng.normal(size=n)
    score = 1 / (1 + np.exp(-(label + noise - np.where(group == "b", 0.8, 0.0))))
    return group, label, score


def test_agrees_with_scikit_learn_on_raw_scores(make_scored: Callable[..., Counts], find: Find) -> None:
    group, label, score = scored_rows(0)
    columns = {"g": group.tolist(), "label": label.astype(int).astype(str).tolist()}
    measures = list(auc(make_scored(columns, score, bins=200)))
    assert find(measures, "auc").value == pytest.approx(roc_auc_score(label, score), abs=1e-3)
    exact = {}
    for g in "abc":
        own = group == g
        exact[g] = roc_auc_score(label[own], score[own])
        bpsn, bnsp = (own & ~label) | (~own & label), (own & label) | (~own & ~label)
        assert find(measures, "auc", {"g": g}).value == pytest.approx(exact[g], abs=1e-3)
        assert find(measures, "bpsn_auc", {"g": g}).value == pytest.approx(
            roc_auc_score(label[bpsn], score[bpsn]), abs=1e-3
        )
        assert find(measures, "bnsp_auc", {"g": g}).value == pytest.approx(
            roc_auc_score(label[bnsp], score[bnsp]), abs=1e-3
        )
    gap = find(measures, "auc_gap", over="g")
    assert gap.value == pytest.approx(max(exact.values()) - min(exact.values()), abs=2e-3)
    assert gap.groups[1] == {"g": "c"}
    # Group b stands below the others, which its own AUC does not show.
    low = find(measures, "bnsp_auc", {"g": "b"})
    assert low.interval is not None
    assert low.interval.high < exact["b"]


def test_one_class_and_one_group(make_scored: Callable[..., Counts], find: Find) -> None:
    columns = {"g": ["a", "a", "b", "b"], "label": ["1", "0", "1", "1"]}
    measures = list(auc(make_scored(columns, [0.9, 0.1, 0.5, 0.6])))
    b = find(measures, "auc", {"g": "b"})
    assert (b.value, b.n) == (None, 2)
    assert find(measures, "bpsn_auc", {"g": "b"}).reason is not None
    assert find(measures, "bnsp_auc", {"g": "b"}).value == 1
    gap = find(measures, "auc_gap", over="g")
    assert gap.reason is not None
    alone = list(auc(make_scored({"g": ["a", "a"], "label": ["1", "0"]}, [0.9, 0.1])))
    assert not [m for m in alone if m.name.startswith("b")]
