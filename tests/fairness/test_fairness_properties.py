"""What must hold whatever the table: order, names, doubling and polarity of the rows change nothing they should not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.canonical import canonical_json
from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.checks.error_rates import error_rates
from assay.fairness.checks.selection_rates import selection_rates

Make = Callable[..., Counts]
Row = tuple[str | None, str, str | None, str | None]

OUTCOME = st.sampled_from(["0", "1", "0", "1", None])
ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "ü", None]), st.sampled_from(["x", "y"]), OUTCOME, OUTCOME),
    min_size=1,
    max_size=60,
)


def columns(rows: Iterable[Row]) -> dict[str, list[str | None]]:
    g, h, label, prediction = (list(column) for column in zip(*rows, strict=True))
    return {"g": g, "h": h, "label": label, "prediction": prediction}


def measured(counts: Counts) -> list[Measure]:
    return [*error_rates(counts), *selection_rates(counts)]


def keyed(measures: Iterable[Measure]) -> dict[tuple[object, ...], Measure]:
    return {(m.name, frozenset(m.slice.items()), m.over): m for m in measures}


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_every_measure_is_well_formed(rows: list[Row], make_counts: Make) -> None:
    measures = measured(make_counts(columns(rows)))
    assert len(keyed(measures)) == len(measures)
    for m in measures:
        canonical_json(m.to_json())
        assert Measure.from_json(m.to_json()).to_json() == m.to_json()
        assert (m.value is None) == (m.reason is not None)
        if m.value is not None and m.interval is not None:
            assert m.interval.low - 1e-12 <= m.value <= m.interval.high + 1e-12


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, data=st.data())
def test_order_of_rows_changes_nothing(rows: list[Row], data: st.DataObject, make_counts: Make) -> None:
    mixed = data.draw(st.permutations(rows))
    assert measured(make_counts(columns(rows))) == measured(make_counts(columns(mixed)))


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_names_of_groups_change_only_names(rows: list[Row], make_counts: Make) -> None:
    new = {"a": "z", "b": "é", "ü": "'; drop", None: None}
    renamed = [(new[g], *rest) for g, *rest in rows]
    old, now = (keyed(measured(make_counts(columns(r)))) for r in (rows, renamed))
    for (name, slice_, over), m in old.items():
        moved = frozenset((k, new[v] if k == "g" else v) for k, v in slice_)
        other = now[name, moved, over]
        assert other.value == pytest.approx(m.value)
        if m.name == "impact_ratio" and m.value == 1:
            continue  # of equal groups with the highest rate the first by name is the one compared with
        if m.interval is not None:
            assert other.interval is not None
            assert (other.interval.low, other.interval.high) == pytest.approx((m.interval.low, m.interval.high))
        assert other.p_value == pytest.approx(m.p_value)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_doubled_rows_give_the_same_rates_and_narrower_intervals(rows: list[Row], make_counts: Make) -> None:
    once, twice = (keyed(measured(c)) for c in (make_counts(columns(rows)), make_counts(columns(rows * 4))))
    assert make_counts(columns(rows)).scaled(4) == make_counts(columns(rows * 4))
    for key, m in once.items():
        if m.name.endswith("_spread"):
            continue  # the noise taken out is less, and a group of one row gains a variance
        if m.name.endswith("_shrunken"):
            continue  # with more rows a rate is pulled less
        other = twice[key]
        assert other.value == pytest.approx(m.value)
        if m.interval is not None and len(m.over) == 0:
            assert other.interval is not None
            assert other.interval.high - other.interval.low < m.interval.high - m.interval.low


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_swapping_the_favourable_value_swaps_the_rates(rows: list[Row], make_counts: Make) -> None:
    swap = {"0": "1", "1": "0", None: None}
    swapped = [(g, h, swap[label], swap[prediction]) for g, h, label, prediction in rows]
    old, now = (keyed(error_rates(make_counts(columns(r)))) for r in (rows, swapped))
    for (name, slice_, over), m in old.items():
        if name in ("fpr", "fnr"):
            other = now[{"fpr": "fnr", "fnr": "fpr"}[name], slice_, over]
            assert other.value == m.value
        if name == "tpr" and m.value is not None:
            assert m.value == pytest.approx(1 - old["fnr", slice_, over].value)  # type: ignore[operator]
        if name == "fpr_gap":
            assert now["fnr_gap", slice_, over].value == pytest.approx(m.value)
            assert now["tpr_gap", slice_, over].value == pytest.approx(old["fpr_gap", slice_, over].value)
