"""Verdicts: what a policy says of Measures. Measuring is done elsewhere and is never done again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.finding import Finding, Run
from assay.core.measure import Limit, Measure, Verdict
from assay.core.policy import Policy, Rules


@dataclass(frozen=True)
class Judgement:
    """A verdict (None where no limit applies), the limit, the rule that gave it and what would settle it."""

    verdict: Verdict | None = None
    limit: Limit | None = None
    rule: Mapping[str, Any] = field(default_factory=dict)
    settles_at: int | None = None
    p_adjusted: float | None = None
    family_size: int | None = None


def judge(
    check: str, measures: Sequence[Measure], /, *, declared: tuple[Limit, ...], policy: Policy, rows: int = 0
) -> tuple[Judgement, ...]:
    """One Judgement a Measure, in order. Families of p-values are controlled within the check.

    `rows` is how many rows the check saw: what would settle a comparison is said in rows of the whole data.
    """
    adjusted, sizes = _families(measures, policy.rules)
    return tuple(
        _judge_one(
            m,
            policy.limit_for(check, m, declared),
            policy.rules,
            p_adjusted=adjusted.get(i),
            family_size=sizes.get(i),
            rows=rows,
        )
        for i, m in enumerate(measures)
    )


def _families(measures: Sequence[Measure], rules: Rules) -> tuple[dict[int, float], dict[int, int]]:
    members: dict[str, list[int]] = {}
    for i, m in enumerate(measures):
        if m.p_value is not None and m.family:
            members.setdefault(m.family, []).append(i)
    adjusted: dict[int, float] = {}
    sizes: dict[int, int] = {}
    if rules.multiplicity == "none" or not members:
        return adjusted, sizes
    from assay.stats.families import benjamini_hochberg, holm

    control = holm if rules.multiplicity == "holm" else benjamini_hochberg
    for indices in members.values():
        p_values = control([p for i in indices if (p := measures[i].p_value) is not None])
        for i, p in zip(indices, p_values, strict=True):
            adjusted[i], sizes[i] = min(1.0, float(p)), len(indices)
    return adjusted, sizes


def _judge_one(
    m: Measure, limit: Limit | None, rules: Rules, *, p_adjusted: float | None, family_size: int | None, rows: int
) -> Judgement:
    if limit is None:
        verdict = Verdict.UNMEASURED if m.value is None else None
        return Judgement(verdict, p_adjusted=p_adjusted, family_size=family_size)
    if m.value is None:
        return Judgement(Verdict.UNMEASURED, limit, {"rule": "no-value"})
    by_interval = rules.judge == "interval" and m.interval is not None
    if min(m.rows) < rules.min_n and not m.exact and not (m.over and by_interval):
        return Judgement(Verdict.UNMEASURED, limit, {"rule": "min-n", "min_n": rules.min_n, "n": min(m.rows)})
    low, high = m.value, m.value
    if by_interval and m.interval is not None and not m.exact:
        low, high = m.interval.low, m.interval.high
    verdict = _place(low, high, limit)
    rule: dict[str, Any] = {"rule": "interval" if by_interval and not m.exact else "point"}
    settles = None
    if p_adjusted is not None:
        rule |= {"multiplicity": rules.multiplicity, "alpha": rules.alpha}
    if verdict is Verdict.INCONCLUSIVE and not any(note.id == "not-identified" for note in m.notes):
        settles = _settles_at(m, limit, rows)
    if verdict is Verdict.FAIL and p_adjusted is not None and p_adjusted > rules.alpha:
        verdict = Verdict.INCONCLUSIVE  # to fail is a discovery, and discoveries of a family are controlled
        rule["not_significant"] = True
    return Judgement(verdict, limit, rule, settles, p_adjusted, family_size)


def _place(low: float, high: float, limit: Limit) -> Verdict:
    """Where [low, high] lies relative to the limit, on an axis on which higher is worse."""
    warn, fail = limit.warn, limit.fail
    if limit.better == "higher":
        low, high, warn, fail = -high, -low, -warn, -fail
    elif limit.better == "zero":
        low, high = (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
    if high <= warn:
        return Verdict.PASS
    if low > fail:
        return Verdict.FAIL
    return Verdict.WARN if high <= fail else Verdict.INCONCLUSIVE


def _settles_at(m: Measure, limit: Limit, rows: int) -> int | None:
    """About how many rows would take the interval off the limit: rows of the slice, or all rows for a comparison."""
    if m.interval is None or m.value is None:
        return None
    from assay.stats.equivalence import n_to_settle

    edge = limit.fail
    if limit.better == "zero":
        edge = limit.fail if m.value >= 0 else -limit.fail
    needed = n_to_settle(m.value, m.interval, limit=edge, n=max(rows, sum(m.rows)) if m.over else sum(m.rows))
    return int(needed) if needed is not None and needed < 10**12 else None


def rejudge(run: Run, policy: Policy, /) -> Run:
    """The Run with its stored Measures judged again by `policy`: new Findings; the old ones stay where they are."""
    by_check: dict[str, list[Finding]] = {}
    for finding in run.findings:
        by_check.setdefault(finding.check, []).append(finding)
    fresh: dict[int, Finding] = {}
    for check, findings in by_check.items():
        declared = tuple(Limit.from_json(limit) for limit in run.checks.get(check, {}).get("limits", ()))
        rows = max(int(f.inputs.get("n", 0)) for f in findings)
        judgements = judge(check, [f.measure for f in findings], declared=declared, policy=policy, rows=rows)
        for finding, judgement in zip(findings, judgements, strict=True):
            fresh[id(finding)] = apply(finding, judgement)
    renewed = run.with_findings(fresh[id(finding)] for finding in run.findings)
    return replace_policy(renewed, policy)


def apply(finding: Finding, judgement: Judgement, /) -> Finding:
    """`finding` with the judgement; its id is computed anew."""
    from dataclasses import replace

    return replace(
        finding,
        verdict=judgement.verdict,
        limit=judgement.limit,
        judged=judgement.rule,
        settles_at=judgement.settles_at,
        p_adjusted=judgement.p_adjusted,
        family_size=judgement.family_size,
        stored_id="",
    )


def replace_policy(run: Run, policy: Policy, /) -> Run:
    """The Run saying that `policy` judged it."""
    from dataclasses import replace

    return replace(run, policy=policy.to_json() | {"digest": policy.digest})
