"""Local Law 144 by the examples of the rule, and its exclusions both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.data.counts import Counts
from assay.fairness.checks.ll144 import ll144
from assay.fairness.checks.ll144_scoring import ll144_scoring

Find = Callable[..., Measure]
Make = Callable[..., Counts]

# "Culture fit" example of 6 RCNY 5-301: people over the median score, and people assessed.
SEX = {"Male": (50, 92), "Female": (34, 76)}
RACE = {"Hispanic": (18, 28), "White": (15, 40), "Black": (16, 32), "NHPI": (5, 8), "Asian": (10, 24)}


def rows(make_counts: Make, name: str, table: dict[str | None, tuple[int, int]]) -> Counts:
    groups: list[str | None] = []
    outcome: list[str] = []
    for group, (hits, n) in table.items():
        groups += [group] * n
        outcome += ["1"] * hits + ["0"] * (n - hits)
    return make_counts({name: groups, "prediction": outcome})


@pytest.mark.parametrize(
    ("table", "ratios"),
    [
        (SEX, {"Male": 1.0, "Female": 0.8232}),
        (RACE, {"Hispanic": 1.0, "White": 0.5833, "Black": 0.7778, "NHPI": 0.9722, "Asian": 0.6481}),
    ],
)
def test_the_rules_example(
    table: dict[str, tuple[int, int]], ratios: dict[str, float], make_counts: Make, find: Find
) -> None:
    measures = list(ll144(rows(make_counts, "category", table)))
    for category, ratio in ratios.items():
        assert find(measures, "impact_ratio", {"category": category}, "category").value == pytest.approx(
            ratio, abs=5e-5
        )
        hits, n = table[category]
        assert find(measures, "selection_rate", {"category": category}).value == pytest.approx(hits / n)
    assert find(measures, "unknown_rows", over="category").value == 0


def test_small_categories_both_ways(make_counts: Make, find: Find) -> None:
    counts = rows(make_counts, "c", {"A": (300, 600), "B": (180, 385), "C": (15, 15)})
    kept, left_out = list(ll144(counts)), list(ll144(counts, exclude_under=0.02))
    assert find(kept, "impact_ratio", {"c": "B"}, "c").value == pytest.approx(0.468, abs=5e-4)
    b = find(left_out, "impact_ratio", {"c": "B"}, "c")
    assert b.value == pytest.approx(0.935, abs=5e-4)
    assert b.notes[0].text() == "under 0.02 of the rows and left out: c = C"
    assert find(left_out, "selection_rate", {"c": "C"}).n == 15
    with pytest.raises(AssayError, match=r"not between 0 and 0\.02"):
        list(ll144(counts, exclude_under=0.05))


def test_unknowns_are_counted_and_set_no_denominator(make_counts: Make, find: Find) -> None:
    counts = rows(make_counts, "sex", {"f": (10, 40), "m": (20, 50), None: (9, 10)})
    measures = list(ll144(counts))
    assert find(measures, "impact_ratio", {"sex": "f"}, "sex").value == pytest.approx(0.25 / 0.4)
    unknown = find(measures, "unknown_rows", over="sex")
    assert (unknown.value, unknown.n, unknown.exact) == (10, 100, True)
    assert not [m for m in measures if None in m.slice.values()]


def people(table: dict[str | None, tuple[int, int]]) -> Any:
    """Scores so that of each category as many lie above the median of all as the table says."""
    import pandas as pd

    rng = np.random.default_rng(0)
    group: list[str | None] = []
    score: list[float] = []
    for name, (above, n) in table.items():
        group += [name] * n
        score += [*rng.uniform(0.6, 0.9, above), *rng.uniform(0.1, 0.4, n - above)]
    return pd.DataFrame({"sex": group, "score": score})


def test_scoring_mode_is_the_rules_example(find: Find) -> None:
    frame = people({**SEX, None: (1, 1)})
    case = Case.from_frame(frame, score="score", protected=["sex"], threshold=0.99)
    measures = list(ll144_scoring(case))
    # 85 of 169 lie above 0.5: the median is the lowest of them, which is not above itself.
    lowest = frame.loc[frame.score > 0.5, "sex"][frame.score[frame.score > 0.5].idxmin()]
    for sex, (above, n) in SEX.items():
        rate = find(measures, "scoring_rate", {"sex": sex})
        assert (rate.value, rate.n) == (pytest.approx((above - (sex == lowest)) / n), n)
    best = max(find(measures, "scoring_rate", {"sex": s}).value for s in SEX)
    female = find(measures, "impact_ratio", {"sex": "Female"}, "sex")
    assert female.value == pytest.approx(find(measures, "scoring_rate", {"sex": "Female"}).value / best)
    assert female.value == pytest.approx(0.8232, abs=0.03)
    assert find(measures, "unknown_rows", over="sex").value == 1


def test_scoring_mode_leaves_out_rows_without_score_and_ties_with_the_median(find: Find) -> None:
    import pandas as pd

    frame = pd.DataFrame({"sex": list("fffmmm"), "above0": list("xyxyxy"), "score": [0.5, 0.5, 0.9, 0.5, 0.1, None]})
    case = Case.from_frame(frame, score="score", protected=["sex", "above0"])
    measures = list(ll144_scoring(case))
    assert find(measures, "scoring_rate").n == 5
    assert find(measures, "scoring_rate", {"sex": "f"}).value == pytest.approx(1 / 3)
    assert find(measures, "scoring_rate", {"sex": "m"}).value == 0
