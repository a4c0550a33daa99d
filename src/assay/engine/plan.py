"""Which checks can be asked of this Subject, why the others cannot, and the Counts they need together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.check import Check
from assay.core.errors import Message
from assay.core.policy import Rules
from assay.core.subject import Request, Subject


@dataclass(frozen=True)
class Planned:
    """A check that will run, with its parameters and its seed (None where it draws nothing)."""

    check: Check[Any, Any]
    params: Mapping[str, Any]
    seed: int | None

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the call."""
        return dict(self.params) | ({"seed": self.seed} if self.seed is not None else {})


@dataclass(frozen=True)
class Skipped:
    """A check that cannot be asked of this Subject, and why."""

    check: Check[Any, Any]
    reason: Message


@dataclass(frozen=True)
class Plan:
    """`counting` checks share scans and run first; `reading` checks get the Case itself."""

    counting: tuple[Planned, ...]
    reading: tuple[Planned, ...]
    skipped: tuple[Skipped, ...]

    @property
    def requests(self) -> tuple[Request, ...]:
        """What the counting checks need, in their order."""
        return tuple(planned.check.counts for planned in self.counting if planned.check.counts is not None)

    def __len__(self) -> int:
        return len(self.counting) + len(self.reading)


SHARED = ("reference", "population")
"""Roles of a Case that reach every check with a parameter of that name, unless it is given another value."""

ROLE_WORDS = {
    "label": "no column is given as label (the true outcome)",
    "prediction": "there is no prediction and no model to make one",
    "score": "there is no score and no model to make one",
    "protected": "no protected attribute is given",
    "feature": "no feature columns are given",
    "features": "no feature columns are given",
    "model": "there is no model",
    "rows": "only counts are at hand, not the rows",
    "observed": "no column says where the outcome was observed",
    "quasi_identifiers": "no columns are named that others may know of a person (quasi_identifiers)",
    "ledger": "this is asked of a ledger, not of data",
}


SELECTIVE = Message(
    "selective-labels",
    "the outcome was observed only for some rows, and those rows alone can be far from the truth for all;"
    " fairness.selective_labels gives the bounds",
)
"""Why a check that needs the label of every row is not asked where the role `observed` says that it is not known."""


def obstacle(check: Check[Any, Any], subject: Subject, /) -> Message | None:
    """Why `check` cannot be asked of `subject`, or None. A Subject may have an `obstacle` of its own."""
    if subject.task not in check.tasks:
        return Message(
            "wrong-task",
            "the check is for {wanted} tasks and this one is {task}",
            {"wanted": " or ".join(sorted(check.tasks)), "task": subject.task},
        )
    own: Callable[[Check[Any, Any]], Message | None] | None = getattr(subject, "obstacle", None)
    if own is not None and (found := own(check)) is not None:
        return found
    for role in sorted(check.requires):
        if not subject.has(role):
            words = ROLE_WORDS.get(role, f"nothing is given as {role}")
            return Message(f"no-{role}", words.replace("{", "{{").replace("}", "}}"), {"role": role})
    asked = check.requires | frozenset(check.counts.roles if check.counts else ())
    if "label" in check.requires and "observed" not in asked and subject.has("observed"):
        return SELECTIVE
    return None


def plan(
    subject: Subject,
    /,
    *,
    checks: Sequence[Check[Any, Any]],
    params: Mapping[str, Mapping[str, Any]],
    rules: Rules,
    seed: int,
) -> Plan:
    """Sort `checks` into those that run and those that cannot; a wrong parameter is an error now, not later."""
    counting: list[Planned] = []
    reading: list[Planned] = []
    skipped: list[Skipped] = []
    facts = {name: getattr(getattr(subject, "roles", None), name, None) for name in SHARED}
    for check in checks:
        given = dict(params.get(check.id, {}))
        if "level" in check.parameters:
            given.setdefault("level", rules.level)
        for name, value in facts.items():
            if name in check.parameters and value:
                given.setdefault(name, value)
        draws = "seed" in check.parameters
        own_seed = given.pop("seed", seed) if draws else None
        complete = check.params(given | ({"seed": own_seed} if draws else {}))
        complete.pop("seed", None)
        reason = obstacle(check, subject)
        if reason is not None:
            skipped.append(Skipped(check, reason))
            continue
        planned = Planned(check, complete, own_seed)
        (counting if check.counts is not None else reading).append(planned)
    return Plan(tuple(counting), tuple(reading), tuple(skipped))
