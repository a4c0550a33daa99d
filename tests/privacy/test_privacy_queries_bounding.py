"""What of a unit is counted: at most what was said, whatever the data, and the same of all others next to it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.budget.terms import Bounds as Units
from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.queries.ask import parse
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.lattice import Bounds, bins, cells, spread
from assay.privacy.queries.bounding.opening import open_private
from assay.privacy.queries.bounding.scan import Scan, bounded, groups
from assay.privacy.queries.statistics import statistic_of

ADD, REPLACE = Adjacency.ADD_REMOVE, Adjacency.REPLACE
ENDS = Bounds(Fraction(-3), Fraction(10))
KEYS = ("a", "b", "c")
HOSTILE = st.sampled_from([None, math.nan, math.inf, -math.inf, 1e308, -1e308, -3.0, 10.0, 0.0, -0.0, 3.3, 5e-324])
ROWS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([*KEYS, "z", None]), HOSTILE), max_size=40)
LIMITS = st.builds(
    Units,
    st.just("u"),
    max_rows=st.integers(1, 5),
    max_keys=st.none() | st.integers(1, 4),
    max_rows_per_key=st.none() | st.integers(1, 4),
)


def table(rows) -> pa.Table:
    units, keys, values = ([row[i] for row in rows] for i in range(3))
    types = {"u": pa.int64(), "k": pa.string(), "x": pa.float64()}
    return pa.table({n: pa.array(v, t) for (n, t), v in zip(types.items(), (units, keys, values), strict=True)})


def opened(rows):
    return open_private(table(rows), columns=["u", "k", "x"])


def scan_of(ask, units, *, public=True, missing="drop"):
    asked = parse(ask)
    statistic = statistic_of(asked, None if asked.column is None else ENDS)
    contribution = Contribution.of(units, keys=len(KEYS) if public else None, grouped=bool(asked.by))
    scan = Scan(
        asked.by,
        {"k": KEYS} if public and asked.by else {},
        units,
        contribution,
        asked.column,
        statistic.places,
        missing,
        statistic.sums,
        statistic.by_place,
    )
    return scan, statistic


def numbers(rows, scan, width):
    """The integers that noise is added to, of every key and bin."""
    found = groups(opened(rows), scan, salt=7)
    out = Counter()
    for key, group in found.items():
        out.update({(key, i): n for i, n in enumerate(group.sums)} if not group.places else {
            (key, place): n for place, n in group.places.items()
        })  # fmt: skip
    assert all(place < width for _, place in out)
    return out


@settings(max_examples=12, deadline=None)
@given(
    ROWS,
    LIMITS,
    st.sampled_from(["count", "sum(x)", "mean(x)", "variance(x)", "histogram(x, 3)"]),
    st.booleans(),
    st.sampled_from(["drop", "impute"]),
)
def test_one_unit_changes_the_sums_by_no_more_than_their_sensitivity(rows, units, ask, grouped, missing):
    """Neighbours without the unit 0, and with it replaced by one of a thousand huge rows."""
    scan, statistic = scan_of(ask + (" by k" if grouped else ""), units, missing=missing)
    one = scan.contribution
    without = numbers([row for row in rows if row[0] != 0], scan, statistic.width)
    other = [row for row in rows if row[0] != 0] + [(0, KEYS[i % 3], 1e300) for i in range(1000)]
    for adjacency, changed in ((ADD, rows), (ADD, other)):
        after = numbers(changed, scan, statistic.width)
        gaps = [after[place] - without[place] for place in after.keys() | without.keys()]
        assert sum(map(abs, gaps)) <= statistic.l1(one, adjacency)
        assert sum(gap * gap for gap in gaps) <= statistic.l2(one, adjacency) ** 2
    before, after = numbers(rows, scan, statistic.width), numbers(other, scan, statistic.width)
    gaps = [after[place] - before[place] for place in after.keys() | before.keys()]
    assert sum(map(abs, gaps)) <= statistic.l1(one, REPLACE)
    assert sum(gap * gap for gap in gaps) <= statistic.l2(one, REPLACE) ** 2


@settings(max_examples=10, deadline=None)
@given(ROWS, LIMITS, st.booleans())
def test_the_rows_of_others_stay_the_same(rows, units, public):
    """For any salt, what is kept of a unit depends on its own rows alone, and keeps to every limit."""
    scan, _ = scan_of("mean(x) by k", units, public=public)

    def kept(some):
        data = opened(some)
        return [(r["u"], r["k0"], r["v"]) for r in data.run(bounded(data, scan, salt=11)).to_pylist()]

    everyone = kept(rows)
    for unit in (0, 1, 5):
        own = Counter(row for row in everyone if row[0] == unit)
        alone = Counter(row for row in kept([row for row in rows if row[0] == unit]) if row[0] == unit)
        assert own == alone
        assert sum(own.values()) <= scan.contribution.rows
        in_keys = Counter(key for _, key, _ in own.elements())
        assert len(in_keys) <= scan.contribution.keys
        assert max(in_keys.values(), default=0) <= scan.contribution.per_key


def test_units_keep_as_many_rows_as_they_may():
    """Against plain Python: the counts after each limit, where they do not depend on chance."""
    rng = np.random.default_rng(3)
    rows = [(int(u), KEYS[k], 1.0) for u, k in zip(rng.integers(0, 60, 900), rng.integers(0, 3, 900), strict=True)]
    in_key = Counter((u, k) for u, k, _ in rows)
    of_unit = Counter(u for u, _, _ in rows)
    scan, _ = scan_of("count by k", Units("u", max_rows_per_key=2))
    expected = Counter(k for (_, k), n in in_key.items() for _ in range(min(n, 2)))
    assert {key: g.sums[0] for (key,), g in groups(opened(rows), scan).items()} == dict(expected)
    scan, _ = scan_of("count", Units("u", max_rows=7))
    assert groups(opened(rows), scan)[()].sums == (sum(min(n, 7) for n in of_unit.values()),)
    scan, _ = scan_of("count by k", Units("u", max_rows=9, max_keys=2))
    pairs = Counter(u for u, _ in in_key)
    data = opened(rows)
    found = data.run(bounded(data, scan)).to_pylist()
    assert Counter(u for u, _ in {(r["u"], r["k0"]) for r in found}) == {u: min(n, 2) for u, n in pairs.items()}
    scan, _ = scan_of("count by k", Units("u", max_rows_per_key=1))
    units = groups(opened(rows), scan, units=True)
    assert {k: g.units for (k,), g in units.items()} == dict(Counter(k for _, k in in_key))


def test_each_row_of_a_unit_is_as_likely_to_stay():
    """Nine rows of 1 and one of 9: of 6,000 units that keep two rows, a fifth keeps the 9; equal rows do not crowd."""
    rows = [(u, "a", x) for u in range(6000) for x in [1.0] * 9 + [9.0]]
    scan, statistic = scan_of("mean(x)", Units("u", max_rows=2))
    kept = groups(opened(rows), scan)[()].sums
    assert sum(kept) == 2 * 6000 * statistic.size
    mean = -3 + 13 * kept[0] / sum(kept)
    assert abs(mean - 1.8) < 5 * 8 * math.sqrt(0.1 * 0.9 / 6000) / 2 * math.sqrt(2)
    scan, _ = scan_of("count by k", Units("u", max_keys=1, max_rows=3))
    spread_out = [(u, k, 0.0) for u in range(6000) for k in KEYS]
    shares = [g.sums[0] / 6000 for g in groups(opened(spread_out), scan).values()]
    assert max(abs(share - 1 / 3) for share in shares) < 5 * math.sqrt(2 / 9 / 6000)


@pytest.mark.parametrize("rows", range(1, 7))
def test_the_largest_distances_are_those_of_brute_force(rows):
    """All ways for a unit to have rows in four keys within the limits."""
    for keys, per_key in itertools.product(range(1, 5), range(1, 5)):
        one = Contribution.of(Units("u", rows, keys, per_key), keys=4, grouped=True)
        ways = [
            way
            for way in itertools.product(range(per_key + 1), repeat=4)
            if sum(way) <= rows and sum(map(bool, way)) <= keys
        ]
        assert one.l1(3, ADD) == 3 * max(map(sum, ways))
        squared = 9 * max(sum(n * n for n in way) for way in ways)
        assert math.floor(one.l2(3, ADD) ** 2) == squared
        assert one.l1(3, REPLACE) == 2 * one.l1(3, ADD)


def test_a_row_is_the_unit_where_no_column_is_named():
    one = Contribution.of(Units(), keys=9, grouped=True)
    assert (one.l1(1, ADD), one.keys, one.l1_in_one_place(-5, 2, ADD)) == (1, 1, 5)
    alone = Contribution.of(Units(), keys=None, grouped=False)
    assert (alone.l1_in_one_place(-5, 2, ADD), alone.l1_in_one_place(-5, 2, REPLACE)) == (5, 7)
    assert alone.l1_in_one_place(3, 8, REPLACE) == 8


@pytest.mark.parametrize(("units", "grouped"), [(Units("u"), False), (Units("u", max_rows_per_key=2), True)])
def test_unbounded_contributions_are_refused(units, grouped):
    with pytest.raises(AssayError) as caught:
        Contribution.of(units, keys=None, grouped=grouped)
    assert caught.value.code == "contribution"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=30))
def test_values_become_the_nearest_step_or_the_cell_they_lie_in(values):
    """Against numpy: clamped and rounded, or digitized."""
    import ibis

    data = open_private(pa.table({"x": pa.array(values, pa.float64())}), columns=["x"])
    fine, coarse = spread(ENDS, 1 << 20), cells(ENDS, 13)
    edges = bins(ENDS, parse("histogram(x, 7)"))
    number = data.number("x")
    query = data.engine.table.select(
        i=ibis.row_number(), x=number, a=fine.place(number), b=coarse.place(number), c=edges.place(number)
    )
    found = data.run(query).to_pydict()
    clamped = np.clip(np.array(found["x"]), -3.0, 10.0)
    assert np.abs(np.array(found["a"]) - (clamped + 3) / 13 * 2**20).max() <= 0.5 + 1e-6
    assert found["b"] == np.clip(np.floor(clamped + 3), 0, 12).astype(int).tolist()
    places = np.clip(np.searchsorted(edges.edges, clamped, side="right") - 1, 0, 6)
    assert found["c"] == places.tolist()


@pytest.mark.parametrize("most", [2.5, 0, True])
def test_half_a_row_of_a_unit_is_no_bound(most):
    """The noise would be for two rows of 2.5, and three could stay."""
    with pytest.raises(AssayError, match="whole numbers"):
        Units("u", max_rows=most)


def test_doubled_names_are_one_clear_error():
    doubled = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    for frame in (doubled, doubled.rename_columns(["x", "y"]).to_pandas().set_axis(["x", "x"], axis=1)):
        with pytest.raises(AssayError, match="'x' more than once"):
            open_private(frame, columns=["x"])
