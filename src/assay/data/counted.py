"""Counts alone as a Subject: a live window, a federation, a warehouse table. The rows are not at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assay.core.errors import AssayError
from assay.core.subject import COUNTED_ROLES, Request, Task
from assay.data.counts import Counts
from assay.data.plan import Available, Wanted, described, missing, serve
from assay.data.rows.sums import inputs_of


@dataclass(frozen=True)
class Counted:
    """`tables` of one set of rows, each by other columns; requests are served by their marginals.

    A request gets the very bytes that a Case of the same rows, roles in the same order, and frozen codings gives.
    """

    name: str
    task: Task
    tables: tuple[Counts, ...]

    def __post_init__(self) -> None:
        if not self.tables:
            raise AssayError(f"{self.name!r} has no counts.", code="counts", hint="Give one table or more.")
        if len({(table.weights, table.pairs is None) for table in self.tables}) > 1:
            raise AssayError(f"The tables of {self.name!r} are weighted in different ways.", code="counts")

    @cached_property
    def _by_table(self) -> dict[Wanted, Counts]:
        return {described(table): table for table in self.tables}

    @cached_property
    def _available(self) -> Available:
        dims = {
            role: tuple(dict.fromkeys(d.name for table in self.tables for d in table.dims if d.role == role))
            for role in COUNTED_ROLES
        }
        regression = self.task == "regression"
        inputs = {i for table in self._by_table for sum in table.sums for i in inputs_of(sum, regression=regression)}
        present = {role for role in ("label", "prediction", "score") if dims[role]}
        return Available(self.name, dims, frozenset(inputs | present), regression)

    @property
    def n(self) -> int:
        """Number of rows."""
        return max(table.n for table in self.tables)

    def has(self, role: str, /) -> bool:
        """True when the counts have a dimension (or, for a predicted number, sums) of that role."""
        name = {"features": "feature", "controls": "control"}.get(role, role)
        if role == "weight":
            return bool(self.tables[0].weights)
        return bool(self._available.dims.get(name)) or (self.task == "regression" and role in self._available.inputs)

    def count(self, requests: Sequence[Request], /) -> tuple[tuple[Counts, ...], ...]:
        """One tuple a request; a table that is no marginal of mine is an error that lists mine."""
        return tuple(tuple(self._serve(w) for w in self._available.wanted(request)) for request in requests)

    def _serve(self, wanted: Wanted) -> Counts:
        found = serve(wanted, self._by_table)
        if found is None:
            raise missing(wanted, self.name, list(self._by_table))
        return found

    def identities(self) -> tuple[dict[str, Any], ...]:
        """The tables by the SHA-256 of their canonical bytes."""
        return tuple({"source": self.name, "kind": "counts", "digest": table.digest} for table in self.tables)

    def facts(self) -> dict[str, Any]:
        """Rows, task and groups, for documents."""
        groups = {}
        for name in self._available.dims["protected"]:
            counts = self._serve(Wanted((("protected", name),)))
            groups[name] = [{"group": cell[name], "n": n} for cell, n in counts]
        return {"rows": self.n, "task": self.task, "groups": groups}
