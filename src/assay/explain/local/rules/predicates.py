"""What a rule can say about a row, and the rows that agree with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats
from assay.explain.local.neighbourhood import Neighbourhood


@dataclass(frozen=True, slots=True)
class Predicate:
    """Something true of a row: its column `place` is ("is"), is at most ("<=") or is above (">") a value.

    `text` says it for people; it holds names and values of the data, which are hostile: escape it where it is shown.
    """

    place: int
    relation: str
    value: float
    text: str

    def holds(self, rows: Floats, /) -> NDArray[np.bool_]:
        """(rows,) True where it is true of the row; a missing value is only "is missing"."""
        column = rows[:, self.place]
        if self.relation == "is":
            return np.asarray(np.isnan(column) if np.isnan(self.value) else column == self.value)
        return np.asarray(column <= self.value if self.relation == "<=" else column > self.value)


def predicates_of(near: Neighbourhood, row: Floats, /) -> tuple[Predicate, ...]:
    """The Predicates that are true of a row and not of every background row, in the order of the columns."""
    found = []
    for place, column in enumerate(near.columns.columns):
        value = float(row[place])
        if column.kind == "category" or np.isnan(value):
            found.append(Predicate(place, "is", value, f"{column.name} = {column.show(value)}"))
            continue
        for edge in near.edges[place].tolist():
            relation = "<=" if value <= edge else ">"
            found.append(Predicate(place, relation, edge, f"{column.name} {relation} {edge:.6g}"))
    return tuple(one for one in found if not one.holds(near.background).all())


@dataclass(frozen=True, eq=False)
class World:
    """A row, what can be said of it, and the background rows that agree: `agrees` (n, predicates)."""

    row: Floats
    background: Floats
    predicates: tuple[Predicate, ...]
    agrees: NDArray[np.bool_]

    def coverage(self, rule: frozenset[int], /) -> int:
        """How many background rows agree with all predicates of the rule."""
        return int(self.agrees[:, sorted(rule)].all(axis=1).sum())

    def draw(self, rule: frozenset[int], count: int, rng: np.random.Generator, /) -> Floats:
        """(count, columns) background rows in which what does not agree with the rule is replaced.

        A column that breaks the rule takes the value of another background row that keeps it, else the row's own. This
        is the perturbation distribution D(z | A) of Ribeiro, Singh & Guestrin (2018).
        """
        picked = rng.integers(len(self.background), size=count)
        out = self.background[picked]
        for place in sorted({self.predicates[i].place for i in rule}):
            said = [i for i in sorted(rule) if self.predicates[i].place == place]
            keeps = np.asarray(self.agrees[:, said].all(axis=1))
            broken = np.flatnonzero(~keeps[picked])
            pool = np.flatnonzero(keeps)
            if len(pool):
                out[broken, place] = self.background[pool[rng.integers(len(pool), size=len(broken))], place]
            else:
                out[broken, place] = self.row[place]
        return out

    def extends(self, rule: frozenset[int], /) -> list[frozenset[int]]:
        """The rules with one predicate more, of another column or another side of it."""
        said = {(self.predicates[i].place, self.predicates[i].relation) for i in rule}
        return [
            rule | {i}
            for i, one in enumerate(self.predicates)
            if i not in rule and (one.place, one.relation) not in said
        ]


def world_of(near: Neighbourhood, row: Floats, /) -> World:
    """The World of a row."""
    said = predicates_of(near, row)
    agrees = [one.holds(near.background) for one in said]
    return World(
        row, near.background, said, np.stack(agrees, axis=1) if agrees else np.zeros((len(near.background), 0), bool)
    )
