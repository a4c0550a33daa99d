"""Pictures as files and in pages, and the marks of many at once."""

from __future__ import annotations

import base64
import io
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from assay.core.errors import AssayError, MissingExtra
from assay.pictures import Chart, Picture
from assay.pictures.crowds import dots
from assay.pictures.paint import _MARKERS
from assay.pictures.steps import arrow

SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> Picture:
    chart = Chart("A bar", width=300, height=100)
    chart.bars(["a"], [1.0])
    return chart.picture()


def test_a_picture_is_written_as_its_suffix_says(tmp_path):
    picture = drawn()
    for name in ("a.svg", "b.SVG"):
        assert picture.write(tmp_path / name).read_bytes() == picture.svg().encode()
    assert picture.write(str(tmp_path / "c.svg")) == tmp_path / "c.svg"
    with pytest.raises(AssayError, match=r"\.pdf"):
        picture.write(tmp_path / "a.pdf")
    with pytest.raises(AssayError, match="without a suffix"):
        picture.write(tmp_path / "a")
    with pytest.raises(AssayError, match="could not be written"):
        picture.write(tmp_path / "nowhere" / "a.svg")


def test_a_png_has_the_picture_in_it(tmp_path):
    from PIL import Image

    picture = drawn()
    image = Image.open(io.BytesIO(picture.png(zoom=2))).convert("RGB")
    assert image.size == (600, 200)
    seen = np.asarray(image).reshape(-1, 3)
    blue = (np.abs(seen.astype(int) - (0, 0x72, 0xB2)).sum(axis=1) < 12).mean()
    (bar,) = [r for r in ElementTree.fromstring(picture.svg()).iter(f"{SVG}rect") if r.get("fill") == "#0072b2"]
    assert blue == pytest.approx(float(bar.get("width")) * float(bar.get("height")) / 30_000, abs=0.01)
    assert picture.write(tmp_path / "a.png", zoom=1).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(AssayError, match="90 times"):
        picture.png(zoom=90)


def test_a_png_without_its_library_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtra, match=r"\[explain\]"):
        drawn().write(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_picture_in_a_page_is_an_image():
    picture = Picture("<b>\"'&", drawn().svg())
    html = picture._repr_html_()
    data = re.fullmatch(r'<img alt="([^"<>]*)" src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"/>', html)
    assert base64.b64decode(data.group(2)).decode() == picture.svg()
    assert "svg" not in repr(picture)
    assert picture.attachment().media_type == "image/svg+xml"


def test_a_cloud_has_a_dot_for_each_point_and_spreads_over_names():
    chart = Chart("x")
    chart.cloud([0.0, 1.0, None], [0.0, 2.0, 1.0], name="first")
    chart.cloud([0.5], [0.5], name="second")
    first, second = [p for p in ElementTree.fromstring(chart.svg()).iter(f"{SVG}path") if p.get("opacity")]
    assert first.get("d").count("M") == 2
    assert second.get("d").count("M") == 1
    assert first.get("stroke") != second.get("stroke")
    assert "h4v4" in second.get("d")
    named = Chart("x")
    named.cloud(["a"] * 100 + ["b"], [*range(100), 5])
    (path,) = [p for p in ElementTree.fromstring(named.svg()).iter(f"{SVG}path") if p.get("opacity")]
    xs = [float(x) for x in re.findall(r"M([\d.]+)", path.get("d"))]
    assert len(set(xs[:100])) == 100
    assert max(xs[:100]) < xs[100]


def test_dots_have_as_many_shapes_as_there_are_markers():
    shapes = {re.sub(r"^M0 0", "", re.search(r'd="([^"]+)"', dots(np.zeros(1), np.zeros(1), colour="#000", shape=i))[1])
              for i in range(len(_MARKERS))}  # fmt: skip
    assert len(shapes) == len(_MARKERS)


def test_a_note_is_small_print_under_the_title_and_moves_the_rest_down():
    plain, noted = Chart("x"), Chart("x", note="compared <with> others")
    for chart in (plain, noted):
        chart.line([0, 1], [0, 1], name="a")
    roots = [ElementTree.fromstring(chart.svg()) for chart in (plain, noted)]
    feet, tops = ([pick(_heights(root)) for root in roots] for pick in (max, min))
    assert feet[0] == feet[1]
    assert tops[1] - tops[0] == pytest.approx(20)
    assert "compared &lt;with&gt; others" in noted.svg()


def _heights(root: ElementTree.Element) -> list[float]:
    """Where the lines of the grid begin."""
    return [float(line.get("y1")) for line in root.iter(f"{SVG}line") if line.get("stroke") == "#e3e6ea"]


def test_threads_and_a_rug_have_no_series_of_their_own():
    chart = Chart("x")
    chart.threads([0, 1], np.array([[0.0, 1.0], [1.0, 0.0]]), name="rows")
    chart.rug([0.0, 0.0, 1.0], name="values")
    chart.line([0, 1], [0, 1], name="mean")
    root = ElementTree.fromstring(chart.svg())
    (line,) = root.iter(f"{SVG}polyline")
    assert line.get("stroke") == "#0072b2"
    assert [p.get("d").count("M") for p in root.iter(f"{SVG}path") if "L" in p.get("d") and "M" in p.get("d")] == [2]
    assert [p.get("d").count("M") for p in root.iter(f"{SVG}path") if "v-7" in p.get("d")] == [2]
    with pytest.raises(AssayError, match="cannot be drawn"):
        chart.threads([0, 1], np.array([[0.0, np.nan]]))
    with pytest.raises(AssayError, match="different lengths"):
        chart.threads([0, 1], np.array([[0.0, 1.0, 2.0]]))


def test_arrows_point_where_they_go():
    right, left = (ElementTree.fromstring(arrow(*ends, 10, thick=8)) for ends in ((10, 50), (50, 10)))
    points = [[tuple(map(float, p.split(","))) for p in a.get("points").split()] for a in (right, left)]
    assert points[0][2] == (50, 10)
    assert points[1][2] == (10, 10)
    assert right.get("fill") != left.get("fill")
    assert dots(np.zeros(0), np.zeros(0), colour="#000") == ""
