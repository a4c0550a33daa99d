"""A row whose label outlasts noise looks like a member; the model's labels are all that is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.part import part
from assay.privacy.membership.answers import Floats, Places, labels_of
from assay.privacy.membership.setting import KIND, Scored, Setting

SCALES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Of the standard deviation of a number, and the chance that another row's value stands in a category's place."""
SALT = 3


@part(
    "label-only",
    kind=KIND,
    title="Rows whose predicted label outlasts noise are called members",
    statement="The share of noisy copies of the row that get its label: a measure of its distance to the boundary. "
    "Source: Choquette-Choo et al. (2021), ICML, arXiv 2007.14321, sections 3.2 and 4",
)
def label_only(setting: Setting, /, *, copies: int = 40, rows: int = 4000) -> Scored:
    """The share of `copies` noisy copies of each row, over five scales of noise, whose predicted label is the true one.

    Numbers get normal noise, categories now and then the value of another row; the row itself counts as a copy. The
    scales are not tuned: the share is averaged over them. At most `rows` rows, a random sample.
    """
    if copies < len(SCALES):
        raise AssayError(f"{copies} copies are too few for {len(SCALES)} scales.", code="parameter")
    inputs, rng = setting.rows.inputs, np.random.default_rng([setting.seed, SALT])
    if isinstance(inputs, list):
        return Scored(reason=Message("label-only-texts", "noise is added to tables and arrays, and these are texts"))
    n = len(setting.answers.labels)
    places = np.sort(rng.permutation(n)[:rows]) if rows < n else np.arange(n)
    kept = setting.answers.correct[places].astype(np.float64)
    made = 1
    try:
        for scale in np.repeat(SCALES, copies // len(SCALES)):
            said = labels_of(setting.model, noisy(inputs, places, scale=float(scale), rng=rng))
            kept += said == setting.answers.labels[places]
            made += 1
    except AssayError as error:  # recorded predictions know no row but their own
        words = "the model does not answer noisy copies of its rows: {error}"
        return Scored(reason=Message("label-only-refused", words, {"error": error.message}))
    method = f"share of {made} copies with the row's label, noise of {SCALES[0]:g} to {SCALES[-1]:g} deviations"
    return Scored(kept / made, places, method=method)


def noisy(inputs: Any, places: Places, /, *, scale: float, rng: np.random.Generator) -> Any:
    """The inputs at `places` with noise of `scale`; missing values stay missing, whole numbers stay whole.

    Numbers stay between the smallest and the largest of their column, so that no copy is out of all range.
    """
    if not hasattr(inputs, "column_names"):
        drawn = inputs[places] + scale * inputs.astype(np.float64).std(axis=0) * rng.normal(size=inputs[places].shape)
        drawn = np.clip(drawn, inputs.min(axis=0), inputs.max(axis=0))
        return (np.rint(drawn) if inputs.dtype.kind in "iu" else drawn).astype(inputs.dtype)
    import pyarrow as pa

    columns = [_noisy(inputs.column(i), places, scale, rng) for i in range(inputs.num_columns)]
    return pa.table(columns, schema=inputs.schema)


def _noisy(column: Any, places: Places, scale: float, rng: np.random.Generator) -> Any:
    """The values of an Arrow column at `places` with noise, of its type."""
    import pyarrow as pa
    import pyarrow.types as types

    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        others = rng.integers(0, len(column), len(places))
        return column.take(pa.array(np.where(rng.random(len(places)) < scale, others, places)))
    whole: Floats = column.cast(pa.float64()).to_numpy()
    finite, values = whole[np.isfinite(whole)], whole[places]
    if not len(finite):
        return column.take(pa.array(places))
    drawn = np.clip(values + scale * finite.std() * rng.normal(size=len(values)), finite.min(), finite.max())
    made = np.rint(drawn) if types.is_integer(column.type) else drawn
    missing = column.is_null().to_numpy()[places]
    return pa.array(np.where(missing, 0.0, made), mask=missing, from_pandas=False).cast(column.type, safe=False)
