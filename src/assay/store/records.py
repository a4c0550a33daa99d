"""Records as rows and rows as records, verified on the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.core.canonical import plain
from assay.core.decision import Decision
from assay.core.errors import AssayError
from assay.core.finding import RANDOM, Finding, Run
from assay.core.measure import Attachment
from assay.store.owner import is_alive, this_process

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime, /) -> int:
    """Whole microseconds from 1970 (UTC) to `moment`; a time without zone is local."""
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int, /) -> datetime:
    """The time that `microseconds` gave."""
    return _EPOCH + timedelta(microseconds=microseconds)


def column_text(text: str, /) -> str:
    """`text` as every database holds it, lone surrogates and NUL escaped: columns serve queries, the body is exact."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def body(record: Mapping[str, Any], /) -> str:
    """`record` as JSON in ASCII, every number and the order of keys as they are."""
    return json.dumps(record, default=plain, allow_nan=False)


def verified(finding: Finding, /) -> Finding:
    """`finding`, if its id is the digest of its content (or that of a private release, which is random)."""
    if finding.stored_id and not finding.stored_id.startswith(RANDOM):
        content = replace(finding, stored_id="").id
        if content != finding.stored_id:
            raise AssayError(
                f"The Finding {finding.stored_id} was changed after it was made: its content has the id {content}.",
                code="store-damaged",
                hint="Restore the store from a copy, or run the audit again.",
            )
    return finding


def finding_row(finding: Finding, /) -> dict[str, Any]:
    """The row of `findings`."""
    data = verified(finding).to_json()
    return {
        "id": data["id"],
        "key": data["key"],
        "check": column_text(finding.check),
        "subject": column_text(finding.subject),
        "verdict": data["verdict"],
        "body": body(data),
    }


def read_finding(id: str, text: str, /) -> Finding:
    """The Finding stored under `id`, verified."""
    try:
        finding = Finding.from_json(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("Finding", id, error) from None
    if finding.stored_id != id:
        raise _unreadable("Finding", id, f"it says that it is {finding.stored_id}")
    return verified(finding)


def read_attachment(digest: str, data: bytes, media_type: str, /) -> Attachment:
    """The attachment stored under `digest`, verified."""
    found = Attachment(bytes(data), media_type)
    if found.digest != digest:
        raise AssayError(
            f"The attachment {digest} was changed after it was stored.",
            code="store-damaged",
            hint="Restore the store from a copy.",
        )
    return found


def with_attachments(finding: Finding, held: Mapping[str, Attachment], /) -> Finding:
    """`finding`, whose Measure has those of its attachments that are `held` (by digest)."""
    known = {name: held[digest] for name, digest in finding.attachments.items() if digest in held}
    return replace(finding, measure=replace(finding.measure, attachments=known)) if known else finding


def run_row(run: Run, /) -> dict[str, Any]:
    """The row of `runs` for a Run that begins now in this process."""
    return {
        "id": column_text(run.id),
        "subject": column_text(run.subject),
        "started": microseconds(run.started),
        "seen": microseconds(datetime.now(UTC)),
        "status": "running",
        "verdict": None,
        "owner": body(this_process()),
        "header": body(run.header()),
    }


def read_run(row: Mapping[Any, Any], findings: Sequence[Finding], /) -> Run:
    """The Run of a row of `runs`, with its Findings."""
    try:
        header = json.loads(row["header"])
        seconds = max(header["seconds"], (row["seen"] - row["started"]) / 1e6) if row["status"] == "running" else None
        run = Run.from_json({"run": header, "findings": []})
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("Run", row["id"], error) from None
    return replace(run.with_findings(findings), status=status(row), seconds=run.seconds if seconds is None else seconds)


def status(row: Mapping[Any, Any], /) -> str:
    """The status to show: a Run that is "running" on disk was interrupted when its process is gone."""
    if row["status"] != "running":
        return str(row["status"])
    alive = is_alive(json.loads(row["owner"]), seen=moment(row["seen"]), now=datetime.now(UTC))
    return "running" if alive else "interrupted"


def decision_row(decision: Decision, /) -> dict[str, Any]:
    """The row of `decisions`."""
    data = decision.to_json()
    return {
        "id": data["id"],
        "at": microseconds(decision.at),
        "person": column_text(decision.person),
        "outcome": decision.outcome,
        "body": body(data),
    }


def read_decision(id: str, text: str, /) -> Decision:
    """The Decision stored under `id`, verified."""
    try:
        decision = Decision.from_json(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("Decision", id, error) from None
    if decision.to_json()["id"] != id:
        raise _unreadable("Decision", id, "it was changed after it was made")
    return decision


def _unreadable(kind: str, id: str, why: object) -> AssayError:
    return AssayError(
        f"The {kind} {id} cannot be read from the store: {why}.",
        code="store-damaged",
        hint="Restore the store from a copy.",
    )
