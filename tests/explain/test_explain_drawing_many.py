"""Pictures of many rows, effects, counterfactuals and texts: marks lie where the numbers say, texts stay text."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Column, Columns
from assay.explain.drawing import beeswarm, dependence, effects, notebook, recourse, tokens
from assay.explain.drawing.dependence import classes_of, partner_of
from assay.explain.drawing.tokens import tint
from assay.explain.overall.effects.accumulated import Accumulated
from assay.explain.overall.effects.dependence import Dependence
from assay.explain.overall.uncertainty import mean_over_rows
from assay.explain.recourse.counterfactual import Change, Counterfactual, Recourse, Ways
from assay.explain.texts.attribution import TextAttributions
from assay.pictures.paint import shade

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script> \"'&]]> \u202e\x00\ud800\ufffe"


def many(n: int, width: int = 3, seed: int = 0, errors: bool = False) -> Attributions:
    """n rows of numbers; column i adds its value over i + 1."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, width))
    values = rows / np.arange(1, width + 1)
    return made(rows, values, [Column(f"c{i}", "number", pa.float64()) for i in range(width)], errors=errors)


def made(rows: np.ndarray, values: np.ndarray, columns: list[Column], *, errors: bool = False) -> Attributions:
    base = np.full(len(rows), 0.1)
    return Attributions(
        "tree-shap",
        Columns(tuple(columns)),
        rows,
        values,
        base,
        base + values.sum(axis=1),
        "log-odds of good",
        "log-odds",
        origin="training rows",
        errors=np.full(values.shape, 0.05) if errors else None,
    )


def read(svg: str) -> ElementTree.Element:
    assert "<script" not in svg
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def dots(root: ElementTree.Element) -> list[tuple[float, float, str]]:
    """(x, y, colour) of every round dot."""
    out = []
    for path in root.iter(f"{SVG}path"):
        if path.get("stroke-linecap") == "round":
            found = re.findall(r"M([\d.]+) ([\d.]+)h0", path.get("d"))
            out += [(float(x), float(y), path.get("stroke")) for x, y in found]
    return out


def axis(root: ElementTree.Element, anchor: str = "middle", along: str = "x") -> tuple[float, float]:
    """(units of the sheet for 1, where 0 is)."""
    ticks = [
        (float(t.text.replace("−", "-")), float(t.get(along)))
        for t in root.iter(f"{SVG}text")
        if t.get("text-anchor") == anchor and re.fullmatch(r"−?[\d.]+", t.text or "")
    ]
    (a, x), (b, y) = ticks[0], ticks[-1]
    return (y - x) / (b - a), x - a * (y - x) / (b - a)


def test_a_beeswarm_of_few_rows_has_a_dot_for_each_where_it_lies():
    found = many(40)
    root = read(beeswarm(found).svg())
    unit, zero = axis(root)
    seen = dots(root)
    assert len(seen) == 40 * 3
    order = np.argsort(-found.importance())
    lines = sorted({round(y / 30) for _, y, _ in seen})
    assert len(lines) == 3
    for line, column in zip(lines, order, strict=True):
        xs = sorted(x for x, y, _ in seen if round(y / 30) == line)
        np.testing.assert_allclose(xs, np.sort(zero + unit * found.values[:, column]), atol=0.2)


def test_a_beeswarm_darkens_with_the_value():
    found = many(40, width=1)
    root = read(beeswarm(found).svg())
    by_x = [colour for _, _, colour in sorted(dots(root))]
    light = [int(colour[1:3], 16) for colour in by_x]
    assert all(a >= b for a, b in itertools.pairwise(light))
    assert len(set(by_x)) == 5
    assert {"lowest values", "highest values"} <= set(texts(root))


def test_a_beeswarm_of_many_rows_is_small_symmetric_and_the_same_every_time():
    found = many(10_000, 20)
    picture = beeswarm(found)
    assert len(picture.svg()) < 1_000_000
    assert beeswarm(found).svg() == picture.svg()
    root = read(picture.svg())
    assert any(re.search(r"a dot is up to \d+ rows", text) for text in texts(root))
    ys = np.array([y for _, y, _ in dots(root)])
    top = ys[ys < ys.min() + 27]
    assert len(top) > 100
    assert np.mean(top) == pytest.approx((top.max() + top.min()) / 2, abs=0.5)


