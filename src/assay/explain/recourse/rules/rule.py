"""Rules between columns, read from text such as `years_employed <= age - 16`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Columns
from assay.explain.recourse.rules.expressions import HINT, ORDER, Values, affine, kind_of, value_of

LONGEST = 500
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, eq=False)
class Inequality:
    """Σ coefficients · columns <= bound (or < where `strict`)."""

    coefficients: Mapping[str, float]
    bound: float
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Rule:
    """Something that holds between columns; `holds` says for which rows. A row that lacks one of them keeps the rule.

    `tree` is the expression it was read from, None for a function. Text is read, never run: numbers, quoted texts,
    columns, + - * /, comparisons, `in`, and/or/not. A comparison is exact; `==` of numbers allows 1e-9 of their size.
    """

    name: str
    columns: tuple[str, ...]
    holds: Callable[[Values], NDArray[np.bool_]]
    tree: ast.expr | None = field(default=None, repr=False)

    @classmethod
    def read(cls, text: str, /) -> Rule:
        """The Rule that `text` writes down; AssayError where it is not one."""
        quoted: dict[str, str] = {}

        def stand_in(found: re.Match[str]) -> str:
            return quoted.setdefault(found[1], f"column_{len(quoted)}_")

        if len(text) > LONGEST:
            raise AssayError(f"A rule has {len(text)} characters; {LONGEST} are allowed.", code="rule", hint=HINT)
        try:
            tree = ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise AssayError(f"{text!r} is not a rule that can be read.", code="rule", hint=HINT) from None
        names = {stood: name for name, stood in quoted.items()}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                node.id = names.get(node.id, node.id)
        if kind_of(tree, text) != "truth":
            raise AssayError(f"{text!r} is a number, not something that holds or not.", code="rule", hint=HINT)
        columns = tuple(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)))
        return cls(text, columns, lambda values: np.asarray(value_of(tree, values), dtype=bool), tree)

    @classmethod
    def of(cls, function: Callable[[Values], Any], /, *, name: str, columns: tuple[str, ...]) -> Rule:
        """The Rule that `function` decides: it gets the values of `columns` by name, and gives a boolean a row."""
        return cls(name, columns, lambda values: np.asarray(function(values), dtype=bool))

    def check(self, columns: Columns, /) -> None:
        """AssayError where the rule names a column that is not there, or counts with a category."""
        for name in self.columns:
            if name not in columns.names:
                raise unknown(f"column in the rule {self.name!r}", name, columns.names, code="column")
        for node in ast.walk(self.tree) if self.tree is not None else ():
            counted = [node.left, node.right] if isinstance(node, ast.BinOp) else []
            if isinstance(node, ast.Compare):
                ordered = any(type(sign) in ORDER for sign in node.ops)
                sides = [node.left, *node.comparators]
                numeric = any(kind_of(side, self.name) == "number" and not isinstance(side, ast.Name) for side in sides)
                counted = sides if ordered or numeric else []
            for side in counted:
                if isinstance(side, ast.Name) and columns.columns[columns.place(side.id)].kind == "category":
                    raise AssayError(
                        f"The rule {self.name!r} counts with {side.id!r}, which is a category.",
                        code="rule",
                        hint=f"Compare it with a text: {side.id} == 'value', or {side.id} in ('a', 'b').",
                    )

    def inequalities(self) -> tuple[Inequality, ...] | None:
        """The same as linear inequalities that all hold, None where it cannot be written so."""
        return None if self.tree is None else _inequalities(self.tree)

    @property
    def assigned(self) -> str | None:
        """The column that the others determine, where the rule is `column == expression of others`."""
        tree = self.tree
        if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or not isinstance(tree.ops[0], ast.Eq):
            return None
        for side, other in ((tree.left, tree.comparators[0]), (tree.comparators[0], tree.left)):
            names = {node.id for node in ast.walk(other) if isinstance(node, ast.Name)}
            if isinstance(side, ast.Name) and names and side.id not in names:
                return side.id
        return None

    def assign(self, values: Values, /) -> NDArray[Any]:
        """(rows,) what `assigned` must be, given the other columns."""
        tree = self.tree
        assert isinstance(tree, ast.Compare)
        left, right = tree.left, tree.comparators[0]
        other = right if isinstance(left, ast.Name) and left.id == self.assigned else left
        return np.asarray(value_of(other, values))


def _inequalities(node: ast.AST) -> tuple[Inequality, ...] | None:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        parts = [_inequalities(value) for value in node.values]
        return None if any(part is None for part in parts) else tuple(i for part in parts for i in part or ())
    if not isinstance(node, ast.Compare):
        return None
    sides = [affine(side) for side in (node.left, *node.comparators)]
    out: list[Inequality] = []
    for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if left is None or right is None or not isinstance(sign, ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.Eq):
            return None
        strict = isinstance(sign, ast.Lt | ast.Gt)
        if not isinstance(sign, ast.Gt | ast.GtE):
            out.append(_below(left, right, strict))
        if not isinstance(sign, ast.Lt | ast.LtE):
            out.append(_below(right, left, strict))
    return tuple(out)


def _below(left: dict[str, float], right: dict[str, float], strict: bool) -> Inequality:
    names = [name for name in {**left, **right} if name]
    coefficients = {name: left.get(name, 0.0) - right.get(name, 0.0) for name in names}
    return Inequality(coefficients, right.get("", 0.0) - left.get("", 0.0), strict)
