"""How much a sample counts, by its distance from the row that is explained."""

from __future__ import annotations

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats


def exponential(squared: Floats, /, *, width: float) -> Floats:
    """√exp(−d²/width²) of (rows, ...) squared distances, each row scaled so that its nearest sample counts 1.

    The scaling only matters against the ridge: a row far from all samples is still fitted, with few effective samples.
    Source: Ribeiro, Singh & Guestrin (2016), section 3.4, with the square root that `lime` takes.
    """
    if not width > 0:
        raise AssayError("The kernel needs a width above 0.", code="kernel", hint="Leave it out for the usual one.")
    apart = squared - squared.reshape(len(squared), -1).min(axis=1).reshape(-1, *[1] * (squared.ndim - 1))
    return np.asarray(np.exp(-apart / (2 * width**2)))
