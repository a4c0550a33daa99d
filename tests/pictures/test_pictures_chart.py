"""Charts are well-formed SVG that says what was given, escapes it, and is the same bytes every time."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.pictures import Chart
from assay.pictures.axes import nice_scale
from assay.pictures.paint import shade

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script> \"'&]]> \u202e\x00\ud800\ufffe"


def read(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg())


def found(root: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return root.findall(f".//{SVG}{tag}")


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in found(root, "text")]


def test_a_line_goes_through_its_points() -> None:
    chart = Chart("Reliability", x="score", y="rate")
    chart.line([0, 0.5, 1], [0, 1, 0], name="all")
    root = read(chart)
    (line,) = found(root, "polyline")
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 == y2 > y1
    assert {"Reliability", "score", "rate", "all", "0.0", "1.0"} <= set(texts(root))
    assert root.find(f"{SVG}title").text == "Reliability"
    assert "all" in root.find(f"{SVG}desc").text


def test_a_missing_number_breaks_a_line_and_leaves_a_point_out() -> None:
    chart = Chart("x")
    chart.line([0, 1, 2, 3, 4], [1, 2, None, 3, 4], low=[0, 1, None, 2, 3], high=[2, 3, None, 4, 5])
    chart.points([0, 1, None], [1, None, 2])
    root = read(chart)
    assert [len(found(root, tag)) for tag in ("polyline", "polygon", "path")] == [2, 2, 1]


def test_intervals_lie_along_the_numbers() -> None:
    up, along = Chart("x"), Chart("x")
    up.points([1, 2], [3, 4], low=[2, 3], high=[4, None])
    along.points([3, 4], ["a", "b"], low=[2, 3], high=[4, 5])
    (line,) = [x for x in found(read(up), "line") if x.get("stroke") == "#0072b2"]
    assert line.get("x1") == line.get("x2")
    lines = [x for x in found(read(along), "line") if x.get("stroke") == "#0072b2"]
    assert [x.get("y1") == x.get("y2") for x in lines] == [True, True]
    assert float(lines[0].get("y1")) < float(lines[1].get("y1"))


def test_bars_begin_at_zero_and_have_a_colour_for_each_sign() -> None:
    chart = Chart("x")
    chart.bars(["up", "down", "none"], [2.0, -1.0, None], low=[1, -2, None], high=[3, 0, None])
    root = read(chart)
    up, down = [r for r in found(root, "rect") if r.get("fill") in ("#0072b2", "#d55e00")]
    zero = float(up.get("x"))
    assert float(down.get("x")) + float(down.get("width")) == pytest.approx(zero, abs=0.11)
    assert float(up.get("width")) == pytest.approx(2 * float(down.get("width")), abs=0.3)
    assert up.get("fill") != down.get("fill")
    assert "–" in texts(root)


def test_two_series_of_bars_share_the_band_of_a_name() -> None:
    chart = Chart("x")
    chart.bars(["a", "b"], [1, 2], name="before")
    chart.bars(["a", "b"], [3, 4], name="after")
    bars = [r for r in found(read(chart), "rect") if r.get("fill") in ("#0072b2", "#d55e00")][2:]
    spans = sorted((float(r.get("y")), float(r.get("y")) + float(r.get("height"))) for r in bars)
    assert len(spans) == 4
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_heat_map_is_darker_further_from_zero_and_has_two_hues() -> None:
    chart = Chart("x")
    chart.heat(["r", "s"], ["a", "b"], [[1.0, -1.0], [0.1, None]])
    root = read(chart)
    assert {"1", "−1", "0.1"} <= set(texts(root))
    assert {shade(1), shade(-1), shade(0.1)} <= {r.get("fill") for r in found(root, "rect")}
    chart = Chart("x")
    chart.heat(["r"], ["a"], [[0.5]], texts=[["half"]])
    assert "half" in texts(read(chart))


def test_series_can_be_told_apart_without_colour() -> None:
    chart = Chart("x")
    for i in range(5):
        chart.line([0, 1], [i, i], name=f"s{i}")
    lines = found(read(chart), "polyline")
    assert len({line.get("stroke-dasharray") for line in lines}) == len({line.get("stroke") for line in lines}) == 5


def test_a_layer_without_a_name_belongs_to_the_one_before_it() -> None:
    chart = Chart("x")
    for i in range(3):
        chart.line([0, 1], [i, i], name=f"s{i}")
        chart.points([0, 1], [i, i])
    root = read(chart)
    lines, points = (found(root, tag) for tag in ("polyline", "path"))
    assert len({line.get("stroke") for line in lines}) == 3
    assert [line.get("stroke") for line in lines for _ in range(2)] == [p.get("fill") for p in points]


def test_large_and_small_numbers_can_be_read() -> None:
    chart = Chart("x")
    chart.line([0, 5e6], [-0.002, 0.001])
    said = texts(read(chart))
    assert {"5,000,000", "−0.0020", "0.0000"} <= set(said)
    assert "-" not in "".join(said)


def test_sizes_are_areas_and_shades_have_a_scale() -> None:
    chart = Chart("x")
    chart.points([1, 2, 3], [1, 2, 3], sizes=[1, 4, None], shades=[-5, 37, None])
    root = read(chart)
    scales = [float(re.search(r"scale\((.*?)\)", p.get("transform")).group(1)) for p in found(root, "path")]
    assert scales[1] == pytest.approx(2 * scales[0])
    assert {"−5", "37"} <= set(texts(root))
    assert len({p.get("fill") for p in found(root, "path")}) == 3


def test_a_long_title_is_drawn_as_far_as_it_fits_and_said_whole() -> None:
    root = read(Chart("word " * 50, width=400))
    assert len(root.find(f"{SVG}title").text) == 249
    assert texts(root)[0].endswith("…")
    assert len(texts(root)[0]) < 50


def test_hostile_texts_stay_texts() -> None:
    chart = Chart(HOSTILE, x=HOSTILE, y=HOSTILE)
    chart.bars([HOSTILE, "b"], [1, 2], name=HOSTILE)
    other = Chart(HOSTILE)
    other.heat([HOSTILE], [HOSTILE], [[1]], texts=[[HOSTILE]])
    for made in (chart, other):
        root = read(made)
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {"svg", "title", "desc", "rect", "text", "line", "g"}
        assert "<script" not in made.svg()
        assert "\u202e" not in made.svg()
        assert "⟨U+202E⟩" in made.svg()
        made.svg().encode("utf-8")


def test_the_same_numbers_to_ten_digits_are_the_same_bytes() -> None:
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=200), rng.normal(size=200)

    def drawn(noise: float) -> str:
        chart = Chart("x")
        chart.points(xs * (1 + noise), ys * (1 + noise), shades=xs)
        return chart.svg()

    assert drawn(0) == drawn(4e-16)
    assert drawn(0) != drawn(1e-2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e301])
def test_what_no_axis_can_hold_is_refused(value: float) -> None:
    chart = Chart("x")
    for draw in (lambda: chart.line([0], [value]), lambda: chart.bars(["a"], [value])):
        with pytest.raises(AssayError, match="cannot be drawn"):
            draw()


def test_what_does_not_fit_together_is_refused() -> None:
    chart = Chart("x")
    with pytest.raises(AssayError, match="different lengths"):
        chart.line([0, 1], [0])
    with pytest.raises(AssayError, match="two ends"):
        chart.points([0], [0], low=[0])
    with pytest.raises(AssayError, match="only once"):
        chart.bars(["a", "a"], [0, 1])
    with pytest.raises(AssayError, match="at least one name"):
        chart.heat([], [], [])
    chart.points(["a"], [1])
    chart.points([1], [1])
    with pytest.raises(AssayError, match="both names and numbers"):
        chart.svg()


def test_a_chart_without_layers_is_an_empty_picture() -> None:
    assert read(Chart("nothing")).find(f"{SVG}title").text == "nothing"


def test_a_dense_picture_is_small_enough_to_attach() -> None:
    chart = Chart("x")
    rng = np.random.default_rng(0)
    chart.points(rng.normal(size=20_000), rng.normal(size=20_000), shades=rng.random(20_000))
    assert len(chart.svg()) < 5_000_000


@given(st.lists(st.floats(-1e290, 1e290), min_size=1, max_size=20))
def test_every_number_lies_on_its_axis(values: list[float]) -> None:
    scale = nice_scale(values, start=10, end=110)
    assert 2 <= len(scale.ticks) <= 14
    assert all(9.9 <= scale.at(v) <= 110.1 for v in values)
    assert [t.at for t in scale.ticks] == sorted(t.at for t in scale.ticks)
    assert scale.ticks[0].at == pytest.approx(10, abs=0.1)
    assert scale.ticks[-1].at == pytest.approx(110, abs=0.1)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6, unique=True), st.text(max_size=200))
def test_any_names_make_well_formed_svg(names: list[str], title: str) -> None:
    chart = Chart(title, x=title, y=title)
    chart.bars(names, range(len(names)), name=title)
    chart.points(range(len(names)), names, name=title)
    read(chart)
