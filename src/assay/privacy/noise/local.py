"""What local privacy asks of its inputs: each person's own category, among public ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.noise.lattice import whole


def replaced(adjacency: object, /) -> Adjacency:
    """REPLACE; an error for ADD_REMOVE, since the number of reports is seen by everyone."""
    if required(adjacency) is not Adjacency.REPLACE:
        raise AssayError(
            "Local privacy hides which category a person has, not whether there is a report.",
            code="adjacency",
            hint="Use Adjacency.REPLACE.",
        )
    return Adjacency.REPLACE


def coded(values: Sequence[int], categories: int, /) -> NDArray[np.int64]:
    """`values` as an array of category numbers in [0, categories); an error that shows none of them otherwise."""
    if categories < 2:
        raise AssayError(
            f"categories must be 2 or more; it is {categories}.", code="categories", hint="Name every possible value."
        )
    found = whole(values, name="values")
    if any(not 0 <= value < categories for value in found):
        raise AssayError(
            f"Values must be categories from 0 to {categories - 1}.", code="values", hint="Code them by a public list."
        )
    return np.array(found, dtype=np.int64)
