"""Rates pulled towards those of the other groups stand beside the raw ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.core.measure import Measure, Share
from assay.core.policy import Policy
from assay.data.counts import Counts
from assay.engine.judge import judge
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.selection_rates import selection_rates
from assay.stats.shrinkage import shrink

GROUPS = {"large": (300, 1000), "other": (350, 1000), "third": (320, 1000), "tiny": (4, 4)}


def selected(make_counts: Callable[..., Counts], groups: dict[str, tuple[int, int]]) -> Counts:
    rows = [(g, "1" if i < hits else "0") for g, (hits, n) in groups.items() for i in range(n)]
    return make_counts({"group": [g for g, _ in rows], "prediction": [p for _, p in rows]}, outcomes=("prediction",))


def test_the_shrunken_rate_of_every_group_stands_beside_its_raw_one(
    make_counts: Callable[..., Counts], find: Callable[..., Measure]
) -> None:
    measures = list(selection_rates(selected(make_counts, GROUPS)))
    wanted = shrink([Share(hits, n, n, n) for hits, n in GROUPS.values()])
    for (name, (hits, n)), expected in zip(GROUPS.items(), wanted, strict=True):
        raw = find(measures, "selection_rate", {"group": name})
        pooled = find(measures, "selection_rate_shrunken", {"group": name})
        assert raw.value == hits / n
        assert pooled.n == raw.n == n
        assert pooled.value == pytest.approx(expected.value)
        assert pooled.interval == expected.interval
        assert pooled.notes[0].params["own"] == f"{expected.weight:.0%}"
        assert f"pulled from {hits / n:.4g}" in pooled.notes[0].text()
    assert find(measures, "selection_rate_shrunken", {"group": "tiny"}).value < 0.75


def test_it_is_never_judged(make_counts: Callable[..., Counts]) -> None:
    measures = list(selection_rates(selected(make_counts, GROUPS)))
    judged = judge(selection_rates.id, measures, declared=selection_rates.limits, policy=Policy())
    found = [j.verdict for m, j in zip(measures, judged, strict=True) if m.name.endswith("_shrunken")]
    assert found == [None] * len(GROUPS)


@pytest.mark.parametrize("more", [{}, {"empty": (0, 0)}])
def test_two_groups_are_not_pulled_together(
    make_counts: Callable[..., Counts], more: dict[str, tuple[int, int]]
) -> None:
    counts = selected(make_counts, {"a": (3, 10), "b": (5, 10)} | more)
    assert not [m for m in selection_rates(counts) if m.name.endswith("_shrunken")]


def test_a_group_without_a_denominator_is_no_part_of_it(
    make_counts: Callable[..., Counts], find: Callable[..., Measure]
) -> None:
    groups = [g for g in "abcd" for _ in range(20)]
    label = ["0" if g == "d" else "01"[i % 2] for i, g in enumerate(groups)]
    prediction = ["01"[i % 3 == 0] for i in range(len(groups))]
    measures = list(error_rates(make_counts({"group": groups, "label": label, "prediction": prediction})))
    assert find(measures, "tpr", {"group": "d"}).value is None
    assert [m.slice["group"] for m in measures if m.name == "tpr_shrunken"] == ["a", "b", "c"]
    assert [m.slice["group"] for m in measures if m.name == "fpr_shrunken"] == ["a", "b", "c", "d"]


def test_over_many_draws_it_lies_nearer_the_truth_and_its_interval_covers(
    make_counts: Callable[..., Counts],
) -> None:
    rng = np.random.default_rng(5)
    off = {"selection_rate": 0.0, "selection_rate_shrunken": 0.0}
    held = total = 0
    for _ in range(60):
        truth = {f"g{i}": float(p) for i, p in enumerate(rng.beta(30, 70, size=12))}
        groups = {g: (int(rng.binomial(25, p)), 25) for g, p in truth.items()}
        for m in selection_rates(selected(make_counts, groups), depth=1):
            if m.name in off and m.slice and m.value is not None:
                off[m.name] += (m.value - truth[str(m.slice["group"])]) ** 2
            if m.name == "selection_rate_shrunken" and m.interval is not None:
                held += m.interval.low <= truth[str(m.slice["group"])] <= m.interval.high
                total += 1
    assert off["selection_rate_shrunken"] < 0.5 * off["selection_rate"]
    assert 0.92 <= held / total <= 0.985
