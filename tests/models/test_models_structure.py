"""Forged and damaged model files are refused before a library follows their indices."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer
from sklearn.svm import SVC

from assay.core.errors import AssayError
from assay.models.load import open_bytes
from assay.models.structure import lightgbm_text, xgboost_json
from assay.models.structure.trees import check_children, depth

Change = Callable[[Any], None]


def refused(data: bytes, name: str) -> AssayError:
    with pytest.raises(AssayError) as caught:
        open_bytes(data, name=name, isolate=False)
    return caught.value


# -- trees in general ------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_grown_trees_pass_and_any_second_parent_is_found(splits: int, random: Any) -> None:
    left, right = [0], [0]
    leaves = [0]
    for _ in range(splits):
        node = leaves.pop(random.randrange(len(leaves)))
        left[node], right[node] = len(left), len(left) + 1
        leaves += [len(left), len(left) + 1]
        left += [0, 0]
        right += [0, 0]
    arrays = np.array(left), np.array(right)
    internal = arrays[0] != 0
    check_children(*arrays, internal, where="tree")
    assert 1 <= depth(*arrays, internal) <= splits
    node = random.choice(np.flatnonzero(internal).tolist())
    forged = arrays[0].copy()
    forged[node] = random.choice([n for n in range(len(left)) if n != forged[node]])
    with pytest.raises(AssayError, match="damaged or forged"):
        check_children(forged, arrays[1], internal, where="tree")


@pytest.mark.parametrize("child", [-1, 3, 10**9])
def test_children_outside_the_tree_are_found(child: int) -> None:
    with pytest.raises(AssayError, match="is outside"):
        check_children(np.array([1, 0, 0]), np.array([child, 0, 0]), np.array([True, False, False]), where="tree")


# -- scikit-learn ----------------------------------------------------------------------------------------


def edited(estimator: Any, change: Change, *, field: str) -> bytes:
    """A skops file of the estimator, in which `change` was done to every array that has `field`."""
    source, target, done = zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))), io.BytesIO(), 0
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(data), allow_pickle=False)
                if field in (array.dtype.names or ()):
                    change(array)
                    done += 1
                    written = io.BytesIO()
                    np.save(written, array, allow_pickle=False)
                    data = written.getvalue()
            archive.writestr(name, data)
    assert done
    return target.getvalue()


def put(field: str, row: int, value: int) -> Change:
    def change(array: Any) -> None:
        array[field][row] = value

    return change


FORESTS = {
    "forest": RandomForestClassifier(2, max_depth=3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=2, random_state=0),
}


@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize(
    "change",
    [
        put("left_child", 0, 10**6),
        put("left_child", 0, -7),
        put("right_child", 0, 0),
        put("right_child", 0, -1),
        put("left_child", 1, 1),
        put("feature", 0, 10**6),
        put("feature", 0, -5),
        put("feature", 0, 4),
    ],
)
def test_a_forged_tree_is_refused(name: str, change: Change, numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = FORESTS[name].fit(numbers, labels)
    error = refused(edited(estimator, change, field="left_child"), "m.skops")
    assert error.code == "model-structure"


@pytest.mark.parametrize(
    "change",
    [
        put("left", 0, 10**6),
        put("right", 0, 0),
        put("left", 1, 1),
        put("feature_idx", 0, 10**6),
        put("feature_idx", 0, -1),
        put("is_categorical", 0, 1),
        put("is_leaf", -1, 0),
    ],
)
def test_a_forged_histogram_tree_is_refused(change: Change, numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=5).fit(numbers, labels)
    assert refused(edited(estimator, change, field="feature_idx"), "m.skops").code == "model-structure"


def test_a_forged_category_set_is_refused(people: pd.DataFrame, labels: np.ndarray) -> None:
    frame = people[["colour", "b"]].assign(colour=people["colour"].astype("category"))
    estimator = HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype")
    estimator.fit(frame, np.where(people["colour"] == "red", "x", "y"))

    def change(nodes: Any) -> None:
        nodes["bitset_idx"][nodes["is_categorical"] == 1] = 10**6

    assert refused(edited(estimator, change, field="bitset_idx"), "m.skops").code == "model-structure"


def changed(estimator: Any, **attributes: Any) -> bytes:
    """The skops file of an estimator whose attributes were overwritten after training."""
    for name, value in attributes.items():
        setattr(estimator, name, value)
    return skops.io.dumps(estimator)


def test_an_estimator_that_lies_about_its_trees_is_refused(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    forest = RandomForestClassifier(2, max_depth=3).fit(numbers, labels)
    forest.estimators_[0].n_features_in_ = 2
    assert refused(skops.io.dumps(forest), "m.skops").code == "model-structure"
    boosting = GradientBoostingClassifier(n_estimators=2).fit(numbers, labels)
    assert refused(changed(boosting, n_trees_per_iteration_=3), "m.skops").code == "model-structure"
    histogram = HistGradientBoostingClassifier(max_iter=2).fit(numbers, labels)
    assert refused(changed(histogram, n_features_in_=1), "m.skops").code == "model-structure"
    assert refused(changed(histogram, _predictors="none"), "m.skops").code == "model-structure"


def test_a_forged_neighbour_tree_is_refused(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = KNeighborsClassifier(algorithm="kd_tree").fit(numbers, labels)
    honest = estimator._tree.__getstate__()
    order = np.asarray(honest[1]).copy()
    order[0] = 10**7
    for state in ((honest[0], order, *honest[2:]), (*honest[:6], 10**6, *honest[7:])):
        estimator._tree.__setstate__(state)
        assert refused(skops.io.dumps(estimator), "m.skops").code == "model-structure"


def test_a_forged_spline_is_refused(numbers: pd.DataFrame) -> None:
    estimator = make_pipeline(SplineTransformer(), LinearRegression()).fit(numbers, numbers["a"])
    spline = estimator[0].bsplines_[0]
    spline.k = 25
    assert refused(skops.io.dumps(estimator), "m.skops").code == "model-structure"


@pytest.mark.parametrize(
    ("attribute", "change"),
    [
        ("support_", lambda a: np.concatenate([a, a])),
        ("support_", lambda a: np.where(a == a[0], 10**6, a).astype(a.dtype)),
        ("_dual_coef_", lambda a: a[:, :-1]),
        ("_n_support", lambda a: a * 1000),
        ("_intercept_", lambda a: a[:0]),
        ("_probA", lambda a: np.zeros(7)),
        ("support_vectors_", lambda a: a[:3]),
    ],
)
def test_forged_support_vectors_are_refused(
    attribute: str, change: Callable[[Any], Any], numbers: pd.DataFrame, labels: np.ndarray
) -> None:
    estimator = SVC().fit(numbers, labels)
    forged = changed(estimator, **{attribute: change(getattr(estimator, attribute))})
    assert refused(forged, "m.skops").code == "model-structure"


def test_a_forged_sparse_matrix_is_refused(numbers: pd.DataFrame, labels: np.ndarray) -> None:
    estimator = SVC(kernel="linear").fit(csr_matrix(numbers), labels)
    open_bytes(skops.io.dumps(estimator), name="m.skops", isolate=False)
    estimator.support_vectors_.indices[0] = 10**6
    assert refused(skops.io.dumps(estimator), "m.skops").code in ("model-structure", "model-file")


# -- LightGBM --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text(people: pd.DataFrame, labels: np.ndarray) -> str:
    frame = people[["a", "b", "colour"]].assign(colour=people["colour"].astype("category"))
    data = lightgbm.Dataset(frame, np.where(people["colour"] == "red", 1, people["a"] > 1).astype(int))
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 5, "min_child_samples": 5}
    found: str = lightgbm.train(params, data, 2).model_to_string()
    return found


def with_line(text: str, key: str, value: str | None) -> bytes:
    """The model with one line of its first tree, or of its header, changed; sizes stay honest."""
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}="))
    lines[at : at + 1] = [] if value is None else [f"{key}={value}"]
    joined = "\n".join(lines)
    if key != "tree_sizes":
        starts = [joined.index(f"Tree={i}") for i in (0, 1)] + [joined.index("end of trees")]
        sizes = [len(joined[a:b].encode()) for a, b in pairwise(starts)]
        joined = "\n".join(
            f"tree_sizes={sizes[0]} {sizes[1]}" if line.startswith("tree_sizes=") else line
            for line in joined.split("\n")
        )
    return joined.encode()


def test_the_honest_text_passes(text: str) -> None:
    facts = lightgbm_text.read(with_line(text, "label_index", "0"))
    assert facts.features == ("a", "b", "colour")
    assert facts.categories == (("blå", "green", "red"),)
    assert lightgbm_text.read(text.replace("\n", "\r\n").encode()).text == facts.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("left_child", "1 0 2 -1"),
        ("left_child", "9999 2 3 -1"),
        ("left_child", "-9999 2 3 -1"),
        ("left_child", "0 0 0 0"),
        ("left_child", "1 2"),
        ("left_child", "1 2 x -1"),
        ("left_child", "99999999999999999999 1 1 1"),
        ("right_child", None),
        ("split_feature", "9 0 0 0"),
        ("split_feature", "-1 0 0 0"),
        ("leaf_value", "0.1"),
        ("leaf_weight", "0.1"),
        ("leaf_count", "1 1 1 1 1 1"),
        ("internal_value", "1"),
        ("leaf_value", "a b c d e"),
        ("num_leaves", "50"),
        ("num_leaves", "0"),
        ("num_leaves", "-1"),
        ("num_leaves", "99999999999"),
        ("num_cat", "0"),
        ("cat_boundaries", "0 99"),
        ("cat_boundaries", "5 0"),
        ("threshold", "nan nan nan nan"),
        ("max_feature_idx", "1"),
        ("feature_infos", "none"),
        ("num_tree_per_iteration", "3"),
        ("num_class", "7"),
        ("num_class", None),
        ("tree_sizes", "1 1"),
        ("tree_sizes", "999999999 5"),
    ],
)
def test_broken_lightgbm_text_is_refused(text: str, key: str, value: str | None) -> None:
    assert refused(with_line(text, key, value), "m.txt").code in ("model-structure", "model-file")


def test_lightgbm_text_cut_short_or_doubled_is_refused(text: str) -> None:
    data = text.encode()
    for size in range(6, len(data.partition(b"\nend of trees\n")[0]), 97):
        refused(data[:size], "m.txt")
    refused(text.replace("num_leaves=", "num_leaves=2\nnum_leaves=", 1).encode(), "m.txt")
    refused(text.replace("objective=", "broken ", 1).encode(), "m.txt")
    refused(b"tree\n\xff\xfe" + data, "m.txt")
    refused(text.replace("pandas_categorical:[", "pandas_categorical:{", 1).encode(), "m.txt")


# -- XGBoost ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(people: pd.DataFrame) -> dict[str, Any]:
    frame = people[["a", "b", "level"]].assign(level=people["level"].astype("category"))
    target = np.where(people["level"] == 2, 1, people["a"] > 1).astype(int)
    options: dict[str, Any] = {"n_estimators": 2, "max_depth": 3, "n_jobs": 1, "max_cat_to_onehot": 1}
    estimator = xgboost.XGBClassifier(enable_categorical=True, **options).fit(frame, target)
    found: dict[str, Any] = json.loads(estimator.get_booster().save_raw("json"))
    return found


def forged(document: dict[str, Any], path: str, value: Any) -> bytes:
    """The document with the value at a dotted path under the booster's model replaced."""
    made = json.loads(json.dumps(document))
    place = made["learner"]["gradient_booster"]["model"]
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    return json.dumps(made).encode()


