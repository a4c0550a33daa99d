"""Impact ratios and the four-fifths rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.selection_rates import selection_rates

Find = Callable[..., Measure]
Make = Callable[..., Counts]


def decisions(make_counts: Make, **groups: tuple[int, int]) -> Counts:
    """Counts of (selected, applicants) by group."""
    group, prediction = [], []
    for name, (selected, applicants) in groups.items():
        group += [name] * applicants
        prediction += ["1"] * selected + ["0"] * (applicants - selected)
    return make_counts({"group": group, "prediction": prediction})


def verdict(measures: list[Measure], name: str) -> str:
    """Where the whole interval of the one comparison called `name` lies against its declared limit."""
    (m,) = [m for m in measures if m.name == name]
    (limit,) = [limit for limit in selection_rates.limits if limit.measure == name]
    assert m.interval is not None
    sign = -1 if limit.better == "higher" else 1
    low, high = sorted((sign * m.interval.low, sign * m.interval.high))
    if high <= sign * limit.warn:
        return "pass"
    if low > sign * limit.fail:
        return "fail"
    return "warn" if high <= sign * limit.fail else "inconclusive"


def test_small_groups_set_the_highest_rate_only_when_not_left_out(make_counts: Make, find: Find) -> None:
    counts = decisions(make_counts, A=(300, 600), B=(180, 385), C=(15, 15))
    with_c = list(selection_rates(counts))
    assert find(with_c, "impact_ratio", {"group": "B"}, "group").value == pytest.approx(180 / 385)
    without = list(selection_rates(counts, minimum_share=0.02))
    b = find(without, "impact_ratio", {"group": "B"}, "group")
    assert b.value == pytest.approx(180 / 385 / 0.5)
    assert [note.text() for note in b.notes] == ["under 0.02 of the rows and left out: group = C"]
    assert not [m for m in without if m.name == "impact_ratio" and dict(m.slice) == {"group": "C"}]
    assert find(without, "selection_rate_ratio", over="group").value == pytest.approx(180 / 385 / 0.5)
    assert find(without, "selection_rate", {"group": "C"}).value == 1
    assert find(without, "selection_rate_gap", over="group").value == pytest.approx(1 - 180 / 385)


def test_minimum_share_is_a_share(make_counts: Make) -> None:
    with pytest.raises(AssayError, match="minimum_share 2 is no share"):
        list(selection_rates(decisions(make_counts, A=(1, 2), B=(1, 2)), minimum_share=2))


def test_four_fifths_asks_for_significance(make_counts: Make) -> None:
    # 48 of 80 applicants against 12 of 40 (the worked example of 29 CFR 1607.4(D) in shape): ratio one half.
    assert (
        verdict(list(selection_rates(decisions(make_counts, a=(48, 80), b=(12, 40)))), "selection_rate_ratio") == "fail"
    )
    few = list(selection_rates(decisions(make_counts, a=(5, 10), b=(3, 10))))
    assert verdict(few, "selection_rate_ratio") == "inconclusive"
    many = list(selection_rates(decisions(make_counts, a=(5000, 10000), b=(4500, 10000))))
    assert verdict(many, "selection_rate_ratio") == "pass"
    assert verdict(many, "selection_rate_gap") == "warn"


def test_p_values_are_fishers_or_the_z_test(make_counts: Make, find: Find) -> None:
    small = find(
        list(selection_rates(decisions(make_counts, a=(9, 12), b=(1, 9)))), "impact_ratio", {"group": "b"}, "group"
    )
    assert small.p_value == pytest.approx(stats.fisher_exact([[1, 8], [9, 3]]).pvalue)
    assert small.method.endswith("Fisher exact")
    large = find(
        list(selection_rates(decisions(make_counts, a=(90, 120), b=(50, 100)))), "impact_ratio", {"group": "b"}, "group"
    )
    z_squared = stats.chi2_contingency([[90, 30], [50, 50]], correction=False)
    assert large.p_value == pytest.approx(z_squared.pvalue)
    assert large.method.endswith("two-proportion z, pooled")


def test_highest_group_is_one_and_the_interval_of_two_groups_is_plain(make_counts: Make, find: Find) -> None:
    from assay.core.measure import Share
    from assay.stats.rates import koopman

    measures = list(selection_rates(decisions(make_counts, a=(90, 120), b=(50, 100))))
    top = find(measures, "impact_ratio", {"group": "a"}, "group")
    assert (top.value, top.interval, top.p_value) == (1, None, None)
    b = find(measures, "impact_ratio", {"group": "b"}, "group")
    plain = koopman(Share(50, 100, 100, 100), Share(90, 120, 120, 120), level=0.95)
    assert plain is not None
    assert b.interval is not None
    assert (b.interval.low, b.interval.high) == pytest.approx((plain.low, plain.high), abs=1e-6)


def test_impact_ratio_of_a_group_with_no_selection(make_counts: Make, find: Find) -> None:
    measures = list(selection_rates(decisions(make_counts, a=(30, 60), b=(0, 50), c=(20, 60))))
    none = find(measures, "impact_ratio", {"group": "b"}, "group")
    assert none.value == 0
    assert none.interval is not None
    assert none.interval.low == 0
    assert none.interval.high > 0
    assert none.family == "impact_ratio"
