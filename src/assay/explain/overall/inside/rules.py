"""Trees as rules: one sentence a leaf, in the values that people know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assay.explain.columns import Columns, Floats
from assay.explain.overall.inside.meaning import Meaning
from assay.models.structure.ensemble import TreeEnsemble

NAMED = 6
"""Levels that one condition names; where fewer are left out than kept, those left out are named instead."""


@dataclass(frozen=True, slots=True)
class Between:
    """A number within (low, high], or [low, high) where `strict`; `missing` belongs too."""

    low: float = -np.inf
    high: float = np.inf
    missing: bool = True
    strict: bool = False

    def text(self, name: str, gaps: bool) -> str:
        """For people; what is missing is spoken of only where there are `gaps`."""
        below, above = ("<", ">=") if self.strict else ("<=", ">")
        if np.isfinite(self.low) and np.isfinite(self.high):
            said = f"{self.low:.6g} {'<=' if self.strict else '<'} {name} {below} {self.high:.6g}"
        elif np.isfinite(self.high):
            said = f"{name} {below} {self.high:.6g}"
        elif np.isfinite(self.low):
            said = f"{name} {above} {self.low:.6g}"
        else:
            return f"{name} is not missing" if gaps and not self.missing else ""
        return f"{said} or missing" if gaps and self.missing else said


@dataclass(frozen=True, slots=True)
class Among:
    """A category among `levels` of `names`; `missing` belongs too."""

    levels: frozenset[int]
    names: tuple[str, ...]
    missing: bool = True

    def text(self, name: str, gaps: bool) -> str:
        """For people; the shorter list of those in and those out."""
        inside = [self.names[i] for i in sorted(self.levels)] + (["missing"] if gaps and self.missing else [])
        outside = [each for i, each in enumerate(self.names) if i not in self.levels]
        outside += ["missing"] if gaps and not self.missing else []
        if not outside:
            return ""
        if len(inside) <= len(outside) or not inside:
            return f"{name} is {_listed(inside)}"
        return f"{name} is not {_listed(outside)}"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:NAMED]) + ([f"{len(names) - NAMED} others"] if len(names) > NAMED else [])
    return " or ".join(shown)


Limits = dict[tuple[int, int], Between | Among]


@dataclass(frozen=True, eq=False)
class Rule:
    """Where all `conditions` hold, tree `tree` adds `values` (outputs,); it is the leaf `leaf` of the ensemble."""

    conditions: tuple[str, ...]
    values: Floats = field(repr=False)
    tree: int
    leaf: int

    def text(self) -> str:
        """The conditions as one sentence; "always" where there are none."""
        return " and ".join(self.conditions) or "always"


def rules(ensemble: TreeEnsemble, found: Sequence[Meaning], columns: Columns, rows: Floats, /) -> tuple[Rule, ...]:
    """The Rules of all leaves that something can reach, tree by tree, from left to right.

    `rows` say which columns have missing values; others are not spoken of.
    """
    gaps: list[bool] = np.asarray(np.isnan(rows).any(axis=0)).tolist()
    walk = _Walk(ensemble, tuple(found), columns)
    out = []
    for tree, root in enumerate(ensemble.roots.tolist()):
        for leaf, limits in walk.leaves(root):
            texts = [walk.text(key, limit, gaps[key[0]]) for key, limit in limits.items()]
            out.append(Rule(tuple(text for text in texts if text), ensemble.value[leaf], tree, leaf))
    return tuple(out)


@dataclass(frozen=True, eq=False)
class _Walk:
    ensemble: TreeEnsemble
    meanings: tuple[Meaning, ...]
    columns: Columns

    def leaves(self, root: int) -> Iterator[tuple[int, Limits]]:
        waiting: list[tuple[int, Limits]] = [(root, {})]
        while waiting:
            node, limits = waiting.pop()
            left = int(self.ensemble.left[node])
            if left < 0:
                yield node, limits
                continue
            for child, goes_left in ((int(self.ensemble.right[node]), False), (left, True)):
                key, limit = self._limited(node, limits, goes_left)
                if not isinstance(limit, Among) or limit.levels or limit.missing:
                    waiting.append((child, {**limits, key: limit}))

    def text(self, key: tuple[int, int], limit: Between | Among, gaps: bool) -> str:
        """A number that is not the column itself goes by the name that the model gives it."""
        return limit.text(self.columns.names[key[0]] if key[1] < 0 else self.meanings[key[1]].name, gaps)

    def _limited(self, node: int, limits: Limits, left: bool) -> tuple[tuple[int, int], Between | Among]:
        """What is limited by going `left` (or right) at a node, and the narrower limit."""
        number = int(self.ensemble.feature[node])
        meaning = self.meanings[number]
        with_missing = bool(self.ensemble.missing_left[node]) == left
        if meaning.levels is not None:
            key = (meaning.place, -1)
            names = self.columns.columns[meaning.place].levels
            was = limits.get(key, Among(frozenset(range(len(names))), names))
            assert isinstance(was, Among)
            goes = np.asarray(self._goes_left(node, np.append(meaning.levels, meaning.missing)) == left)
            kept = frozenset(i for i in was.levels if goes[i])
            return key, replace(was, levels=kept, missing=was.missing and bool(goes[-1]))
        key = (meaning.place, -1 if meaning.same else number)
        known = limits.get(key, Between(strict=self.ensemble.strict))
        assert isinstance(known, Between)
        cut, missing = float(self.ensemble.threshold[node]), known.missing and with_missing
        if left:
            return key, replace(known, high=min(known.high, cut), missing=missing)
        return key, replace(known, low=max(known.low, cut), missing=missing)

    def _goes_left(self, node: int, values: Floats) -> np.ndarray:
        tree = self.ensemble
        if tree.categorical[node]:
            codes = tree.category_codes[tree.category_starts[node] : tree.category_starts[node + 1]]
            goes: np.ndarray = np.isin(values, codes)
        else:
            cut = tree.threshold[node]
            goes = np.asarray(values < cut if tree.strict else values <= cut)
        return np.where(np.isnan(values), bool(tree.missing_left[node]), goes)
