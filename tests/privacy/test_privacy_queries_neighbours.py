"""Data sets that differ by one unit, as hostile as can be: nothing but noisy numbers may tell them apart."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.privacy.noise.entropy import insecure_seeded
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.queries import plan as planning
from assay.privacy.queries.ask import parse
from assay.privacy.queries.bounding.opening import open_private
from assay.privacy.queries.bounding.scan import groups
from assay.privacy.queries.query import plan_of, query
from assay.privacy.queries.settings import settings_of

HUGE = [math.nan, math.inf, -math.inf, 1e300, -1e300, None, 7.0, 100.0]
OTHERS = [(u, "a" if u % 2 else "b", float(u % 50)) for u in range(1, 30)]
NOBODY = OTHERS
ONE_ROW = [*OTHERS, (0, "a", math.inf)]
CROWD = [*OTHERS, *((0, "ab"[i % 2], HUGE[i % 8]) for i in range(1000))]
UNIT = {"unit_column": "u", "max_rows": 4, "max_keys": 2, "max_rows_per_key": 2}
PUBLIC = {"adjacency": "add-or-remove", "epsilon": "1"}
BOUNDS = {"x": "0:100"}
KEYS = {"k": ["a", "b", "nobody"]}
TRIES = 4000


def table(rows):
    return pa.table(
        {
            "u": pa.array([r[0] for r in rows], pa.int64()),
            "k": pa.array([r[1] for r in rows], pa.string()),
            "x": pa.array([r[2] for r in rows], pa.float64()),
        }
    )


def answers(monkeypatch, rows, ask, given, seed):
    """(tries, cells) noisy numbers of many answers, of data that are read once."""
    opened, asked = open_private(table(rows), columns=["u", "k", "x"]), parse(ask)
    made = plan_of(opened, asked, settings_of(asked, given, None))
    assert made.additive is not None
    read = groups(opened, made.scan, units=made.threshold is not None, salt=5)
    monkeypatch.setattr(planning, "groups", lambda *_, **__: read)
    numbers = made.additive.numbers(read, made.keys.product(made.scan.by))
    noise = made.additive.release([0] * TRIES * len(numbers), source=insecure_seeded(seed))
    found = np.array(noise.integers, dtype=object).reshape(TRIES, len(numbers)) + np.array(numbers, dtype=object)
    cells = made.answer(opened, source=insecure_seeded(seed))
    assert len(cells) * made.additive.statistic.width == len(numbers) or made.ask.statistic == "histogram"
    return found.astype(float)


def worst_loss(one, other):
    """A lower bound of the privacy loss, at 4 standard errors, over half spaces of the two clouds of answers."""
    gap = one.mean(axis=0) - other.mean(axis=0)
    directions = [np.sign(gap), *np.eye(len(gap))]
    losses = [0.0]
    for direction in directions:
        left, right = one @ direction, other @ direction
        for cut in np.quantile(np.concatenate([left, right]), np.linspace(0.02, 0.98, 25)):
            for p, q in (((left >= cut).mean(), (right >= cut).mean()), ((left < cut).mean(), (right < cut).mean())):
                low = p - 4 * math.sqrt(p * (1 - p) / TRIES)
                high = q + 4 * math.sqrt(q * (1 - q) / TRIES) + 1 / TRIES
                losses.append(math.log(low / high) if low > 0 else 0.0)
    return max(losses)


CASES = [
    ("count", {}, ONE_ROW),
    ("sum(x)", {"bounds": BOUNDS}, ONE_ROW),
    ("mean(x)", {"bounds": BOUNDS}, ONE_ROW),
    ("count by k", {"keys": KEYS, **UNIT}, CROWD),
    ("sum(x) by k", {"keys": KEYS, "bounds": BOUNDS, **UNIT}, CROWD),
    ("mean(x) by k", {"keys": KEYS, "bounds": BOUNDS, **UNIT}, CROWD),
    ("mean(x)", {"bounds": BOUNDS, "missing": "impute", **UNIT}, CROWD),
    ("variance(x)", {"bounds": BOUNDS, **UNIT}, CROWD),
    ("histogram(x, 4) by k", {"bounds": BOUNDS, "keys": KEYS, **UNIT}, CROWD),
]


@pytest.mark.parametrize(("ask", "given", "rows"), CASES)
def test_the_loss_between_neighbours_is_at_most_epsilon(monkeypatch, ask, given, rows):
    """Of the integers before post-processing, which tell most; epsilon 1, against a unit of hostile rows."""
    one = answers(monkeypatch, rows, ask, PUBLIC | given, 1)
    other = answers(monkeypatch, NOBODY, ask, PUBLIC | given, 2)
    assert worst_loss(one, other) <= 1.0


def test_too_little_noise_would_be_found(monkeypatch):
    """The same distinguisher, on a count of four rows a unit with noise for one."""
    source = insecure_seeded(3)
    noise = DiscreteLaplace(1).sample(2 * TRIES, source).astype(float).reshape(2, TRIES, 1)
    assert worst_loss(noise[0] + 4, noise[1]) > 1.5


def facts(answer):
    """All of an answer but its noisy numbers."""
    made = answer.to_json()
    cells = [cell["slice"] for cell in made.pop("cells")]
    made.pop("id")
    return made | {"cells": cells}


GOOD = [
    ("count by k", {"keys": KEYS}),
    ("mean(x) by k", {"keys": KEYS, "bounds": BOUNDS}),
    ("median(x) by k", {"keys": KEYS, "bounds": BOUNDS, "cells": 20}),
    ("histogram(x, 3)", {"bounds": BOUNDS}),
    ("contingency(k, u)", {"keys": {"k": ["a"], "u": [0, 1, 77]}}),
]
BAD = [
    ("count", {"epsilon": "0"}),
    ("count", {"epsilon": "-1"}),
    ("count", {"epsilon": "much"}),
    ("count", {"epsilon": None}),
    ("count", {"rho": "1"}),
    ("mean(x)", {}),
    ("mean(x)", {"bounds": {"x": "100:0"}}),
    ("mean(x)", {"bounds": {"x": "5:5"}}),
    ("mean(x)", {"bounds": {"x": "5"}}),
    ("mean(x)", {"bounds": {"x": "0:inf"}}),
    ("mean(x)", {"bounds": {"x": "0:1e200"}}),
    ("mean(x)", {"bounds": {"y": "0:1", "x": "0:1"}}),
    ("mean(income)", {"bounds": {"income": "0:1"}}),
    ("mean(k)", {"bounds": {"k": "0:1"}}),
    ("count by region", {"keys": {"region": ["a"]}}),
    ("count by k", {}),
    ("count by k", {"delta": "1e-6"}),
    ("count by k", {"delta": "0.2", "size": 29}),
    ("count by k", {"delta": "2", "size": 29}),
    ("count by k", {"keys": {"k": []}}),
    ("count by k", {"keys": {"k": ["a", "a"]}}),
    ("count by k", {"keys": {"j": ["a"]}}),
    ("count by u", {"keys": {"u": ["one"]}}),
    ("count by k", {"keys": KEYS, "unit_column": "u"}),
    ("count by k", {"keys": KEYS, "unit_column": "person", "max_rows": 2}),
    ("count by k", {"keys": KEYS, "max_rows": 2}),
    ("count by k", {"keys": KEYS, "unit_column": "u", "max_rows": 0}),
    ("count", {"adjacency": None}),
    ("count", {"adjacency": "near"}),
    ("count", {"delta": "1e-9", "size": 29, "noise": "laplace"}),
    ("count", {"noise": "gaussian"}),
    ("count", {"noise": "normal"}),
    ("count", {"size": 0}),
    ("count", {"level": 1.5}),
    ("count", {"missing": "guess"}),
    ("count", {"epsilom": "1"}),
    ("median(x)", {"bounds": BOUNDS, "epsilon": None, "rho": "1"}),
    ("median(x)", {"bounds": BOUNDS, "cells": 1}),
    ("contingency(k, u)", {"keys": {"k": ["a"]}, "delta": "1e-9", "size": 29}),
]


@pytest.mark.parametrize("rows", [ONE_ROW, CROWD, []])
def test_what_is_public_of_an_answer_is_the_same_for_neighbours(rows):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for ask, given in GOOD:
            one = query(table(NOBODY), ask, ledger=None, **PUBLIC, **given)
            assert facts(one) == facts(query(table(rows), ask, ledger=None, **PUBLIC, **given))
    assert not said


@pytest.mark.parametrize(("ask", "given"), BAD)
def test_a_bad_question_gets_the_same_clear_error_of_any_data(tmp_path, ask, given):
    found = set()
    for i, rows in enumerate((NOBODY, CROWD, [])):
        pq.write_table(table(rows), tmp_path / f"{i}.parquet")
        for source in (table(rows), str(tmp_path / f"{i}.parquet")):
            with pytest.raises(AssayError) as caught:
                query(source, ask, ledger=None, **(PUBLIC | given))
            found.add((caught.value.code, caught.value.message, caught.value.hint))
    ((code, message, hint),) = found
    assert code
    assert message
    assert hint or code in ("parameter", "budget-terms", "level", "adjacency")


def test_cells_of_a_csv_file_that_are_no_numbers_show_nothing(tmp_path):
    """One hostile cell must not make the column text, nor a broken row an error."""
    plain = "u,k,x\n" + "".join(f"{u},{k},{x}\n" for u, k, x in OTHERS)
    worse = [
        plain + "0,a,abc\n",
        plain + "0,a,\n",
        plain + "0,a,nan\n0,b,inf\n",
        plain + "0\n",
        plain + "0,a,1,2,3\n",
        plain + "zero,a,1e999\n",
        plain + '0,a,"1""\n',
    ]
    (tmp_path / "plain.csv").write_text(plain)
    known = [facts(query(str(tmp_path / "plain.csv"), ask, ledger=None, **PUBLIC, **given)) for ask, given in GOOD[:4]]
    for i, text in enumerate(worse):
        (tmp_path / f"{i}.csv").write_text(text)
        for (ask, given), expected in zip(GOOD[:4], known, strict=True):
            assert facts(query(str(tmp_path / f"{i}.csv"), ask, ledger=None, **PUBLIC, **given)) == expected
    (tmp_path / "bytes.csv").write_bytes(plain.encode() + b"0,\xff,1\n")
    assert facts(query(str(tmp_path / "bytes.csv"), "count", ledger=None, **PUBLIC))


def test_missing_and_infinite_values_do_not_shrink_the_noise():
    """Whatever the values, the noise of a sum has the scale of its bounds (diffprivlib's nanmean has 1/2000 of it)."""
    for values in ([None] * 50, [math.nan] * 50, [math.inf] * 50, [1.0] * 50):
        rows = [(i, "a", value) for i, value in enumerate(values)]
        answer = query(table(rows), "sum(x)", ledger=None, bounds={"x": "-3:2"}, **PUBLIC)
        assert answer.interval.high - answer.interval.low == pytest.approx(2 * 3 * math.log(20), rel=0.01)
    imputed = query(table(rows[:0]), "mean(x)", ledger=None, bounds={"x": "-3:2"}, missing="impute", **PUBLIC)
    assert imputed.cells[0].estimate.low == -3
