"""Noisy tables as a Subject: all that the checks of a private audit see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assay.core.check import Check
from assay.core.errors import Message
from assay.core.subject import Request, Task
from assay.data.counts import Counts
from assay.data.declared.declared import Declared, Shared
from assay.data.plan import Wanted, described, missing, serve


@dataclass(frozen=True)
class Published:
    """Implements Subject over `tables`, which are public. `terms` says by which promise of privacy they became so."""

    declared: Declared
    tables: tuple[Counts, ...]
    terms: Mapping[str, Any]

    private = True
    """Findings made of it have random ids, and the Run says nothing of the files and of how long it took."""

    @property
    def name(self) -> str:
        """Name of the system under test."""
        return self.declared.name

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.declared.task

    @property
    def roles(self) -> Shared:
        """The roles that reach checks as parameters."""
        return self.declared.roles

    @property
    def n(self) -> int:
        """Number of rows, by the table with the fewest cells."""
        return min(self.tables, key=len).n

    def has(self, role: str, /) -> bool:
        """True when a declared dimension plays the role."""
        return self.declared.has(role)

    def obstacle(self, check: Check[Any, Any], /) -> Message | None:
        """Why `check` cannot be asked of noisy counts, or None."""
        return self.declared.obstacle(check)

    @cached_property
    def _by_table(self) -> dict[Wanted, Counts]:
        return {described(table): table for table in self.tables}

    def count(self, requests: Sequence[Request], /) -> tuple[tuple[Counts, ...], ...]:
        """One tuple a request, from the smallest published table that has it."""
        return tuple(tuple(self._serve(wanted) for wanted in self.declared.wanted(request)) for request in requests)

    def _serve(self, wanted: Wanted) -> Counts:
        found = serve(wanted, self._by_table)
        if found is None:
            raise missing(wanted, self.name, list(self._by_table))
        return found

    def identities(self) -> tuple[dict[str, Any], ...]:
        """The published tables by the SHA-256 of their canonical bytes; the data are not named."""
        return tuple({"source": self.name, "kind": "noisy counts", "digest": table.digest} for table in self.tables)

    def facts(self) -> dict[str, Any]:
        """What documents say: the promise of privacy, noisy rows and groups, columns by role."""
        groups = {}
        columns: dict[str, list[str]] = {}
        for axis in self.declared.axes:
            columns.setdefault(axis.dim.role, []).append(axis.column)
            wanted = Wanted((axis.dim.key,))
            if axis.dim.role == "protected" and serve(wanted, self._by_table) is not None:
                cells = self._serve(wanted)
                groups[axis.column] = [{"group": cell[axis.column], "n": max(0, n)} for cell, n in cells]
        out: dict[str, Any] = {"rows": self.n, "task": self.task, "groups": groups, "columns": columns}
        out |= {"favourable": self.declared.favourable, "differential_privacy": dict(self.terms)}
        return out | ({"prediction_rule": self.declared.rule} if self.declared.rule else {})
