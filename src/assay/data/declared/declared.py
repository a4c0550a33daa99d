"""A Subject of which only what a person declared is known: roles, the values of groups and outcomes, bins of scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from assay.core.check import Check
from assay.core.errors import AssayError, Message, unknown
from assay.core.subject import COUNTED_ROLES, Request, Task
from assay.data.declared.axes import Axis, grouped, keys_of, outcome, scores, threshold
from assay.data.plan import Available, DimKey, Wanted
from assay.data.roles.given import Population

LARGEST = 20_000
"""Cells that one table may have: in each stands noise, and in a sum of many of them nothing else."""
SCORE_BINS = 10

NEEDS_ROWS = Message("private-rows", "needs the rows, which a private audit does not read")
NOT_NOISY = Message("private-noise", "its intervals were not shown to hold with the noise of a private audit")
EACH = Message("private-each", "would publish a table for each feature, which costs more privacy than it tells")


@dataclass(frozen=True)
class Shared:
    """The roles that reach checks as parameters."""

    reference: Mapping[str, str] = field(default_factory=dict)
    population: Population | None = None


@dataclass(frozen=True)
class Declared:
    """Implements Subject. `training` names the column of `split`, whose training rows are not counted."""

    name: str
    task: Task
    axes: tuple[Axis, ...]
    favourable: str | None = None
    rule: str = ""
    training: str | None = None
    unit: str | None = None
    roles: Shared = field(default_factory=Shared)

    def has(self, role: str, /) -> bool:
        """True when a declared dimension plays the role."""
        return any(axis.dim.role == role for axis in self.axes)

    @cached_property
    def by_key(self) -> dict[DimKey, Axis]:
        """The axes by role and name."""
        return {axis.dim.key: axis for axis in self.axes}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        extra = tuple(name for name in (self.training, self.unit) if name is not None)
        return tuple(dict.fromkeys((*(axis.column for axis in self.axes), *extra)))

    def wanted(self, request: Request, /) -> tuple[Wanted, ...]:
        """The tables of a request: its dimensions and none of its sums, which have no bounds to calibrate noise to."""
        names = {role: tuple(a.dim.name for a in self.axes if a.dim.role == role) for role in COUNTED_ROLES}
        return Available(self.name, names, frozenset(), regression=False).wanted(request)

    def cells(self, table: Wanted, /) -> int:
        """How many cells a table has, empty ones included."""
        return math.prod(len(self.by_key[dim]) for dim in table.dims)

    def obstacle(self, check: Check[Any, Any], /) -> Message | None:
        """Why `check` cannot be asked of noisy counts, or None; what any Subject lacks is for the engine to say."""
        if check.counts is None:
            return None if "ledger" in check.needs else NEEDS_ROWS
        if check.counts.each:
            return EACH
        if not check.noisy:
            return NOT_NOISY
        if any(not self.has(role) for role in check.requires):
            return None
        size = max(self.cells(table) for table in self.wanted(check.counts))
        if size > LARGEST:
            words = "would need a table of {cells} cells with noise in each; at most {most} are published"
            return Message("private-cells", words, {"cells": size, "most": LARGEST})
        return None


_REFUSED = {
    "weight": "weights have no bound that noise could be calibrated to",
    "observed": "labels that are known only for some need bounds that noise would take the meaning from",
    "randomised": "labels that are known only for some need bounds that noise would take the meaning from",
}


def declare(
    name: str, roles: Mapping[str, Any], keys: Mapping[str, Any], /, *, score_bins: int = SCORE_BINS
) -> Declared:
    """The Subject that roles and public values describe; what they leave open is an AssayError, never a look.

    `roles` are those of a case file. Groups of protected attributes must be in `keys`; so must the two values of label
    and prediction unless they are 0 and 1, false and true, or -1 and 1. A binary outcome, or none.
    """
    for role, why in _REFUSED.items():
        if roles.get(role):
            raise AssayError(
                f"A private audit cannot use the role {role}: {why}.", code="private-role", hint=f"Leave {role} out."
            )
    if roles.get("task") not in (None, "binary", "none"):
        raise AssayError(
            f"A private audit is of a binary outcome, not of a {roles['task']} task.",
            code="private-task",
            hint="Audit without --epsilon where the numbers stay inside, or make a column of two values.",
        )
    public = keys_of(keys)
    axes = [grouped("protected", column, public) for column in _names(roles.get("protected"))]
    axes += _outcomes(roles, public, score_bins)
    for attribute, group in (roles.get("reference") or {}).items():
        if attribute in public and str(group) not in public[attribute]:
            raise unknown(f"reference group of {attribute}", str(group), public[attribute], code="reference")
    used = {axis.column for axis in axes}
    for column in public:
        if column not in used:
            raise unknown("column in the public values", column, used, code="public-keys")
    if not axes:
        raise AssayError("There is nothing to count.", code="role", hint="Give protected=, label= or prediction=.")
    binary = any(axis.dim.role in ("label", "prediction") for axis in axes)
    favourable = next((axis.spelled[1] for axis in axes if axis.dim.role == "label"), None)
    derived = next((a for a in axes if a.dim.role == "prediction" and a.edges), None)
    return Declared(
        name=name,
        task="binary" if binary else "none",
        axes=tuple(axes),
        favourable=favourable,
        rule=f"{derived.column} ≥ {derived.edges[0]:g}" if derived else "",
        training=roles.get("split"),
        unit=roles.get("unit"),
        roles=Shared(dict(roles.get("reference") or {}), roles.get("population")),
    )


def _outcomes(roles: Mapping[str, Any], keys: Mapping[str, tuple[str, ...]], bins: int) -> list[Axis]:
    """Label, prediction (its own, or made from the score) and score."""
    found = []
    label, prediction, score = (roles.get(role) for role in ("label", "prediction", "score"))
    favourable = roles.get("favourable")
    if label:
        found.append(outcome("label", label, keys, favourable))
    if prediction:
        alike = {prediction: keys[label], **keys} if label is not None and label in keys else keys
        found.append(outcome("prediction", prediction, alike, favourable))
    if isinstance(score, Mapping):
        if len(score) > 2 or str(favourable) not in score:
            raise AssayError(
                "A private audit takes one score: the probability of the favourable label.",
                code="private-task",
                hint="Give score = COLUMN, or two classes of which one is the favourable label.",
            )
        score = score[str(favourable)]
    if score and not prediction:
        found.append(threshold(score, roles.get("threshold")))
    if score:
        found.append(scores(score, bins))
    return found


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())
