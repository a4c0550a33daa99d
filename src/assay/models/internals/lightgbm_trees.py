"""LightGBM boosters as arrays, from their text, which `assay.models.structure.lightgbm_text` has checked.

Decisions: LightGBM `include/LightGBM/tree.h`, NumericalDecision and CategoricalDecision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.models.internals.forms import reason
from assay.models.internals.trees import Tree, join
from assay.models.structure.ensemble import Scale, TreeEnsemble
from assay.models.structure.lightgbm_text import LightGBMText

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_ZERO, _NAN = 1, 2
ZERO = 1e-35
"""Numbers no larger than this are zero to LightGBM, and missing where it treats zeros so."""

_LOG_ODDS = frozenset({"binary", "cross_entropy", "xentropy", "multiclass"})
_LOG = frozenset({"poisson", "gamma", "tweedie"})
_VALUE = frozenset(
    {
        *("regression", "regression_l2", "l2", "regression_l1", "l1", "huber", "fair", "quantile", "mape"),
        *("lambdarank", "rank_xendcg", "multiclassova", "", "none", "custom"),
    }
)


@dataclass(frozen=True, eq=False)
class LightGBMForm:
    """The trees, and what makes LightGBM's own raw scores and columns those of the trees.

    Raw scores times `factor` are on the scale of the ensemble: it holds the sigmoid's slope, and the average
    of a forest. `zeros` are columns whose zeros are missing, `categorical` those whose numbers are cut to codes.
    """

    ensemble: TreeEnsemble
    factor: float
    zeros: tuple[int, ...]
    categorical: tuple[int, ...]

    def prepare(self, matrix: np.ndarray, /) -> np.ndarray:
        """The matrix that the trees read, changed in place."""
        for column in self.zeros:
            matrix[np.abs(matrix[:, column]) <= ZERO, column] = np.nan
        for column in self.categorical:
            matrix[:, column] = np.trunc(matrix[:, column])
        return matrix


def form_of(facts: LightGBMText, /, *, logit: bool = False) -> LightGBMForm | Message:
    """The trees of a checked text, or why they cannot be read. `logit`: a custom objective left log-odds."""
    head = facts.text[: facts.text.find("\nTree=")]
    line = next((line for line in head.splitlines() if line.startswith("objective=")), "").partition("=")[2]
    scale: Scale | None = "log-odds" if logit else scale_of(facts.objective)
    if scale is None or "sqrt" in line.split():
        return reason("models.inside.part", part="The LightGBM objective")
    blocks = re.split(r"^Tree=\d+\n", facts.text[: facts.text.find("\nend of trees\n") + 1], flags=re.MULTILINE)[1:]
    trees = [dict(entry.split("=", 1) for entry in block.splitlines() if "=" in entry) for block in blocks]
    if any(tree.get("is_linear", "0") == "1" for tree in trees):
        return reason("models.inside.part", part="A tree with linear leaves")
    slope = re.search(r"\bsigmoid:(\S+)", line) if facts.objective == "binary" else None
    rounds = max(1, len(trees) // facts.outputs) if "average_output" in head.splitlines() else 1
    factor = (float(slope.group(1)) if slope else 1.0) / rounds
    made = [_Parsed(tree) for tree in trees]
    zeros, numeric, categorical = (
        frozenset(int(column) for one in made for column in getattr(one, name))
        for name in ("zeros", "numeric", "categorical")
    )
    if zeros & numeric or categorical & (zeros | numeric):
        return reason("models.inside.part", part="A column that trees read in two ways")
    ensemble = join(
        [one.tree(number % facts.outputs, factor) for number, one in enumerate(made)],
        base=np.zeros(facts.outputs),
        width=len(facts.features),
        strict=False,
        single=False,
        scale=scale,
    )
    return LightGBMForm(ensemble, factor, tuple(sorted(zeros)), tuple(sorted(categorical)))


def scale_of(objective: str, /) -> Scale | None:
    """What the raw scores of an objective are (one class against the rest: values); None for one not known."""
    if objective in _LOG_ODDS:
        return "log-odds"
    if objective in _LOG:
        return "log"
    return "value" if objective in _VALUE else None


class _Parsed:
    """One tree's arrays. Inner nodes come first; leaf k, which children name ~k, is node inner + k."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys
        self._leaves = int(keys["num_leaves"])
        self._inner = self._leaves - 1
        self._split = self._numbers("split_feature", np.int64)
        self._threshold = self._numbers("threshold", np.float64)
        kind = self._numbers("decision_type", np.int64)
        self._by_set = (kind & _CATEGORICAL) != 0
        self._default_left = (kind & _DEFAULT_LEFT) != 0
        self._missing = (kind >> 2) & 3
        self.zeros = np.unique(self._split[~self._by_set & (self._missing == _ZERO)])
        self.numeric = np.unique(self._split[~self._by_set & (self._missing != _ZERO)])
        self.categorical = np.unique(self._split[self._by_set])

    def _numbers(self, name: str, dtype: Any) -> np.ndarray:
        return np.array(self._keys.get(name, "").split() if self._inner else [], dtype=dtype)

    def tree(self, output: int, factor: float) -> Tree:
        """The tree, its leaves times `factor`."""
        inner, leaves = self._inner, self._leaves
        sides = [self._numbers(name, np.int64) for name in ("left_child", "right_child")]
        left, right = (np.concatenate([np.where(s < 0, inner - s - 1, s), np.full(leaves, -1)]) for s in sides)
        # Where NaN is not missing to LightGBM it is the number 0; a NaN category goes right.
        goes = np.where(self._missing == 0, self._threshold >= 0, self._default_left) & ~self._by_set
        padding = np.zeros(leaves)
        return Tree(
            left=left,
            right=right,
            feature=np.concatenate([self._split, padding.astype(np.int64)]),
            threshold=np.concatenate([self._threshold, padding]),
            missing_left=np.concatenate([goes, padding.astype(bool)]),
            value=np.concatenate([np.zeros(inner), np.array(self._keys["leaf_value"].split(), float) * factor]),
            cover=np.concatenate([self._cover("internal_count", inner), self._cover("leaf_count", leaves)]),
            output=output,
            sets={int(node): self._codes(int(self._threshold[node])) for node in np.flatnonzero(self._by_set)},
        )

    def _cover(self, name: str, count: int) -> np.ndarray:
        found = self._numbers(name, np.float64)
        return found if len(found) == count else np.zeros(count)

    def _codes(self, number: int) -> np.ndarray:
        bounds = self._numbers("cat_boundaries", np.int64)
        words = self._numbers("cat_threshold", np.uint32)[bounds[number] : bounds[number + 1]]
        return np.flatnonzero(np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little"))
