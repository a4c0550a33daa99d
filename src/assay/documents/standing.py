"""How a Run stands: each Finding as documents may show it, the headline, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.core.errors import AssayError
from assay.core.finding import Finding, Run, is_required
from assay.core.measure import Limit, Measure, Verdict
from assay.core.policy import Policy
from assay.documents.suppression import Cell, cell, group_cells, hidden_findings
from assay.engine.gate import gate
from assay.engine.judge import replace_policy

SHRUNKEN = "_shrunken"
"""Ending of the name of a rate that was pulled towards those of other groups; the raw one has the name without it."""

NOT_RUN = "unmeasured"
"""Name of the one Measure of a check that could not run at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A Finding, whether its numbers are hidden ("", "small" or "complement"), and what it means for the gate.

    `beside` is the Finding of another estimate of the same number; it is shown in the row of this one or not at all.
    """

    finding: Finding
    hidden: str = ""
    required: bool = False
    blocks: bool = False
    beside: Finding | None = None

    @property
    def measure(self) -> Measure:
        """The Measure of the Finding."""
        return self.finding.measure

    @property
    def verdict(self) -> Verdict | None:
        """The verdict where a limit applies; a description has none."""
        return self.finding.verdict if self.finding.limit is not None else None

    @property
    def shown(self) -> bool:
        """True when there is a number and it may be shown."""
        return self.measure.value is not None and not self.hidden


@dataclass(frozen=True, slots=True)
class Absent:
    """A check or `check:measure` that the policy requires and nothing was judged for; the Finding that says why."""

    item: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class _Gate:
    findings: frozenset[str] = frozenset()
    absent: tuple[Absent, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """`passed` of `required` judged Findings passed; of all judged where the Run was asked nothing that is required.

    `absent` are requirements nothing was judged for, `unasked` those of checks that a Run of named checks was not asked
    for, `asked` those that it was; `other` the reasons of the gate that concern the whole Run.
    `worst` is the required Finding that lies worst to its limit, `verdict` the worst verdict, `hidden` the slices
    that are not shown, `elsewhere` the checks that are for tasks of another kind, with those tasks.
    """

    entries: tuple[Entry, ...]
    hidden: frozenset[Cell]
    policy: Policy
    passed: int
    required: int
    worst: Entry | None
    blocking: tuple[Entry, ...]
    absent: tuple[Absent, ...]
    asked: tuple[str, ...]
    unasked: tuple[str, ...]
    other: tuple[str, ...]
    verdict: Verdict | None
    elsewhere: Mapping[str, tuple[str, ...]]

    @property
    def open(self) -> bool:
        """True when nothing stands in the way."""
        return self.good and not self.unasked

    @property
    def good(self) -> bool:
        """True when nothing that the Run was asked for stands in the way."""
        return not (self.blocking or self.absent or self.other)

    @property
    def tally(self) -> Mapping[Verdict, int]:
        """Judged Findings by verdict, best first; zeros left out."""
        return tally(self.entries)


def tally(entries: Sequence[Entry], /) -> dict[Verdict, int]:
    """Judged Findings of `entries` by verdict, best first; zeros left out."""
    judged = [e.verdict for e in entries]
    return {verdict: judged.count(verdict) for verdict in Verdict if verdict in judged}


def standing(run: Run, /) -> Standing:
    """How `run` stands under the policy it was judged by. Sign-offs are for the gate, not for a document."""
    policy = Policy.from_json(run.policy) if run.policy else Policy()
    said = _gate(run, replace(policy, sign_offs=()))
    asked, unasked = _by_whether_asked(run, policy)
    hidden = hidden_findings(run.findings, group_cells(run.subject_facts), min_cell=policy.rules.min_cell)
    entries = _paired(
        Entry(f, why, is_required(f, asked), f.id in said.findings) if f.limit else Entry(f, why)
        for f, why in zip(run.findings, hidden.reasons, strict=True)
    )
    required = [e for e in entries if e.required]
    return Standing(
        entries=entries,
        hidden=hidden.cells,
        policy=policy,
        passed=sum(e.verdict is Verdict.PASS for e in required),
        required=len(required),
        worst=lead(required),
        blocking=tuple(sorted((e for e in entries if e.blocks), key=rank)),
        absent=tuple(absent for absent in said.absent if absent.item not in unasked),
        asked=asked,
        unasked=unasked,
        other=said.other,
        verdict=max((e.verdict for e in required if e.verdict), key=list(Verdict).index, default=None),
        elsewhere=other_tasks(run.findings),
    )


def _by_whether_asked(run: Run, policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the policy requires: of checks that the Run was asked for, and of others."""
    known = {*run.checks, *(f.check for f in run.findings)}
    asked = tuple(item for item in policy.required if item.partition(":")[0] in known)
    return asked, tuple(item for item in policy.required if item not in asked)


