"""Expressions of columns: which may stand in a rule, what they are worth, and which are linear."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

Values = Mapping[str, NDArray[Any]]
"""Column name -> (rows,) float64 of a number, text of a category."""
HINT = "Write for example: years_employed <= age - 16, or job == 'clerk' or hours <= 40. Other names go in `backticks`."
_ARITHMETIC: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
ORDER: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def _refused(node: ast.AST, text: str) -> AssayError:
    return AssayError(f"{type(node).__name__} may not stand in the rule {text!r}.", code="rule", hint=HINT)


def kind_of(node: ast.AST, text: str) -> str:
    """ "truth", "number", "text" or "texts" (a list); AssayError at anything else. A column counts as a number."""
    if isinstance(node, ast.Name):
        return "number"
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return "text"
        if isinstance(node.value, int | float) and not isinstance(node.value, bool) and math.isfinite(node.value):
            return "number"
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        if {kind_of(node.left, text), kind_of(node.right, text)} == {"number"}:
            return "number"
    elif isinstance(node, ast.UnaryOp):
        inner, wanted = kind_of(node.operand, text), "truth" if isinstance(node.op, ast.Not) else "number"
        if inner == wanted and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
            return inner
    elif isinstance(node, ast.BoolOp) and all(kind_of(value, text) == "truth" for value in node.values):
        return "truth"
    elif isinstance(node, ast.Tuple | ast.List) and all(isinstance(item, ast.Constant) for item in node.elts):
        if node.elts and len({kind_of(item, text) for item in node.elts}) == 1:
            return "texts"
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for sign, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if not _comparable(sign, left, right, text):
                raise _refused(sign, text)
        return "truth"
    raise _refused(node, text)


def _comparable(sign: ast.cmpop, left: ast.expr, right: ast.expr, text: str) -> bool:
    kinds = kind_of(left, text), kind_of(right, text)
    if isinstance(sign, ast.In | ast.NotIn):
        return isinstance(left, ast.Name) and kinds[1] == "texts"
    if isinstance(sign, ast.Eq | ast.NotEq):
        named = isinstance(left, ast.Name) or isinstance(right, ast.Name)
        return kinds == ("number", "number") or (named and set(kinds) == {"number", "text"})
    return type(sign) in ORDER and kinds == ("number", "number")


def value_of(node: ast.AST, values: Values) -> Any:
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return _ARITHMETIC[type(node.op)](value_of(node.left, values), value_of(node.right, values))
    if isinstance(node, ast.UnaryOp):
        inner = value_of(node.operand, values)
        return ~inner if isinstance(node.op, ast.Not) else -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce([value_of(value, values) for value in node.values])
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    pairs = zip(node.ops, sides, sides[1:], strict=False)
    return np.logical_and.reduce([_compared(sign, left, right, values) for sign, left, right in pairs])


def _compared(sign: ast.cmpop, left: ast.expr, right: ast.expr, values: Values) -> Any:
    a = value_of(left, values)
    if isinstance(sign, ast.In | ast.NotIn):
        assert isinstance(right, ast.Tuple | ast.List)
        items = [item.value for item in right.elts if isinstance(item, ast.Constant)]
        return np.isin(a, np.array(items), invert=isinstance(sign, ast.NotIn))
    b = value_of(right, values)
    if type(sign) in ORDER:
        with np.errstate(invalid="ignore"):
            return ORDER[type(sign)](a, b)
    texts = any(np.asarray(side).dtype.kind in "OU" for side in (a, b))
    same = np.equal(a, b) if texts else np.abs(np.subtract(a, b)) <= 1e-9 * (1 + np.abs(a) + np.abs(b))
    return ~same if isinstance(sign, ast.NotEq) else same


def affine(node: ast.AST) -> dict[str, float] | None:
    """Coefficients by column, the constant under ""; None where the expression is not linear."""
    if isinstance(node, ast.Name):
        return {node.id: 1.0}
    if isinstance(node, ast.Constant):
        return {"": float(node.value)} if isinstance(node.value, int | float) else None
    if isinstance(node, ast.UnaryOp):
        inner = affine(node.operand)
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        return None if inner is None or isinstance(node.op, ast.Not) else {k: sign * v for k, v in inner.items()}
    if not isinstance(node, ast.BinOp):
        return None
    left, right = affine(node.left), affine(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Add | ast.Sub):
        sign = 1.0 if isinstance(node.op, ast.Add) else -1.0
        return {name: left.get(name, 0.0) + sign * right.get(name, 0.0) for name in {**left, **right}}
    if isinstance(node.op, ast.Mult) and set(left) <= {""}:
        left, right = right, left
    if set(right) - {""}:
        return None
    factor = right.get("", 0.0)
    if isinstance(node.op, ast.Div):
        if factor == 0:
            return None
        factor = 1 / factor
    return {name: value * factor for name, value in left.items()}
