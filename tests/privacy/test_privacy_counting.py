"""Noisy tables: exact counts against those of a Case, bounds of units, noise, layout, and what is refused."""

from __future__ import annotations

import csv
import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.core.subject import by
from assay.data.case import Case
from assay.data.counts import NOISE, N
from assay.data.declared.declared import LARGEST, declare
from assay.data.plan import Wanted
from assay.engine.casefile import of_demo
from assay.privacy.counting.count import count
from assay.privacy.counting.layout import layout
from assay.privacy.counting.publish import HEAVY_TAILS, Loss, Units, _event, _released, publish
from assay.privacy.counting.source import Source, files, opened
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.noise.entropy import insecure_seeded

KEYS = {
    "sex": ["Female", "Male"],
    "race": ["Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White"],
    "income": ["<=50K", ">50K"],
}
ROLES = {"label": "y", "prediction": "d", "protected": ("g",)}
SOME = {"g": ["a", "b"]}
ONE = Units(Adjacency.ADD_REMOVE)


def table_of(tmp_path, columns, name="rows.parquet"):
    path = tmp_path / name
    if name.endswith(".csv"):
        pa.csv.write_csv(pa.table(columns), path)
    else:
        pq.write_table(pa.table(columns), path)
    return str(path)


def exact(data, declared, *requests, unit=None, most=1):
    source = data if isinstance(data, Source) else files(data)
    wanted = [table for request in requests for table in declared.wanted(request)]
    return count(source, declared, wanted, unit=unit, most=most)


def test_exact_counts_are_those_of_the_case_on_every_kind_of_source(tmp_path):
    demo = of_demo("income")
    declared = declare("income", demo.roles, KEYS, score_bins=8)
    requests = (by("protected", "label", "prediction"), by("protected", "label", "score"), by("protected"))
    bins = {"score": [i / 8 for i in range(1, 8)]}
    case = Case.from_frame(demo.data, bins=bins, **demo.roles)
    arrow = Source("private_source", (), case.rows(list(declared.columns)))
    csv = table_of(tmp_path, {name: case.rows([name]).column(0) for name in declared.columns}, "income.csv")
    for request, counts in zip(requests, case.count(requests), strict=True):
        wanted = {tuple(cell.values()): n for cell, n in counts[0]}
        for source in (demo.data, arrow, csv):
            (found,) = exact(source, declared, request)
            levels = [declared.by_key[dim.key].dim.levels for dim in counts[0].dims]
            cells = {
                tuple(axis[i] for axis, i in zip(levels, at, strict=True)): int(n) for at, n in np.ndenumerate(found)
            }
            assert {key: n for key, n in cells.items() if n} == wanted


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_values_mean_what_was_declared_and_others_are_dropped(tmp_path, name):
    hostile = 'g"; DROP TABLE x; --'
    columns = {
        hostile: ["a'b", "e\u0301", "zzz", None, "a'b", "a'b"],
        "y": [1.0, 0.0, 1.0, 1.0, 2.0, 1.0],
        "p": [0.5, 0.49, 0.9, 0.1, 0.2, None],
    }
    data = table_of(tmp_path, columns, name)
    declared = declare(
        "x", {"label": "y", "score": "p", "protected": (hostile,)}, {hostile: ["a'b", "é"]}, score_bins=2
    )
    protected, label, prediction = exact(data, declared, by("protected"), by("label"), by("prediction"))
    assert protected.tolist() == [3, 1]
    assert label.tolist() == [1, 4]
    assert prediction.tolist() == [3, 2]


def test_booleans_and_split_and_times(tmp_path):
    columns = {
        "g": [True, False, True, True],
        "y": [1, 0, 1, 0],
        "d": [1, 1, 0, 0],
        "s": ["test", "Train", None, "test"],
    }
    data = table_of(tmp_path, columns)
    declared = declare("x", ROLES | {"split": "s"}, {"g": [True, False]})
    assert next(axis.spelled for axis in declared.axes) == ("false", "true")
    (found,) = exact(data, declared, by("protected", "label"))
    assert found.tolist() == [[0, 0], [1, 1]]


