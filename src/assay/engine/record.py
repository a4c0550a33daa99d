"""The facts a Run carries beside its Findings: where it ran, on what, by which policy, which checks were asked."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from assay.core.check import Check
from assay.core.finding import Findings, Run
from assay.core.policy import Policy
from assay.core.subject import Subject
from assay.engine.areas import Registry
from assay.engine.plan import Plan

DECIDES_BY = "decides_by"
"""Name of the fact that lists the protected columns a model takes when it decides."""


def begin(subject: Subject, todo: Plan, /, *, policy: Policy, known: Registry, started: datetime) -> Run:
    """The Run as it stands before the first Finding; its id sorts by time."""
    facts: Callable[[], Mapping[str, Any]] = getattr(subject, "facts", dict)
    identities: Callable[[], Sequence[Mapping[str, Any]]] = getattr(subject, "identities", tuple)
    asked = [*(p.check for p in (*todo.counting, *todo.reading)), *(s.check for s in todo.skipped)]
    host = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return Run(
        id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        subject=subject.name,
        started=started,
        seconds=0.0,
        findings=Findings(),
        status="running",
        sources=tuple(identities()),
        policy=policy.to_json() | {"digest": policy.digest},
        host=host | {f"tool_{key}": value for key, value in tool().items()},
        subject_facts=dict(facts()) | attributes_at_decision(subject),
        checks={check.id: describe(check, known=known) for check in sorted(asked, key=lambda check: check.id)},
    )


def attributes_at_decision(subject: Any, /) -> dict[str, list[str]]:
    """Under DECIDES_BY, the protected columns that the Subject's model takes when it decides; empty without a model."""
    model, roles = getattr(subject, "model", None), getattr(subject, "roles", None)
    if model is None or roles is None:
        return {}
    taken = {*(model.features or roles.features)} & {*roles.protected}
    found = sorted(taken | {*getattr(model, "protected", ())})
    return {DECIDES_BY: found} if found else {}


def describe(check: Check[Any, Any], /, *, known: Registry) -> dict[str, Any]:
    """What documents need to know of a check, so that they never ask the registry."""
    area = known.areas.get(check.area)
    return {
        "title": check.title,
        "version": check.version,
        "area": check.area,
        "area_title": area.title if area else check.area,
        "doc": check.doc,
        "clauses": [str(clause) for clause in check.clauses],
        "clause_links": [[clause.title, clause.link] for clause in check.clauses],
        "limits": [limit.to_json() for limit in check.limits],
        "parameters": {p.name: p.annotation for p in check.parameters.values()},
    }


def is_private(subject: Any, /) -> bool:
    """True where the Subject is a private release, of whose data nothing else may be said."""
    return bool(getattr(subject, "private", False))


@cache
def tool() -> dict[str, str]:
    """Name and version of this assay."""
    try:
        return {"name": "assay", "version": version("assay")}
    except PackageNotFoundError:
        return {"name": "assay", "version": "unknown"}


def jsonable(params: Mapping[str, Any], /) -> dict[str, Any]:
    """`params` with lists for tuples and sets."""
    return {
        name: list(value) if isinstance(value, tuple | set | frozenset) else value for name, value in params.items()
    }
