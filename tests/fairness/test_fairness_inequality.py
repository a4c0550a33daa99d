"""Entropy indices against their definitions on the rows, their decomposition, and coverage at equality."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.inequality import inequality

Find = Callable[..., Measure]
Make = Callable[..., Counts]


def generalized_entropy(b: np.ndarray) -> float:
    return float(((b / b.mean()) ** 2 - 1).mean() / 2)


def theil(b: np.ndarray) -> float:
    ratio = b / b.mean()
    return float((ratio * np.log(np.where(ratio > 0, ratio, 1))).mean())


def columns(group: np.ndarray, label: np.ndarray, prediction: np.ndarray) -> dict[str, list[str]]:
    return {
        "g": group.tolist(),
        "label": label.astype(int).astype(str).tolist(),
        "prediction": prediction.astype(int).astype(str).tolist(),
    }


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_definition_and_decomposes(seed: int, make_counts: Make, find: Find) -> None:
    rng = np.random.default_rng(seed)
    group, label = rng.choice(["a", "b", "c"], 300), rng.random(300) < 0.5
    prediction = np.where(rng.random(300) < np.where(group == "a", 0.9, 0.6), label, ~label)
    measures = list(inequality(make_counts(columns(group, label, prediction))))
    b = prediction.astype(float) - label + 1
    for name, index in (("generalized_entropy", generalized_entropy), ("theil", theil)):
        whole = find(measures, name)
        assert whole.value == pytest.approx(index(b))
        assert whole.interval is not None
        assert whole.interval.low < index(b) < whole.interval.high
        smooth = np.select([group == g for g in "abc"], [b[group == g].mean() for g in "abc"])
        between = find(measures, f"{name}_between", over="g")
        assert float(between.notes[0].params["raw"]) == pytest.approx(index(smooth), rel=1e-3)
        assert between.value < index(smooth)


def test_published_values_of_aif360(make_counts: Make, find: Find) -> None:
    """Ten rows, two with benefit 2 and two with benefit 0, as in its test of the Theil index."""
    label = np.array([0, 0, 1, 1, 0, 0, 0, 0, 0, 0])
    prediction = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    found = find(list(inequality(make_counts(columns(np.array(["a"] * 10), label, prediction)))), "theil")
    assert found.value == pytest.approx(4 * np.log(2) / 10)


def test_equality_between_groups_is_covered(make_counts: Make, find: Find) -> None:
    rng = np.random.default_rng(4)
    covered, values, runs = 0, [], 250
    for _ in range(runs):
        group, label = rng.choice(["a", "b", "c", "d"], 400), rng.random(400) < 0.4
        prediction = np.where(rng.random(400) < 0.8, label, ~label)
        m = find(
            list(inequality(make_counts(columns(group, label, prediction)))), "generalized_entropy_between", over="g"
        )
        assert m.interval is not None
        covered += m.interval.low == 0
        values.append(m.value)
    assert 0.94 <= covered / runs <= 1
    assert np.median(values) < 0.001


def test_what_cannot_be_said(make_counts: Make, find: Find) -> None:
    def reason(rows: dict[str, list[str]], name: str, over: str = "") -> str:
        found = find(list(inequality(make_counts(rows))), name, over=over).reason
        assert found is not None
        return found.id

    withheld = {"g": ["a", "b"], "label": ["1", "1"], "prediction": ["0", "0"]}
    assert reason(withheld, "theil") == "no-benefit"
    assert reason(withheld, "theil_between", "g") == "no-benefit"
    assert reason({"g": ["a"], "label": ["1"], "prediction": ["1"]}, "theil_between", "g") == "one-group"
    assert reason({"g": ["a"], "label": ["1"], "prediction": [None]}, "theil") == "empty-denominator"
    right = {"g": ["a", "b"], "label": ["1", "0"], "prediction": ["1", "0"]}
    assert find(list(inequality(make_counts(right))), "generalized_entropy_between", over="g").value == 0