def test_the_honest_document_passes(document: dict[str, Any]) -> None:
    facts = xgboost_json.read(json.dumps(document).encode())
    assert (facts.features, facts.types) == (("a", "b", "level"), ("float", "float", "c"))
    assert facts.categories == ((), (), (1, 2, 7))
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    assert tree["categories_nodes"], "the test needs a categorical split"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trees.0.left_children.0", 0),
        ("trees.0.left_children.1", 0),
        ("trees.0.left_children.0", 10**6),
        ("trees.0.left_children.0", -2),
        ("trees.0.left_children.0", 1.5),
        ("trees.0.right_children.0", -1),
        ("trees.0.right_children.0", 1),
        ("trees.0.left_children", [1]),
        ("trees.0.parents.0", 1),
        ("trees.0.parents.1", 10**6),
        ("trees.0.parents", [2147483647]),
        ("trees.0.id", 1),
        ("trees.0.tree_param.size_leaf_vector", "-2"),
        ("trees.0.split_indices.0", 10**6),
        ("trees.0.split_indices.0", -1),
        ("trees.0.split_conditions", [0.5]),
        ("trees.0.split_type.0", 7),
        ("trees.0.split_type", [1]),
        ("trees.0.categories_segments.0", 10**6),
        ("trees.0.categories_segments.0", -1),
        ("trees.0.categories_sizes.0", 10**6),
        ("trees.0.categories_sizes.0", -1),
        ("trees.0.categories_nodes", []),
        ("trees.0.categories.0", -1),
        ("trees.0.categories.0", 1 << 40),
        ("trees.0.tree_param.num_nodes", "1000000000"),
        ("trees.0.tree_param.num_nodes", "x"),
        ("trees.0.tree_param.size_leaf_vector", "5"),
        ("trees.0", None),
        ("tree_info.0", 10**7),
        ("tree_info", [0]),
        ("iteration_indptr", [0, 99]),
        ("gbtree_model_param.num_trees", "5"),
        ("cats.enc", [{}]),
    ],
)
def test_forged_xgboost_json_is_refused(document: dict[str, Any], path: str, value: Any) -> None:
    data = forged(document, path, value)
    assert refused(data, "m.json").code in ("model-structure", "model-file")


def test_forged_ubjson_is_refused_before_it_predicts(document: dict[str, Any]) -> None:
    booster = xgboost.Booster()
    booster.load_model(bytearray(forged(document, "trees.0.left_children.1", 0)))
    assert refused(bytes(booster.save_raw("ubj")), "m.ubj").code == "model-structure"


def test_a_key_that_comes_twice_is_refused(document: dict[str, Any]) -> None:
    data = json.dumps(document).encode()
    twice = data.replace(b'"tree_info"', b'"tree_info": [0, 0], "tree_info"', 1)
    assert "twice" in refused(twice, "m.json").message


def test_xgboost_json_cut_short_is_refused(document: dict[str, Any]) -> None:
    data = json.dumps(document).encode()
    for size in range(40, len(data), 501):
        refused(data[:size], "m.json")
    refused(b'{"learner": ' + b"[" * 200_000, "m.json")


def test_several_targets_at_once_are_refused(numbers: pd.DataFrame) -> None:
    booster = xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(numbers, numbers[["a", "b"]]).get_booster()
    assert "2 targets at once" in refused(bytes(booster.save_raw("json")), "m.json").message