def test_a_beeswarm_marks_what_is_missing_or_a_category_and_puts_columns_together():
    rows = np.array([[0.0, 1.0, 0.0], [1.0, np.nan, 1.0], [0.0, 3.0, 0.0]])
    columns = [Column("job", "category", pa.string(), ("cook", "nurse")), *many(1).columns.columns[:2]]
    root = read(beeswarm(made(rows, np.array([[3.0, 2, 1], [-3, -2, -1], [2, 1, 0]]), columns)).svg())
    crosses = [p for p in root.iter(f"{SVG}path") if "m-2.5 0h5" in (p.get("d") or "")]
    assert [p.get("d").count("m-2.5 0h5") for p in crosses] == [1]
    assert {"missing", "category, or columns together"} <= set(texts(root))
    folded = read(beeswarm(many(30, 9), most=4).svg())
    assert any(text.startswith("5 other columns") for text in texts(folded))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_beeswarm_of_equal_values_is_drawn(n):
    zero = np.zeros((n, 2))
    assert len(dots(read(beeswarm(made(zero, zero, list(many(1).columns.columns[:2]))).svg()))) >= 2


def test_a_dependence_has_a_dot_for_each_row_and_the_thirds_of_the_other_column():
    found = many(90)
    root = read(dependence(found, "c1", colour="c0").svg())
    unit, zero = axis(root)
    paths = {p.get("stroke"): p.get("d") for p in root.iter(f"{SVG}path") if p.get("opacity") == "0.75"}
    assert set(paths) == {shade(0.35), shade(0.65), shade(1.0)}
    assert [d.count("M") for d in paths.values()] == [30, 30, 30]
    round_ones = re.findall(r"M([\d.]+) [\d.]+h0", paths[shade(0.35)])
    low = np.argsort(found.rows[:, 0])[:30]
    np.testing.assert_allclose(np.sort(np.float64(round_ones)), np.sort(zero + unit * found.rows[low, 1]), atol=0.2)


def test_the_partner_is_the_column_that_the_effect_hangs_on():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 4))
    rows[:, 2] = rng.integers(0, 3, 600)
    values = np.zeros((600, 4))
    values[:, 0] = rows[:, 0] * (rows[:, 2] == 1) + 0.05 * rng.normal(size=600)
    columns = [*many(1).columns.columns[:2], Column("job", "category", pa.string(), ("a", "b", "c"))]
    found = made(rows, values, [*columns, Column("d", "number", pa.float64())])
    assert partner_of(found, 0) == 2
    assert "job: b" in texts(read(dependence(found, "c0").svg()))
    exact = made(rows, rows.copy(), list(found.columns.columns))
    assert not any(": " in text for text in texts(read(dependence(exact, "c1", partner=False).svg()))[1:])


def test_no_partner_is_named_where_nothing_is_left_to_explain():
    rows = np.array([[0.0, 1.0], [1.0, 5.0], [0.0, 2.0], [1.0, 3.0]])
    columns = [Column("a", "category", pa.string(), ("x", "y")), Column("b", "number", pa.float64())]
    assert partner_of(made(rows, rows[:, [0, 0]], columns), 0) is None


def test_classes_hold_every_row_once():
    rng = np.random.default_rng(0)
    number, job = Column("n", "number", pa.float64()), Column("j", "category", pa.string(), tuple("abcdefghij"))
    for column, values in ((number, rng.normal(size=200)), (job, rng.integers(0, 10, 200).astype(float))):
        values[:7] = np.nan
        found = classes_of(column, values)
        assert (np.sum([one.rows for one in found], axis=0) == 1).all()
        assert found[-1].name == "missing"
        assert len(found) <= 7


def test_rows_without_a_value_are_counted_and_errors_are_drawn():
    found = many(50, errors=True)
    found.rows[:4, 0] = np.nan
    root = read(dependence(found, "c0", partner=False).svg())
    assert any("4 rows without a value are left out" in text for text in texts(root))
    assert any("Monte-Carlo" in text for text in texts(root))
    whiskers = [x for x in root.iter(f"{SVG}line") if x.get("stroke") == "#0072b2"]
    assert len(whiskers) == 46


