"""Columns of every kind become levels that a reader understands and that hold every row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.data.coding import OTHER
from assay.fairness.subgroups.encoding import LEVELS, bin_starts, encode


def texts(values, type_=None, **how):
    encoded = encode(pa.table({"x": pa.chunked_array([pa.array(values, type_)])}), ["x"], **how)
    return [encoded.levels[0][code] for code in encoded.codes[0]]


def test_few_values_keep_their_own_texts():
    assert texts([3, None, 1, 3]) == ["3", None, "1", "3"]
    assert texts([1.5, -0.0, float("nan"), 0.0]) == ["1.5", "0", None, "0"]
    assert texts([True, False, None]) == ["true", "false", None]
    assert texts(["b", "a", None]) == ["b", "a", None]
    assert texts([Decimal("1.10"), Decimal("0.30")]) == ["1.1", "0.3"]
    assert texts([date(2020, 1, 2), None, date(2020, 1, 1)]) == ["2020-01-02", None, "2020-01-01"]
    assert texts(["x", "y", None], pa.dictionary(pa.int8(), pa.string())) == ["x", "y", None]


def test_many_numbers_are_cut_at_quantiles_and_named_by_their_edges():
    found = texts(np.arange(100.0), bins=4)
    assert [found[i] for i in (0, 24, 25, 49, 50, 75, 99)] == [
        "< 25", "< 25", "[25, 50)", "[25, 50)", "[50, 75)", ">= 75", ">= 75",
    ]  # fmt: skip
    assert {found.count(text) for text in set(found)} == {25}


def test_a_heavy_value_has_a_bin_of_its_own():
    gains = np.concatenate([np.zeros(900), np.arange(1.0, 101.0)])
    found = texts(gains, bins=10)
    assert found.count("0") == 900
    assert found.count(">= 1") == 100


def test_times_are_binned_and_named():
    when = [datetime(2020, 1, 1 + i % 28, tzinfo=UTC) for i in range(280)]
    found = texts(when, pa.timestamp("us", tz="UTC"), bins=2)
    assert set(found) == {"< 2020-01-15T00:00:00Z", ">= 2020-01-15T00:00:00Z"}


def test_rare_words_share_a_level_that_no_word_has():
    words = [f"w{i:02d}" for i in range(60) for _ in range(60 - i)] + ["\x00other", None]
    encoded = encode(pa.table({"x": words}), ["x"])
    assert len(encoded.levels[0]) == LEVELS + 1
    assert encoded.levels[0][-2:] == (OTHER, None)
    assert "w00" in encoded.levels[0]
    assert "w59" not in encoded.levels[0]
    other = encoded.codes[0] == encoded.levels[0].index(OTHER)
    assert other.sum() == sum(60 - i for i in range(LEVELS - 1, 60)) + 1


def test_columns_that_say_nothing_are_left_out_with_a_reason():
    table = pa.table({"list": [[1], [2]], "one": [7, 7], "none": pa.nulls(2), "x": [1, 2]})
    encoded = encode(table, table.column_names)
    assert encoded.names == ("x",)
    assert set(encoded.left_out) == {"list", "one", "none"}
    assert encoded.left_out["one"] == "all rows have one value"


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(2, 40))
def test_bins_are_about_equally_heavy(counts, bins):
    counts = np.array(counts)
    starts = bin_starts(counts, bins)
    assert starts[0]
    rows = np.bincount(np.cumsum(starts) - 1, weights=counts)
    if len(counts) <= bins:
        assert starts.all()
        return
    share = counts.sum() / bins
    light = np.bincount(np.cumsum(starts) - 1) > 1
    assert (rows[light] <= 1.5 * share + counts.max()).all()
    assert starts.sum() <= 2 * bins + 1


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True)), min_size=2, max_size=80), st.integers(2, 12))
def test_every_number_lies_in_the_bin_that_its_level_says(values, bins):
    encoded = encode(pa.table({"x": pa.array(values, pa.float64())}), ["x"], bins=bins)
    if not encoded.names:
        return
    for value, code in zip(values, encoded.codes[0], strict=True):
        level = encoded.levels[0][code]
        if value is None or np.isnan(value):
            assert level is None
        elif level.startswith("< "):
            assert value < float(level[2:])
        elif level.startswith(">= "):
            assert value >= float(level[3:])
        elif level.startswith("["):
            low, high = level[1:-1].split(", ")
            assert float(low) <= value < float(high)
        else:
            assert float(level) == value


def test_too_few_or_too_many_bins_are_refused():
    for bins in (1, 101):
        with pytest.raises(AssayError, match="bins"):
            texts([1, 2, 3], bins=bins)


def test_an_unknown_column_lists_the_known():
    encoded = encode(pa.table({"age": [1, 2], "sex": ["a", "b"]}), ["age", "sex"])
    with pytest.raises(AssayError, match="Known: age, sex"):
        encoded.place("ages")
