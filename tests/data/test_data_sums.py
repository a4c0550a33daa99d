"""Fixed-point sums: correctly rounded, exact, and the same whatever library takes the logarithm."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.subject import by
from assay.data.case import Case
from assay.data.rows import exact, sums
from assay.data.rows.sql import scan

LOSSES = ("log_loss", "log_loss_squared")


@given(st.floats(0, 1), st.sampled_from([0, 1]))
def test_a_log_loss_is_correctly_rounded(p: float, y: int) -> None:
    getcontext().prec = 80
    chance = min(max(p if y else 1.0 - p, 1e-15), 1.0 - 1e-15)
    exactly = -Decimal(chance).ln() * 2**28
    assert abs(sums.surprise(y, p) - exactly) <= Decimal("0.5")


def rows(n: int = 20_000) -> pa.Table:
    rng = np.random.default_rng(8)
    p = rng.random(n)
    p[:4] = [0.0, 1.0, 1e-16, 1 - 2**-53]
    return pa.table({"y": rng.integers(0, 2, n), "p": p, "w": rng.gamma(2, 1, n), "g": rng.choice(["a", "b"], n)})


def test_log_losses_are_summed_as_if_each_were_rounded_in_python() -> None:
    table = rows()
    ((counts,),) = Case.from_frame(table, label="y", score="p").count([by("label", sums=LOSSES)])
    units = [sums.surprise(y, p) for y, p in zip(table["y"].to_pylist(), table["p"].to_pylist(), strict=True)]
    scale = counts.scale_of("log_loss")
    assert int(counts.sums["log_loss"].sum()) == sum(units) * (int(scale) >> 28)
    assert counts.total("log_loss_squared") == pytest.approx(sum((u / 2**28) ** 2 for u in units), rel=1e-9)


@pytest.mark.parametrize("error", [2.0**-45, -(2.0**-45)])
def test_a_logarithm_that_errs_in_its_last_bits_changes_nothing(error: float, monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.random.default_rng(4).uniform(0.02, 0.4, 2_000_000)
    scaled = -np.log(p) * 2**28 + 0.5
    p = p[abs(scaled - np.round(scaled)) < 2**-17]  # rows that such an error moves over a rounding edge
    table = pa.table({"y": np.ones(len(p), dtype=int), "p": p})

    def total() -> int:
        ((counts,),) = Case.from_frame(table, label="y", score="p").count([by("label", sums=LOSSES)])
        return int(counts.sums["log_loss"].sum())

    right, true_log = total(), np.log
    monkeypatch.setattr(np, "log", lambda x: true_log(x) * (1 + error))
    assert total() == right
    monkeypatch.setattr(sums, "DOUBTFUL", 0.0)
    assert total() != right


@pytest.mark.parametrize("weight", [None, "w"])
def test_doubtful_rows_are_rounded_in_python_on_sql_too(weight: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    table = rows()
    connection = duckdb.connect()
    connection.register("rows", table)
    roles: dict[str, Any] = {"label": "y", "score": "p", "protected": "g", "weight": weight}
    seen: list[int] = []
    add = scan._with_doubtful

    def spy(found: Any, *rest: Any) -> Any:
        seen.append(found.num_rows)
        return add(found, *rest)

    monkeypatch.setattr(scan, "_with_doubtful", spy)
    request = [by("protected", "label", sums=LOSSES), by(sums=LOSSES)]
    expected = Case.from_frame(table, **roles).count(request)
    assert Case.from_frame(connection.table("rows"), **roles).count(request) == expected
    assert seen
    assert 0 < seen[0] < 100


@given(st.lists(st.tuples(st.integers(0, 2**53), st.integers(0, 3)), min_size=1, max_size=40))
def test_squares_and_sums_of_large_integers_are_exact(pairs: list[tuple[int, int]]) -> None:
    values, index = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    squares = exact.group_squares(values, index, 4)
    assert [int(v) for v in squares] == [sum(v * v for v, i in pairs if i == k) for k in range(4)]
    total = exact.group_sum(values << 9, index, 4)
    assert [int(v) for v in total] == [sum(v << 9 for v, i in pairs if i == k) for k in range(4)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 2**40)), min_size=1, max_size=40))
def test_pairs_are_products_of_what_units_have_in_cells(triples: list[tuple[int, int, int]]) -> None:
    unit, cell, amount = (np.array(column, dtype=np.int64) for column in zip(*triples, strict=True))
    pairs = exact.pairs_of(unit, cell, amount)
    found = {(int(i), int(j)): int(s) for i, j, s in zip(pairs.i, pairs.j, pairs.square, strict=True)}
    expected: dict[tuple[int, int], int] = {}
    for u, c, a in triples:
        for v, d, b in triples:
            if u == v:
                expected[c, d] = expected.get((c, d), 0) + a * b
    assert found == expected


def test_pairs_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    unit, cell, amount = rng.integers(0, 50, 900), rng.integers(0, 7, 900), rng.integers(1, 9, 900)
    whole = exact.pairs_of(unit, cell, amount)
    monkeypatch.setattr(exact, "_AT_ONCE", 64)
    parts = exact.pairs_of(unit, cell, amount)
    assert all(np.array_equal(getattr(whole, side), getattr(parts, side)) for side in ("i", "j", "square"))


def test_too_many_pairs_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "MANY_PAIRS", 10)
    table = pa.table({"y": [0, 1] * 50, "u": [0] * 100, "g": [f"g{i % 10}" for i in range(100)]})
    with pytest.raises(Exception, match=r"pairs of cells arise.*Leave the role unit out"):
        Case.from_frame(table, label="y", protected="g", unit="u").count([by("protected", "label")])


def test_scales_are_powers_of_two() -> None:
    y = np.array([1e12, 2e12, 3e12, 5e11] * 10)
    case = Case.from_frame(pa.table({"y": y}), label="y", task="regression")
    ((counts,),) = case.count([by("label", sums=("y", "y_fourth"))])
    for name in ("y", "y_fourth"):
        scale = Fraction(counts.scale_of(name))
        assert math.log2(scale.numerator) % 1 == math.log2(scale.denominator) % 1 == 0
    assert counts.scale_of("y_fourth") < 1
    assert counts.total("y_fourth") == pytest.approx((y**4).sum(), rel=1e-12)
