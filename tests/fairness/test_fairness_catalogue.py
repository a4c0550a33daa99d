"""Every counting check of the area on awkward tables: what it yields is well-formed, or unmeasured with a reason."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import assay.fairness.checks as catalogue
import assay.fairness.checks.data as data_catalogue
from assay.core.canonical import canonical_json
from assay.core.check import Check
from assay.core.measure import Measure
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.counts import FIXED, Counts

Check_ = Check[Any, Any]
MODULES = [
    importlib.import_module(f"{folder.__name__}.{m.name}")
    for folder in (catalogue, data_catalogue)
    for m in pkgutil.iter_modules(folder.__path__)
]
CHECKS = {c.id: c for module in MODULES for c in vars(module).values() if isinstance(c, Check)}
ROLES = {"protected", "control", "label", "prediction", "score"}
# Binary tables: numbers to predict are no dimensions, so the checks of regressions have tests of their own.
COUNTING = {
    id: c
    for id, c in CHECKS.items()
    if c.counts and not c.counts.each and ROLES.issuperset(c.counts.roles) and c.tasks & {"binary", "multiclass"}
}

PARAMS: dict[str, dict[str, Any]] = {
    f"fairness.verification_{kind}": {"verification": True} for kind in ("rates", "scores")
}
"""What a check must be told before it says anything."""
EDGES = (0.25, 0.5, 0.75)
CODINGS = {"label": Favourable("1"), "prediction": Favourable("1"), "score": Bins(EDGES)}


def table(check: Check_, rows: dict[str, Sequence[Any]], *, weight: Sequence[float] | None = None) -> Counts:
    """Counts as `check` asks for them. The score of a row is its number; attributes are `sex` and `race`."""
    assert check.counts is not None
    n = len(rows["sex"])
    dims, columns = [], []
    for role in check.counts.roles:
        names = ("sex", "race") if role == "protected" else ("job",) if role == "control" else (role,)
        for name in names:
            dims.append(Dim(role, name, CODINGS.get(role, Values()), ()))
            values = rows[name]
            if role == "score":
                values = [None if v is None else str(int(np.searchsorted(EDGES, v, "right"))) for v in values]
            columns.append(values)
    cells = list(zip(*columns, strict=True))
    weights = weight if weight is not None else [1.0] * n
    fixed = [round(w * FIXED) for w in weights]
    sums: dict[str, list[int]] = {"n": [1] * n}
    if weight is not None:
        sums |= {"w": fixed, "ww": [w * w for w in fixed]}
    for name in check.counts.sums:
        sums[name] = [round((v or 0.0) * w) for v, w in zip(rows["score"], fixed, strict=True)]
    scales = dict.fromkeys(check.counts.sums, FIXED)
    return Counts.from_cells(dims, cells, sums, scales=scales, weights="" if weight is None else "sampling")


def drawn(n: int, seed: int, sexes: Sequence[str | None], races: Sequence[str | None]) -> dict[str, Sequence[Any]]:
    rng = np.random.default_rng(seed)
    label, score = rng.random(n) < 0.4, rng.random(n)
    return {
        "sex": [sexes[i] for i in rng.integers(0, len(sexes), n)],
        "race": [races[i] for i in rng.integers(0, len(races), n)],
        "job": [("x", None)[i] for i in rng.integers(0, 2, n)],
        "label": [None if i % 17 == 3 else str(int(v)) for i, v in enumerate(label)],
        "prediction": [None if i % 13 == 5 else str(int(v)) for i, v in enumerate(score > 0.6)],
        "score": [None if i % 11 == 7 else v for i, v in enumerate(score.tolist())],
    }


Rows = dict[str, Sequence[Any]]
NOTHING: Rows = {name: [] for name in ("sex", "race", "job", "label", "prediction", "score")}
ONE: Rows = {name: ["1"] for name in NOTHING} | {"score": [0.7]}
BLANK: Rows = drawn(40, 0, ["f", "m"], ["a"]) | {name: [None] * 40 for name in ("label", "prediction", "score")}
SAME: dict[str, Any] = {"label": "1", "prediction": "0", "score": 0.3}
ALIKE: Rows = drawn(40, 0, ["f", "m"], ["a", "b"]) | {name: [value] * 40 for name, value in SAME.items()}
TABLES: dict[str, Rows] = {
    "no rows": NOTHING,
    "one row": ONE,
    "nothing known": BLANK,
    "all alike": ALIKE,
    "two groups": drawn(60, 1, ["f", "m"], ["a"]),
    "missing and odd names": drawn(80, 2, [None, "missing", "<b>", "{0}"], ["ß", "", "\x00other"]),
    "many of one person": drawn(30, 3, [f"g{i}" for i in range(30)], [f"r{i}" for i in range(9)]),
}


def well_formed(measures: Sequence[Measure]) -> None:
    keys = [(m.name, canonical_json(dict(m.slice)), m.over) for m in measures]
    assert len(set(keys)) == len(keys)
    for m in measures:
        assert Measure.from_json(m.to_json()).to_json() == m.to_json()
        canonical_json(m.to_json())
        assert (m.value is None) == (m.reason is not None)
        if m.reason is not None:
            assert m.reason.text()
        for note in m.notes:
            assert note.text()
        if m.value is not None and m.interval is not None:
            assert m.interval.low - 1e-9 <= m.value <= m.interval.high + 1e-9
        assert m.p_value is None or m.family


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("id", COUNTING)
def test_awkward_tables(id: str, name: str) -> None:
    check = COUNTING[id]
    measures = list(check(table(check, TABLES[name])))
    well_formed(measures)
    if name in ("no rows", "nothing known") and id != "fairness.representation":
        assert all(m.value is None or m.exact for m in measures)


@pytest.mark.parametrize("id", COUNTING)
def test_weights_of_one_change_nothing_and_other_weights_are_taken(id: str) -> None:
    check, rows = COUNTING[id], drawn(300, 4, ["f", "m"], ["a", "b"])
    plain, ones = (list(check(table(check, rows, weight=w), **PARAMS.get(id, {}))) for w in (None, [1.0] * 300))
    for a, b in zip(plain, ones, strict=True):
        assert a.value == (b.value if b.value is None else pytest.approx(b.value, abs=1e-6))
    weight = [1.0 if s == "f" else 2.0 + (i % 3) for i, s in enumerate(rows["sex"])]
    weighted = list(check(table(check, rows, weight=weight), **PARAMS.get(id, {})))
    well_formed(weighted)
    assert [m.value for m in weighted] != [m.value for m in plain]


def test_ids_titles_and_limits() -> None:
    assert set(CHECKS) >= {
        f"fairness.{name}" for name in ("representation", "label_bias", "proxies", "selection_rates", "error_rates")
    }
    rows = drawn(4000, 5, ["f", "m"], ["a", "b", "c"])
    for check in CHECKS.values():
        assert check.id.partition(".")[2] == check.function.__module__.rpartition(".")[2]
        if check.id not in COUNTING:
            continue
        assert "depth" in check.parameters
        population = {"population": {"sex": {"f": 1, "m": 1}}} if "population" in check.parameters else {}
        names = {m.name for m in check(table(check, rows), **population, **PARAMS.get(check.id, {}))}
        assert {limit.measure for limit in check.limits} <= names


@pytest.mark.parametrize("id", COUNTING)
def test_merged_counts_say_what_the_whole_says(id: str) -> None:
    check, rows = COUNTING[id], drawn(200, 6, ["f", "m", None], ["a", "b"])
    halves = [{name: values[part] for name, values in rows.items()} for part in (slice(0, 90), slice(90, 200))]
    merged = table(check, halves[0]) + table(check, halves[1])
    assert list(check(merged)) == list(check(table(check, rows)))


def test_thirty_groups_take_milliseconds_and_three_hundred_under_a_second() -> None:
    core = [COUNTING[f"fairness.{name}"] for name in ("representation", "label_bias", "selection_rates", "error_rates")]

    def seconds(sexes: int, races: int) -> float:
        rows = drawn(20_000, 7, [f"s{i}" for i in range(sexes)], [f"r{i}" for i in range(races)])
        tables = [(check, table(check, rows)) for check in core]
        start = time.process_time()
        for check, counts in tables:
            list(check(counts))
        return time.process_time() - start

    seconds(2, 2)
    assert min(seconds(5, 6) for _ in range(3)) < 0.3
    assert seconds(15, 20) < 3
