"""What is reachable from an estimator and holds raw indices is checked before anything predicts.

scikit-learn follows these indices without looking (scikit-learn#34558); skops checks types, not content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from assay.models.adapter import MISTAKES
from assay.models.structure.trees import broken, check_children, depth, within

_LEAF = -1


def check_estimator(estimator: Any, /) -> None:
    """Every tree, neighbour index and spline in `estimator` can be followed, or an AssayError says which cannot."""
    try:
        for item in _reachable(estimator):
            kind = type(item).__name__
            if kind == "Tree":
                _check_tree(item)
            elif kind in ("KDTree", "BallTree", "KDTree64", "BallTree64", "KDTree32", "BallTree32"):
                _check_neighbours(item)
            elif kind == "BSpline":
                _check_spline(item)
            elif hasattr(item, "check_format"):
                item.check_format(full_check=True)  # a sparse matrix; scipy raises ValueError
            else:
                _check_owner(item)
    except MISTAKES as error:
        raise broken("scikit-learn model", f"its parts do not fit together ({type(error).__name__})") from error


def _reachable(root: Any) -> Iterator[Any]:
    """Every object that attributes, lists, tuples, mappings and object arrays lead to, once."""
    seen: set[int] = set()
    kept: list[Any] = []
    todo = [root]
    while todo:
        item = todo.pop()
        if item is None or isinstance(item, str | bytes | int | float | type) or id(item) in seen:
            continue
        seen.add(id(item))
        kept.append(item)  # an id is only unique while its object lives
        if isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            todo.extend(item)
        elif isinstance(item, np.ndarray):
            todo.extend(item.ravel().tolist() if item.dtype == object else ())
        else:
            yield item
            todo.extend(getattr(item, "__dict__", {}).values())


def _check_tree(tree: Any) -> None:
    where = "scikit-learn tree"
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    if not len(left) == len(right) == len(feature) == tree.node_count == len(tree.value) or not len(left):
        raise broken(where, "its arrays differ in length")
    internal = left != _LEAF
    if (internal & (right == _LEAF)).any():
        raise broken(where, "a node has one child")
    check_children(left, right, internal, where=where)
    within(feature[internal], 0, tree.n_features, where=where, what="feature")
    if depth(left, right, internal) > tree.max_depth:
        raise broken(where, "it is deeper than it says")


def _check_owner(owner: Any) -> None:
    """What an estimator says about itself fits the trees it owns."""
    inner = vars(owner).get("tree_") if hasattr(owner, "__dict__") else None
    if inner is not None and inner.n_features != owner.n_features_in_:
        raise broken("scikit-learn tree", "it was trained on another number of features than its estimator says")
    kind = type(owner).__name__
    if hasattr(owner, "_dual_coef_"):
        _check_support_vectors(owner)
    if kind.startswith("HistGradientBoosting") and hasattr(owner, "_predictors"):
        _check_histogram_boosting(owner)
    elif kind.startswith("GradientBoosting") and hasattr(owner, "estimators_"):
        if owner.estimators_.ndim != 2 or owner.estimators_.shape[1] != owner.n_trees_per_iteration_:
            raise broken("GradientBoosting", "its trees are not one for each output")
        if any(tree.tree_.n_features != owner.n_features_in_ for tree in owner.estimators_.ravel()):
            raise broken("GradientBoosting", "a tree was trained on another number of features")
        if any(tree.tree_.n_outputs != 1 for tree in owner.estimators_.ravel()):
            raise broken("GradientBoosting", "a tree has several outputs")


def _check_histogram_boosting(owner: Any) -> None:
    categorical = owner._bin_mapper.is_categorical_
    for iteration in owner._predictors:
        if len(iteration) != owner.n_trees_per_iteration_:
            raise broken("HistGradientBoosting", "its trees are not one for each output")
        for predictor in iteration:
            _check_predictor(predictor, np.asarray(categorical).astype(bool), owner.n_features_in_)


def _check_predictor(predictor: Any, categorical: np.ndarray, features: int) -> None:
    where = "HistGradientBoosting tree"
    nodes = predictor.nodes
    if not len(nodes):
        raise broken(where, "it has no nodes")
    internal = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    check_children(left, right, internal, where=where)
    split = nodes["feature_idx"][internal].astype(np.int64)
    within(split, 0, min(features, len(categorical)), where=where, what="feature")
    by_category = internal & (nodes["is_categorical"] != 0)
    if not categorical[nodes["feature_idx"][by_category].astype(np.int64)].all():
        raise broken(where, "it splits a number by category")
    sets = nodes["bitset_idx"][by_category].astype(np.int64)
    bits = predictor.raw_left_cat_bitsets
    within(sets, 0, len(bits), where=where, what="category set")
    if bits.ndim != 2 or (len(bits) and bits.shape[1] != 8):
        raise broken(where, "its category sets are not of 256 bits")


def _check_neighbours(tree: Any) -> None:
    where = "neighbour tree"
    data, order, nodes, bounds = (np.asarray(array) for array in tree.get_arrays())
    state = tree.__getstate__()
    n_levels, n_nodes = int(state[5]), int(state[6])
    if len(order) != len(data) or len(nodes) != n_nodes or n_nodes != 2**n_levels - 1 or bounds.shape[1] != n_nodes:
        raise broken(where, "its arrays differ in length")
    within(order, 0, len(data), where=where, what="row")
    low, high = nodes["idx_start"], nodes["idx_end"]
    within(low, 0, len(data) + 1, where=where, what="first row")
    within(high, 0, len(data) + 1, where=where, what="last row")
    if (nodes["is_leaf"][n_nodes // 2 :] == 0).any():
        raise broken(where, "its last level is not made of leaves")


def _check_support_vectors(owner: Any) -> None:
    """libsvm walks these arrays by the counts it is given."""
    classifies = owner._impl in ("c_svc", "nu_svc")
    counts = np.asarray(owner._n_support)
    classes = len(counts) if classifies else 2
    pairs, vectors = classes * (classes - 1) // 2, len(owner.support_)
    stored = (0, 0) if owner.kernel == "precomputed" else (vectors, owner.n_features_in_)
    calibrated = len(owner._probA) in (0, pairs) and len(owner._probB) in (0, pairs)
    fits = (
        owner._dual_coef_.shape == (classes - 1, vectors)
        and owner.support_vectors_.shape == stored
        and len(owner._intercept_) == pairs
        and calibrated
    )
    if not fits or (counts < 0).any() or (classifies and counts.sum() != vectors):
        raise broken("support vectors", "their arrays do not fit together")
    within(np.asarray(owner.support_), 0, owner.shape_fit_[0], where="support vectors", what="row")


def _check_spline(spline: Any) -> None:
    degree, knots = int(spline.k), np.asarray(spline.t)
    fits = 0 <= degree <= 25 and knots.ndim == 1 and len(knots) >= 2 * (degree + 1)
    if not fits or len(spline.c) < len(knots) - degree - 1 or (np.diff(knots) < 0).any():
        raise broken("spline", "its knots, coefficients and degree do not fit together")