def test_no_unit_counts_more_often_than_it_may(tmp_path):
    rng = np.random.default_rng(0)
    units = [f"u{i}" for i in rng.integers(0, 40, 1000)] + [None] * 50
    columns = {"g": rng.choice(["a", "b"], 1050), "y": [1, 0] * 525, "d": [0] * 1050, "who": units}
    data = table_of(tmp_path, columns)
    declared = declare("x", ROLES, SOME)
    for most in (1, 3, 100):
        (found,) = exact(data, declared, by("protected"), unit="who", most=most)
        sizes = [min(units.count(u), most) for u in set(units) - {None}]
        assert found.sum() == sum(sizes)


def test_a_unit_more_changes_no_table_by_more_than_its_rows(tmp_path):
    columns = {"g": ["a"] * 50, "y": [1] * 50, "d": [1] * 50, "who": [f"u{i % 10}" for i in range(50)]}
    more = {name: [*values, *values[:9]] for name, values in columns.items()}
    more["who"] = [*columns["who"], *["new"] * 9]
    declared = declare("x", ROLES, SOME)
    one, other = (
        exact(table_of(tmp_path, c, f"{i}.parquet"), declared, by("protected", "label"), unit="who", most=2)[0]
        for i, c in enumerate((columns, more))
    )
    assert np.abs(one - other).sum() == 2


def test_every_cell_has_noise_of_the_stated_size_and_empty_ones_too(tmp_path):
    groups = [f"g{i:03d}" for i in range(500)]
    data = table_of(tmp_path, {"g": groups[:3], "y": [1, 0, 1], "d": [1, 0, 1]})
    declared = declare("x", ROLES, {"g": groups})
    wanted = declared.wanted(by("protected", "label", "prediction"))
    for loss, units, variance in (
        (Loss(epsilon="0.5"), ONE, 1 / (2 * math.sinh(0.25) ** 2)),
        (Loss(epsilon="0.5"), Units(Adjacency.REPLACE), 1 / (2 * math.sinh(0.125) ** 2)),
        (Loss(epsilon="0.5"), Units(Adjacency.ADD_REMOVE, "y", 3), 1 / (2 * math.sinh(0.5 / 6) ** 2)),
        (Loss(rho="0.02"), ONE, 25.0),
        (Loss(rho="0.02"), Units(Adjacency.REPLACE), 50.0),
    ):
        (table,) = publish(
            declared, wanted, files(data), loss=loss, units=units, ledger=None, who="", entropy=insecure_seeded(5)
        ).tables
        assert len(table) == 2000
        assert np.var(table.sums[N].astype(float)) == pytest.approx(variance, rel=0.15)
        stated = table.values(NOISE)
        assert np.allclose(stated, variance * (1.0 if loss.gaussian else HEAVY_TAILS), rtol=1e-5)


def test_the_privacy_is_split_over_the_tables_and_the_seed_is_confessed(tmp_path):
    data = table_of(tmp_path, {"g": ["a"], "y": [1], "d": [1], "p": [0.3]})
    declared = declare("x", ROLES | {"score": "p"}, SOME, score_bins=50)
    wanted = [
        *declared.wanted(by("protected", "label", "prediction")),
        *declared.wanted(by("protected", "label", "score")),
    ]
    made = publish(
        declared, wanted, files(data), loss=Loss(epsilon=1), units=ONE, ledger=None, who="", entropy=insecure_seeded(1)
    )
    assert len(made.tables) == 2
    expected = HEAVY_TAILS / (2 * math.sinh(0.25) ** 2)
    assert all(np.allclose(table.values(NOISE), expected, rtol=1e-5) for table in made.tables)
    assert made.terms["epsilon"] == "1"
    assert "seed" in made.terms["not_private"]


