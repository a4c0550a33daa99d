"""Counts: exact arithmetic that commutes with scanning, one byte form, shares with their effective n."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.core.subject import by
from assay.data.case import Case
from assay.data.cells.arithmetic import add_at, as_ints, unique_rows
from assay.data.coding import OTHER, Bins, Codings, Dim, Favourable, Values
from assay.data.counts import FIXED, WW, Counts, N, Pairs, W

TEXT = st.one_of(st.none(), st.sampled_from(["a", "b", "missing", "", "é", "\x00other"]))
ROWS = st.lists(
    st.tuples(TEXT, st.sampled_from([0, 1, None]), st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=40
)


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    g, y, p, unit = zip(*rows, strict=True)
    columns = [pa.array(g, pa.string()), pa.array(y, pa.int64()), pa.array(p, pa.float64()), pa.array(unit, pa.int64())]
    return pa.table(columns, names=["g", "y", "p", "unit"])


FROZEN = Codings({("score", "score"): Bins((0.0, 0.25, 0.5))})
REQUEST = by("protected", "label", "score", sums=("score", "squared_error", "log_loss"))


def counted(rows: list[tuple[Any, ...]], **roles: Any) -> Counts:
    """Counts of some rows, in two columns that are never missing throughout."""
    fixed = [*rows, ("a", 0, 0.5, 1), ("b", 1, 0.5, 2)]
    case = Case.from_frame(table(fixed), label="y", score="p", protected="g", bins=FROZEN, **roles)
    ((counts,),) = case.count([REQUEST])
    return counts - ALWAYS if not roles else counts


ALWAYS = Counts.from_cells([], [], {N: []})
ALWAYS = (lambda case: case.count([REQUEST])[0][0])(
    Case.from_frame(table([("a", 0, 0.5, 1), ("b", 1, 0.5, 2)]), label="y", score="p", protected="g", bins=FROZEN)
)


@given(ROWS, ROWS)
def test_adding_and_subtracting_commute_with_scanning(left: Any, right: Any) -> None:
    both = counted([*left, *right])
    assert counted(left) + counted(right) == both
    assert both - counted(right) == counted(left)
    assert (both - both).n == 0
    assert len(both - both) == 0
    assert counted([*left, *left]) == counted(left).scaled(2)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_leaves_the_digest(rows: Any, random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert counted(shuffled).digest == counted(rows).digest


@given(ROWS)
def test_marginals_and_slices_are_what_a_scan_of_fewer_columns_or_rows_gives(rows: Any) -> None:
    counts = counted(rows)
    cells = Counter((g, y) for g, y, _, _ in rows)
    seen = {(cell["g"], cell["label"]): n for cell, n in counts.marginal("protected", "label")}
    spelled = {
        ("\x00\x00other" if g == "\x00other" else g, None if y is None else str(y)): n for (g, y), n in cells.items()
    }
    assert seen == spelled
    group = counts.where({"g": "a"})
    assert group.n == sum(n for (g, _), n in cells.items() if g == "a")
    kept = [row for row in rows if row[0] == "a"]
    if kept:
        assert group == counted(kept)
    assert {g.slice["g"]: g.counts.n for g in counts.groups(["g"])} == {
        cell["g"]: n for cell, n in counts.marginal("protected")
    }


@given(ROWS)
def test_sums_are_exact(rows: Any) -> None:
    counts = counted(rows)
    scale = counts.scale_of("score")
    exact = sum(int(p * scale + 0.5) for _, _, p, _ in rows)
    assert int(counts.sums["score"].sum()) == exact
    errors = [(p - y) * (p - y) for _, y, p, _ in rows if y is not None]
    assert int(counts.sums["squared_error"].sum()) == sum(int(e * scale + 0.5) for e in errors)


@given(rows=ROWS)
@settings(max_examples=30)
def test_bytes_and_parquet_come_back(rows: Any, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts.parquet"
    for roles in ({}, {"unit": "unit"}):
        counts = counted(rows, **roles)
        counts.to_parquet(path)
        for back in (Counts.from_bytes(counts.to_bytes()), Counts.from_parquet(path)):
            assert back == counts
            assert back.digest == counts.digest
            assert back + counts == counts.scaled(2)
    assert [p.name for p in path.parent.iterdir()] == ["counts.parquet"]


def big() -> Counts:
    """Counts with a sum beyond 64 bits and a scale below one."""
    dims = [Dim("protected", "g", Values(), ())]
    sums = {N: [1, 2], "y_fourth": [2**100 + 1, -(2**90)]}
    return Counts.from_cells(dims, [("x",), (None,)], sums, scales={"y_fourth": Fraction(1, 2**20)})


def test_integers_beyond_64_bits_stay_exact(tmp_path: Path) -> None:
    counts = big()
    total = counts + counts
    assert int(total.sums["y_fourth"].sum()) == 2 * (2**100 + 1 - 2**90)
    assert counts.total("y_fourth") == float((2**100 + 1 - 2**90) * 2**20)
    total.to_parquet(tmp_path / "c.parquet")
    assert Counts.from_parquet(tmp_path / "c.parquet") == total == Counts.from_bytes(total.to_bytes())


def _edited(counts: Counts, change: Any) -> bytes:
    head, rest = counts.to_bytes().split(b"\n", 1)
    header = json.loads(head)
    change(header)
    return json.dumps(header).encode() + b"\n" + rest


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json\n1,2\n",
        b"[]\n",
        _edited(big(), lambda h: h.update(format=99)),
        _edited(big(), lambda h: h["dims"][0].update(levels=["only one"])),
        _edited(big(), lambda h: h["dims"][0].update(levels=["z", "y"])),
        _edited(big(), lambda h: h["dims"][0]["coding"].update(kind="guess")),
        _edited(big(), lambda h: h["scales"].update(y_fourth="0")),
        big().to_bytes() + b"0,1\n",
        big().to_bytes().replace(b"0,1,", b"0,-1,one,"),
    ],
)
def test_bytes_that_are_no_counts_are_refused(data: bytes) -> None:
    with pytest.raises(AssayError):
        Counts.from_bytes(data)


def test_files_that_are_no_counts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    with pytest.raises(AssayError, match="no file"):
        Counts.from_parquet(path)
    big().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(AssayError, match="not Counts"):
        Counts.from_parquet(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.parquet"
    big().to_parquet(path)
    before = path.read_bytes()

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(AssayError, match="No space left"):
        (big() + big()).to_parquet(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["c.parquet"]


def test_counts_of_other_columns_or_scales_do_not_add() -> None:
    other = Counts.from_cells([Dim("protected", "h", Values(), ())], [("x",)], {N: [1], "y_fourth": [1]})
    with pytest.raises(AssayError, match="cannot be added"):
        big() + other
    scaled = Counts.from_cells(big().dims, [("x",)], {N: [1], "y_fourth": [1]})
    with pytest.raises(AssayError, match="different sums"):
        big() + scaled


def test_a_favourable_value_has_no_name_in_counts() -> None:
    def one(value: str) -> Counts:
        return Counts.from_cells([Dim("label", "label", Favourable(value), ())], [("1",), ("0",)], {N: [3, 4]})

    assert one("good") == one("1")
    assert (one("good") + Counts.from_bytes(one("repaid").to_bytes())).n == 14


def test_a_column_called_like_a_role_does_not_hide_the_role() -> None:
    dims = [Dim("protected", "label", Values(), ()), Dim("label", "label", Favourable("1"), ())]
    counts = Counts.from_cells(dims, [("x", "1"), ("y", "0"), ("y", "1")], {N: [1, 2, 4]})
    assert counts.where({"label": "1"}).n == 5
    assert [group.slice for group in counts.groups(["label"])] == [{"label": "x"}, {"label": "y"}]
    assert counts.marginal(("protected", "label")).dims[0].levels == ("x", "y")


def test_sparse_codes_of_many_dimensions_are_sorted_without_a_dense_table() -> None:
    codes = np.random.default_rng(1).integers(0, 2**31 - 1, (500, 4)).astype(np.int32)
    unique, where = unique_rows(codes)
    assert np.array_equal(unique, np.unique(codes, axis=0))
    assert np.array_equal(unique[where], codes)


@given(st.lists(st.tuples(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 3)), max_size=30))
def test_group_sums_are_those_of_python_integers(pairs: list[tuple[int, int]]) -> None:
    values = np.array([value for value, _ in pairs], dtype=np.int64)
    found = add_at(values, np.array([index for _, index in pairs], dtype=np.int64), 4)
    assert [int(v) for v in found] == [sum(v for v, i in pairs if i == k) for k in range(4)]
    assert as_ints([2**70, -1]).dtype == object


# -- shares ----------------------------------------------------------------------------------------


def test_a_share_without_weights_or_units_counts_rows() -> None:
    counts = Counts.from_cells([Dim("label", "label", Favourable("1"), ())], [("1",), ("0",), (None,)], {N: [3, 4, 5]})
    share = counts.share({"label": "1"}, {"label": ("0", "1")})
    assert (share.hits, share.total, share.rows, share.effective) == (3, 7, 7, 7)
    assert counts.share({"label": "1"}, {"label": "2"}).value is None


def test_frequency_weights_stand_for_rows() -> None:
    dims = [Dim("label", "label", Favourable("1"), ())]
    sums = {N: [1, 1], W: [30 * FIXED, 10 * FIXED], WW: [900 * FIXED**2, 100 * FIXED**2]}
    share = Counts.from_cells(dims, [("1",), ("0",)], sums, weights="frequency").share({"label": "1"})
    assert (share.value, share.total, share.rows, share.effective) == (0.75, 40, 2, 40)


def _case(rng: np.random.Generator, units: int, **roles: Any) -> tuple[pa.Table, Counts]:
    size = rng.integers(1, 6, units)
    unit = np.repeat(np.arange(units), size)
    tendency = np.repeat(rng.beta(1, 1.5, units), size)
    y = (rng.random(len(unit)) < tendency).astype(int)
    w = rng.gamma(2, 1, len(unit))
    rows = pa.table({"y": y, "w": w, "u": unit})
    ((counts,),) = Case.from_frame(rows, label="y", **roles).count([by("label")])
    return rows, counts


@pytest.mark.parametrize("roles", [{"unit": "u"}, {"unit": "u", "weight": "w"}, {"weight": "w"}])
def test_the_effective_n_is_that_of_the_linearised_variance(roles: dict[str, str]) -> None:
    rows, counts = _case(np.random.default_rng(5), 400, **roles)
    share = counts.share({"label": "1"})
    y = rows["y"].to_numpy().astype(float)
    w = np.floor(rows["w"].to_numpy() * FIXED + 0.5) / FIXED if "weight" in roles else np.ones(len(y))
    group = rows["u"].to_numpy() if "unit" in roles else np.arange(len(y))
    p = (w * y).sum() / w.sum()
    residual = np.bincount(group, weights=w * (y - p))
    variance = (residual**2).sum() / w.sum() ** 2
    assert share.value == pytest.approx(p, rel=1e-12)
    assert share.effective == pytest.approx(p * (1 - p) / variance, rel=1e-9)


@pytest.mark.parametrize("roles", [{"unit": "u"}, {"unit": "u", "weight": "w"}])
def test_the_effective_n_predicts_how_much_shares_vary(roles: dict[str, str]) -> None:
    rng = np.random.default_rng(11)
    shares = [_case(rng, 60, **roles)[1].share({"label": "1"}) for _ in range(400)]
    spread = np.var([share.value for share in shares])
    predicted = np.mean([share.value * (1 - share.value) / share.effective for share in shares])
    assert predicted == pytest.approx(spread, rel=0.2)
    assert np.mean([share.effective / share.rows for share in shares]) < 0.8


def test_pairs_are_moved_with_their_cells() -> None:
    dims = [Dim("protected", "g", Values(), ())]
    pairs = Pairs(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([4, 2, 2, 1]))
    counts = Counts.from_cells(dims, [("b",), ("a",)], {N: [2, 1]}, pairs=pairs)
    assert counts.pairs is not None
    assert list(zip(counts.pairs.i, counts.pairs.j, counts.pairs.square, strict=True)) == [
        (0, 0, 1), (0, 1, 2), (1, 0, 2), (1, 1, 4)
    ]  # fmt: skip
    assert counts.marginal().pairs is not None
    assert counts.marginal().pairs.square.tolist() == [9]  # type: ignore[union-attr]


def test_other_is_a_level_that_no_text_can_be() -> None:
    rows = pa.table({"t": [OTHER, "x"] * 3, "y": [0, 1] * 3})
    ((counts,),) = Case.from_frame(rows, label="y", protected="t").count([by("protected")])
    assert OTHER not in counts.dim("protected").levels
