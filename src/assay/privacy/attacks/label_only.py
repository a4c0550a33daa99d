"""A row whose label outlasts noise looks like a member; the model's labels are all that is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
    noise = Noise(inputs)
    kept = setting.answers.correct[places].astype(np.float64)
    made = 1
    try:
        for scale in np.repeat(SCALES, copies // len(SCALES)):
            said = labels_of(setting.model, noise.copies(places, scale=float(scale), rng=rng))
            kept += said == setting.answers.labels[places]
            made += 1
    except AssayError as error:  # recorded predictions know no row but their own
        words = "the model does not answer noisy copies of its rows: {error}"
        return Scored(reason=Message("label-only-refused", words, {"error": error.message}))
    method = f"share of {made} copies with the row's label, noise of {SCALES[0]:g} to {SCALES[-1]:g} deviations"
    return Scored(kept / made, places, method=method)


@dataclass(frozen=True, eq=False)
class Noise:
    """How noise is added to inputs, a Table or an array of any shape: what is missing or whole stays so.

    Numbers stay between the smallest and the largest of their column (or place), so that no copy is out of all range.
    """

    inputs: Any

    @cached_property
    def _spans(self) -> Any:
        """Low end, high end and standard deviation: of each place of an array, or by column (None: no numbers)."""
        if not hasattr(self.inputs, "column_names"):
            numbers = self.inputs.astype(np.float64)
            return numbers.min(axis=0), numbers.max(axis=0), numbers.std(axis=0)
        return [_span(self.inputs.column(i)) for i in range(self.inputs.num_columns)]

    def copies(self, places: Places, /, *, scale: float, rng: np.random.Generator) -> Any:
        """The inputs at `places` with noise of `scale` standard deviations; categories swap with that chance."""
        if not hasattr(self.inputs, "column_names"):
            kept = self.inputs[places]
            return _moved(kept.astype(np.float64), self._spans, scale, rng, whole=kept.dtype.kind in "iu").astype(
                kept.dtype
            )
        import pyarrow as pa

        columns = [_noisy(self.inputs.column(i), span, places, scale, rng) for i, span in enumerate(self._spans)]
        return pa.table(columns, schema=self.inputs.schema)


def _span(column: Any) -> tuple[float, float, float] | None:
    import pyarrow as pa
    import pyarrow.types as types

    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        return None
    numbers = column.cast(pa.float64()).to_numpy()
    finite = numbers[np.isfinite(numbers)]
    return (finite.min(), finite.max(), finite.std()) if len(finite) else (0.0, 0.0, 0.0)


def _moved(numbers: Floats, span: Any, scale: float, rng: np.random.Generator, *, whole: bool) -> Floats:
    low, high, deviation = span
    drawn = np.clip(numbers + scale * deviation * rng.normal(size=numbers.shape), low, high)
    return np.asarray(np.rint(drawn) if whole else drawn)


def _noisy(column: Any, span: Any, places: Places, scale: float, rng: np.random.Generator) -> Any:
    """The values of an Arrow column at `places` with noise, of its type."""
    import pyarrow as pa
    import pyarrow.types as types

    if span is None:
        others = rng.integers(0, len(column), len(places))
        return column.take(pa.array(np.where(rng.random(len(places)) < scale, others, places)))
    kept = column.take(pa.array(places))
    made = _moved(kept.cast(pa.float64()).to_numpy(), span, scale, rng, whole=types.is_integer(column.type))
    missing = kept.is_null().to_numpy()
    return pa.array(np.where(missing, 0.0, made), mask=missing, from_pandas=False).cast(column.type, safe=False)
