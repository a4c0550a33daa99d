"""The rows of a trade-off report: which are trained on, which are held out, and the groups of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Slice
from assay.data.case import Case
from assay.data.roles.consent import consents
from assay.data.rows.sources import open_rows
from assay.privacy.anonymity.table import coded
from assay.privacy.anonymity.table import read_table as in_memory
from assay.privacy.training.tables.prepared import Table, read_table
from assay.privacy.training.tables.schema import Categorical, Schema

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
FEWEST = 100
"""Rows to train on, and rows to hold out, below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows with one value of one attribute: `held_out` (held-out rows,) marks them, `trained` is how many train."""

    slice: Slice
    held_out: Bools
    trained: int

    @property
    def n(self) -> int:
        """Held-out rows."""
        return int(self.held_out.sum())


@dataclass(frozen=True, eq=False)
class People:
    """Rows with a label, divided once: `train` (rows,) marks those that every run is trained on.

    `attributes` is a pyarrow Table of the protected columns of these rows, `label` the name of the label's column.
    """

    table: Table
    attributes: Any
    label: str
    train: Bools
    name: str
    favourable: str | None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of their codes."""
        assert isinstance(self.table.label, Categorical)
        return self.table.label.categories

    @cached_property
    def codes(self) -> Codes:
        """(rows,) class codes."""
        return self.table.y.astype(np.int64)

    def case(self, predicted: Codes, /, *, name: str) -> Case:
        """The held-out rows with predicted class codes, to be audited."""
        import pyarrow as pa

        held = self.attributes.filter(pa.array(~self.train))
        label, prediction = (_free(text, held.column_names) for text in ("label", "prediction"))
        texts = pa.array(self.classes, pa.string())
        columns = {label: texts.take(pa.array(self.codes[~self.train])), prediction: texts.take(pa.array(predicted))}
        for column, values in columns.items():
            held = held.append_column(column, values)
        return Case.from_frame(
            held,
            name=name,
            label=label,
            prediction=prediction,
            protected=tuple(self.attributes.column_names),
            features=(),
            task="binary" if len(self.classes) == 2 else "multiclass",
            favourable=self.favourable if len(self.classes) == 2 else None,
        )

    def groups(self, slices: Sequence[Slice], /) -> list[Group]:
        """The Groups that an audit named by the values of one attribute each."""
        columns = {name: coded(self.attributes, name) for name in self.attributes.column_names}
        found = []
        for where in slices:
            ((attribute, value),) = where.items()
            column = columns[attribute]
            mine = np.array([level == value for level in column.levels], dtype=bool)[column.codes]
            found.append(Group(where, mine[~self.train], int(mine[self.train].sum())))
        return found


def people_of(
    source: Any,
    schema: Schema,
    /,
    *,
    label: str,
    protected: Sequence[str],
    favourable: str | None,
    held_out: float,
    seed: int,
    name: str,
) -> People:
    """The rows of `source` (a path, frame or relation) that have a label; a share `held_out` is drawn to be held out.

    Rows that lack the consent that the schema asks for are left out altogether. Every row is taken to be a person of
    its own. Raises AssayError where the label has no categories, a column is
    missing, or too few rows are left on either side.
    """
    import pyarrow as pa

    if not isinstance(schema.column(label), Categorical):
        raise AssayError(
            f"The label {label!r} has bounds: accuracy needs classes.", code="label", hint="Give it categories."
        )
    if not protected:
        raise AssayError("Whose accuracy?", code="protected", hint="Name a column, as in --protected sex.")
    if not 0 < held_out < 1:
        raise AssayError(f"held_out is a share in (0, 1), not {held_out}.", code="share", hint="For example 0.3.")
    consent = schema.consent
    agreed = (consent.column,) if consent else ()
    features = schema.without(label, *agreed).columns
    whole = in_memory(source, columns=list(dict.fromkeys((*features, label, *protected, *agreed))))
    if consent is not None:
        whole = whole.filter(consents(whole.column(consent.column), purpose=consent.purpose))
    table = read_table(open_rows(whole), schema, label=label)
    known = np.isfinite(table.y)
    kept = Table(table.x[known], table.y[known], None, table.encoding, table.label)
    train = _division(int(known.sum()), held_out, seed)
    attributes = whole.select(list(protected)).filter(pa.array(known))
    return People(kept, attributes, label, train, name, favourable)


def _division(n: int, held_out: float, seed: int) -> Bools:
    size = round(held_out * n)
    if min(size, n - size) < FEWEST:
        raise AssayError(
            f"{n} rows with a label are {n - size} to train on and {size} held out; {FEWEST} of each are needed.",
            code="rows",
            hint="Give more rows.",
        )
    train = np.ones(n, dtype=bool)
    train[np.random.default_rng(seed).choice(n, size, replace=False)] = False
    return train


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
