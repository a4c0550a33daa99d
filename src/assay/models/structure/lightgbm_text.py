"""LightGBM's text format, read and checked before the library sees it.

Format: LightGBM `src/boosting/gbdt_model_text.cpp` and `src/io/tree.cpp` (version v3 and v4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.structure.trees import broken, check_children, integers, within

_TREE = re.compile(r"^Tree=(\d+)$", re.MULTILINE)
_FLAGS = frozenset({"tree", "average_output", "end of trees"})
_PARAMETER = re.compile(r"^\[categorical_feature: ([0-9,]*)\]$", re.MULTILINE)
_CATEGORICAL_BIT = 1
_OF_LEAVES = ("leaf_weight", "leaf_count")
_OF_SPLITS = ("split_gain", "internal_value", "internal_weight", "internal_count")


@dataclass(frozen=True, slots=True)
class LightGBMText:
    """The facts of a checked model text.

    `objective` is the first word of its objective line ("" for a custom one), `outputs` the numbers per
    row, `categories` the values behind the codes of each pandas categorical column, `categorical`
    the positions of the features the trees were trained to split by category, `infos` what it says of the
    values of each feature: "[low:high]", categories, or "none".
    """

    text: str
    features: tuple[str, ...]
    objective: str
    outputs: int
    categories: tuple[tuple[Any, ...], ...]
    categorical: tuple[int, ...]
    infos: tuple[str, ...]


def read(data: bytes, /) -> LightGBMText:
    """The facts of the model, or an AssayError when any index in it is impossible.

    Checked: array lengths, child, leaf and feature indices, that each tree is a tree, categorical
    bit sets, linear leaves, the byte offsets in `tree_sizes`, no key twice.
    """
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise AssayError(
            "The LightGBM file is no UTF-8 text.", code="model-file", hint="Save it with booster.save_model()."
        ) from error
    starts = [match.start() for match in _TREE.finditer(text)]
    end = text.find("\nend of trees\n")
    if end < 0:
        raise AssayError(
            "The LightGBM file is cut short: it has no line 'end of trees'.",
            code="model-file",
            hint="Save it again with booster.save_model().",
        )
    header = _keys(text[: starts[0] if starts else end], "header")
    names = tuple(header.get("feature_names", "").split())
    _check_header(header, names, len(starts))
    _check_sizes(header, text, [*starts, end + 1])
    for number, (start, stop) in enumerate(zip(starts, [*starts[1:], end + 1], strict=True)):
        _check_tree(text[start:stop], number, len(names))
    return _facts(text, end, header, names)


def _facts(text: str, end: int, header: Mapping[str, str], names: tuple[str, ...]) -> LightGBMText:
    tail = text[end:]
    positions = _PARAMETER.search(tail)
    line = next((line for line in tail.splitlines() if line.startswith("pandas_categorical:")), "")
    try:
        categories = json.loads(line.partition(":")[2] or "null") or []
    except ValueError as error:
        raise broken("LightGBM file", "the line pandas_categorical is no JSON") from error
    if not isinstance(categories, list) or not all(isinstance(column, list) for column in categories):
        raise broken("LightGBM file", "the line pandas_categorical is no list of lists")
    categorical = [int(p) for p in positions.group(1).split(",") if p] if positions else []
    return LightGBMText(
        text,
        names,
        header.get("objective", "").partition(" ")[0],
        int(header["num_tree_per_iteration"]),
        tuple(map(tuple, categories)),
        tuple(p for p in categorical if p < len(names)),
        tuple(header["feature_infos"].split()),
    )


def _keys(block: str, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in block.splitlines():
        key, equals, value = line.partition("=")
        if not line or line in _FLAGS:
            continue
        if not equals or key in found:
            raise broken(f"LightGBM {where}", f"the line {line[:40]!r} is {'doubled' if equals else 'no key=value'}")
        found[key] = value
    return found


def _number(keys: Mapping[str, str], name: str, where: str) -> int:
    if not re.fullmatch(r"\d{1,9}", keys.get(name, "")):
        raise broken(f"LightGBM {where}", f"{name} is missing or no whole number")
    return int(keys[name])


def _array(keys: Mapping[str, str], name: str, count: int, where: str) -> np.ndarray:
    words = keys.get(name, "").split()
    try:
        values = np.array(words, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise broken(f"LightGBM {where}", f"{name} are not whole numbers") from error
    return integers(values, where=f"LightGBM {where}", what=name, count=count)


def _reals(keys: Mapping[str, str], name: str, count: int, where: str) -> np.ndarray:
    try:
        values = np.array(keys.get(name, "").split(), dtype=np.float64)
    except ValueError as error:
        raise broken(f"LightGBM {where}", f"{name} are not numbers") from error
    if len(values) != count:
        raise broken(f"LightGBM {where}", f"{name} has {len(values)} entries, expected {count}")
    return values


def _check_header(header: Mapping[str, str], names: tuple[str, ...], trees: int) -> None:
    if len(names) != _number(header, "max_feature_idx", "header") + 1:
        raise broken("LightGBM header", f"{len(names)} feature names for max_feature_idx {header['max_feature_idx']}")
    if len(header.get("feature_infos", "").split()) != len(names):
        raise broken("LightGBM header", "feature_infos and feature_names differ in length")
    outputs = _number(header, "num_tree_per_iteration", "header")
    if not 1 <= outputs <= 100_000 or _number(header, "num_class", "header") not in (1, outputs):
        raise broken("LightGBM header", "num_class and num_tree_per_iteration do not belong together")
    if trees % outputs:
        raise broken("LightGBM header", f"{trees} trees are no multiple of {outputs} per iteration")


def _check_sizes(header: Mapping[str, str], text: str, marks: list[int]) -> None:
    """`tree_sizes` are the bytes of each tree: LightGBM jumps by them without looking."""
    if "tree_sizes" not in header:
        return
    lengths = [len(text[a:b].encode()) for a, b in pairwise(marks)]
    if header["tree_sizes"].split() != [str(length) for length in lengths]:
        raise broken("LightGBM header", "tree_sizes are not the sizes of the trees")


def _check_tree(block: str, number: int, features: int) -> None:
    where = f"tree {number}"
    keys = _keys(block, where)
    leaves = _number(keys, "num_leaves", where)
    cats = _number(keys, "num_cat", where)
    if leaves < 1:
        raise broken(f"LightGBM {where}", "num_leaves is 0")
    inner = leaves - 1
    _reals(keys, "leaf_value", leaves, where)
    for name, count in (*((key, leaves) for key in _OF_LEAVES), *((key, inner) for key in _OF_SPLITS)):
        if keys.get(name):
            _reals(keys, name, count, where)
    if keys.get("is_linear", "0") == "1":
        _check_linear(keys, leaves, features, where)
    if not inner:
        return
    split = _array(keys, "split_feature", inner, where)
    within(split, 0, features, where=f"LightGBM {where}", what="split feature")
    left, right = (_array(keys, name, inner, where) for name in ("left_child", "right_child"))
    # Negative children are leaves (~child): inner nodes keep their numbers, leaf k becomes node inner + k.
    for side in (left, right):
        within(side, -leaves, inner, where=f"LightGBM {where}", what="child")
    padded = [
        np.concatenate([np.where(side < 0, inner - side - 1, side), np.zeros(leaves, int)]) for side in (left, right)
    ]
    internal = np.arange(inner + leaves) < inner
    check_children(padded[0], padded[1], internal, where=f"LightGBM {where}")
    decision = _array(keys, "decision_type", inner, where)
    threshold = _reals(keys, "threshold", inner, where)
    _check_categories(keys, threshold[(decision & _CATEGORICAL_BIT) == 1], cats, where)


def _check_categories(keys: Mapping[str, str], chosen: np.ndarray, cats: int, where: str) -> None:
    """A categorical split's threshold is the number of its bit set."""
    if not len(chosen) and not cats:
        return
    if not np.isfinite(chosen).all():
        raise broken(f"LightGBM {where}", "a categorical split names no category set")
    within(np.trunc(chosen).astype(np.int64), 0, cats, where=f"LightGBM {where}", what="category set")
    bounds = _array(keys, "cat_boundaries", cats + 1, where)
    words = len(keys.get("cat_threshold", "").split())
    if bounds[0] != 0 or (np.diff(bounds) < 0).any() or bounds[-1] != words:
        raise broken(f"LightGBM {where}", "cat_boundaries do not fit cat_threshold")


def _check_linear(keys: Mapping[str, str], leaves: int, features: int, where: str) -> None:
    _reals(keys, "leaf_const", leaves, where)
    counts = _array(keys, "num_features", leaves, where)
    within(counts, 0, features + 1, where=f"LightGBM {where}", what="number of features")
    used = _array(keys, "leaf_features", int(counts.sum()), where)
    within(used, 0, features, where=f"LightGBM {where}", what="leaf feature")
    _reals(keys, "leaf_coeff", int(counts.sum()), where)
