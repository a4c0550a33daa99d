"""A shrunken rate stands in the row of the raw one, and is hidden with it."""

from __future__ import annotations

from dataclasses import replace

from documents_runs import POLICY, made, make_run

from assay.core.errors import Message
from assay.core.finding import Findings
from assay.core.measure import Interval, Limit, Measure
from assay.documents import html, markdown
from assay.documents.standing import standing

SIZES = {"a": 900, "b": 70, "c": 40}
CHECK = "fairness.selection_rates"


def measures(sizes):
    pulled = Message("pulled", "pulled from {raw}", {"raw": "0.5"})
    for name, shift in (("selection_rate", 0.0), ("selection_rate_shrunken", 0.06)):
        for group, n in sizes.items():
            value, notes = 0.5 + shift, (pulled,) if shift else ()
            interval = Interval(value - 0.1, value + 0.1, 0.95, "x")
            yield Measure(name, value, n, slice={"sex": group}, interval=interval, notes=notes)
    yield Measure("selection_rate", 0.5, sum(sizes.values()), interval=Interval(0.4, 0.6, 0.95, "x"))


def run_of(sizes, limits=()):
    findings = Findings(made(CHECK, m, limits, POLICY) for m in measures(sizes))
    return replace(make_run(), findings=findings, subject_facts={"groups": {"sex": sizes}})


def test_it_stands_in_the_row_of_the_raw_rate():
    entries = standing(run_of(SIZES)).entries
    assert [e.measure.name for e in entries] == ["selection_rate"] * 4
    assert [e.beside.measure.value if e.beside else None for e in entries] == [0.56] * 3 + [None]
    text = html(run_of(SIZES))
    assert text.count('title="pulled from 0.5"') == 3
    assert text.count(">0.560 (0.460 to 0.660)<") == 3
    assert "Pooled: the same rate" in text
    assert "shrunken" not in markdown(run_of(SIZES)).lower()


def test_it_is_hidden_with_the_raw_rate():
    run = run_of({"a": 900, "b": 70, "c": 3})
    assert [e.hidden for e in standing(run).entries] == ["", "complement", "small", ""]
    assert html(run).count(">0.560 (0.460 to 0.660)<") == 1


def test_one_that_a_policy_judges_keeps_its_own_place():
    limit = Limit("selection_rate_shrunken", "higher", 0.7, 0.6)
    entries = standing(run_of({"a": 900, "b": 70, "c": 3}, (limit,))).entries
    found = [e for e in entries if e.measure.name == "selection_rate_shrunken"]
    assert [e.hidden for e in found] == ["", "complement", "small"]
    assert not any(e.beside for e in entries)


def test_one_without_a_raw_rate_keeps_its_own_place():
    alone = [m for m in measures(SIZES) if m.name == "selection_rate_shrunken"]
    run = run_of(SIZES).with_findings(Findings(made(CHECK, m, (), POLICY) for m in alone))
    assert [e.measure.name for e in standing(run).entries] == ["selection_rate_shrunken"] * 3
