"""Two Runs compared: joined by key, with what changed and whether the intervals overlap."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from documents_pages import Page
from documents_runs import CREDIT, HOSTILE, make_run

from assay.core.errors import AssayError
from assay.core.finding import Findings
from assay.documents import compare
from assay.documents.compare import MOST

A = make_run()
B = make_run(CREDIT | {"sex": {"female": (310, 0.60), "male": (690, 0.80)}})


def test_a_run_is_the_same_as_itself():
    found = compare(A, A)
    assert (found.verdicts, found.values, found.only_a, found.only_b) == ((), (), (), ())
    assert found.same == len(A.findings)


def test_every_finding_is_in_one_place():
    found = compare(A, B)
    pairs = len(found.verdicts) + len(found.values) + found.same
    assert pairs + len(found.only_a) == len(A.findings)
    assert pairs + len(found.only_b) == len(B.findings)
    assert all(p.a.finding.key == p.b.finding.key for p in found.verdicts + found.values)
    assert all(p.a.finding.verdict != p.b.finding.verdict for p in found.verdicts)
    assert all(p.a.finding.verdict == p.b.finding.verdict for p in found.values)


def test_changes_and_overlaps_are_told():
    pair = next(p for p in compare(A, B).verdicts if p.a.measure.name == "tpr_gap" and p.a.measure.over == ("sex",))
    assert pair.change == pytest.approx(0.28 - 0.112)
    assert pair.overlap is False
    assert compare(A, B).values[0].overlap is False
    assert any(p.overlap for p in compare(A, B).values)


def test_what_only_one_has_is_listed():
    fewer = A.with_findings(f for f in A.findings if f.check != "quality.data")
    assert {e.finding.check for e in compare(A, fewer).only_a} == {"quality.data"}
    assert {e.finding.check for e in compare(fewer, A).only_b} == {"quality.data"}
    assert "Only in the first run: 4" in compare(A, fewer).text()


def test_hidden_numbers_stay_hidden():
    rows = [p for p in compare(A, B).values if p.a.hidden]
    assert rows
    assert all(p.change is None and p.overlap is None for p in rows)
    assert "fewer than 5 rows" in compare(A, B.with_findings([])).text()


def test_text_is_a_table_without_control_characters():
    evil = make_run(HOSTILE)
    text = compare(evil, evil.with_findings([])).text()
    assert all(char.isprintable() or char in "\n\u200d" for char in text)
    assert "Verdicts that changed: 0" in text
    assert f"Only in the first run: {len(evil.findings)}" in text


def test_html_is_whole_and_safe():
    evil = make_run(HOSTILE)
    for found in (compare(A, B), compare(evil, evil.with_findings([])), compare(A, A.with_findings([]))):
        page = Page(found.html())
        assert page.crossed == []
        assert page.open == []
        assert len(page.all("caption")) == len(page.all("table"))
        assert len(page.all("h1")) == 1
        assert not page.all("script")
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_long_comparisons_say_how_much_is_left_out():
    findings = Findings(replace(A.findings[0], params={"i": i}) for i in range(MOST + 7))
    assert "7 more rows are left out here." in compare(A.with_findings(findings), A.with_findings([])).text()


def test_other_subjects_are_named():
    assert "different subjects" in compare(A, replace(A, subject="income")).text()


def test_json_is_complete():
    data = json.loads(json.dumps(compare(A, B).to_json()))
    assert len(data["verdicts"]) == len(compare(A, B).verdicts)
    assert data["verdicts"][0]["a"]["key"] == data["verdicts"][0]["b"]["key"]


def test_a_comparison_is_written_as_html(tmp_path):
    path = compare(A, B).write(tmp_path / "c.html")
    assert path.read_text(encoding="utf-8") == compare(A, B).html()
    with pytest.raises(AssayError, match=r"\.html"):
        compare(A, B).write(tmp_path / "c.txt")
