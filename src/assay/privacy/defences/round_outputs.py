"""Probabilities are shown with few digits."""

from __future__ import annotations

import numpy as np

from assay.core.errors import AssayError
from assay.core.part import part
from assay.core.subject import Model
from assay.privacy.inference.guarded import KIND, Guarded, Undefended
from assay.privacy.membership.answers import Floats


@part(
    "round-outputs",
    kind=KIND,
    title="Probabilities are shown with few digits",
    statement="Takes away what lies behind the digits shown; promises nothing against attacks on labels. "
    "Source: Fredrikson et al. (2015), CCS, section 7.3",
)
def round_outputs(model: Undefended, /, *, digits: int = 1) -> Model:
    """Every probability rounded to `digits` decimals; the label stays what it was, also where two become equal.

    Shown probabilities still sum to one: what rounding takes from the sum goes to the most probable class.
    """
    if digits < 0:
        raise AssayError(f"{digits} digits are none.", code="parameter", hint="Give 0 or more.")

    def change(scores: Floats) -> Floats:
        best = (np.arange(len(scores)), scores.argmax(axis=1))
        shown = np.round(scores, digits)
        shown[best] = 0.0
        shown *= np.minimum(1.0, 1.0 / np.maximum(shown.sum(axis=1, keepdims=True), 1.0))
        shown[best] = np.maximum(1.0 - shown.sum(axis=1), shown.max(axis=1))
        shown[best] += 1e-12  # a class that ties is not shown as the label
        return np.asarray(shown / shown.sum(axis=1, keepdims=True))

    return Guarded(model.model, change, how=f"rounded to {digits} digits")
