"""Verdicts follow the interval; gates follow the policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.decision import Decision
from assay.core.errors import AssayError, Message
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Interval, Limit, Measure, Verdict
from assay.core.policy import Policy
from assay.engine.gate import gate, sentence
from assay.engine.judge import apply, judge, rejudge

LOWER, HIGHER, ZERO = Limit("m", "lower", 0.05, 0.10), Limit("m", "higher", 0.9, 0.8), Limit("m", "zero", 0.05, 0.10)


def measure(low: float, high: float, **more: Any) -> Measure:
    return Measure("m", (low + high) / 2, 1000, interval=Interval(low, high, 0.95, "made up"), **more)


def verdict(m: Measure, limit: Limit, policy: Policy | None = None) -> Verdict | None:
    (judgement,) = judge("a.b", [m], declared=(limit,), policy=policy or Policy())
    return judgement.verdict


@pytest.mark.parametrize(
    ("low", "high", "limit", "expected"),
    [
        (0.00, 0.05, LOWER, "pass"),
        (0.04, 0.06, LOWER, "warn"),
        (0.06, 0.10, LOWER, "warn"),
        (0.09, 0.11, LOWER, "inconclusive"),
        (0.01, 0.50, LOWER, "inconclusive"),
        (0.101, 0.2, LOWER, "fail"),
        (0.9, 1.0, HIGHER, "pass"),
        (0.85, 0.95, HIGHER, "warn"),
        (0.75, 0.85, HIGHER, "inconclusive"),
        (0.6, 0.79, HIGHER, "fail"),
        (-0.04, 0.03, ZERO, "pass"),
        (-0.09, 0.03, ZERO, "warn"),
        (-0.2, 0.03, ZERO, "inconclusive"),
        (-0.2, -0.11, ZERO, "fail"),
        (0.11, 0.2, ZERO, "fail"),
    ],
)
def test_where_the_interval_lies_is_the_verdict(low: float, high: float, limit: Limit, expected: str) -> None:
    assert verdict(measure(low, high), limit) == expected


@given(st.floats(-1, 1), st.floats(0, 1), st.sampled_from([LOWER, ZERO]))
def test_a_verdict_never_gets_worse_when_the_limit_is_relaxed(low: float, width: float, limit: Limit) -> None:
    order = [Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL]
    strict = verdict(measure(low, low + width), limit)
    loose = verdict(measure(low, low + width), replace(limit, warn=limit.warn + 0.2, fail=limit.fail + 0.2))
    assert order.index(loose) <= order.index(strict)  # type: ignore[arg-type]


def test_a_policy_may_judge_the_point() -> None:
    point = Policy.from_toml('[rules]\njudge = "point"')
    assert verdict(measure(0.0, 0.09), LOWER, point) is Verdict.PASS
    assert verdict(measure(0.0, 0.30), LOWER, point) is Verdict.FAIL


def test_small_n_is_not_judged_but_a_comparison_says_by_its_width_what_it_does_not_know() -> None:
    small = replace(measure(0.2, 0.3), n=12)
    assert verdict(small, LOWER) is Verdict.UNMEASURED
    assert verdict(replace(small, exact=True), LOWER) is Verdict.FAIL
    between = replace(measure(0.2, 0.3), n=(12, 900), over=("race",))
    assert verdict(between, LOWER) is Verdict.FAIL
    assert verdict(between, LOWER, Policy.from_toml('[rules]\njudge = "point"')) is Verdict.UNMEASURED


def test_without_a_limit_a_number_is_only_described() -> None:
    (judgement,) = judge("a.b", [measure(0.2, 0.3)], declared=(), policy=Policy())
    assert judgement.verdict is None


def test_an_inconclusive_verdict_says_what_n_would_settle_it() -> None:
    (judgement,) = judge("a.b", [measure(0.00, 0.16)], declared=(LOWER,), policy=Policy())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.settles_at is not None
    # the half width 0.08 has to shrink to 0.02: sixteen times the rows
    assert judgement.settles_at == pytest.approx(16_000, rel=0.01)


def test_a_family_of_tests_is_controlled_before_it_may_fail() -> None:
    family = [measure(0.11, 0.2, p_value=p, family="f") for p in (0.001, 0.02, 0.03, 0.04)]
    verdicts = [j.verdict for j in judge("a.b", family, declared=(LOWER,), policy=Policy())]
    assert verdicts == ["fail", "inconclusive", "inconclusive", "inconclusive"]
    free = Policy.from_toml('[rules]\nmultiplicity = "none"')
    assert {j.verdict for j in judge("a.b", family, declared=(LOWER,), policy=free)} == {Verdict.FAIL}
    bh = Policy.from_toml('[rules]\nmultiplicity = "benjamini-hochberg"')
    assert {j.verdict for j in judge("a.b", family, declared=(LOWER,), policy=bh)} == {Verdict.FAIL}


def a_run(*findings: Finding, policy: Policy, status: str = "done") -> Run:
    limits = {"limits": [LOWER.to_json()]}
    run = Run("r", "s", datetime.now(UTC), 1.0, Findings(findings), status, checks={"a.b": limits})
    return replace(run, policy=policy.to_json() | {"digest": policy.digest})


def found(m: Measure, policy: Policy, **more: Any) -> Finding:
    (judgement,) = judge("a.b", [m], declared=(LOWER,), policy=policy)
    return apply(Finding("a.b", 1, "s", m, None, **more), judgement)


NEEDS = Policy(required=("a.b:m",))


def test_the_gate_opens_when_what_is_required_holds() -> None:
    result = gate(a_run(found(measure(0, 0.04), NEEDS), policy=NEEDS), NEEDS)
    assert result.passed
    assert (result.required, result.met, result.reasons) == (1, 1, ())


@pytest.mark.parametrize(("low", "high", "word"), [(0.2, 0.3, "fail"), (0.0, 0.3, "inconclusive")])
def test_the_gate_stays_shut_with_a_reason(low: float, high: float, word: str) -> None:
    result = gate(a_run(found(measure(low, high), NEEDS), policy=NEEDS), NEEDS)
    assert not result.passed
    assert word in result.reasons[0].text


def test_warn_is_allowed_and_inconclusive_may_be() -> None:
    assert gate(a_run(found(measure(0.06, 0.09), NEEDS), policy=NEEDS), NEEDS).passed
    strict = Policy.from_toml('required = ["a.b"]\n[rules]\non_warn = "block"')
    assert not gate(a_run(found(measure(0.06, 0.09), strict), policy=strict), strict).passed
    mild = Policy.from_toml('required = ["a.b"]\n[rules]\non_inconclusive = "allow"')
    assert gate(a_run(found(measure(0.0, 0.3), mild), policy=mild), mild).passed


def test_a_required_check_that_is_missing_or_unmeasured_blocks() -> None:
    assert "no judged Finding" in gate(a_run(policy=NEEDS), NEEDS).reasons[0].text
    why = Message("no-label", "no column is given as label")
    missing = found(Measure("unmeasured", None, 0, reason=why), NEEDS)
    asked = Policy(required=("a.b",))
    assert "no column is given as label" in gate(a_run(missing, policy=asked), asked).reasons[0].text
    unmeasured = found(Measure("m", None, 0, reason=why), NEEDS)
    assert not gate(a_run(unmeasured, policy=NEEDS), NEEDS).passed


def test_other_policies_judge_the_stored_numbers_again() -> None:
    run = a_run(found(measure(0.2, 0.3), NEEDS), policy=NEEDS)
    loose = Policy.from_toml('required = ["a.b:m"]\n[[limit]]\ncheck = "a.b"\nmeasure = "m"\nfail = 0.5')
    assert gate(run, loose).passed
    again = rejudge(run, loose)
    assert again.findings[0].verdict is Verdict.PASS
    assert again.findings[0].id != run.findings[0].id
    assert again.findings[0].key == run.findings[0].key
    assert run.findings[0].verdict is Verdict.FAIL


def test_sign_offs_interruptions_and_pickles_block() -> None:
    policy = Policy(required=("a.b",), sign_offs=("A. Person",))
    good = found(measure(0, 0.04), policy)
    assert "A. Person" in gate(a_run(good, policy=policy), policy).reasons[0].text
    said = Decision("A. Person", "approve", (good.id,), "read", datetime.now(UTC))
    assert gate(a_run(good, policy=policy), policy, decisions=[said]).passed
    assert not gate(a_run(good, policy=policy, status="interrupted"), policy, decisions=[said]).passed
    pickled = found(measure(0, 0.04), NEEDS, inputs={"pickle": True})
    assert "pickle" in gate(a_run(pickled, policy=NEEDS), NEEDS).reasons[0].text


def test_with_no_list_every_limit_is_required_and_nothing_judged_is_no_pass() -> None:
    free = Policy()
    assert gate(a_run(found(measure(0, 0.04), free), policy=free), free).passed
    assert not gate(a_run(policy=free), free).passed


def test_a_measure_its_check_never_yields_is_a_mistake_in_the_policy() -> None:
    wrong = Policy(required=("a.b:gap",))
    with pytest.raises(AssayError, match="Known: m"):
        gate(a_run(found(measure(0, 0.04), wrong), policy=wrong), wrong)


def test_a_sentence_says_the_number_the_interval_and_the_limit() -> None:
    words = sentence(found(replace(measure(0.0, 0.3), slice={"sex": None}), NEEDS))
    assert "sex = missing" in words
    assert "[0, 0.3]" in words
    assert "≤ 0.1" in words
    assert "would settle it" in words
