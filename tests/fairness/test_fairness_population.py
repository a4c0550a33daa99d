"""Shares of groups against a stated population."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.data.representation import representation

Find = Callable[..., Measure]
Make = Callable[..., Counts]
SEX = ["f"] * 30 + ["m"] * 60 + [None] * 10


def test_shares_alone(make_counts: Make, find: Find) -> None:
    from statsmodels.stats.proportion import proportion_confint

    measures = list(representation(make_counts({"sex": SEX, "age": ["young", "old"] * 50})))
    share = find(measures, "group_share", {"sex": "f"})
    assert (share.value, share.n) == (0.3, 100)
    assert share.interval is not None
    assert (share.interval.low, share.interval.high) == pytest.approx(proportion_confint(30, 100, method="wilson"))
    assert find(measures, "group_share", {"sex": None}).value == 0.1
    crossed = [m.value for m in measures if len(m.slice) == 2]
    assert len(crossed) == 6
    assert sum(v for v in crossed if v is not None) == pytest.approx(1)
    assert {m.name for m in measures} == {"group_share"}
    assert len(list(representation(make_counts({"sex": SEX, "age": ["young", "old"] * 50}), depth=1))) == 5


def test_against_a_population(make_counts: Make, find: Find) -> None:
    measures = list(representation(make_counts({"sex": SEX}), population={"sex": {"f": 51, "m": 49}}))
    difference = find(measures, "group_share_difference", {"sex": "f"}, "sex")
    assert difference.value == pytest.approx(30 / 90 - 0.51)
    assert difference.n == 90
    assert [note.text() for note in difference.notes] == ["the population does not name, so left out: sex = (missing)"]
    assert difference.p_value == pytest.approx(2 * stats.norm.sf(abs(30 / 90 - 0.51) / np.sqrt(0.51 * 0.49 / 90)))
    assert find(measures, "group_share_ratio", {"sex": "f"}, "sex").value == pytest.approx(30 / 90 / 0.51)
    gap = find(measures, "representation_gap", over="sex")
    assert gap.value == pytest.approx(0.51 - 30 / 90)
    assert gap.p_value == pytest.approx(stats.chisquare([30, 60], [0.51 * 90, 0.49 * 90]).pvalue)
    assert gap.interval is not None
    assert gap.interval.low <= gap.value <= gap.interval.high


def test_a_population_group_without_rows_has_share_zero(make_counts: Make, find: Find) -> None:
    population = {"sex": {"f": 0.45, "m": 0.45, "x": 0.1}}
    measures = list(representation(make_counts({"sex": SEX}), population=population))
    absent = find(measures, "group_share_difference", {"sex": "x"}, "sex")
    assert absent.value == pytest.approx(-0.1)


def test_names_that_match_nothing(make_counts: Make, find: Find) -> None:
    measures = list(representation(make_counts({"sex": SEX}), population={"sex": {"F": 0.5, "M": 0.5}}))
    gap = find(measures, "representation_gap", over="sex")
    assert gap.value is None
    assert gap.reason is not None
    assert gap.reason.id == "no-population-group"


@pytest.mark.parametrize(
    ("population", "words"),
    [
        ({"gender": {"f": 1, "m": 1}}, "Unknown protected attribute in population 'gender'"),
        ({"sex": {"f": 1}}, "two groups or more"),
        ({"sex": 0.5}, "two groups or more"),
        ({"sex": {"f": 0, "m": 1}}, "no number above 0"),
        ({"sex": {"f": "half", "m": 1}}, "no number above 0"),
        ({"sex": {"f": float("nan"), "m": 1}}, "no number above 0"),
    ],
)
def test_a_wrong_population_is_an_error(population: Any, words: str, make_counts: Make) -> None:
    with pytest.raises(AssayError, match=words):
        list(representation(make_counts({"sex": SEX}), population=population))


def test_gap_interval_covers_at_and_away_from_the_population(make_counts: Make, find: Find) -> None:
    rng = np.random.default_rng(1)
    population = {"g": {"a": 0.5, "b": 0.3, "c": 0.2}}
    for truth in ([0.5, 0.3, 0.2], [0.4, 0.3, 0.3]):
        distance = max(abs(t - p) for t, p in zip(truth, (0.5, 0.3, 0.2), strict=True))
        covered = 0
        for _ in range(200):
            rows = np.repeat(["a", "b", "c"], rng.multinomial(300, truth))
            gap = find(
                list(representation(make_counts({"g": rows.tolist()}), population=population)),
                "representation_gap",
                None,
                "g",
            )
            assert gap.interval is not None
            covered += gap.interval.low <= distance <= gap.interval.high
        assert covered >= 187


def test_attributes_called_like_roles(make_counts: Make, find: Find) -> None:
    counts = make_counts({"a": ["x", "y"] * 50, "protected": SEX, "label": ["u"] * 100}, outcomes=())
    measures = list(representation(counts, population={"protected": {"f": 1, "m": 1}}))
    assert find(measures, "group_share", {"protected": "f"}).value == 0.3
    assert find(measures, "group_share", {"a": "x", "protected": "f"}).value == 0.15
    assert find(measures, "group_share_ratio", {"protected": "f"}, "protected").value == pytest.approx(2 / 3)
