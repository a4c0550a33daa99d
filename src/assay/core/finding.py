"""A Measure, judged, with all that is needed to make it again; and the Run that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from assay.core.canonical import digest
from assay.core.errors import AssayError
from assay.core.measure import NOT_RUN, Limit, Measure, Verdict

FORMAT = 1
"""Number of the Finding format; a reader for every released number stays."""

RANDOM = "random:"
"""Begins the id of a private release, which is no digest: a digest would let a guess at its value be checked."""

NOT_DIGESTED = ("id", "tool", "error")
"""Fields outside the id: the id itself, the build of the tool, a traceback."""


@dataclass(frozen=True)
class Finding:
    """A judged Measure. `verdict` is None where no limit applies: the number is a description.

    `inputs` name the data by digest (`counts`: SHA-256 of the canonical Counts; `rows`: a
    fingerprint against accident). `settles_at` is the n that would settle an inconclusive verdict.
    `p_adjusted` and `family_size` are set where a family of tests was controlled.
    Only the engine makes Findings.
    """

    check: str
    check_version: int
    subject: str
    measure: Measure
    verdict: Verdict | None
    limit: Limit | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    judged: Mapping[str, Any] = field(default_factory=dict)
    settles_at: int | None = None
    p_adjusted: float | None = None
    family_size: int | None = None
    tool: Mapping[str, str] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    stored_id: str = ""

    @property
    def key(self) -> str:
        """Joins runs for comparison: check, subject, measure, slice, what is compared, params."""
        m = self.measure
        groups = [dict(group) for group in m.groups] if not m.over else []
        return digest([self.check, self.subject, m.name, dict(m.slice), list(m.over), groups, dict(self.params)])

    @property
    def id(self) -> str:
        """Digest of the canonical JSON without clock, host, build and traceback; random for a private release."""
        return self.stored_id or digest(self._body())

    def _body(self) -> dict[str, Any]:
        body = {
            "key": self.key,
            "format": FORMAT,
            "check": self.check,
            "check_version": self.check_version,
            "subject": self.subject,
            "verdict": self.verdict.value if self.verdict else None,
            "measure": self.measure.to_json(),
            "limit": self.limit.to_json() if self.limit else None,
            "params": dict(self.params),
            "inputs": dict(self.inputs),
            "seed": self.seed,
            "attachments": dict(self.attachments),
        }
        optional = {
            "judged": dict(self.judged),
            "settles_at": self.settles_at,
            "p_adjusted": self.p_adjusted,
            "family_size": self.family_size,
        }
        return body | {key: value for key, value in optional.items() if value not in (None, {})}

    def to_json(self) -> dict[str, Any]:
        """The Finding as JSON types, id first."""
        out = {"id": self.id, **self._body(), "tool": dict(self.tool)}
        return out | ({"error": self.error} if self.error else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Finding:
        """The Finding that `to_json` wrote; the stored id is kept, so that it can be checked against the content."""
        if data["format"] != FORMAT:
            raise AssayError(
                f"Finding {data['id']} has format {data['format']}; this assay reads {FORMAT}.",
                code="format",
                hint="A newer format needs a newer assay.",
            )
        verdict = data["verdict"]
        return cls(
            check=data["check"],
            check_version=data["check_version"],
            subject=data["subject"],
            measure=Measure.from_json(data["measure"]),
            verdict=Verdict(verdict) if verdict else None,
            limit=Limit.from_json(data["limit"]) if data["limit"] else None,
            params=data["params"],
            inputs=data["inputs"],
            seed=data["seed"],
            judged=data.get("judged", {}),
            settles_at=data.get("settles_at"),
            p_adjusted=data.get("p_adjusted"),
            family_size=data.get("family_size"),
            tool=data.get("tool", {}),
            attachments=data["attachments"],
            error=data.get("error", ""),
            stored_id=data["id"],
        )


def is_required(finding: Finding, required: Sequence[str], /) -> bool:
    """True when the list names the Finding's check or its `check:measure`; an empty list names everything."""
    return not required or finding.check in required or f"{finding.check}:{finding.measure.name}" in required


