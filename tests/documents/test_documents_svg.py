"""The geometry of interval plots."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.measure import Interval, Limit, Measure
from assay.documents.report.svg import axis

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def measure(value, low=None, high=None, n=100):
    interval = None if low is None else Interval(low, high, 0.95, "x")
    return Measure("m", value, n, interval=interval)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted), min_size=1, max_size=8))
def test_every_dot_and_whisker_lies_on_the_axis(triples):
    found = [measure(v, low, high) for low, v, high in triples]
    scale = axis(found, [])
    if scale is None:
        return
    assert scale.low < scale.high
    assert all(a.at < b.at and a.value < b.value for a, b in pairwise(scale.ticks))
    for m in found:
        mark = scale.mark(m)
        assert 0 <= mark.low <= mark.at <= mark.high <= 100
        assert not mark.cut_low
        assert not mark.cut_high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_shares_get_a_scale_of_shares(values):
    scale = axis([measure(v) for v in values], [])
    assert scale is not None
    assert scale.low >= 0
    assert scale.high <= 1
    assert 2 <= len(scale.ticks) <= 7


def test_small_groups_do_not_stretch_the_scale():
    found = [measure(0.5, 0.48, 0.52), measure(0.5, -9.0, 9.0, n=2)]
    scale = axis(found, [], small=30)
    assert scale.high < 1
    assert scale.mark(found[1]).cut_low
    assert scale.mark(found[1]).cut_high


@pytest.mark.parametrize(
    ("limit", "good", "warned", "bad"),
    [
        (Limit("m", "lower", 0.2, 0.4), 0.1, 0.3, 0.5),
        (Limit("m", "higher", 0.4, 0.2), 0.5, 0.3, 0.1),
        (Limit("m", "zero", 0.2, 0.4), 0.0, -0.3, -0.5),
        (Limit("m", "zero", 0.2, 0.4), 0.1, 0.3, 0.5),
    ],
)
def test_bands_lie_where_the_limit_says(limit, good, warned, bad):
    scale = axis([measure(v) for v in (-0.6, 0.6)], [limit])
    zones = scale.zones(limit)

    def kinds(value):
        at = scale.place(value)
        return {b.kind for b in zones.bands if b.left < at < b.left + b.width}

    assert kinds(good) == set()
    assert kinds(warned) == {"warn"}
    assert kinds(bad) == {"fail"}
    assert len(zones.fail) == (2 if limit.better == "zero" else 1)


def test_nothing_to_draw_gives_no_axis():
    assert axis([], []) is None
    assert axis([measure(1.7e308), measure(-1.7e308)], []) is None
