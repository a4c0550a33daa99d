"""The rows of a file and their public schema become what private training takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.data.roles.consent import consents
from assay.data.rows.protocol import Rows
from assay.privacy.training.examples import Examples, examples
from assay.privacy.training.network import Activation, Architecture
from assay.privacy.training.sampling import insecure_generator, system_generator
from assay.privacy.training.saved import architecture_of
from assay.privacy.training.tables.encoding import Encoding, targets
from assay.privacy.training.tables.schema import Categorical, Column, Schema

_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Table:
    """Encoded rows: `x` (rows, width), `y` (rows,) targets or NaN, `units` (rows,) codes or None."""

    x: NDArray[Any]
    y: NDArray[np.float64]
    units: NDArray[np.int64] | None
    encoding: Encoding
    label: Column

    def architecture(self, *, hidden: tuple[int, ...] = (), activation: Activation = "relu") -> Architecture:
        """Of a model for this table."""
        return architecture_of(self.encoding, self.label, hidden=hidden, activation=activation)

    def examples(
        self,
        architecture: Architecture,
        /,
        *,
        max_rows: int = 1,
        chosen: NDArray[np.bool_] | None = None,
        insecure_seed: int | None = None,
    ) -> Examples:
        """The Examples of all rows, or of the `chosen` ones; at most `max_rows` rows of a unit, drawn by chance."""
        here = slice(None) if chosen is None else chosen
        units = None if self.units is None else self.units[here]
        return examples(
            self.x[here],
            self.y[here],
            architecture=architecture,
            units=units,
            most=max_rows,
            generator=system_generator() if insecure_seed is None else insecure_generator(insecure_seed),
        )


def read_table(rows: Rows, schema: Schema, /, *, label: str, unit: str = "") -> Table:
    """The Table of `rows`, of the columns that the schema has.

    `label` is one of them; `unit` names the column of the people, which is no feature. A column that the data lack, or
    that is of another kind than the schema says, is an error; a value is not. Rows that lack the consent that the
    schema asks for are left out, each for itself: how many they are is private.
    """
    target = schema.column(label)
    consent = schema.consent
    features = schema.without(label, unit, consent.column if consent else "")
    if not features.columns:
        raise AssayError("The schema has no column beside the label.", code="schema", hint="Describe the features.")
    wanted = [*features.columns, label, *([unit] if unit else []), *([consent.column] if consent else [])]
    for name in wanted:
        if name not in rows.columns:
            raise unknown("column of the data", name, rows.columns, code="column")
    encoding = Encoding(features)
    x, y, who, done = np.empty((rows.n, encoding.width), np.float32), np.empty(rows.n), [], 0
    for batch in rows.stream(wanted, size=_ROWS):
        if consent is not None:
            batch = batch.filter(consents(batch.column(consent.column), purpose=consent.purpose))
        here = slice(done, done + batch.num_rows)
        x[here] = encoding.matrix(batch)
        y[here] = targets(batch.column(label), target, name=label)
        done = here.stop
        if unit:
            who.append(batch.column(unit))
    return Table(x[:done], y[:done], _codes(who) if unit else None, encoding, target)


def check_model(model: str, label: Column, /) -> None:
    """Raise where `model` is not for such a label."""
    classes = isinstance(label, Categorical)
    if (model == "logistic" and not classes) or (model == "linear" and classes):
        raise AssayError(
            f"The model {model!r} is not for a label with {'categories' if classes else 'bounds'}.",
            code="model",
            hint=f"Use --model {'logistic' if classes else 'linear'}, or mlp.",
        )


def _codes(parts: list[Any]) -> NDArray[np.int64]:
    """A number for each person; rows without one are all of the same, because they might be."""
    import pyarrow as pa

    chunks = [chunk for part in parts for chunk in part.chunks]
    column = pa.chunked_array(chunks).combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    codes = column.dictionary_encode(null_encoding="encode").indices
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
