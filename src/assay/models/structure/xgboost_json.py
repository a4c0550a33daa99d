"""XGBoost's JSON, read and checked before any prediction.

Format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and its JSON schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.structure.trees import broken, check_children, integers, within

_NO_PARENT = 2**31 - 1
_LAST_CATEGORY = 1 << 24
"""XGBoost keeps categories in float32, which is exact up to here."""


@dataclass(frozen=True, slots=True)
class XGBoostJSON:
    """The facts of a checked model.

    `types` is the declared type of each feature ("c" for categories), `categories` the values behind
    the codes of each feature (empty for numbers, or where the file stores none).
    """

    features: tuple[str, ...]
    types: tuple[str, ...]
    width: int
    objective: str
    classes: int
    best_iteration: int | None
    attributes: Mapping[str, str]
    categories: tuple[tuple[Any, ...], ...]


def read(data: bytes, /) -> XGBoostJSON:
    """The facts of the model, or an AssayError when any index in it is impossible.

    Checked: array lengths, child, feature and category indices, that each tree is a tree, which
    output a tree adds to, iteration bounds, weights of linear models.
    """
    try:
        learner = json.loads(data, object_pairs_hook=_no_doubles)["learner"]
        shape = _Shape.of(learner["learner_model_param"])
        booster = learner["gradient_booster"]
        _check_booster(booster, shape)
        attributes = {str(k): str(v) for k, v in learner.get("attributes", {}).items()}
        return XGBoostJSON(
            tuple(map(str, learner.get("feature_names", ()))),
            tuple(map(str, learner.get("feature_types", ()))),
            shape.features,
            str(learner["objective"]["name"]),
            shape.classes,
            int(attributes["best_iteration"]) if "best_iteration" in attributes else None,
            attributes,
            _categories(_model(booster).get("cats"), shape.features),
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as error:
        raise AssayError(
            f"The XGBoost JSON cannot be read: {type(error).__name__} at {str(error)[:80]!r}.",
            code="model-file",
            hint="Save it again with booster.save_model('model.json').",
        ) from error


@dataclass(frozen=True, slots=True)
class _Shape:
    features: int
    classes: int
    groups: int

    @classmethod
    def of(cls, param: Mapping[str, str]) -> _Shape:
        classes, targets = int(param["num_class"]), int(param.get("num_target", "1"))
        found = cls(int(param["num_feature"]), classes, max(1, classes) * max(1, targets))
        if not (0 <= found.features < 1 << 31 and 0 <= classes < 1 << 20 and 1 <= found.groups < 1 << 20):
            raise broken("XGBoost file", "the number of features, classes or targets is impossible")
        if targets > 1:
            raise AssayError(
                f"The XGBoost model predicts {targets} targets at once.",
                code="model-file",
                hint="assay judges one target at a time: train or save one model for each.",
            )
        return found


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that comes twice is refused, because two readers could choose differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _model(booster: Mapping[str, Any]) -> Mapping[str, Any]:
    inner: Mapping[str, Any] = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    return inner


def _check_booster(booster: Mapping[str, Any], shape: _Shape) -> None:
    name, model = booster["name"], _model(booster)
    if name == "gblinear":
        if len(model["weights"]) != (shape.features + 1) * shape.groups:
            raise broken("XGBoost linear model", "its weights do not fit its features")
        return
    if name not in ("gbtree", "dart"):
        raise broken("XGBoost file", f"the booster {str(name)[:40]!r} is unknown")
    trees = model["trees"]
    if int(model["gbtree_model_param"]["num_trees"]) != len(trees):
        raise broken("XGBoost file", "the number of trees is not what it says")
    if name == "dart" and len(booster["weight_drop"]) != len(trees):
        raise broken("XGBoost file", "there is not one weight for each tree")
    info = integers(model["tree_info"], where="XGBoost file", what="tree_info", count=len(trees))
    within(info, 0, shape.groups, where="XGBoost file", what="output")
    bounds = integers(model.get("iteration_indptr", [0, len(trees)]), where="XGBoost file", what="iterations")
    if len(bounds) == 0 or bounds[0] != 0 or bounds[-1] != len(trees) or (np.diff(bounds) < 0).any():
        raise broken("XGBoost file", "the iterations do not cover the trees")
    for number, tree in enumerate(trees):
        if tree["id"] != number:
            raise broken("XGBoost file", f"tree {number} is called {str(tree['id'])[:20]}")
        _check_tree(tree, f"XGBoost tree {number}", shape)


def leaf_size(tree: Mapping[str, Any], /) -> int:
    """How many numbers each leaf holds: one, or one for each output (`multi_strategy="multi_output_tree"`)."""
    return max(1, int(tree["tree_param"].get("size_leaf_vector", "1")))


def _check_tree(tree: Mapping[str, Any], where: str, shape: _Shape) -> None:
    param = tree["tree_param"]
    nodes, size = int(param["num_nodes"]), leaf_size(tree)
    if nodes < 1 or int(param.get("size_leaf_vector", "1")) < 0 or size not in (1, shape.groups):
        raise broken(where, f"it has no nodes, or leaves of {size} numbers for {shape.groups} outputs")
    left, right, split = (
        integers(tree[key], where=where, what=key, count=nodes)
        for key in ("left_children", "right_children", "split_indices")
    )
    for key, expected in (("split_conditions", nodes), ("default_left", nodes), ("base_weights", nodes * size)):
        if len(tree[key]) != expected:
            raise broken(where, f"{key} has {len(tree[key])} entries, expected {expected}")
    internal = left != -1
    if size > 1 and "leaf_weights" in tree:
        right = _without_places(right, internal, len(tree["leaf_weights"]), size, where)
    if (internal != (right != -1)).any():
        raise broken(where, "a node has one child")
    check_children(left, right, internal, where=where)
    parents = integers(tree["parents"], where=where, what="parents", count=nodes)
    inner = np.flatnonzero(internal)
    if (
        parents[0] not in ((_NO_PARENT,) if size == 1 else (_NO_PARENT, -1))
        or (parents[left[inner]] != inner).any()
        or (parents[right[inner]] != inner).any()
    ):
        raise broken(where, "its nodes name other parents than they have")
    within(split[internal], 0, shape.features, where=where, what="split feature")
    kinds = integers(tree.get("split_type") or [0] * nodes, where=where, what="split_type", count=nodes)
    within(kinds, 0, 2, where=where, what="split type")
    _check_categories(tree, np.flatnonzero(internal & (kinds == 1)), where)


def _without_places(right: np.ndarray, internal: np.ndarray, weights: int, size: int, where: str) -> np.ndarray:
    """`right` with -1 at leaves, where XGBoost 3.1 and later keep the place of the leaf's own numbers."""
    leaves = int((~internal).sum())
    if weights != leaves * size:
        raise broken(where, f"leaf_weights has {weights} entries, expected {leaves * size}")
    within(right[~internal], 0, leaves, where=where, what="place of leaf weights")
    return np.where(internal, right, -1)


