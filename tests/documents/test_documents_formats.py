"""JUnit, Markdown and JSON say what the Findings say; files appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from documents_runs import HOSTILE, POLICY, make_run, many

from assay.core.errors import AssayError
from assay.core.finding import Run
from assay.core.measure import Verdict
from assay.core.policy import Policy, Rules
from assay.documents import html, junit, markdown, write
from assay.documents.standing import standing
from assay.engine.gate import gate

RUN, EVIL = make_run(), make_run(HOSTILE)


def cases(run):
    return {
        (case.get("classname"), case.get("name")): case for case in ElementTree.fromstring(junit(run)).iter("testcase")
    }


def test_junit_has_a_case_for_every_judged_finding_and_absent_requirement():
    stands = standing(RUN)
    judged = [e for e in stands.entries if e.verdict is not None]
    root = ElementTree.fromstring(junit(RUN))
    assert int(root.get("tests")) == len(judged) + len(stands.absent) == len(list(root.iter("testcase")))
    assert int(root.get("failures")) == len(list(root.iter("failure")))
    assert sum(int(suite.get("tests")) for suite in root) == int(root.get("tests"))


def test_junit_failures_are_what_fails_or_blocks():
    stands = standing(RUN)
    bad = sum(e.verdict is Verdict.FAIL or e.blocks for e in stands.entries) + len(stands.absent)
    assert ElementTree.fromstring(junit(RUN)).get("failures") == str(bad)


def test_junit_skips_what_the_policy_lets_pass():
    policy = replace(POLICY, rules=Rules(on_inconclusive="allow", on_unmeasured="allow"))
    root = ElementTree.fromstring(junit(make_run(policy=policy)))
    assert {f.get("type") for f in root.iter("failure")} == {"fail"}
    assert int(root.get("skipped")) > 0
    strict = replace(POLICY, rules=Rules(on_warn="block"), required=())
    types = {f.get("type") for f in ElementTree.fromstring(junit(make_run(policy=strict))).iter("failure")}
    assert types == {"fail", "warn", "inconclusive", "unmeasured"}


def test_junit_names_are_unique_and_hold_no_control_characters():
    names = [(c.get("classname"), c.get("name")) for c in ElementTree.fromstring(junit(EVIL)).iter("testcase")]
    assert len(set(names)) == len(names)
    assert any("<img src=x onerror=alert(1)>" in name for _, name in names)
    assert all(char.isprintable() for _, name in names for char in name if char != "\u200d")


def test_markdown_tables_keep_their_columns():
    for run in (RUN, EVIL, make_run(many(60))):
        text = markdown(run)
        tables = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
        assert len(tables) == 2
        for table in tables:
            assert len({line.count("|") for line in table.splitlines()}) == 1
        assert len(text) < 65_536


def test_markdown_says_the_verdict_what_blocks_and_each_check():
    text = markdown(RUN)
    stands = standing(RUN)
    assert text.startswith("## ✕ `German credit`: Fails: 2 required measures miss their limits")
    assert f"{stands.passed} of {stands.required} required measures passed" in text
    assert text.count("\n- ") == len(stands.blocking) + len(stands.absent)
    assert "| How often the model is right | ◇ inconclusive |" in text


def test_markdown_outside_code_holds_nothing_of_a_hostile_name():
    text = re.sub(r"`[^`\n]*`", "", markdown(EVIL))
    for piece in ("<script", "<img", "<svg", "@everyone", "https:", "\u202e"):
        assert piece not in text


def test_the_standing_agrees_with_the_gate():
    for run in (RUN, EVIL, make_run(policy=replace(POLICY, required=())), make_run(status="interrupted")):
        stands = standing(run)
        result = gate(run, Policy.from_json(run.policy))
        assert stands.open == result.passed
        assert len(stands.blocking) + len(stands.absent) + len(stands.other) == len(result.reasons)
        assert stands.required == result.required


def test_a_sign_off_is_not_asked_of_a_document():
    policy = Policy(sign_offs=("R. Okafor",))
    stands = standing(replace(RUN, policy=policy.to_json() | {"digest": policy.digest}))
    assert stands.other == ()
    assert "It asks for the sign-off of R. Okafor." in html(replace(RUN, policy=policy.to_json()))


def test_a_policy_the_run_cannot_meet_is_said_and_does_not_stop_the_report():
    policy = replace(POLICY, required=("quality.performance:no_such_measure",))
    stands = standing(make_run(policy=policy))
    assert not stands.open
    assert "no_such_measure" in stands.other[0]


def test_a_folder_gets_four_files(tmp_path):
    written = write(RUN, tmp_path / "new" / "report")
    assert [path.name for path in written] == ["report.html", "findings.json", "report.md", "junit.xml"]
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == sorted(p.name for p in written)
    assert (tmp_path / "new/report/report.html").read_text(encoding="utf-8") == html(RUN)


@pytest.mark.parametrize("name", ["a.html", "b.JSON", "c.md", "d.xml"])
def test_an_ending_gives_one_file(tmp_path, name):
    assert write(EVIL, tmp_path / name) == (tmp_path / name,)
    assert (tmp_path / name).read_bytes().decode("utf-8")


def test_findings_json_is_the_run_complete_and_sorted(tmp_path):
    (path,) = write(EVIL, tmp_path / "findings.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(EVIL.to_json()))
    assert list(data) == sorted(data)
    back = Run.from_json(data)
    assert [f.id for f in back] == [f.id for f in EVIL]
    assert html(back) == html(EVIL)


def test_another_policy_judges_the_stored_measures_again(tmp_path):
    lenient = Policy(name="lenient", rules=Rules(judge="point", on_warn="allow"), required=("quality.data",))
    (path,) = write(RUN, tmp_path / "r.json", policy=lenient)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["run"]["policy"]["name"] == "lenient"
    assert [f["measure"] for f in data["findings"]] == [f.measure.to_json() for f in RUN.findings]
    assert [f["id"] for f in data["findings"]] != [f.id for f in RUN.findings]


def test_an_unknown_ending_is_an_error_that_lists_the_known(tmp_path):
    with pytest.raises(AssayError, match=r"\.pdf.*Known: \.html, \.json, \.md, \.xml"):
        write(RUN, tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    target = tmp_path / "report"
    write(RUN, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AssayError, match="No space left on device") as caught:
        write(EVIL, target)
    assert caught.value.code == "write"
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    calls.clear()
    with pytest.raises(AssayError):
        write(EVIL, tmp_path / "a" / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(AssayError, match="cannot be written"):
            write(RUN, path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / "out" / "report.md").mkdir(parents=True)
    with pytest.raises(AssayError, match=r"report\.md is a folder"):
        write(RUN, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.md"]


def test_a_path_may_be_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write(RUN, "r.md") == (Path("r.md"),)