def test_neighbours_are_not_told_apart_beyond_epsilon(tmp_path):
    """Neighbours differ by one in a cell of each table, and the odds of its release by e^(epsilon / tables) at most."""
    declared = declare("x", ROLES, SOME)
    rows = {"g": ["a", "b"] * 20, "y": [1, 0] * 20, "d": [1] * 40}
    fewer = {name: values[1:] for name, values in rows.items()}
    tables = [
        exact(table_of(tmp_path, columns, f"{i}.parquet"), declared, by("protected", "label"), by("protected"))
        for i, columns in enumerate((rows, fewer))
    ]
    assert [int(np.abs(a - b).sum()) for a, b in zip(*tables, strict=True)] == [1, 1]
    draws, epsilon = 40_000, 1.0
    event = _event(Loss(epsilon=epsilon), ONE, 2)
    seen = [
        np.array(_released([int(made[0][0, 1])] * draws, event, 2, ONE, insecure_seeded(i)).integers)
        for i, made in enumerate(tables)
    ]
    for threshold in range(14, 27):
        high, low = (np.mean(one >= threshold) for one in seen)
        slack = 4 * math.sqrt(1 / (draws * low) + 1 / (draws * high))
        assert high / low <= math.exp(epsilon / 2) * (1 + slack)
        assert (1 - low) / (1 - high) <= math.exp(epsilon / 2) * (1 + slack)
    assert max(np.mean(seen[0] >= k) / np.mean(seen[1] >= k) for k in range(14, 27)) > math.exp(epsilon / 2) * 0.95


TABLES = st.lists(st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 2), st.dictionaries(st.sampled_from("abcd"), st.integers(2, 40)))
def test_the_layout_serves_every_table_and_is_no_worse_than_the_plain_ways(names, power, sizes):
    wanted = [Wanted(tuple(("feature", name) for name in sorted(one))) for one in names]

    def cells(table):
        return math.prod(sizes.get(name, 3) for _, name in table.dims)

    def cost(tables):
        return len(tables) ** power * sum(
            min(cells(t) for t in tables if {*one.dims} <= {*t.dims}) / cells(one) for one in {*wanted}
        )

    made = layout(wanted, cells=cells, most=10**9, power=power)
    assert all(any({*one.dims} <= {*t.dims} for t in made) for one in wanted)
    assert cost(made) <= cost(tuple({*wanted})) * (1 + 1e-9)
    small = layout(wanted, cells=cells, most=max(map(cells, wanted)), power=power)
    assert max(map(cells, small)) <= max(map(cells, wanted))


@pytest.mark.parametrize(
    ("roles", "keys", "code"),
    [
        (ROLES, {}, "public-keys"),
        (ROLES, {"g": ["a"]}, "public-keys"),
        (ROLES, {"g": ["a", "a"]}, "public-keys"),
        (ROLES, {"g": "ab"}, "public-keys"),
        (ROLES, SOME | {"zip": ["1", "2"]}, "public-keys"),
        (ROLES, SOME | {"y": ["yes", "no"]}, "favourable"),
        (ROLES | {"favourable": "good"}, SOME, "public-keys"),
        (ROLES | {"favourable": "x"}, SOME | {"y": ["a", "b"]}, "favourable"),
        (ROLES | {"weight": "w"}, SOME, "private-role"),
        (ROLES | {"observed": "o"}, SOME, "private-role"),
        (ROLES | {"task": "regression"}, SOME, "private-task"),
        (ROLES | {"score": {"a": "pa", "b": "pb", "c": "pc"}}, SOME, "private-task"),
        ({}, {}, "role"),
    ],
)
def test_what_was_not_declared_is_an_error_and_never_looked_up(roles, keys, code):
    with pytest.raises(AssayError) as error:
        declare("x", roles, keys)
    assert error.value.code == code


