"""Bins that every engine makes alike, and that lose little."""

from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from assay.core.errors import AssayError
from assay.core.subject import by, each
from assay.data.case import Case
from assay.data.coding import Bins, Codings, Values
from assay.data.rows import edges
from assay.data.rows.protocol import cut_of
from assay.data.rows.sql import files, query
from assay.data.rows.sql.duck import lookup_cells

N = 4000


def scored(seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, N)
    p = np.clip(rng.beta(0.3, 3, N) + 0.2 * y * rng.random(N), 0, 1)
    words = [f"w{v % 400}" for v in rng.zipf(1.2, N)]
    return pa.table({
        "y": y, "p": p, "g": rng.choice(["a", "b"], N), "heavy": rng.lognormal(0, 5, N), "few": rng.integers(0, 20, N),
        "shifted": 1.6e9 + rng.random(N) * 10, "word": words, "id": [f"id{i}" for i in range(N)],
        "tied": [f"t{i % 2000}" for i in range(N)], "lump": np.where(rng.random(N) < 0.9, 0.0, rng.normal(0, 1e6, N)),
    })  # fmt: skip


ROLES: dict[str, Any] = {"label": "y", "score": "p", "protected": "g"}
REQUESTS = (by("protected", "label", "score", sums=("score", "log_loss")), each("feature", "label?"))


