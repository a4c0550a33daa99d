"""What is judged, and how a check says which counts of it it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from assay.core.errors import unknown

Task = Literal["binary", "multiclass", "regression", "none"]

COUNTED_ROLES = ("protected", "label", "prediction", "score", "feature", "control", "split", "observed", "randomised")
"""Roles a counting check may group by."""


@runtime_checkable
class Subject(Protocol):
    """A Case, or Counts alone (a live window, a federation, a warehouse table)."""

    @property
    def name(self) -> str:
        """Short name of the system under test; part of every key."""

    @property
    def task(self) -> Task:
        """What the model predicts; "none" where there is neither label nor prediction."""

    def has(self, role: str) -> bool:
        """True when the role is filled ("protected", "label", "model", "rows", ...)."""


@runtime_checkable
class Model(Protocol):
    """What every adapter offers. A batch is the base case; a single row is a batch of one.

    `inputs` is a batch of one modality: a `pyarrow.Table` of named columns, a list of texts, or an
    array (rows first). Arrays that come back are numpy, rows first.
    """

    @property
    def name(self) -> str:
        """Kind and short name, for people."""

    @property
    def digest(self) -> str:
        """SHA-256 of the model's file, or "not digested"."""

    @property
    def task(self) -> Task:
        """What it predicts."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the input columns in order; empty where the model does not know them."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Text of the class labels in the order of the columns of `scores`; empty for regression."""

    def predict(self, inputs: Any, /) -> Any:
        """(rows,) predicted labels (text for classes) or numbers."""

    def scores(self, inputs: Any, /) -> Any:
        """(rows, classes) probabilities, or None where the model gives none."""


@dataclass(frozen=True, slots=True)
class Request:
    """The Counts a check asks for.

    `roles` are the dimensions; those also in `optional` are used where the Subject has them.
    `sums` are fixed-point sums kept in each cell beside the count. With `each` set, one table is
    made for every column of that role, by that column and `roles`.
    """

    roles: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    sums: tuple[str, ...] = ()
    each: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """Roles without which the check cannot run."""
        wanted = tuple(role for role in self.roles if role not in self.optional)
        return ((self.each,) if self.each else ()) + wanted


def _request(roles: tuple[str, ...], sums: tuple[str, ...], each: str) -> Request:
    names = tuple(role.removesuffix("?") for role in roles)
    for name in (*names, *((each,) if each else ())):
        if name not in COUNTED_ROLES:
            raise unknown("role to count by", name, COUNTED_ROLES)
    return Request(names, frozenset(r[:-1] for r in roles if r.endswith("?")), sums, each)


def by(*roles: str, sums: tuple[str, ...] = ()) -> Request:
    """One table of Counts over `roles`; a role written `"score?"` is used where there is one.

    >>> by("protected", "label", "score?").required
    ('protected', 'label')
    """
    return _request(roles, sums, "")


def each(role: str, *roles: str, sums: tuple[str, ...] = ()) -> Request:
    """One table of Counts for every column of `role`, each by that column and `roles`."""
    return _request(roles, sums, role)
