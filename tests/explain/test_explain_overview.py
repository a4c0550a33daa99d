"""What `assay explain` prints of the model as a whole."""

from __future__ import annotations

from datetime import datetime

from assay.core.errors import Message
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Interval, Measure
from assay.explain.commands.explain import _Overview
from assay.explain.commands.page import page
from assay.pictures.picture import Picture

PAIR = ({"job": "boss"}, {"job": None})
MEASURES = [
    Measure("mean_abs_shap_interaction", 0.25, 9, over=("age", "job")),
    Measure("importance", 0.125, 9, over=("age",), interval=Interval(0.1, 0.15, 0.95, "x")),
    Measure("importance", -0.5, 9, over=("\x1b[31mjob",)),
    Measure("effect", 1.0, (9, 9), groups=PAIR),
    Measure("slope", None, 0, reason=Message("constant", "the column has one value")),
]


def overview() -> list[str]:
    found = [Finding(check="explain.x", check_version=1, subject="s", measure=m, verdict=None) for m in MEASURES]
    run = Run("r1", "s", datetime(2026, 1, 1), 0.0, Findings(found), checks={"explain.x": {"title": "What counts"}})
    return _Overview(run, ()).text().splitlines()


def test_values_stand_below_each_other_whatever_the_names():
    lines = [line for line in overview() if line.startswith("  ") and not line.startswith("  not")]
    assert len(lines) == 4
    starts = {len(line) - len(line[2:].split("  ", 1)[1].lstrip()) for line in lines}
    assert len(starts) == 1
    assert "\x1b" not in "".join(lines)


def test_the_largest_comes_first_and_what_is_missing_says_why():
    lines = overview()
    assert lines[0] == "explain.x  What counts"
    of = [line for line in lines if line.startswith("  importance")]
    assert of[0].split()[-1] == "-0.5"
    assert of[1].endswith("0.125 [0.1, 0.15]")
    assert any("job boss against job missing" in line for line in lines)
    assert "  not measured: the column has one value" in lines


def test_a_page_fits_a_telephone_and_asks_for_nothing():
    picture = Picture("<b>", "<svg/>")
    text = page("<i>", ["<script>"], [picture], ["a"])
    assert '<meta name="viewport" content="width=device-width">' in text
    assert "default-src 'none'" in text
    assert "<script>" not in text
    assert "<i>" not in text
