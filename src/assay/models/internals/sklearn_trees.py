"""scikit-learn's trees and forests as arrays, after `assay.models.structure.sklearn_objects` checked them."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.models.internals.forms import reason
from assay.models.internals.trees import Tree, join
from assay.models.structure.ensemble import Scale, TreeEnsemble

SINGLE = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"})
FORESTS = frozenset({"RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"})
BOOSTED = frozenset({"GradientBoostingClassifier", "GradientBoostingRegressor"})
HISTOGRAM = frozenset({"HistGradientBoostingClassifier", "HistGradientBoostingRegressor"})
_LOG_LINKS = frozenset({"poisson", "gamma"})


def form_of(estimator: Any, /) -> TreeEnsemble | Message:
    """The trees of a fitted estimator of a known kind, or why they cannot be read.

    Single trees and forests are averages of probabilities (or values); boosted ones are sums of log-odds
    (or values, or logarithms), the initial prediction included.
    """
    kind = type(estimator).__name__
    if kind in SINGLE:
        return _average(estimator, [estimator])
    if kind in FORESTS:
        return _average(estimator, list(estimator.estimators_))
    return _boosted(estimator) if kind in BOOSTED else _histogram(estimator)


def boosting_slope(estimator: Any, /) -> float:
    """What makes a boosted estimator's raw score log-odds: the exponential loss leaves half of them."""
    return 2.0 if getattr(estimator, "loss", "") == "exponential" else 1.0


def _average(owner: Any, estimators: list[Any]) -> TreeEnsemble | Message:
    classes = getattr(owner, "classes_", None)
    if owner.n_outputs_ != 1 or (classes is not None and len(classes) < 2):
        return reason("models.inside.part", part="A tree of several outputs or a single class")
    trees = []
    for inner in estimators:
        values = np.asarray(inner.tree_.value, np.float64)[:, 0, :]
        if classes is not None:
            values = values[:, 1:] if len(classes) == 2 else values
        trees.append(_tree(inner.tree_, values / len(estimators)))
    outputs = 1 if classes is None or len(classes) == 2 else len(classes)
    return join(
        trees,
        base=np.zeros(outputs),
        width=owner.n_features_in_,
        strict=False,
        single=True,
        scale="value" if classes is None else "probability",
    )


def _tree(tree: Any, value: np.ndarray, *, output: int = 0) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=np.asarray(tree.missing_go_to_left),
        value=value,
        cover=tree.weighted_n_node_samples,
        output=output,
    )


def _boosted(estimator: Any) -> TreeEnsemble | Message:
    init = estimator.init_
    if not (isinstance(init, str) and init == "zero") and type(init).__name__ not in (
        "DummyClassifier",
        "DummyRegressor",
    ):
        return reason("models.inside.part", part="A boosting that begins with another model")
    slope = boosting_slope(estimator)
    trees = [
        _tree(tree.tree_, tree.tree_.value[:, 0, 0] * estimator.learning_rate * slope, output=output)
        for iteration in estimator.estimators_
        for output, tree in enumerate(iteration)
    ]
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_)))[0] * slope
    scale: Scale = "log-odds" if hasattr(estimator, "classes_") else "value"
    return join(trees, base=start, width=estimator.n_features_in_, strict=False, single=True, scale=scale)


def _histogram(estimator: Any) -> TreeEnsemble | Message:
    trees = [
        _histogram_tree(predictor, output)
        for iteration in estimator._predictors
        for output, predictor in enumerate(iteration)
    ]
    scale: Scale = "log-odds" if hasattr(estimator, "classes_") else "value"
    if estimator.loss in _LOG_LINKS:
        scale = "log"
    start = np.ravel(estimator._baseline_prediction)
    base = np.broadcast_to(start, (estimator.n_trees_per_iteration_,)).astype(np.float64)
    return join(trees, base=base, width=estimator.n_features_in_, strict=False, single=False, scale=scale)


def _histogram_tree(predictor: Any, output: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"] != 0
    bits = np.ascontiguousarray(predictor.raw_left_cat_bitsets, dtype="<u4")
    sets = {
        int(node): np.flatnonzero(np.unpackbits(bits[nodes["bitset_idx"][node]].view(np.uint8), bitorder="little"))
        for node in np.flatnonzero(~leaf & (nodes["is_categorical"] != 0))
    }
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        value=nodes["value"],
        cover=nodes["count"],
        output=output,
        sets=sets,
    )