def other_tasks(findings: Iterable[Finding], /) -> dict[str, tuple[str, ...]]:
    """The checks of `findings` that were not asked because they are for tasks of another kind, with those tasks."""
    out = {}
    for f in findings:
        reason = f.measure.reason
        if f.measure.name == NOT_RUN and reason is not None and reason.id == "wrong-task":
            out[f.check] = tuple(str(reason.params.get("wanted", "")).split(" or "))
    return out


def _paired(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries, those of shrunken rates that nothing judges set beside the raw rate of the same check and slice."""
    apart: list[Entry] = []
    shrunken: dict[tuple[str, str, Cell], Entry] = {}
    for e in entries:
        m, name = e.measure, e.measure.name.removesuffix(SHRUNKEN)
        if name != m.name and e.finding.limit is None and not m.over and not m.groups:
            shrunken[e.finding.check, name, cell(m.slice)] = e
        else:
            apart.append(e)
    out = []
    for e in apart:
        m = e.measure
        other = None if m.over or m.groups else shrunken.pop((e.finding.check, m.name, cell(m.slice)), None)
        out.append(e if other is None else replace(e, beside=other.finding))
    return (*out, *shrunken.values())


def _gate(run: Run, policy: Policy) -> _Gate:
    """What the gate says of the Findings as they are judged; it must not judge them again."""
    try:
        reasons = gate(replace_policy(run, policy), policy).reasons
    except AssayError as error:
        return _Gate(other=(str(error),))
    unfound = {reason.check for reason in reasons if reason.check and not reason.finding}
    judged = [f for f in run.findings if f.limit is not None]
    absent = [
        Absent(item, next((f for f in run.findings if is_required(f, (item,)) and f.measure.reason), None))
        for item in policy.required
        if item.partition(":")[0] in unfound and not any(is_required(f, (item,)) for f in judged)
    ]
    return _Gate(
        frozenset(reason.finding for reason in reasons if reason.finding),
        tuple(absent),
        tuple(reason.text for reason in reasons if not reason.check),
    )


def worst(entries: Sequence[Entry], /) -> Verdict | None:
    """The worst verdict on a number; "unmeasured" only where no number was judged, None where nothing was."""
    judged = {e.verdict for e in entries}
    return next((v for v in _WORST_FIRST if v in judged), None)


def margin(measure: Measure, limit: Limit, /) -> float | None:
    """How far the value lies within (+) or beyond (-) the failing limit, as a share of the limit.

    Relative, so that gaps, ratios and errors in other units can be put in one order; of a limit at zero, absolute.
    """
    if measure.value is None:
        return None
    scale = abs(limit.fail) or 1.0
    if limit.better == "higher":
        return (measure.value - limit.fail) / scale
    value = abs(measure.value) if limit.better == "zero" else measure.value
    return (limit.fail - value) / scale


_WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.PASS, Verdict.UNMEASURED, None)


def rank(entry: Entry, /) -> tuple[int, int, float]:
    """Sorts worst first: by verdict, numbers before none, then by margin."""
    limit = entry.finding.limit
    away = margin(entry.measure, limit) if limit and entry.shown else None
    return _WORST_FIRST.index(entry.verdict), away is None, away or 0.0


def lead(entries: Sequence[Entry], /) -> Entry | None:
    """The judged entry with a number to show that lies worst to its limit, or None."""
    return min((e for e in entries if e.verdict not in (None, Verdict.UNMEASURED) and e.shown), key=rank, default=None)
