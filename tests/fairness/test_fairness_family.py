"""Over the whole required family a fair model hardly ever fails, and a wide gap nearly always does, by simulation.

The simulation is `bench/fairness/verdicts.py`, which with more runs prints the table in docs/why/widest-gap.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "fairness"))
import verdicts

GROUPS = (2, 5, 10)


@pytest.mark.parametrize("groups", GROUPS)
def test_a_fair_model_fails_at_most_one_run_in_twenty(groups: int) -> None:
    worlds = [verdicts.World(groups, n) for n in (50, 500, 5000)]
    found = [verdicts.alarms(world, runs=12, seed=100)["any"] for world in worlds]
    assert sum(found) <= 0.05 * 12 * len(worlds)


def test_so_does_one_with_crossed_attributes() -> None:
    assert verdicts.alarms(verdicts.World(10, 50, crossed=True), runs=20, seed=100)["any"] <= 1


@pytest.mark.parametrize("groups", GROUPS)
def test_a_gap_of_a_fifth_fails_its_limit(groups: int) -> None:
    found = [
        verdicts.power(verdicts.World(groups, n, gap), runs=12, seed=200)
        for gap, n in (("tpr", 1000), ("fpr", 1000), ("selection", 500))
    ]
    assert fmean(found) >= 0.80


@pytest.mark.parametrize("groups", GROUPS)
def test_the_interval_of_the_gap_is_not_much_wider_than_that_of_its_two_groups(groups: int) -> None:
    runs = [verdicts.judged(verdicts.World(groups, n), seed) for n in (50, 500) for seed in range(4)]
    assert 0.5 <= fmean(width for done in runs for width in verdicts.widths(done)) <= 1.5


def test_the_required_family_is_asked_whole() -> None:
    done = verdicts.judged(verdicts.World(5, 500), 1)
    judged = {f.check for f in done.findings if f.verdict is not None and f.verdict != "unmeasured"}
    assert judged == {"quality.performance", "quality.data", "fairness.selection_rates", "fairness.error_rates"}
    assert not [f for f in done.findings if f.measure.name == "unmeasured"]


def test_the_worlds_are_as_they_say() -> None:
    for gap, (tpr, fpr) in {"none": (0, 0), "tpr": (-0.2, 0), "fpr": (0, 0.2), "selection": (-0.3, -0.1)}.items():
        fair, other = verdicts.World(2, 50).truth()[1], verdicts.World(2, 50, gap).truth()[0]
        for label, moved in ((1, tpr), (0, fpr)):
            rates = [cells[label, verdicts.BINS // 2 :].sum() / cells[label].sum() for cells in (fair, other)]
            assert rates[1] - rates[0] == pytest.approx(moved)
            assert other[label].sum() == pytest.approx(0.5)
