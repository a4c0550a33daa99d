"""What a ledger fixes at its birth, and what is kept elsewhere to know it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.budget.accounting import Budget
from assay.core.errors import AssayError

ADJACENCIES = ("add-or-remove one unit", "replace one unit")
"""Which data sets the promise compares."""

EVERY_ANALYST = "*"
"""Names the budget of each analyst who has none of their own."""

LONGEST_SOURCE = 500

_HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one unit may contribute: rows (`max_rows`), keys (`max_keys`) and rows a key (`max_rows_per_key`).

    `unit_column` names the column of the units; without one, a row is a unit and no other bound may be given.
    """

    unit_column: str | None = None
    max_rows: int | None = None
    max_keys: int | None = None
    max_rows_per_key: int | None = None

    def __post_init__(self) -> None:
        given = [n for n in (self.max_rows, self.max_keys, self.max_rows_per_key) if n is not None]
        if given and self.unit_column is None:
            raise AssayError(
                "Bounds on rows and keys are bounds for a unit.", code="budget-terms", hint="Name its column as well."
            )
        if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in given):
            raise AssayError("A unit contributes at least 1 row and 1 key, in whole numbers.", code="budget-terms")

    def to_json(self) -> dict[str, Any]:
        """The bounds by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True)
class Terms:
    """What a ledger is for and what it allows; none of it ever changes.

    `sources` identify the data: the SHA-256 of each file (`sha256:…`) or the identity of a table (`table:…`).
    `adjacency` is one of ADJACENCIES: losses under one cannot be added to losses under the other.
    `analysts` maps a name to the Budget of that person within the whole, "*" to that of everybody else; where it is
    not empty, nobody else may spend. The ledger takes the name it is told: who asks is for the caller to know.
    """

    budget: Budget
    sources: tuple[str, ...]
    adjacency: str
    bounds: Bounds = field(default_factory=Bounds)
    analysts: Mapping[str, Budget] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise AssayError("A ledger is bound to one or more different data sources.", code="budget-terms")
        if any(len(source) > LONGEST_SOURCE for source in self.sources):
            raise AssayError(f"The name of a table may have {LONGEST_SOURCE} letters.", code="budget-terms")
        if self.adjacency not in ADJACENCIES:
            raise AssayError(f"An adjacency is {' or '.join(ADJACENCIES)}, not {self.adjacency!r}.", code="adjacency")
        for name, own in self.analysts.items():
            if (own.accounting, own.order) != (self.budget.accounting, self.budget.order):
                raise AssayError(
                    f"The budget of {name!r} is by another measure than that of the ledger.", code="budget-terms"
                )

    def require(self, sources: Iterable[str], /) -> None:
        """Raise unless every one of `sources` is data of this ledger."""
        strange = sorted(set(sources) - set(self.sources))
        if strange:
            raise AssayError(
                f"The data are not those of the ledger: {', '.join(strange[:3])}.",
                code="ledger-data",
                hint="Ask of the data that the ledger was created with, or create a ledger for these.",
            )

    def budget_of(self, who: str, /) -> Budget | None:
        """The Budget of an analyst, None where analysts have none; one who is not named is refused."""
        if not self.analysts:
            return None
        found = self.analysts.get(who, self.analysts.get(EVERY_ANALYST))
        if found is None:
            raise AssayError(
                f"{who!r} may not spend from this ledger.",
                code="ledger-analyst",
                hint=f"It was created for: {', '.join(sorted(self.analysts))}.",
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """The terms as JSON types."""
        return {
            "budget": self.budget.to_json(),
            "sources": list(self.sources),
            "adjacency": self.adjacency,
            "bounds": self.bounds.to_json(),
            "analysts": {name: own.to_json() for name, own in self.analysts.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Terms:
        """The Terms that `to_json` wrote."""
        return cls(
            budget=Budget.from_json(data["budget"]),
            sources=tuple(data["sources"]),
            adjacency=data["adjacency"],
            bounds=Bounds(**data["bounds"]),
            analysts={name: Budget.from_json(own) for name, own in data["analysts"].items()},
        )


def source_identities(found: Sequence[Mapping[str, Any]], /) -> tuple[str, ...]:
    """What a ledger knows data by, of what Rows say of themselves (`identities`): SHA-256, or the name of a table.

    Data in memory have no identity that another program would find again: they are refused. A file that was written
    anew with the same rows has another SHA-256, and a table keeps its name when its rows change: the ledger holds the
    owner of the data to one budget, it cannot recognise data in disguise.
    """
    return tuple(dict.fromkeys(_identity(one) for one in found))


def _identity(facts: Mapping[str, Any]) -> str:
    digest = str(facts.get("sha256", ""))
    if _HASH.match(digest):
        return digest
    if str(facts.get("kind", "")).endswith(" table"):
        return f"table:{facts['kind'].removesuffix(' table')}:{facts['source']}"
    raise AssayError(
        "Queries and data in memory have no identity to bind a ledger to.",
        code="ledger-data",
        hint="Use a file, or a table of a database.",
    )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger as it was: how many entries (`count`) and the hash of the last (`head`), to be kept elsewhere.

    `birth` is the hash of its first entry. A store that was restored from an older copy lacks the entry, one that went
    on apart from the original has another in its place.
    """

    ledger: str
    birth: str
    count: int
    head: str

    def to_json(self) -> dict[str, Any]:
        """The checkpoint as JSON types, with the number of the format."""
        return {"format": 1, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Checkpoint:
        """The Checkpoint that `to_json` wrote."""
        try:
            known = data["format"] == 1 and isinstance(data["count"], int) and data["count"] > 0
            texts = [data[name] for name in ("ledger", "birth", "head")]
        except (KeyError, TypeError):
            known, texts = False, []
        if not known or not all(isinstance(text, str) for text in texts):
            raise AssayError(
                "This is no checkpoint of a ledger.",
                code="checkpoint",
                hint="Make one: assay privacy ledger verify --save.",
            )
        return cls(texts[0], texts[1], data["count"], texts[2])