def _matters(finding: Finding, required: Sequence[str]) -> bool:
    judged = finding.limit is not None or finding.measure.name == NOT_RUN
    return judged and bool(required) and is_required(finding, required)


class Findings(tuple[Finding, ...]):
    """Findings of one Run, in the order they were made."""

    __slots__ = ()

    def select(
        self, *, check: str | None = None, measure: str | None = None, verdict: Verdict | str | None = None
    ) -> Findings:
        """Those that match every given field."""
        return Findings(
            f
            for f in self
            if (check is None or f.check == check)
            and (measure is None or f.measure.name == measure)
            and (verdict is None or f.verdict == verdict)
        )

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict, or None when nothing was judged."""
        order = list(Verdict)
        judged = [f.verdict for f in self if f.verdict is not None]
        return max(judged, key=order.index) if judged else None

    def rows(self) -> list[dict[str, Any]]:
        """One flat record a Finding, for tables and frames."""
        return [_row(f) for f in self]


def _row(f: Finding) -> dict[str, Any]:
    m = f.measure
    return {
        "check": f.check,
        "measure": m.name,
        "slice": dict(m.slice),
        "over": " × ".join(m.over),
        "value": m.value,
        "low": m.interval.low if m.interval else None,
        "high": m.interval.high if m.interval else None,
        "n": m.n,
        "verdict": f.verdict.value if f.verdict else None,
        "reason": m.reason.text() if m.reason else None,
        "p_value": m.p_value,
        "id": f.id,
    }


@dataclass(frozen=True)
class Run:
    """One execution: when, where, how long, which sources, which Findings.

    `sources` are identities (a file's SHA-256, a snapshot id, or "not digested"); `policy` is the
    policy's name, version and digest; `status` is "done", "interrupted" or "running". `subject_facts`
    describes the Subject for documents (rows, roles, groups); `headline` is the one-line result.
    """

    id: str
    subject: str
    started: datetime
    seconds: float
    findings: Findings
    status: str = "done"
    sources: tuple[Mapping[str, Any], ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, str] = field(default_factory=dict)
    subject_facts: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of the Findings.

        What is unmeasured counts only where the policy requires it: a limit that has no number, or a check that could
        not be asked.
        """
        required = self.policy.get("required", ())
        return Findings(
            f for f in self.findings if f.verdict is not Verdict.UNMEASURED or _matters(f, required)
        ).verdict

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def with_findings(self, findings: Iterable[Finding]) -> Run:
        """The same Run with other Findings (used when a new limit judges the stored Measures again)."""
        return replace(self, findings=Findings(findings))

    def header(self) -> dict[str, Any]:
        """The Run as JSON types, without its Findings."""
        return {
            "id": self.id,
            "subject": self.subject,
            "started": self.started.isoformat(),
            "seconds": round(self.seconds, 3),
            "status": self.status,
            "sources": [dict(source) for source in self.sources],
            "policy": dict(self.policy),
            "host": dict(self.host),
            "subject_facts": dict(self.subject_facts),
            "checks": {name: dict(facts) for name, facts in self.checks.items()},
        }

    def to_json(self) -> dict[str, Any]:
        """`{"run": …, "verdict": …, "findings": […]}`."""
        verdict = self.verdict
        return {
            "run": self.header(),
            "verdict": verdict.value if verdict else None,
            "findings": [f.to_json() for f in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Run:
        """The Run that `to_json` wrote."""
        head = data["run"]
        return cls(
            id=head["id"],
            subject=head["subject"],
            started=datetime.fromisoformat(head["started"]),
            seconds=head["seconds"],
            findings=Findings(Finding.from_json(f) for f in data["findings"]),
            status=head["status"],
            sources=tuple(head["sources"]),
            policy=head["policy"],
            host=head["host"],
            subject_facts=head["subject_facts"],
            checks=head["checks"],
        )