def _check_categories(tree: Mapping[str, Any], categorical: np.ndarray, where: str) -> None:
    nodes, segments, sizes, values = (
        integers(tree.get(key, []), where=where, what=key)
        for key in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not len(nodes) == len(segments) == len(sizes) or not np.isin(categorical, nodes).all():
        raise broken(where, "its category sets do not belong to its categorical splits")
    if len(nodes) and (np.diff(nodes) <= 0).any():
        raise broken(where, "its category sets are out of order")
    within(segments, 0, len(values) + 1, where=where, what="category segment")
    if (sizes < 0).any() or (segments + sizes > len(values)).any():
        raise broken(where, "a category set reaches beyond the categories")
    within(values, 0, _LAST_CATEGORY, where=where, what="category")


def _categories(cats: Any, width: int) -> tuple[tuple[Any, ...], ...]:
    """The values behind the codes, for each feature (files of XGBoost 3.1 and later)."""
    encoded = (cats or {}).get("enc", [])
    if not encoded:
        return ((),) * width
    if len(encoded) != width:
        raise broken("XGBoost file", "there are not as many category lists as features")
    return tuple(_category_values(column) for column in encoded)


def _category_values(column: Mapping[str, Any]) -> tuple[Any, ...]:
    values = column.get("values", [])
    if "offsets" not in column:
        return tuple(value for value in values if isinstance(value, int | float) and math.isfinite(value))
    offsets = integers(column["offsets"], where="XGBoost file", what="category offsets")
    raw = bytes(int(value) & 0xFF for value in values)
    if len(offsets) and ((np.diff(offsets) < 0).any() or offsets[0] != 0 or offsets[-1] != len(raw)):
        raise broken("XGBoost file", "the category names do not fit their bytes")
    return tuple(raw[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets))
