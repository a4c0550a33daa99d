"""Pictures of one row: every mark lies where its number says, and what is hostile stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Column, Columns
from assay.explain.drawing import force, terminal, waterfall
from assay.explain.drawing.terms import distinct, label, terms_of
from assay.pictures.steps import PALE, UP

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script> \"'&]]> \u202e\x00\ud800\ufffe\x1b[31m"


def made(
    values: list[float], *, names: list[str] | None = None, errors: bool = False, gap: float = 0.0
) -> Attributions:
    """One row explained with base 0.2."""
    names = names or [f"c{i}" for i in range(len(values))]
    columns = Columns(tuple(Column(name, "number", pa.float64()) for name in names))
    added = np.array([values])
    return Attributions(
        "kernel-shap",
        columns,
        np.arange(len(names), dtype=float)[None],
        added,
        np.array([0.2]),
        np.array([0.2 + added.sum() + gap]),
        "P(good)",
        "probability",
        origin="100 rows of the data",
        places=(17,),
        errors=np.full(added.shape, 0.01) if errors else None,
        additive=gap == 0,
    )


def read(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def spans(root: ElementTree.Element) -> list[tuple[float, float, str]]:
    """(first x, tip x, fill) of every arrow."""
    out = []
    for polygon in root.iter(f"{SVG}polygon"):
        xs = [float(pair.split(",")[0]) for pair in polygon.get("points").split()]
        out.append((xs[0], xs[2], polygon.get("fill")))
    return out


def scale(root: ElementTree.Element) -> tuple[float, float]:
    """(units of the sheet for 1, where 0 is) from the labels of the x axis."""
    ticks = [
        (float(t.text.replace("−", "-")), float(t.get("x")))
        for t in root.iter(f"{SVG}text")
        if t.get("text-anchor") == "middle" and re.fullmatch(r"−?[\d.]+", t.text or "") and t.get("fill") == "#57606a"
    ]
    (a, x), (b, y) = ticks[0], ticks[-1]
    return (y - x) / (b - a), x - a * (y - x) / (b - a)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=9))
def test_the_steps_of_a_waterfall_go_from_base_to_answer(values):
    root = read(waterfall(made(values)).svg())
    unit, zero = scale(root)
    at = 0.2
    ordered = sorted(values, key=lambda v: -abs(v))
    for (first, tip, fill), value in zip(spans(root), ordered, strict=True):
        assert first == pytest.approx(zero + unit * at, abs=0.25)
        at += value
        assert tip == pytest.approx(zero + unit * at, abs=0.25)
        assert fill == (UP if value > 0 else PALE)
    assert len(spans(root)) == len(values)


def test_a_waterfall_says_what_it_shows():
    found = made([0.3, -0.1, 0.02])
    picture = waterfall(found)
    said = texts(read(picture.svg()))
    assert {"base", "c0 = 0", "c1 = 1", "+0.300", "−0.100", "0.200", "0.420", "P(good)"} <= set(said)
    assert "P(good) (probability)" in said
    assert any("compared with 100 rows of the data" in text for text in said)
    assert "row 17" in picture.title
    logged = waterfall(replace(found, scale="log-odds", target="log-odds of good")).svg()
    assert "log-odds of good" in texts(read(logged))
    assert waterfall(found).svg() == picture.svg()


def test_columns_past_the_most_are_one_and_one_is_never_left_over():
    many = made([0.1] * 5 + [0.01] * 20)
    root = read(waterfall(many, most=5).svg())
    assert "20 other columns" in texts(root)
    assert "+0.200" in texts(root)
    assert len(spans(root)) == 6
    assert not any("other columns" in text for text in texts(read(waterfall(made([0.1] * 6), most=5).svg())))


def test_whiskers_are_monte_carlo_intervals_of_single_columns():
    root = read(waterfall(made([0.3, 0.2, 0.1, 0.1], errors=True), most=2).svg())
    unit, zero = scale(root)
    drawn = [p.get("d") for p in root.iter(f"{SVG}path") if p.get("stroke-width") == "1.3"]
    ends = [tuple(map(float, re.match(r"M([\d.]+) [\d.]+H([\d.]+)", d).groups())) for d in drawn]
    for (low, high), (middle, error) in zip(ends, [(0.5, 0.01), (0.7, 0.01)], strict=True):
        assert low == pytest.approx(zero + unit * (middle - 1.96 * error), abs=0.3)
        assert high == pytest.approx(zero + unit * (middle + 1.96 * error), abs=0.3)
    assert any("Monte-Carlo" in text for text in texts(root))
    assert not any("Monte-Carlo" in text for text in texts(read(waterfall(made([0.3])).svg())))


def test_what_a_method_leaves_unexplained_has_its_own_step():
    found = made([0.3, -0.1], gap=0.05)
    root = read(waterfall(found).svg())
    assert "not explained by the method" in texts(root)
    assert "+0.050" in texts(root)
    assert spans(root)[-1][2] == "#ffffff"
    assert any("Not explained by the method: +0.050" in text for text in texts(read(force(found).svg())))
    assert "not explained by the method" in terminal(found)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=8))
def test_forces_meet_at_the_answer(values):
    root = read(force(made(values)).svg())
    unit, zero = scale(root)
    meet = zero + unit * (0.2 + sum(values))
    up = [s for s in spans(root) if s[2] == UP]
    down = [s for s in spans(root) if s[2] == PALE]
    assert (len(up), len(down)) == (sum(v > 0 for v in values), sum(v < 0 for v in values))
    if up:
        assert max(tip for _, tip, _ in up) == pytest.approx(meet, abs=0.3)
        assert sum(tip - first for first, tip, _ in up) == pytest.approx(unit * sum(v for v in values if v > 0), abs=1)
    if down:
        assert min(tip for _, tip, _ in down) == pytest.approx(meet, abs=0.3)
        assert sum(first - tip for first, tip, _ in down) == pytest.approx(
            -unit * sum(v for v in values if v < 0), abs=1
        )


def test_forces_past_the_most_are_together_on_their_side():
    said = texts(read(force(made([0.1] * 6 + [-0.1] * 2), most=3).svg()))
    assert "3 other columns" in said
    assert "+0.300" in said
    assert "▶ raise it (+0.600)" in said
    assert "◀ lower it (−0.200)" in said
    assert "no column" in texts(read(force(made([0.1])).svg()))


def test_a_terminal_shows_signs_and_bars_without_colour():
    lines = terminal(made([0.3, -0.15, 0.0]), width=70).splitlines()
    assert lines[0].startswith("row 17")
    assert re.fullmatch(r"c0 = 0 +\+0\.300 █+", lines[3])
    assert re.fullmatch(r"c1 = 1 +−0\.150 ░+", lines[4])
    assert lines[5].split() == ["c2", "=", "2", "0.000"]
    assert lines[3].count("█") == pytest.approx(2 * lines[4].count("░"), abs=1)
    assert lines[-1].split() == ["P(good)", "0.350"]
    assert max(map(len, lines)) <= 70
    assert "±0.020" in terminal(made([0.3, 0.1], errors=True))


def test_a_terminal_holds_wide_letters_and_hostile_ones():
    from rich.cells import cell_len

    found = made([0.3, -0.2], names=["年収" * 20, HOSTILE])
    shown = terminal(found, width=60)
    assert max(map(cell_len, shown.splitlines())) <= 60
    assert not set(shown) & {"\x1b", "\x00", "\u202e", "\ud800"}
    bars = [line for line in shown.splitlines() if "█" in line or "░" in line]
    assert len({cell_len(re.split("[█░]", line)[0]) for line in bars}) == 1


@pytest.mark.parametrize("draw", [waterfall, force])
def test_hostile_names_stay_text(draw):
    found = replace(made([0.3, -0.2], names=[HOSTILE, "b"]), target=HOSTILE, origin=HOSTILE, method=HOSTILE)
    text = draw(found).svg()
    root = read(text)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in text
    assert "<script" not in draw(found).html()
    text.encode()


@pytest.mark.parametrize("draw", [waterfall, force, terminal])
def test_what_cannot_be_drawn_is_said(draw):
    with pytest.raises(AssayError, match="no explained row 1"):
        draw(made([0.1]), 1)
    with pytest.raises(AssayError, match="nothing to draw"):
        draw(made([0.1]).of([]))
    with pytest.raises(AssayError, match="0 columns are none"):
        draw(made([0.1]), most=0)


def test_nothing_added_at_all_is_drawn():
    found = made([0.0, 0.0])
    for draw in (waterfall, force):
        read(draw(found).svg())
    assert "0.00" in terminal(found)


def test_long_labels_keep_the_value_and_stay_apart():
    assert label("a" * 59 + "z", "37") == f"{'a' * 16}…{'a' * 7}z = 37"
    assert len(label("a" * 60, "b" * 60)) == 30
    assert label("age", "x" * 60) == f"age = {'x' * 23}…"
    names = ["x" * 60, "x" * 61]
    root = read(waterfall(made([0.2, 0.1], names=names)).svg())
    tops = [float(p.get("points").split()[2].split(",")[1]) for p in root.iter(f"{SVG}polygon")]
    assert len(set(tops)) == 2


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b"]), max_size=8))
def test_names_are_always_made_distinct(names):
    assert len(set(distinct(names))) == len(names)


def test_terms_sum_to_the_answer():
    known = terms_of(made([0.3, -0.1, 0.02, 0.01, 0.005]), 0, most=2)
    assert known.base + sum(term.value for term in known.terms) == pytest.approx(known.output)
    assert known.residual is None
    assert [term.together for term in known.terms] == [False, False, True]
