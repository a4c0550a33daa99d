"""A Run of named checks: the headline speaks of what was asked, one line of the rest, and the gate stays shut."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from documents_pages import Page
from documents_runs import POLICY, made, make_run

from assay.core.finding import Findings, Run
from assay.core.measure import Interval, Limit, Measure
from assay.core.policy import Policy
from assay.documents import html, junit, markdown, notebook
from assay.documents.standing import standing
from assay.engine.gate import gate

ENDS = {"pass": (0.01, 0.02), "warn": (0.06, 0.08), "inconclusive": (0.05, 0.2), "fail": (0.2, 0.3)}


def only(check: str, *verdicts: str) -> Run:
    """A done Run of one check under a policy that requires four."""
    run = make_run()
    limit = Limit("gap", "lower", 0.05, 0.1)
    gaps = [
        Measure("gap", ENDS[v][0], 99, slice={"column": v}, interval=Interval(*ENDS[v], 0.95, "bootstrap"))
        for v in verdicts
    ]
    described = [Measure("loss", 0.3, 99)]
    found = Findings([made(check, m, [limit], POLICY) for m in gaps] + [made(check, m, [], POLICY) for m in described])
    about = {"title": "Asked", "area": check.partition(".")[0], "limits": [limit.to_json()]}
    return replace(run, findings=found, checks={check: run.checks.get(check, about)})


REST = "fairness.selection_rates , fairness.error_rates , fairness.proxies"


@pytest.mark.parametrize(
    ("check", "verdicts", "title"),
    [
        ("explain.importance", [], "Nothing was judged"),
        ("explain.importance", ["pass"], "What was asked passes"),
        ("explain.importance", ["pass", "warn"], "What was asked passes, with warnings"),
        ("explain.importance", ["pass", "fail"], "Fails: 1 judged measure misses its limit"),
        ("quality.performance", ["pass"], "What was asked passes"),
        ("quality.performance", ["fail"], "Fails: 1 required measure misses its limit"),
        ("quality.performance", ["inconclusive"], "Not shown to be acceptable"),
    ],
)
def test_the_headline_is_about_what_was_asked_and_the_gate_stays_shut(check, verdicts, title):
    run = only(check, *verdicts)
    assert not gate(run, Policy.from_json(run.policy)).passed
    assert not standing(run).open
    for text in (html(run), notebook(run)):
        assert title in Page(text).text
    assert markdown(run).splitlines()[0].endswith(title)


def test_what_was_not_asked_is_one_line_and_no_obstacle():
    run = only("quality.performance", "pass")
    text = re.sub(r"\s+", " ", Page(html(run)).text)
    assert "1 of 1 required measures passed" in text
    assert "nothing that was asked stands in the way of release" in text
    assert "requires 3 checks or measures that this run was not asked for: " + REST in text
    assert "was not judged" not in text
    said = markdown(run)
    assert "\n- " not in said
    assert said.count("`fairness.proxies`") == 1


def test_without_a_required_check_all_that_was_judged_counts():
    text = Page(html(only("explain.importance", "pass", "warn"))).text
    assert "1 of 2 judged measures passed" in text
    assert "stand in the way" not in text


def test_a_check_that_was_asked_and_gave_no_verdict_is_still_an_obstacle():
    run = make_run()
    run = replace(run, findings=Findings(f for f in run.findings if f.check != "fairness.proxies"))
    stands = standing(run)
    assert not stands.unasked
    assert [absent.item for absent in stands.absent] == ["fairness.proxies"]


def test_a_build_server_sees_what_was_not_asked_as_failures():
    root = ElementTree.fromstring(junit(only("quality.performance", "pass")))
    assert {case.get("classname") for case in root.iter("testcase") if case.find("failure") is not None} == {
        "fairness.selection_rates",
        "fairness.error_rates",
        "fairness.proxies",
    }