def test_dependence_refuses_what_makes_no_sense():
    found = many(5)
    with pytest.raises(AssayError, match="by itself"):
        dependence(found, "c0", colour="c0")
    with pytest.raises(AssayError, match="'nothing'"):
        dependence(found, "nothing")
    with pytest.raises(AssayError, match="nothing to draw"):
        dependence(found.of([]), "c0")
    with pytest.raises(AssayError, match="nothing to draw"):
        beeswarm(found.of([]))
    found.rows[:, 0] = np.nan
    with pytest.raises(AssayError, match="missing in every row"):
        dependence(found, "c0")


def effect(kind: str = "number") -> Dependence:
    column = Column("age", kind, pa.float64(), ("a", "b", "c") if kind == "category" else ())
    curves = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0]])
    means = tuple(mean_over_rows(curves[:, i]) for i in range(3))
    return Dependence(column, np.array([0.0, 1.0, 2.0]), curves, means, "P(good)", 0.95)


def test_effects_go_through_their_numbers_over_single_rows_and_a_rug():
    found = effect()
    ale = Accumulated(
        found.column, found.grid, np.array([-1.0, 0, 1]), np.array([-2.0, -1, 0]), np.array([0.0, 1, 2]), np.ones(2), 0,
        "P(good)", 0.95,
    )  # fmt: skip
    root = read(effects(found, accumulated=ale, values=np.array([0.0, 0.5, 0.5, 2.0, 9.0, np.nan])).svg())
    unit, zero = axis(root, "end", "y")
    zero -= 4  # the letters of a label stand a little under its tick
    lines = [[float(pair.split(",")[1]) for pair in line.get("points").split()] for line in root.iter(f"{SVG}polyline")]
    np.testing.assert_allclose(lines[0], zero + unit * found.mean, atol=0.2)
    np.testing.assert_allclose(lines[1], zero + unit * (np.array([-1.0, 0, 1]) + found.mean.mean()), atol=0.2)
    assert [line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")] == [None, "7 3"]
    assert "accumulated local effect +1.667" in texts(root)
    paths = [p.get("d") for p in root.iter(f"{SVG}path")]
    assert [d.count("v-7") for d in paths if "v-7" in d] == [3]
    assert [d.count("M") for d in paths if d.count("L") == 6] == [3]


def test_the_effect_of_a_category_has_points():
    root = read(effects(effect("category")).svg())
    assert {"a", "b", "c"} <= set(texts(root))
    assert not list(root.iter(f"{SVG}polyline"))
    other = replace(effect(), column=Column("pay", "number", pa.float64()))
    ale = Accumulated(effect().column, *[np.zeros(3)] * 4, np.ones(2), 0, "P(good)", 0.95)
    with pytest.raises(AssayError, match="'pay'"):
        effects(other, accumulated=ale)


def way(*changes: Change, violated: tuple[str, ...] = (), robust: float | None = None) -> Counterfactual:
    row = np.zeros(3)
    numbers = {"cost": 1.25, "distance": 1.0, "sparsity": len(changes), "output_before": 0.3, "output_after": 0.7}
    return Counterfactual(row, row, changes, valid=True, nearness=0.1, plausible=True, violated=violated,
                          robust_share=robust, **numbers)  # fmt: skip


def ways_of(*ways: Ways, names: tuple[str, ...] = ("age", "job", "pay")) -> Recourse:
    columns = Columns(tuple(Column(name, "number", pa.float64()) for name in names))
    rows = np.zeros((len(ways), len(names)))
    return Recourse(columns, rows, ways, "decided good", "P(good)", "probability", "search", 10.0)


def test_the_table_of_ways_marks_every_changed_cell_and_no_other():
    first = way(Change("age", 30.0, 31.0), Change("job", "clerk", "cook"), robust=0.9)
    second = way(Change("age", 30.0, 25.0), robust=1.0)
    root = read(recourse(ways_of(Ways((first, second)))).svg())
    said = texts(root)
    assert {"now", "way 1", "way 2", "age", "30", "↑ 31", "↓ 25", "→ cook", "clerk", "0.300", "0.700"} <= set(said)
    marked = [r for r in root.iter(f"{SVG}rect") if r.get("stroke")]
    assert len(marked) == 3
    for cell in marked:
        inside = [
            t.text
            for t in root.iter(f"{SVG}text")
            if 0 < float(t.get("x")) - float(cell.get("x")) < float(cell.get("width"))
            and 0 < float(t.get("y")) - float(cell.get("y")) < float(cell.get("height"))
        ]
        assert len(inside) == 1
        assert inside[0][0] in "↑↓→"
    assert "90% of retrained models"[:14] in " ".join(said)
    assert "1 other columns stay as they are." in said


def test_blocked_ways_and_none_are_said():
    blocked = ways_of(Ways((), blocked=way(Change("age", 30.0, None), violated=("immutable: age",))))
    said = texts(read(recourse(blocked).svg()))
    assert {"nearest, but blocked", "Breaks: immutable: age.", "→ missing"} <= set(said)
    assert "The row has the wanted answer as it is." in texts(read(recourse(ways_of(Ways((), already=True))).svg()))
    assert "No way was found." in texts(read(recourse(ways_of(Ways(()))).svg()))
    with pytest.raises(AssayError, match="no row 3"):
        recourse(blocked, 3)
    with pytest.raises(AssayError, match="no row 0"):
        recourse(ways_of())


def text_of(text: str, values: list[float]) -> TextAttributions:
    spans = tuple(m.span() for m in re.finditer(r"\S+", text))
    added = np.array(values)
    base = np.array([0.5])
    return TextAttributions("lime", (text,), (spans,), (added,), base, base + added.sum(), "P(positive)", "probability")


def test_tokens_stand_in_their_order_shaded_and_underlined_by_sign():
    root = read(tokens(text_of("bad and good film", [-0.2, 0.0, 0.4, 0.1])).svg())
    body = [t for t in root.iter(f"{SVG}text") if (t.text or "") in ("bad", "and", "good", "film")]
    assert [t.text for t in body] == ["bad", "and", "good", "film"]
    assert [float(t.get("x")) for t in body] == sorted(float(t.get("x")) for t in body)
    grounds = [r.get("fill") for r in root.iter(f"{SVG}rect")][6:]
    assert grounds == [shade(-0.5), shade(0), shade(1), shade(0.25)]
    under = [line.get("stroke-dasharray") for line in root.iter(f"{SVG}line")][4:]
    assert under == ["2 3", None, None]
    assert [tint(v, 0.4).line for v in (-0.2, 0.0, 0.4)] == ["dotted", "none", "solid"]
    assert tint(0.0, 0.0).ground == shade(0)


def test_long_texts_wrap_and_never_overlap():
    words = ["Wonderful,", "MMMM", "illi", "日本語"] * 30
    root = read(tokens(text_of(" ".join(words), [0.1] * len(words))).svg())
    grounds = list(root.iter(f"{SVG}rect"))[6:]
    assert len(grounds) == len(words)
    by_line: dict[str, list[tuple[float, float]]] = {}
    for r in grounds:
        by_line.setdefault(r.get("y"), []).append((float(r.get("x")), float(r.get("x")) + float(r.get("width"))))
    assert len(by_line) > 3
    for spans in by_line.values():
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
        assert spans[-1][1] <= 720


def test_texts_without_pieces_and_places_that_are_not_there():
    read(tokens(text_of("", [])).svg())
    read(tokens(text_of("   \n ", [])).svg())
    with pytest.raises(AssayError, match="no explained text 1"):
        tokens(text_of("a", [0.1]), 1)


def test_notebooks_show_one_row_or_many_as_images():
    assert many(1)._repr_html_().startswith('<img alt="What each column added to log-odds of good: row 0')
    html = notebook(many(30))
    assert html.count("<img ") == 1
    assert html.count("<tr>") == 4
    assert "no rows were explained" in notebook(many(3).of([]))


def test_hostile_names_stay_text_in_every_picture():
    columns = [Column(HOSTILE, "number", pa.float64()), Column("b", "category", pa.string(), (HOSTILE, "y"))]
    rows = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    found = replace(made(rows, rows + 1, columns), target=HOSTILE, origin=HOSTILE)
    changed = ways_of(Ways((way(Change(HOSTILE, HOSTILE, HOSTILE)),)), names=(HOSTILE,))
    hostile_effect = replace(effect(), column=columns[0], target=HOSTILE)
    for picture in (
        beeswarm(found),
        dependence(found, HOSTILE, colour="b"),
        dependence(found, "b", colour=HOSTILE),
        effects(hostile_effect),
        recourse(changed),
        tokens(text_of(HOSTILE, [0.1] * len(HOSTILE.split()))),
    ):
        read(picture.svg())
        assert "<script" not in picture.html()
    html = notebook(found)
    assert "<script" not in html
    html.encode()
