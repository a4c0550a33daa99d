"""From what checks ask to as few scans as pay, and from each scan back to exactly what was asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import AssayError
from assay.core.subject import COUNTED_ROLES, Request
from assay.data.counts import OWN, Counts
from assay.data.roles.observed import selective
from assay.data.rows.sums import inputs_of

DimKey = tuple[str, str]
JOINT = 1 << 16
"""Tables are counted together while their joint table has at most so many possible cells."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One table: its dimensions in canonical order, its sums, and the outcomes that every counted row must have."""

    dims: tuple[DimKey, ...]
    sums: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()

    def within(self, other: Wanted, /) -> bool:
        """True when this table is a marginal of `other`."""
        return self.complete == other.complete and {*self.dims} <= {*other.dims} and {*self.sums} <= {*other.sums}

    def joined(self, other: Wanted, order: Callable[[DimKey], tuple[int, int]], /) -> Wanted:
        """The joint table of both."""
        dims = tuple(sorted({*self.dims, *other.dims}, key=order))
        return Wanted(dims, tuple(sorted({*self.sums, *other.sums})), self.complete)


@dataclass(frozen=True)
class Available:
    """What a Subject can be counted by: the columns of each counted role in their order, and the inputs of sums."""

    name: str
    dims: Mapping[str, tuple[str, ...]]
    inputs: frozenset[str]
    regression: bool

    def order(self, dim: DimKey, /) -> tuple[int, int]:
        """Place of a dimension in every table: by role, then as the roles were given."""
        return COUNTED_ROLES.index(dim[0]), self.dims[dim[0]].index(dim[1])

    def wanted(self, request: Request, /) -> tuple[Wanted, ...]:
        """The tables of a request. Sums whose inputs the Subject lacks are left out.

        Numbers to predict are no dimensions: rows without them are not counted where a sum needs them. A label that was
        observed only for some rows is there only for requests that ask for `observed` too.
        """
        hidden = {"label"} if self.dims.get("observed") and "observed" not in request.roles else set()
        outcomes = ({"label", "prediction"} if self.regression else set()) | hidden
        inputs = self.inputs - hidden
        for role in request.required:
            if role in hidden:
                raise selective(f"Counting {self.name!r} by {role}")
            if not self.dims.get(role) and not (role in outcomes and role in inputs):
                raise AssayError(f"{self.name!r} has no {role} to count by.", code="role", hint=f"Give {role}=.")
        roles = [role for role in COUNTED_ROLES if role in request.roles and role not in outcomes]
        dims = {(role, name) for role in roles for name in self.dims.get(role, ())}
        needs = {name: inputs_of(name, regression=self.regression) for name in request.sums}
        sums = tuple(sorted(name for name, used in needs.items() if used and used <= inputs))
        complete = tuple(sorted({i for name in sums for i in needs[name]})) if self.regression else ()
        columns = self.dims.get(request.each, ()) if request.each else (None,)
        tables = [dims | ({(request.each, name)} if name is not None else set()) for name in columns]
        return tuple(Wanted(tuple(sorted(table, key=self.order)), sums, complete) for table in tables)


def scans(
    wanted: Iterable[Wanted],
    /,
    *,
    order: Callable[[DimKey], tuple[int, int]],
    size: Callable[[DimKey], int],
    apart: bool,
) -> list[Wanted]:
    """The tables to scan, so that each of `wanted` is a marginal of one; with `apart`, of one with its dimensions."""
    made: list[Wanted] = []
    for table in sorted(set(wanted), key=lambda w: (-len(w.dims), w.dims, w.sums)):
        for place, scan in enumerate(made):
            joint = scan.joined(table, order)
            same = joint.dims == scan.dims and (not apart or table.dims == scan.dims)
            small = not apart and math.prod(size(dim) for dim in joint.dims) <= JOINT
            if scan.complete == table.complete and (same or small):
                made[place] = joint
                break
        else:
            made.append(table)
    return made


def serve(wanted: Wanted, tables: Mapping[Wanted, Counts], /) -> Counts | None:
    """Exactly the wanted table, from the smallest of `tables` that it is a marginal of; None where there is none."""
    if wanted in tables:
        return tables[wanted]
    fitting = [counts for scan, counts in tables.items() if wanted.within(scan)]
    if not fitting:
        return None
    return min(fitting, key=len).marginal(*wanted.dims).with_sums(*wanted.sums)


def described(counts: Counts, /) -> Wanted:
    """The table that `counts` is."""
    sums = tuple(sorted(name for name in counts.sums if name not in OWN))
    regression = any(inputs_of(name, regression=True) and not inputs_of(name, regression=False) for name in sums)
    complete = {i for name in sums for i in inputs_of(name, regression=True)} if regression else set()
    return Wanted(tuple(dim.key for dim in counts.dims), sums, tuple(sorted(complete)))


def missing(wanted: Wanted, name: str, tables: Sequence[Wanted], /) -> AssayError:
    """The error for a table that no Counts at hand have."""
    dims = " × ".join(column for _, column in wanted.dims) or "nothing"
    sums = f" with {', '.join(wanted.sums)}" if wanted.sums else ""
    known = "; ".join(" × ".join(column for _, column in table.dims) for table in tables)
    return AssayError(
        f"{name!r} has no counts by {dims}{sums}.", code="counts", hint=f"There are counts by: {known or 'nothing'}."
    )
