"""ONNX graphs of one tree ensemble as arrays.

Operators: https://onnx.ai/onnx/operators/, ai.onnx.ml, TreeEnsembleClassifier and TreeEnsembleRegressor.
"""

from __future__ import annotations

import numpy as np

from assay.models.adapter import sigmoid, softmax
from assay.models.internals.trees import Tree, join
from assay.models.outputs import Outputs
from assay.models.structure.ensemble import Scale, TreeEnsemble
from assay.models.structure.onnx_graph import Node, read_nodes
from assay.models.structure.trees import broken, within

_HARMLESS = frozenset({"Identity", "Cast", "ZipMap"})
_KINDS = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
_PROBES = 256
_SEED = 20_261_122
_TOLERANCE = 1e-4
_WHERE = "ONNX tree ensemble"


def form_of(data: bytes, /, *, input_name: str, width: int, classes: int) -> TreeEnsemble | None:
    """The trees of a graph that is nothing else, or None where they are of a kind that is not read.

    Read: float32 trees whose splits are all <= or all <, without a transformation or with the logistic
    function or softmax of one output for each class (or one for two classes).
    """
    nodes = [node for node in read_nodes(data) if node.kind not in _HARMLESS]
    if len(nodes) != 1 or nodes[0].kind not in _KINDS or nodes[0].inputs != (input_name,):
        return None
    node = nodes[0]
    modes = set(node.texts.get("nodes_modes", ())) - {"LEAF"}
    if len(modes) > 1 or not modes <= {"BRANCH_LEQ", "BRANCH_LT"} or any("as_tensor" in a for a in node.attributes):
        return None
    meaning = _meaning(node, classes)
    if meaning is None:
        return None
    trees = _trees(node, max(1, classes), average=node.texts.get("aggregate_function", ("SUM",))[0] == "AVERAGE")
    base = node.floats.get("base_values", np.zeros(1))
    if len(base) not in (1, max(1, classes)):
        return None
    joined = join(
        trees,
        base=np.broadcast_to(base, (max(1, classes),)),
        width=width,
        strict=modes == {"BRANCH_LT"},
        single=True,
        scale=meaning,
    )
    return _single_output(joined, node, softmaxed=meaning == "log-odds") if classes == 2 else joined


def _meaning(node: Node, classes: int) -> Scale | None:
    post = node.texts.get("post_transform", ("NONE",))[0]
    if node.kind == "TreeEnsembleRegressor":
        return "value" if post == "NONE" and not classes else None
    if not classes:
        return None
    single = classes == 2 and len(set(node.ints.get("class_ids", np.empty(0)).tolist())) == 1
    known: dict[str, Scale] = {"NONE": "probability", "SOFTMAX": "log-odds"}
    if single:
        known = {"NONE": "probability", "LOGISTIC": "log-odds"}
    return known.get(post)


def _single_output(form: TreeEnsemble, node: Node, *, softmaxed: bool) -> TreeEnsemble:
    """Two classes as one output: the only one that the leaves fill, else the second (less the first, of a softmax)."""
    filled = sorted(set(node.ints["class_ids"].tolist()))
    if len(filled) == 1:
        value, base = form.value[:, filled], form.base[filled]
    else:
        value, base = form.value[:, 1:], form.base[1:]
        if softmaxed:
            value, base = value - form.value[:, :1], base - form.base[:1]
    kept = {name: getattr(form, name) for name in form.__dataclass_fields__}
    return TreeEnsemble(**{**kept, "value": value, "base": base})


def _trees(node: Node, outputs: int, *, average: bool) -> list[Tree]:
    ints, owner = node.ints, node.ints["nodes_treeids"]
    place = {key: i for i, key in enumerate(zip(owner.tolist(), ints["nodes_nodeids"].tolist(), strict=True))}
    leaf = np.array([mode == "LEAF" for mode in node.texts["nodes_modes"]])

    def child(name: str) -> np.ndarray:
        keys = zip(owner.tolist(), ints[name].tolist(), strict=True)
        return np.array([-1 if end else place[key] for key, end in zip(keys, leaf, strict=True)], dtype=np.int64)

    left, right = child("nodes_truenodeids"), child("nodes_falsenodeids")
    value = _values(node, place, outputs)
    distinct = np.unique(owner)
    if average:
        value /= len(distinct)
    missing = ints.get("nodes_missing_value_tracks_true", np.zeros(len(owner), np.int64))
    made = []
    for number in distinct:
        order = _root_first(np.flatnonzero(owner == number), left, right)
        local = np.full(len(owner), -1)
        local[order] = np.arange(len(order))
        made.append(
            Tree(
                left=np.where(leaf[order], -1, local[left[order]]),
                right=np.where(leaf[order], -1, local[right[order]]),
                feature=ints["nodes_featureids"][order],
                threshold=node.floats["nodes_values"][order],
                missing_left=missing[order] != 0,
                value=value[order],
                cover=np.zeros(len(order)),
            )
        )
    return made


def _values(node: Node, place: dict[tuple[int, int], int], outputs: int) -> np.ndarray:
    """(nodes, outputs) what each leaf adds."""
    prefix = _KINDS[node.kind]
    ends = node.ints[f"{prefix}_ids"]
    within(ends, 0, outputs, where=_WHERE, what="output")
    keys = zip(node.ints[f"{prefix}_treeids"].tolist(), node.ints[f"{prefix}_nodeids"].tolist(), strict=True)
    flat = np.array([place[key] for key in keys], dtype=np.int64) * outputs + ends
    weights = node.floats[f"{prefix}_weights"].astype(np.float64)
    return np.bincount(flat, weights, minlength=len(place) * outputs).reshape(-1, outputs)


def _root_first(nodes: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The nodes of one tree, the one that is nobody's child first."""
    roots = np.setdiff1d(nodes, np.concatenate([left[nodes], right[nodes]]))
    if len(roots) != 1:
        raise broken(_WHERE, f"a tree has {len(roots)} roots")
    return np.concatenate([roots, nodes[nodes != roots[0]]])


def probes(form: TreeEnsemble, /) -> np.ndarray:
    """(rows, columns) numbers on both sides of the thresholds, the same each time."""
    rng = np.random.default_rng(_SEED)
    found = rng.normal(size=(_PROBES, form.width))
    internal = form.left >= 0
    for column in range(form.width):
        limits = form.threshold[internal & (form.feature == column)]
        limits = limits[np.isfinite(limits)]
        if len(limits):
            found[:, column] = rng.choice(limits, _PROBES) + rng.normal(size=_PROBES) * (limits.std() + 0.1)
    return found


def answers_agree(form: TreeEnsemble, answers: Outputs, /) -> bool:
    """True when the trees give what the graph itself answered to `probes`."""
    margin = form.margin(probes(form))
    if answers.scores is not None:
        own = margin
        if form.scale == "log-odds":
            own = softmax(margin) if form.outputs > 1 else sigmoid(margin)
        found = answers.scores if form.outputs > 1 else answers.scores[:, 1:]
    elif answers.values is not None:
        own, found = margin[:, 0], np.ravel(answers.values)
    else:
        return False
    return bool(own.shape == found.shape and np.allclose(own, found, rtol=_TOLERANCE, atol=_TOLERANCE))
