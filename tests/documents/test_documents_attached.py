"""What checks attach is shown as images and tables that can do nothing; checks for other tasks take one line."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from documents_pages import Page
from documents_runs import CREDIT, POLICY, made, make_run

from assay.core.errors import Message
from assay.core.finding import Findings, Run
from assay.core.measure import Attachment, Measure, attached_table
from assay.documents import html, markdown
from assay.documents.report import build
from assay.documents.write import findings_json

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> | `x` [a](javascript:b) \u202e'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><title>Curve &lt;of&gt; men</title><script>alert(1)</script></svg>'
CHECK = "quality.performance"


def measure(n: int = 500, slice: dict[str, str | None] | None = None, **files: Attachment) -> Measure:
    return Measure("auc", 0.7, n, slice=slice or {}, attachments=files)


def run_of(*measures: Measure) -> Run:
    findings = []
    for m in measures:
        digests = {name: file.digest for name, file in m.attachments.items()}
        findings.append(replace(made(CHECK, m, (), POLICY), attachments=digests))
    return replace(make_run(), findings=Findings(findings))


def test_a_picture_is_an_image_in_which_no_script_runs():
    page = Page(html(run_of(measure(roc=Attachment(SVG, "image/svg+xml", "beside")))))
    (image,) = page.all("img")
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == SVG
    assert image["alt"] == "Curve <of> men"
    assert "Curve <of> men" in page.text
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.crossed == page.open == []


def test_the_report_of_a_stored_run_shows_the_same_picture():
    fresh = measure(roc=Attachment(SVG, "image/svg+xml", "a title that no store keeps"))
    stored = measure(roc=Attachment(SVG, "image/svg+xml"))
    assert html(run_of(fresh)) == html(run_of(stored))


@pytest.mark.parametrize("made_of", ["title", "columns", "cells", "caption", "name", "type"])
def test_hostile_texts_of_attachments_are_shown_and_do_nothing(made_of):
    table = attached_table(["a", "b"], [["x", 1]], caption="c")
    files = {
        "title": {"roc": Attachment(b"png", "image/png", HOSTILE)},
        "columns": {"t": attached_table([HOSTILE, "b"], [["x", 1]], caption="c")},
        "cells": {"t": attached_table(["a", "b"], [[HOSTILE, 1]], caption="c")},
        "caption": {"t": attached_table(["a", "b"], [["x", 1]], caption=HOSTILE)},
        "name": {HOSTILE: table, HOSTILE + "2": Attachment(b"x", "image/png")},
        "type": {"t": Attachment(b"x", HOSTILE)},
    }[made_of]
    run = run_of(measure(**files))
    page, text = Page(html(run)), markdown(run)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert page.crossed == page.open == []
    assert "\u202e" not in page.text + text
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert "<script" not in outside
    assert "](javascript" not in outside
    assert "alert" in page.text


def test_a_table_is_a_table_with_its_first_rows():
    rows = [[f"group {i}", i * 1000, i / 7, None] for i in range(60)]
    table = attached_table(["who", "rows", "rate", "p"], rows, caption="By group")
    page = Page(html(run_of(measure(by_group=table))))
    (found,) = [a for a in page.all("table") if a.get("class") == "attached"]
    assert found
    assert "group 49 49,000 7.000 – and 10 more rows" in page.text
    assert "group 50" not in page.text
    text = markdown(run_of(measure(by_group=table)))
    assert "| <code>group&" in text or "| `group 3` | 3,000 | 0.429 | – |" in text


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[1]",
        b"[" * 100_000,
        b'{"kind": "curve"}',
        b'{"kind": "table"}',
        b'{"kind": "table", "columns": ["a"], "rows": [[NaN]]}',
        b'{"kind": "table", "columns": ["a"], "rows": [[1, 2]]}',
        b'{"kind": "table", "columns": ["a"], "rows": 7}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_table_is_named_with_its_digest(data):
    file = Attachment(data, "application/json")
    page = Page(html(run_of(measure(curve=file))))
    assert f"application/json, {len(data):,} bytes, {file.digest}" in page.text
    assert file.digest in markdown(run_of(measure(curve=file)))


def test_nested_cells_are_shown_as_text():
    data = json.dumps({"kind": "table", "columns": ["a"], "rows": [[{"b": [1]}], [True]]}).encode()
    assert '{"b": [1]} true' in Page(html(run_of(measure(t=Attachment(data, "application/json"))))).text


def test_what_goes_with_a_hidden_number_is_hidden_too():
    small = measure(3, {"sex": "x"}, roc=Attachment(SVG, "image/svg+xml"))
    rest = measure(997, {"sex": "y"}, roc=Attachment(SVG + b" ", "image/svg+xml"))
    run = replace(run_of(small, rest, measure(1000)), subject_facts={"groups": {"sex": {"x": 3, "y": 997}}})
    assert POLICY.rules.min_cell > 3
    assert Page(html(run)).all("img") == []


def test_pictures_that_do_not_fit_are_named(monkeypatch):
    monkeypatch.setattr(build, "ROOM", 1000)
    files = {f"p{i}": Attachment(b"x" * 500 + b"%d" % i, "image/png", f"Picture {i}") for i in range(3)}
    page = Page(html(run_of(measure(**files))))
    assert len(page.all("img")) == 1
    assert files["p2"].digest in page.text


def test_a_picture_whose_bytes_are_elsewhere_is_named():
    run = run_of(measure(roc=Attachment(SVG, "image/svg+xml")))
    bare = run.with_findings(replace(f, measure=replace(f.measure, attachments={})) for f in run.findings)
    assert "The bytes are not at hand" in Page(html(bare)).text
    assert findings_json(bare) == findings_json(run)


def test_many_attachments_are_folded_and_named_in_markdown():
    files = {f"p{i}": Attachment(b"x%d" % i, "image/png", f"Picture {i}") for i in range(7)}
    page, text = Page(html(run_of(measure(**files)))), markdown(run_of(measure(**files)))
    assert len(page.all("img")) == 7
    assert "3 more pictures and tables" in page.text
    assert text.count("Picture: ") == 7


def foreign(check: str, wanted: str):
    words = "the check is for {wanted} tasks and this one is {task}"
    reason = Message("wrong-task", words, {"wanted": wanted, "task": "binary"})
    return made(check, Measure("unmeasured", None, 0, reason=reason), (), POLICY)


def test_checks_for_other_tasks_take_one_line():
    run = make_run(CREDIT)
    others = {"quality.errors": "regression", "fairness.ranking": "multiclass or ranking"}
    checks = {id: {"title": f"Title of {id}", "area_title": "X"} for id in others}
    more = [foreign(id, wanted) for id, wanted in others.items()]
    both = replace(run, checks={**run.checks, **checks}, findings=Findings([*run.findings, *more]))
    text = Page(html(both)).text
    said = "2 checks are for other kinds of task (one of several classes, ranking, a number (regression)) and were not"
    assert said in text
    assert text.count("Title of quality.errors") == 1
    assert "and this one is binary" not in text
    assert said in markdown(both)
    assert "Title of" not in markdown(both)
    assert json.loads(findings_json(both))["findings"][-1]["measure"]["reason_id"] == "wrong-task"
    assert "other kinds of task" not in html(run)


def test_captions_and_titles_of_usual_length_are_whole():
    caption = "Rise of the Brier loss when a column is exchanged: 0.1 on 2000 rows as it is, 5 exchanges of each row"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><title>' + b"long " * 20 + b"title</title></svg>"
    run = run_of(measure(t=attached_table(["a"], [["x"]], caption=caption), p=Attachment(svg, "image/svg+xml")))
    for text in (Page(html(run)).text, markdown(run)):
        assert caption in text
        assert "long " * 20 + "title" in text
