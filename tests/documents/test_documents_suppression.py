"""Small cells are hidden, and cannot be had back by taking the others from a total."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from documents_runs import CREDIT, POLICY, made, make_run
from hypothesis import given
from hypothesis import strategies as st

from assay.core.finding import Findings
from assay.core.measure import Interval, Measure
from assay.documents import html, junit, markdown
from assay.documents.standing import standing
from assay.documents.suppression import ROUNDING, cell, suppress

SEXES, RACES = ("f", "m", None), ("a", "b", "c", "d")


def rows_of(table):
    """Cells of a two-way table with its margins and total."""
    rows = {cell({"sex": s, "race": r}): n for (s, r), n in table.items()}
    rows |= {cell({"sex": s}): sum(table[s, r] for r in RACES) for s in SEXES}
    rows |= {cell({"race": r}): sum(table[s, r] for s in SEXES) for r in RACES}
    return rows | {cell({}): sum(table.values())}


TABLES = st.lists(st.integers(0, 40), min_size=12, max_size=12).map(
    lambda n: dict(zip(product(SEXES, RACES), n, strict=True))
)


@given(TABLES, st.integers(0, 12))
def test_no_total_has_exactly_one_hidden_part(table, min_cell):
    rows = rows_of(table)
    found = suppress(rows, min_cell=min_cell)
    assert found.small == {c for c, n in rows.items() if c and 0 < n < min_cell}
    assert cell({}) not in found
    relations = [(cell({}), [cell({"sex": s}) for s in SEXES]), (cell({}), [cell({"race": r}) for r in RACES])]
    relations += [(cell({"sex": s}), [cell({"sex": s, "race": r}) for r in RACES]) for s in SEXES]
    relations += [(cell({"race": r}), [cell({"sex": s, "race": r}) for s in SEXES]) for r in RACES]
    for total, parts in relations:
        known = {c for c in (total, *parts) if c not in found}
        others = [c for c in known if c and rows[c] > 0]
        assert len(known) != len(parts) or not others


@given(TABLES)
def test_nothing_is_hidden_without_a_small_cell(table):
    rows = rows_of({key: n + 5 for key, n in table.items()})
    assert not suppress(rows, min_cell=5).complement


def test_the_smallest_part_no_comparison_is_about_goes_too():
    rows = {cell({}): 303, cell({"g": "a"}): 3, cell({"g": "b"}): 50, cell({"g": "c"}): 100, cell({"g": "d"}): 150}
    assert suppress(rows, min_cell=5).complement == {cell({"g": "b"})}
    assert suppress(rows, min_cell=5, spare={cell({"g": "b"})}).complement == {cell({"g": "c"})}
    assert suppress(rows, min_cell=5, prefer={cell({"g": "d"})}).complement == {cell({"g": "d"})}


def test_a_large_total_hides_few_people_by_its_rounding():
    n = round(5 / ROUNDING)
    rows = {cell({}): n, cell({"g": "a"}): 3, cell({"g": "b"}): n - 3}
    assert suppress(rows, min_cell=5).complement == set()
    smaller = {cell({}): n - 1, cell({"g": "a"}): 3, cell({"g": "b"}): n - 4}
    assert suppress(smaller, min_cell=5).complement == {cell({"g": "b"})}


def test_an_empty_cell_concerns_nobody():
    rows = {cell({}): 10, cell({"g": "a"}): 0, cell({"g": "b"}): 10}
    assert not suppress(rows, min_cell=5).small


def test_a_share_of_all_rows_says_how_many_rows_a_group_has():
    sizes = {"f": 60, "m": 37, "x": 3}
    shares = [Measure("group_share", n / 100, 100, slice={"sex": s}) for s, n in sizes.items()]
    worst = Measure("representation_gap", 0.2, 100, over=("sex",), groups=({"sex": "x"},))
    findings = Findings(made("fairness.representation", m, [], POLICY) for m in (*shares, worst))
    run = replace(make_run(), findings=findings, subject_facts={"groups": {"sex": sizes}})
    assert [e.hidden for e in standing(run).entries] == ["", "complement", "small", "small"]
    for text in (html(run), markdown(run), junit(run)):
        assert "0.030" not in text
        assert "0.370" not in text


def test_the_same_group_is_left_out_of_every_measure():
    entries = standing(make_run()).entries
    left_out = {
        e.measure.slice["age_band"]
        for e in entries
        if e.hidden == "complement" and set(e.measure.slice) == {"age_band"}
    }
    assert len(left_out) == 1
    assert left_out < set(CREDIT["age_band"])


def test_a_comparison_is_hidden_with_the_groups_it_names():
    base = [Measure("tpr", 0.5, n, slice={"sex": s}) for s, n in (("f", 60), ("m", 40), ("x", 2))]
    base.append(Measure("tpr", 0.5, 102))

    def gap(a, b, n):
        groups = ({"sex": a}, {"sex": b})
        return Measure("tpr_gap", 0.1, n, over=("sex",), groups=groups, interval=Interval(0.0, 0.2, 0.95, "x"))

    measures = [*base, gap("f", "x", (60, 2)), gap("f", "m", (60, 40))]
    run = make_run()
    findings = Findings(made("fairness.error_rates", m, [], POLICY) for m in measures)
    hidden = [e.hidden for e in standing(run.with_findings(findings)).entries]
    assert hidden == ["", "complement", "small", "", "small", "complement"]
