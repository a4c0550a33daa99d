"""Which two data sets a privacy promise compares."""

from __future__ import annotations

from enum import StrEnum

from assay.core.errors import AssayError


class Adjacency(StrEnum):
    """What may differ between two neighbouring data sets; never implied, because sensitivities depend on it.

    A count of rows changes by 1 under either. A sum of values in [low, high] changes by max(|low|, |high|) under
    ADD_REMOVE and by high − low under REPLACE. In local privacy a data set is one person's value: REPLACE.
    """

    ADD_REMOVE = "add-or-remove one unit"
    REPLACE = "replace one unit"


def required(adjacency: object, /) -> Adjacency:
    """`adjacency` itself where it is one; an error that lists both where it is anything else."""
    if isinstance(adjacency, Adjacency):
        return adjacency
    raise AssayError(
        f"Adjacency {adjacency!r} is not one of Adjacency.ADD_REMOVE and Adjacency.REPLACE.",
        code="adjacency",
        hint="Say whether neighbouring data sets differ by one unit that is there or not, or by one that is another.",
    )
