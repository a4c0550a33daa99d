"""What an attacker who copies a model asks it, as strategies choose it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.part import Part
from assay.models.inputs import row_count
from assay.privacy.membership.answers import Floats, Places, take

KIND = "query-strategy"
"""Kind of the parts that choose queries: `make(asking)` gives inputs for the model."""


@dataclass(frozen=True, eq=False)
class Asking:
    """The attacker's own `rows`, places of those `used` already, and how `many` queries are wanted.

    `unsure` (rows,) is larger where the last copy is less sure; None before there is one. Fewer queries are given where
    a strategy has no more.
    """

    rows: Any
    used: Places
    many: int
    unsure: Callable[[Any], Floats] | None
    rng: np.random.Generator

    @property
    def unused(self) -> Places:
        """Places of the rows that were not asked yet."""
        return np.setdiff1d(np.arange(row_count(self.rows)), self.used)


@dataclass(frozen=True, eq=False)
class Queries:
    """Inputs for the model, and the `places` of the attacker's rows that they are (none where they are made up)."""

    inputs: Any
    places: Places


Strategy = Callable[[Asking], Queries]


def at(asking: Asking, places: Places, /) -> Queries:
    """The attacker's rows at `places`."""
    return Queries(take(asking.rows, places), places)


def joined(parts: list[Any], /) -> Any:
    """Batches of one modality as one."""
    if hasattr(parts[0], "column_names"):
        import pyarrow as pa

        return pa.concat_tables(parts).combine_chunks()
    return [text for part in parts for text in part] if isinstance(parts[0], list) else np.concatenate(parts)


def own_strategies() -> dict[str, Part[Strategy]]:
    """The strategies of this area by id."""
    from assay.privacy.attacks import query_strategies

    return {thing.id: thing for thing in vars(query_strategies).values() if isinstance(thing, Part)}
