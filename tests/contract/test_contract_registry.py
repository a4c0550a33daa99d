"""What holds for every check there is. A new check is held to it without a line here."""

from __future__ import annotations

import inspect
import json
from functools import cache

import pytest
from contract_cases import HALF_SEEN, PARAMS, awkward, credit, credit_table, half_seen, typical, weighted

from assay.core.clause import Clause
from assay.core.finding import Run
from assay.data.counted import Counted
from assay.engine.areas import registry
from assay.engine.run import NOT_RUN, run

CHECKS = registry().checks
COUNTING = [id for id, check in CHECKS.items() if check.counts is not None]


@cache
def typical_runs() -> dict[str, Run]:
    return {name: run(case, seed=1, params=PARAMS.get(name)) for name, case in typical().items()}


@cache
def awkward_runs() -> dict[str, Run]:
    return {name: run(case, seed=1) for name, case in awkward().items()}


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_is_declared_whole(id):
    check = CHECKS[id]
    assert check.area in registry().areas
    assert check.version >= 1
    assert check.title[0].isupper()
    assert not check.title.endswith(".")
    assert len(check.title) <= 80
    assert len(check.doc) > len(check.title)
    assert check.clauses
    assert [Clause.parse(str(clause)) for clause in check.clauses] == list(check.clauses)


@pytest.mark.parametrize("id", CHECKS)
def test_parameters_are_keywords_that_a_flag_and_a_record_can_hold(id):
    check = CHECKS[id]
    first, *others = inspect.signature(check.function).parameters.values()
    assert first.kind is first.POSITIONAL_ONLY
    assert {p.kind for p in others} <= {inspect.Parameter.KEYWORD_ONLY}
    assert all(parameter.annotation for parameter in check.parameters.values())
    assert json.loads(json.dumps(check.defaults())) == {
        name: list(value) if isinstance(value, tuple) else value for name, value in check.defaults().items()
    }


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_gives_a_number_somewhere_and_its_limits_name_measures_it_yields(id):
    measures = [f.measure for done in typical_runs().values() for f in done.findings if f.check == id]
    numbers = {m.name for m in measures if m.value is not None}
    assert numbers
    assert {limit.measure for limit in CHECKS[id].limits} <= numbers


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_never_fails_but_says_what_cannot_be_measured(id):
    runs = typical_runs() | awkward_runs()
    failed = {name: f.error for name, done in runs.items() for f in done.findings if f.check == id and f.error}
    assert failed == {}
    for done in runs.values():
        found = [f.measure for f in done.findings if f.check == id]
        assert found, "a check says at least why it has nothing to say"
        assert all(measure.value is not None or measure.reason.text() for measure in found)


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_says_each_thing_once(id):
    for done in (typical_runs() | awkward_runs()).values():
        keys = [f.key for f in done.findings if f.check == id]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_asked_alone_again_gives_the_same_ids(id):
    """Neither the other checks of a run nor the clock change a Finding."""
    together = [f.id for f in typical_runs()["weighted"].findings if f.check == id]
    alone = run(weighted(), checks=(id,), seed=1)
    assert [f.id for f in alone.findings] == together


@cache
def ids_on_counts(name: str, *, selective: bool) -> dict[str, dict[str, list[str]]]:
    """Check -> way of counting -> ids: a Case, its Counts alone, and the Counts of its halves added.

    With `selective` the outcome is known only for some, and those checks are asked that can bear it.
    """
    table = half_seen() if selective else credit_table()
    roles = {"name": name, "controls": ["housing"], **(HALF_SEEN if selective else {})}
    asked = [id for id in COUNTING if ("observed" in CHECKS[id].counts.roles) == selective]
    whole = credit(table, **roles)
    halves = [credit(part, **roles, bins=whole.codings()) for part in (table.slice(0, 333), table.slice(333))]
    requests = [CHECKS[id].counts for id in asked]
    counted = [counts for tables in whole.count(requests) for counts in tables]
    left, right = ([counts for tables in half.count(requests) for counts in tables] for half in halves)
    added = [a + b for a, b in zip(left, right, strict=True)]
    subjects = {
        "case": whole,
        "counts": Counted(name, whole.task, tuple(counted)),
        "halves": Counted(name, whole.task, tuple(added)),
    }
    found: dict[str, dict[str, list[str]]] = {id: {} for id in asked}
    for way, subject in subjects.items():
        done = run(subject, checks=tuple(asked), seed=1)
        for id in asked:
            found[id][way] = [f.id for f in done.findings if f.check == id]
    return found


@pytest.mark.parametrize("id", COUNTING)
def test_a_counting_check_sees_no_more_than_counts(id):
    ways = ids_on_counts("credit", selective="observed" in CHECKS[id].counts.roles)[id]
    assert ways["case"]
    assert ways["counts"] == ways["case"]
    assert ways["halves"] == ways["case"]


def test_every_check_runs_on_one_of_the_cases():
    ran = {f.check for done in typical_runs().values() for f in done.findings if f.measure.name != NOT_RUN}
    assert ran == set(CHECKS)
