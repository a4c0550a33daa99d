"""Texts that travel as codes, or are shared objects in a frame, are the same texts to every model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.coded_texts import coded_array, coded_field, is_coded, spelled
from assay.models.inputs import frame, select

TEXTS = st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=30)
KINDS = [pa.string(), pa.large_string()]


def coded(values: list[str | None], kind: pa.DataType) -> pa.Table:
    known = sorted({value for value in values if value is not None})
    codes = np.array([-1 if value is None else known.index(value) for value in values], dtype=np.int32)
    field = coded_field("t", kind)
    return pa.table([coded_array(codes, pa.array(known, kind))], schema=pa.schema([field]))


@pytest.mark.parametrize("kind", KINDS)
@given(values=TEXTS)
def test_coded_texts_are_those_texts(kind: pa.DataType, values: list[str | None]) -> None:
    plain = pa.table({"t": pa.array(values, kind)})
    table = coded(values, kind)
    assert spelled(table).equals(plain)
    for part in (table, select(table, ["t"]), table.slice(0)):
        pd.testing.assert_frame_equal(frame(part), plain.to_pandas(), check_dtype=False)
        assert frame(part)["t"].dtype == "str"


@pytest.mark.parametrize("kind", KINDS)
def test_long_columns_of_few_texts_share_their_objects(kind: pa.DataType) -> None:
    table = pa.table({"t": pa.array(["a" * 20, None, "é"] * 1000, kind), "n": range(3000)})
    table = pa.concat_tables([table, table.slice(1, 500)])
    found, plain = frame(table), table.to_pandas()
    pd.testing.assert_frame_equal(found, plain, check_dtype=False)
    assert found["t"].dtype == "str"
    values = found["t"].to_numpy(dtype=object)
    assert values[0] is values[3]
    assert found["t"].isna().equals(plain["t"].isna())


def test_texts_that_differ_are_left_to_pandas() -> None:
    table = pa.table({"t": pa.array([str(i) for i in range(5000)], pa.large_string())})
    pd.testing.assert_frame_equal(frame(table), table.to_pandas())


def test_a_category_of_the_data_stays_one() -> None:
    table = pa.table({"t": pa.array(["a", "b", None] * 1000).dictionary_encode()})
    assert not is_coded(table.schema.field(0))
    assert spelled(table) is table
    assert isinstance(frame(table)["t"].dtype, pd.CategoricalDtype)
