"""XGBoost boosters as arrays, from their own JSON, which `assay.models.structure.xgboost_json` has checked.

Decisions: XGBoost `src/common/categorical.h` (a listed category goes right, any other left) and
`src/tree/tree_view.h` (a number goes left when it is less, in float32).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.models.internals.forms import LinearForm, reason
from assay.models.internals.trees import Tree, join
from assay.models.structure.ensemble import Scale, TreeEnsemble
from assay.models.structure.trees import broken, integers
from assay.models.structure.xgboost_json import XGBoostJSON, leaf_size

_LOGIT_BASE = frozenset({"binary:logistic", "reg:logistic"})
_LOG_ODDS = _LOGIT_BASE | {"binary:logitraw", "multi:softprob", "multi:softmax"}
_LOG = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"})
_VALUE = frozenset(
    {
        "binary:hinge",
        "reg:squarederror",
        "reg:linear",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "reg:expectileerror",
        "rank:pairwise",
        "rank:ndcg",
        "rank:map",
    }
)


def form_of(booster: Any, facts: XGBoostJSON, /) -> TreeEnsemble | LinearForm | Message:
    """The trees or weights of `booster` up to its best iteration, or why they cannot be read.

    Answers differ from XGBoost's by the rounding of its float32 sums.
    """
    scale = scale_of(facts.objective)
    if scale is None:
        return reason("models.inside.part", part="The XGBoost objective")
    best = facts.best_iteration
    used = booster if best is None else booster[: best + 1]
    learner = json.loads(bytes(used.save_raw("json")))["learner"]
    gradient = learner["gradient_booster"]
    groups = max(1, int(learner["learner_model_param"]["num_class"]))
    if gradient["name"] == "gblinear":
        weights = np.asarray(gradient["model"]["weights"], np.float32).reshape(facts.width + 1, groups)
        # XGBoost 3 adds the base_score of the first class to every class: a row without values tells.
        return LinearForm(weights[:-1].T, _answer_to_nothing(used, facts).reshape(groups), scale)
    model = gradient["gbtree"]["model"] if gradient["name"] == "dart" else gradient["model"]
    if any(leaf_size(tree) > 1 for tree in model["trees"]):
        return reason("models.inside.part", part="An XGBoost model with one number for each class in every leaf")
    drop = gradient["weight_drop"] if gradient["name"] == "dart" else [1.0] * len(model["trees"])
    trees = [
        _tree(tree, int(group), float(weight))
        for tree, group, weight in zip(model["trees"], model["tree_info"], drop, strict=True)
    ]
    base = _base(learner["learner_model_param"]["base_score"], facts.objective, groups)
    return join(trees, base=base, width=facts.width, strict=True, single=True, scale=scale)


def scale_of(objective: str, /) -> Scale | None:
    """What the raw scores of an objective are; None for one that is not known."""
    if objective in _LOG_ODDS:
        return "log-odds"
    if objective in _LOG:
        return "log"
    return "value" if objective in _VALUE else None


def _answer_to_nothing(booster: Any, facts: XGBoostJSON) -> np.ndarray:
    """The margin of a row whose values are all missing."""
    import xgboost

    row = xgboost.DMatrix(np.full((1, facts.width), np.nan), feature_names=list(facts.features) or None, nthread=1)
    return np.asarray(booster.predict(row, output_margin=True, validate_features=False), np.float64)


def _base(stored: Any, objective: str, groups: int) -> np.ndarray:
    """The global bias on the margin scale: one number, or (since 3.1) one a class."""
    listed = json.loads(stored) if isinstance(stored, str) and stored.startswith("[") else [float(stored)]
    given = np.asarray(listed, np.float32).astype(np.float64)
    if given.ndim != 1 or len(given) not in (1, groups) or not np.isfinite(given).all():
        raise broken("XGBoost file", "base_score is not one number for each output")
    if objective in _LOGIT_BASE:
        if (given <= 0).any() or (given >= 1).any():
            raise broken("XGBoost file", "base_score is no probability")
        given = np.log(given / (1 - given))
    elif objective in _LOG:
        if (given <= 0).any():
            raise broken("XGBoost file", "base_score is not positive")
        given = np.log(given)
    return np.broadcast_to(given, (groups,)).copy()


def _tree(tree: Mapping[str, Any], output: int, weight: float) -> Tree:
    left, right = (np.asarray(tree[key], np.int64) for key in ("left_children", "right_children"))
    missing_left = np.asarray(tree["default_left"], np.int64) != 0
    condition = np.asarray(tree["split_conditions"], np.float32).astype(np.float64)
    cover = np.asarray(tree.get("sum_hessian", [0.0] * len(left)), np.float64)
    sets = _sets(tree)
    # Listed categories go right in XGBoost and left in a TreeEnsemble: the children change places.
    turned = np.zeros(len(left), bool)
    turned[list(sets)] = True
    left, right = np.where(turned, right, left), np.where(turned, left, right)
    if len(cover) != len(left) or not math.isfinite(weight):
        raise broken("XGBoost tree", "its covers or its weight do not fit it")
    return Tree(
        left=left,
        right=right,
        feature=np.asarray(tree["split_indices"], np.int64),
        threshold=condition,
        missing_left=missing_left ^ turned,
        value=np.where(left < 0, condition * np.float64(np.float32(weight)), 0.0),
        cover=np.maximum(cover, 0.0),
        output=output,
        sets=sets,
    )


def _sets(tree: Mapping[str, Any]) -> dict[int, np.ndarray]:
    where = "XGBoost tree"
    kinds = tree.get("split_type", [])
    nodes, starts, sizes, codes = (
        integers(tree.get(key, []), where=where, what=key)
        for key in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    return {
        int(node): codes[start : start + size]
        for node, start, size in zip(nodes, starts, sizes, strict=True)
        if kinds[node] == 1
    }
