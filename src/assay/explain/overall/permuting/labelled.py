"""Rows with their labels, on which a model may be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, Message
from assay.data.rows.columns import column_of, encode, levels_of, numbers_of
from assay.explain.columns import Floats
from assay.explain.question import Question, question

if TYPE_CHECKING:
    from assay.data.case import Case

Codes = NDArray[np.int64]
MORE = 4
"""Rows read for each one wanted where training rows are then dropped."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A Question about rows whose label is known: `labels` (rows,) are places in the model's classes, or numbers.

    `units` (rows,) are codes of the person a row belongs to, None where no one has several rows. `table` has the
    model's columns of the same rows, in the types that the model knows.
    """

    question: Question
    table: Any
    labels: Floats
    units: Codes | None = None
    notes: tuple[Message, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def labelled(case: Case, /, *, limit: int, seed: int = 0, output: str | None = None) -> Labelled:
    """At most `limit` rows of a Case with a label, a seeded sample; held-out rows only, where a split names them.

    Each row counts once, whatever its weight. Rows without a label, or with one that is no class of the model, are left
    out and counted in the notes. Raises AssayError where the Case has no label or no such row is left.
    """
    import pyarrow as pa

    roles = case.roles
    if roles.label is None:
        raise AssayError(
            f"The case {case.name!r} has no label, so that the model's loss is unknown.",
            code="label",
            hint="Name the column of true outcomes with --label; effects need none.",
        )
    split = roles.split if case.held_out else None
    extra = [name for name in (roles.label, roles.unit, split) if name]
    names = list(dict.fromkeys([*case.model_columns, *roles.protected, *extra]))
    read = case.rows(names, limit=limit * MORE if split else limit, seed=seed)
    kept = np.ones(read.num_rows, dtype=bool) if split is None else np.isin(_texts(read, split), case.held_out)
    found = _labels(case, read)
    known = np.isfinite(found)
    lost = int((kept & ~known).sum())
    places = np.flatnonzero(kept & known)
    if len(places) < 2:
        raise AssayError(
            f"Of {read.num_rows} rows {len(places)} are held out and have a label the model knows; two are needed.",
            code="label",
            hint=f"The model's classes: {', '.join(case.model.classes) if case.model else ''}.",
        )
    if len(places) > limit:
        places = np.sort(np.random.default_rng(seed).choice(places, limit, replace=False))
    table = read.take(pa.array(places))
    asked = question(case, table, seed=seed, output=output)
    fed = asked.columns.decode(asked.rows)
    units = encode(table.column(roles.unit)).codes if roles.unit else None
    if units is not None and len(np.unique(units)) == len(units):
        units = None
    return Labelled(asked, fed, found[places], units, tuple(_notes(case, len(places), lost)))


def _labels(case: Case, table: Any) -> Floats:
    """(rows,) place of the label in the model's classes, or the number; NaN where there is none."""
    name, model = str(case.roles.label), case.model
    if model is None or not model.classes:
        column = table.column(name)
        return numbers_of(column.combine_chunks(), column_of(name, column.type))
    place = {text: float(i) for i, text in enumerate(model.classes)}
    return np.array([np.nan if text is None else place.get(text, np.nan) for text in _texts(table, name)])


def _texts(table: Any, name: str) -> NDArray[np.object_]:
    coded = encode(table.column(name))
    levels = np.array([*levels_of(coded.values, column_of(name, table.column(name).type)), None], dtype=object)
    return np.asarray(levels[coded.codes])


def _notes(case: Case, used: int, lost: int) -> list[Message]:
    out = []
    if used < case.n:
        kind = "held-out rows" if case.held_out else "rows"
        text = "{rows} {kind} out of {all} rows, drawn by the seed"
        out.append(Message("sampled", text, {"rows": used, "kind": kind, "all": case.n}))
    if lost:
        text = "{rows} rows without a label that the model knows are left out"
        out.append(Message("rows-left-out", text, {"rows": lost}))
    if case.roles.weight is not None:
        out.append(Message("unweighted", "each row counts once, whatever its weight"))
    return out
