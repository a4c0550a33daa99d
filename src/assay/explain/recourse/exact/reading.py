"""What a form reads: the columns of a question as the numbers that trees or coefficients see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Columns, Floats
from assay.explain.question import Question

if TYPE_CHECKING:
    from assay.models.internals.forms import LinearForm
    from assay.models.structure.ensemble import TreeEnsemble

Places = NDArray[np.int64]
_WAY_OUT = "Use the search by heuristics: explain.counterfactuals."


@dataclass(frozen=True, eq=False)
class Reading:
    """A model's form, and `owner` (encoded columns,): the column of the question that each encoded one comes from.

    Each encoded column depends on its owner alone, so what one column's values do can be read off by itself.
    """

    model: Any
    columns: Columns
    trees: TreeEnsemble | None
    linear: LinearForm | None
    owner: Places

    @property
    def form(self) -> Any:
        """The trees or the linear form."""
        return self.trees if self.trees is not None else self.linear

    def encode(self, matrix: Floats, /) -> Floats:
        """(rows, encoded columns) what the form reads for rows of the question's columns."""
        made = np.asarray(self.model.encode(self.columns.decode(matrix)).matrix, dtype=np.float64)
        if self.trees is not None and self.trees.single:
            with np.errstate(over="ignore"):
                made = made.astype(np.float32).astype(np.float64)
        return made

    @cached_property
    def thresholds(self) -> tuple[Floats, ...]:
        """For each encoded column the distinct thresholds of the trees, ascending; those of categories have none."""
        trees = self.trees
        assert trees is not None
        numeric = (trees.left >= 0) & ~trees.categorical
        return tuple(np.unique(trees.threshold[numeric & (trees.feature == e)]) for e in range(trees.width))

    @cached_property
    def by_set(self) -> NDArray[np.bool_]:
        """(encoded columns,) True where trees split by sets of codes."""
        trees = self.trees
        assert trees is not None
        found = np.zeros(trees.width, dtype=bool)
        found[trees.feature[(trees.left >= 0) & trees.categorical]] = True
        mixed = [e for e in np.flatnonzero(found) if len(self.thresholds[e])]
        if mixed:
            raise AssayError(
                f"{self.model.name} splits a column both by order and by sets.", code="exact", hint=_WAY_OUT
            )
        return found

    def cells(self, encoded: Floats, /) -> Floats:
        """(rows, encoded columns) which of its cells each number is in: rows with equal cells get equal answers.

        How many thresholds lie left of a number, the code of a category; -1 for what is missing.
        """
        trees = self.trees
        assert trees is not None
        out = np.zeros_like(encoded)
        side: Literal["left", "right"] = "right" if trees.strict else "left"
        for e in range(trees.width):
            x = encoded[:, e]
            if self.by_set[e]:
                out[:, e] = np.where((x >= 0) & (x < 2.0**31), np.trunc(np.nan_to_num(x)), -2)
            else:
                out[:, e] = np.searchsorted(self.thresholds[e], x, side=side)
            out[np.isnan(x), e] = -1
        return out


def reading_of(question: Question, /) -> Reading:
    """The Reading of a question's model. AssayError, with the reason, where it shows neither trees nor coefficients."""
    model: Any = question.target.model
    trees = model.ensemble() if hasattr(model, "ensemble") else None
    linear = model.linear() if hasattr(model, "linear") else None
    if trees is None and linear is None:
        why = model.opaque().text() if hasattr(model, "opaque") else "It is not one of assay's own adapters."
        raise AssayError(
            f"{model.name} shows neither trees nor coefficients, so no optimum can be proven: {why}",
            code="exact",
            hint=_WAY_OUT,
        )
    encoded = model.encode(question.columns.decode(question.background[:1]))
    features = model.features or question.columns.names
    owner = np.array([question.columns.place(features[int(place)]) for place in encoded.origin], dtype=np.int64)
    return Reading(model, question.columns, trees, linear, owner)
