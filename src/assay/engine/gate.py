"""May this Run pass? Required limits, sign-offs and the reasons when not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.decision import Decision
from assay.core.errors import unknown
from assay.core.finding import Finding, Run, is_required
from assay.core.measure import NOT_RUN, Verdict
from assay.core.policy import Policy
from assay.engine.judge import rejudge
from assay.engine.record import DECIDES_BY


@dataclass(frozen=True)
class Obstacle:
    """One reason why the gate stays shut: the check, the Finding if there is one, and words."""

    check: str
    text: str
    verdict: str = ""
    finding: str = ""

    def to_json(self) -> dict[str, Any]:
        """The Obstacle as JSON types."""
        return {"check": self.check, "text": self.text, "verdict": self.verdict, "finding": self.finding}


@dataclass(frozen=True)
class GateResult:
    """`passed`, and every reason against it. `required` counts judged required Findings, `met` those that are good."""

    passed: bool
    reasons: tuple[Obstacle, ...]
    required: int
    met: int
    policy: str

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types."""
        return {
            "passed": self.passed,
            "required": self.required,
            "met": self.met,
            "policy": self.policy,
            "reasons": [reason.to_json() for reason in self.reasons],
        }


def gate(run: Run, policy: Policy, /, *, decisions: Sequence[Decision] = ()) -> GateResult:
    """Judge `run` by `policy` and say whether it may pass.

    Required are the checks (or `check:measure`) the policy lists; where it lists none, every limit. A
    required check that did not run, has no judged Finding, or is unmeasured or inconclusive (as the policy
    says) blocks, and so do a missing sign-off, an interrupted Run, an unpickled model the policy does not allow and a
    model that takes a protected attribute at decision time where the policy forbids it.
    """
    if run.policy.get("digest") != policy.digest:
        run = rejudge(run, policy)
    _known_measures(run, policy)
    reasons: list[Obstacle] = []
    if run.status != "done":
        reasons.append(Obstacle("", f"the Run is {run.status}: not every check has been asked"))
    if not policy.rules.allow_pickle and any(f.inputs.get("pickle") for f in run.findings):
        reasons.append(Obstacle("", "the model was loaded from a pickle, which the policy does not allow"))
    decides_by = run.subject_facts.get(DECIDES_BY) if policy.rules.forbid_attribute_at_decision else None
    if decides_by:
        words = f"the model takes {', '.join(decides_by)} at decision time, which the policy forbids"
        reasons.append(Obstacle("", words))
    judged = _required(run, policy, reasons)
    bad = [f for f in judged if _blocks(f, policy)]
    reasons.extend(Obstacle(f.check, sentence(f), str(f.verdict), f.id) for f in bad)
    reasons.extend(_missing_sign_offs(run, policy, decisions))
    return GateResult(
        not reasons, tuple(reasons), len(judged), len(judged) - len(bad), f"{policy.name} {policy.version}"
    )


def _required(run: Run, policy: Policy, reasons: list[Obstacle]) -> list[Finding]:
    judged = [f for f in run.findings if f.limit is not None]
    if not policy.required:
        if not judged:
            reasons.append(Obstacle("", "nothing was judged: no limit applies to any Measure of this Run"))
        return judged
    for item in policy.required:
        if any(is_required(f, (item,)) for f in judged):
            continue
        found = [f for f in run.findings if is_required(f, (item,)) and f.measure.reason is not None]
        words = f"is unmeasured: {_reason(found[0])}" if found else "has no judged Finding in this Run"
        if policy.rules.on_unmeasured == "block" or not found:
            reasons.append(Obstacle(item.partition(":")[0], f"{item} {words}", "unmeasured"))
    return [f for f in judged if is_required(f, policy.required)]


def _blocks(finding: Finding, policy: Policy) -> bool:
    action = {
        Verdict.FAIL: "block",
        Verdict.WARN: policy.rules.on_warn,
        Verdict.INCONCLUSIVE: policy.rules.on_inconclusive,
        Verdict.UNMEASURED: policy.rules.on_unmeasured,
    }.get(finding.verdict or Verdict.PASS, "allow")
    return action == "block"


def _known_measures(run: Run, policy: Policy) -> None:
    """A limit or requirement on a measure its check never yields is a mistake in the policy."""
    seen: dict[str, set[str]] = {}
    for f in run.findings:
        seen.setdefault(f.check, set()).add(f.measure.name)
    named = [tuple(item.split(":", 1)) for item in policy.required if ":" in item]
    named += [(item.check, item.limit.measure) for item in policy.limits]
    for check, measure in named:
        known = seen.get(check, set()) - {NOT_RUN}
        declared = {limit["measure"] for limit in run.checks.get(check, {}).get("limits", ())}
        if known and measure not in known | declared:
            raise unknown(f"measure of {check} in the policy", measure, known | declared, code="policy")


def _missing_sign_offs(run: Run, policy: Policy, decisions: Sequence[Decision]) -> list[Obstacle]:
    """People whose newest Decision about a Finding of this Run is no approval."""
    if not policy.sign_offs:
        return []
    here = {f.id for f in run.findings}
    newest = {d.person: d.outcome for d in sorted(decisions, key=lambda d: d.at) if here & set(d.findings)}
    return [
        Obstacle("", f"the sign-off of {person} is missing")
        for person in policy.sign_offs
        if newest.get(person) not in ("approve", "waive")
    ]


def sentence(finding: Finding, /) -> str:
    """One line on a Finding for a terminal, a log or a gate: where, what, how wide, against which limit."""
    m = finding.measure
    where = ", ".join(f"{k} = {'missing' if v is None else v}" for k, v in m.slice.items())
    where = where or (f"over {' × '.join(m.over)}" if m.over else "overall")
    said = f"{finding.check}: {m.name} {where}"
    if m.value is None:
        return f"{said} is unmeasured: {_reason(finding)}"
    number = f"{m.value:.4g}"
    if m.interval is not None:
        number += f" [{m.interval.low:.4g}, {m.interval.high:.4g}]"
    limit = finding.limit
    against = ""
    if limit is not None:
        sign = {"lower": "≤", "higher": "≥", "zero": "within ±"}[limit.better]
        against = f" (limit {sign} {limit.fail:g})"
    settle = f"; about {finding.settles_at:,} rows would settle it" if finding.settles_at else ""
    if finding.judged.get("rule") == "min-n":
        settle = f"; n {finding.judged['n']} is under the minimum of {finding.judged['min_n']}"
    return f"{said} is {finding.verdict}: {number}{against}{settle}"


def _reason(finding: Finding) -> str:
    return finding.measure.reason.text() if finding.measure.reason else "no reason given"