@pytest.fixture(params=["few rows", "many rows"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The rules for small data and for large data, on the same rows."""
    if request.param == "many rows":
        monkeypatch.setattr(edges, "SMALL", 1000)
        monkeypatch.setattr(query, "SMALL", 1000)
        monkeypatch.setattr(query, "_GLANCE", 500)
    return str(request.param)


def test_codings_and_counts_are_those_of_duckdb(size: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    rows = scored()
    pq.write_table(rows, tmp_path / "rows.parquet")
    connection = duckdb.connect()
    connection.register("rows", rows)
    memory = Case.from_frame(rows, **ROLES)
    for source in (tmp_path / "rows.parquet", connection.table("rows")):
        case = Case.from_frame(source, **ROLES)
        assert case.codings() == memory.codings()
        assert case.count(REQUESTS) == memory.count(REQUESTS)


def test_bins_are_about_equally_full(size: str) -> None:
    case = Case.from_frame(scored(), **ROLES)
    # 1.6 % of these scores lie below 2**-19, the finest edge of large data
    for role, most in (("score", 0.02), ("heavy", 0.07), ("shifted", 0.07)):
        request = by("score") if role == "score" else each("feature")
        tables = case.count([request])[0]
        (counts,) = (t for t in tables if t.dims[0].name == role)
        shares = counts.table(role) / N
        assert shares.max() < most, role
        assert len(shares) <= (515 if role == "score" else 34)
    codings = case.codings().columns
    lump = codings["feature", "lump"]
    assert isinstance(lump, Bins)
    assert 2 <= len(lump.edges) <= 32
    assert codings["feature", "few"] == Values()


def test_the_auc_from_bins_is_that_of_the_rows(size: str) -> None:
    for seed in range(5):
        rows = scored(seed)
        ((counts,),) = Case.from_frame(rows, **ROLES).count([by("label", "score")])
        negative, positive = counts.table("label", "score")
        below = np.cumsum(negative) - negative
        auc = (positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum())
        assert auc == pytest.approx(roc_auc_score(rows["y"], rows["p"]), abs=1e-4)


def test_few_distinct_scores_have_a_bin_each() -> None:
    rows = pa.table({"y": [0, 1] * 50, "p": [0.1, 0.2, 0.1 + 2**-50, 1.0] * 25})
    case = Case.from_frame(rows, label="y", score="p")
    coding = case.codings().columns["score", "score"]
    assert coding == Bins((0.1, 0.1 + 2**-50, 0.2, 1.0))
    ((counts,),) = case.count([by("score")])
    assert counts.dim("score").levels == ("1", "2", "3", "4")


def test_frequent_texts_are_kept_and_ties_go_by_code_point(size: str) -> None:
    case = Case.from_frame(scored(), **ROLES)
    codings = case.codings().columns
    for name in ("word", "id", "tied"):
        coding = codings["feature", name]
        assert isinstance(coding, Values)
        assert coding.kept is not None
        values = scored()[name].to_pylist()
        best = (
            sorted(set(values), key=lambda v: (-values.count(v), v))[:255]
            if name == "word"
            else sorted(set(values))[:255]
        )
        assert set(coding.kept) == set(best)
        assert list(coding.kept) == sorted(coding.kept)


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 20))
def test_the_cut_keeps_the_most_frequent_and_ties(rows: list[int], places: int) -> None:
    cut = cut_of(np.array(rows, dtype=np.int64), places=places)
    kept = [n for n in rows if n >= cut]
    assert len(kept) >= min(places, len(rows))
    assert len([n for n in kept if n > cut]) < places or cut == 1


@given(
    st.dictionaries(st.integers(0, 2**12 - 1), st.sampled_from([0.0, 0.3, 0.5]), min_size=1, max_size=300),
    st.lists(st.floats(0, 1), max_size=50),
)
def test_the_lookup_finds_the_bin(places: dict[int, float], scores: list[float]) -> None:
    given_edges = tuple(sorted((n + within) / 2**12 for n, within in places.items()))
    cells = lookup_cells(given_edges, 12)
    assert cells is not None
    for score in [*scores, *given_edges, 0.0, 1.0]:
        row = math.floor(score * 2**12)
        assert cells["cell"][row] == row
        assert cells["bin"][row] + (score >= cells["edge"][row]) == np.searchsorted(given_edges, score, side="right")
    assert cells["cell"][-1] == -1
    assert cells["bin"][-1] is np.ma.masked


def test_edges_closer_than_a_cell_have_no_lookup_and_the_same_bins(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    close = [0.1, *(0.5 + i * 2.0**-40 for i in range(80)), 0.75]
    assert lookup_cells(close, 19) is None
    p = np.random.default_rng(0).choice([*close, 0.0, 0.3, 1.0], 500)
    rows = pa.table({"y": [0, 1] * 250, "p": p, "g": ["a"] * 500})
    pq.write_table(rows, tmp_path / "rows.parquet")
    a, b = (Case.from_frame(s, bins={"score": close}, **ROLES) for s in (rows, tmp_path / "rows.parquet"))
    assert a.count([by("score")]) == b.count([by("score")])


def test_frozen_codings_count_later_rows_into_the_same_cells() -> None:
    first, later = scored(1), scored(2)
    release = Case.from_frame(first, **ROLES)
    frozen = Codings.from_json(json.loads(json.dumps(release.codings().to_json())))
    assert frozen == release.codings()
    window = Case.from_frame(later, bins=frozen, **ROLES)
    both = Case.from_frame(pa.concat_tables([first, later]), bins=frozen, **ROLES)
    for a, b, c in zip(release.count(REQUESTS), window.count(REQUESTS), both.count(REQUESTS), strict=True):
        assert [x + y for x, y in zip(a, b, strict=True)] == list(c)


def test_frozen_units_refuse_numbers_that_outgrow_them() -> None:
    def case(unit: float, **more: Any) -> Case:
        y = np.random.default_rng(0).normal(size=100) * unit
        return Case.from_frame(pa.table({"y": y, "h": y}), label="y", prediction="h", task="regression", **more)

    frozen = case(1.0).codings()
    assert case(2.0, bins=frozen).codings() == frozen
    with pytest.raises(AssayError, match="too large for the frozen codings"):
        case(1e6, bins=frozen)
    with pytest.raises(AssayError, match="format 9"):
        Codings.from_json(frozen.to_json() | {"format": 9})
    with pytest.raises(AssayError, match="now of type string"):
        Case.from_frame(pa.table({"y": [0, 1], "x": ["a", "b"]}), label="y", bins={"x": [1.0]})
