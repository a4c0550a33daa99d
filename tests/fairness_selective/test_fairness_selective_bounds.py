"""The bounds hold for every completion of the unseen outcomes, and for no narrower region."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selective_tables import Lender, every_completion, found, lend, rates

from assay.core.errors import AssayError
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.predictive_parity import predictive_parity

CELL = st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 1), st.booleans())
NAMES = ("tpr", "fpr", "ppv", "npv", "base_rate")


def table(cells: list[tuple[str, int, int, bool]]) -> pd.DataFrame:
    frame = pd.DataFrame(cells, columns=["g", "yes", "repaid", "seen"])
    return frame.assign(drawn=False)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(CELL, min_size=1, max_size=9).filter(lambda cells: any(seen for *_, seen in cells)))
def test_the_ends_are_the_least_and_the_most_over_all_completions(cells: list[tuple[str, int, int, bool]]) -> None:
    frame = table(cells)
    said = found(lend(frame))
    for group, part in [((), frame), *frame.groupby(["g"])]:
        for name, ends in every_completion(part).items():
            low, high = said[f"{name}_lowest", *group], said[f"{name}_highest", *group]
            if ends is None:
                assert low.value is None
                assert high.value is None
                assert low.reason is not None
            else:
                assert (low.value, high.value) == pytest.approx(ends)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(CELL, min_size=4, max_size=8).filter(lambda cells: any(seen for *_, seen in cells)))
def test_the_gap_is_bounded_by_its_least_and_its_most(cells: list[tuple[str, int, int, bool]]) -> None:
    frame = table(cells)
    said = found(lend(frame))
    groups = [every_completion(part) for _, part in frame.groupby("g")]
    for name in NAMES:
        ends = [one[name] for one in groups if one[name] is not None]
        low, high = said[f"{name}_gap_lowest",], said[f"{name}_gap_highest",]
        if len(ends) < 2:
            assert low.value is None
            assert high.value is None
            continue
        (a, b), (c, d) = ends[0] or (0, 0), ends[1] or (0, 0)
        assert low.value == pytest.approx(max(0.0, a - d, c - b))
        assert high.value == pytest.approx(max(b - c, d - a))
        assert low.interval is not None
        assert low.interval == high.interval
        assert low.interval.low <= low.value <= high.value <= low.interval.high


def test_where_every_outcome_was_seen_nothing_is_new() -> None:
    frame = Lender(select=(0.6, 0.4, 0.5), good=(0.9, 0.8, 0.7), less=(0.4, 0.5, 0.3)).draw(
        80, np.random.default_rng(3)
    )
    frame = frame.assign(repaid=frame["outcome"], seen=True)
    said = found(lend(frame))
    case = lend(frame, observed=None)
    known = found(case, error_rates) | found(case, predictive_parity)
    for name in ("tpr", "fpr", "ppv", "npv"):
        for group in ((), ("a",), ("b",), ("c",)):
            one = known[name, *group]
            for end in ("lowest", "highest"):
                assert said[f"{name}_{end}", *group].value == one.value
                assert said[f"{name}_{end}", *group].interval == one.interval
        gap, region = known[f"{name}_gap",], said[f"{name}_gap_highest",]
        assert gap.interval is not None
        assert region.interval is not None
        assert region.value == pytest.approx(gap.value)
        assert (region.interval.low, region.interval.high) == pytest.approx((gap.interval.low, gap.interval.high))
        assert not region.notes


def test_what_stands_in_the_label_of_the_unseen_changes_nothing() -> None:
    frame = Lender(slice=0.1).draw(60, np.random.default_rng(4))
    truth = found(lend(frame, randomised="drawn"))
    for filler in (1, np.nan, 7):
        other = frame.assign(repaid=frame["repaid"].where(frame["seen"], filler))
        assert found(lend(other, randomised="drawn")) == truth


def test_weights_count_as_so_many_rows() -> None:
    frame = Lender(slice=0.1).draw(40, np.random.default_rng(5))
    weighted = found(lend(frame.assign(w=3), randomised="drawn", weight="w", weights="frequency"))
    for key, m in found(lend(pd.concat([frame] * 3), randomised="drawn")).items():
        assert weighted[key].value == pytest.approx(m.value), key
        if m.interval is not None:
            other = weighted[key].interval
            assert other is not None
            assert (other.low, other.high) == pytest.approx((m.interval.low, m.interval.high))


def test_crossings_of_attributes_are_bounded_too() -> None:
    frame = Lender().draw(60, np.random.default_rng(6)).assign(h=["x", "y"] * 60)
    said = found(lend(frame, protected=["g", "h"]))
    part = frame[(frame["g"] == "a") & (frame["h"] == "y")]
    seen = part["seen"]
    least, most = (rates(part["repaid"].where(seen, filler), part["yes"]) for filler in (1, 0))
    assert said["npv_lowest", "a", "y"].value == pytest.approx(least["npv"])
    assert said["npv_highest", "a", "y"].value == pytest.approx(most["npv"])
    assert ("npv_lowest", "a", "y") not in found(lend(frame, protected=["g", "h"]), depth=1)


def test_an_unknown_way_of_drawing_is_an_error() -> None:
    with pytest.raises(AssayError, match=r"drawn_from.*all"):
        found(lend(Lender(slice=0.2).draw(30, np.random.default_rng(1)), randomised="drawn"), drawn_from="some")