def test_losses_that_promise_nothing_are_refused():
    bad = (
        {},
        {"epsilon": 0},
        {"epsilon": -1},
        {"epsilon": "nan"},
        {"epsilon": 1, "rho": 1},
        {"rho": 1, "delta": "1e-9"},
    )
    for given_ in (
        *bad,
        {"epsilon": 1, "delta": 0},
        {"epsilon": 1, "delta": "1e-5"},
        {"epsilon": 1, "delta": "0.01", "rows": 100},
    ):
        with pytest.raises(AssayError):
            Loss(**given_)
    assert Loss(epsilon=1, delta="0.009", rows=100).gaussian


def test_l2_bounds_are_rounded_up():
    for most in (1, 2, 7):
        squared = Units(Adjacency.REPLACE, "u", most).l2 ** 2
        assert 2 * most**2 <= squared < 2 * most**2 + Fraction(1, 10**6)
        assert Units(Adjacency.ADD_REMOVE, "u", most).l2 >= most


def test_whatever_is_wrong_with_the_data_is_one_error_that_quotes_none_of_them(tmp_path):
    declared = declare("x", ROLES, SOME)
    said = set()
    for i, content in enumerate((b"PAR1 secret PAR1", b"secret", b"")):
        path = tmp_path / f"{i}.parquet"
        path.write_bytes(content)
        with pytest.raises(AssayError) as error:
            exact(str(path), declared, by("protected"))
        said.add(str(error.value))
    assert len(said) == 1
    assert "secret" not in said.pop()


def test_lines_of_a_csv_file_that_cannot_be_read_are_passed_over(tmp_path):
    declared = declare("x", ROLES, SOME)
    path = tmp_path / "rows.csv"
    path.write_bytes(b'g,y,d\na,1,1\nb,0\nb,0,1,9,9\n"a",0,1\r\nb,1,0\n')
    (found,) = exact(str(path), declared, by("protected"))
    assert found.tolist() == [2, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([b'"', b",", b"\r", b"\x00", b"\xff", b"\\", b"'", b"a", b"b", b"1", b"#", b"\x1e", b" "]))
)
def test_one_line_of_a_csv_file_changes_the_counts_by_one_row_at_most(tmp_path_factory, pieces):
    """A quote that is never closed, a stray carriage return or a NUL must not swallow or make lines of others."""
    declared = declare("x", ROLES, SOME)
    path = tmp_path_factory.mktemp("lines") / "rows.csv"
    lines = [b"g,y,d", *[b"a,1,1"] * 20, b"".join(pieces), *[b'"b",0,1'] * 20, b""]
    path.write_bytes(b"\n".join(lines))
    found = exact(str(path), declared, by("protected", "label"))[0].reshape(-1) - np.array([0, 20, 20, 0])
    assert np.abs(found).sum() <= 1


def test_a_table_that_is_too_large_is_a_reason(tmp_path):
    from assay.engine.areas import registry

    groups = [f"g{i}" for i in range(1000)]
    declared = declare("x", ROLES | {"score": "p"}, {"g": groups}, score_bins=50)
    known = registry()
    reason = declared.obstacle(known.check("fairness.auc"))
    assert reason is not None
    assert reason.id == "private-cells"
    assert declared.obstacle(known.check("fairness.selection_rates")) is None
    assert declared.cells(declared.wanted(by("protected", "label", "score"))[0]) > LARGEST


FIELDS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\x00"), max_size=6)
CELLS = st.one_of(FIELDS, st.text('",;|\t ab', max_size=5))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=20), st.sampled_from([",", ";", "|", "\t"]))
def test_well_formed_lines_are_read_as_the_csv_module_reads_them(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("lines") / ("rows.tsv" if separator == "\t" else "rows.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writerows([("g", "y", "d"), *rows])
    with opened(files(str(path)), ("g", "y", "d")) as (connection, _):
        found = connection.sql("SELECT g, y, d FROM private_rows").fetchall()
    assert sorted(found) == sorted(rows)
