"""Recorded predictions: a table of inputs and what some model said of them, looked up by the inputs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.subject import Task
from assay.models.adapter import Adapter, agree, excerpt, from_scores, task_of
from assay.models.formats import ModelFile
from assay.models.inputs import frame, is_number, is_text, numbers, select
from assay.models.outputs import Outputs, class_texts, codes_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PREDICTION, SCORE = "prediction", "score"
"""Columns of a recorded file: the label or number, and the probability (`score:CLASS` for several classes)."""


class RecordedModel(Adapter):
    """Answers for exactly the recorded inputs, in any order; any other row is an error that counts them.

    `prediction` names the column of labels or numbers, `score` that of P(second class) or a mapping from
    class to column. Rows are known by `keys`, by default all other columns. Missing equals missing.
    """

    def __init__(
        self,
        table: pa.Table,
        /,
        *,
        name: str,
        digest: str = "not digested",
        prediction: str = PREDICTION,
        score: str | Mapping[str, str] | None = None,
        keys: Sequence[str] = (),
        task: Task | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        scored = {score: score} if isinstance(score, str) else dict(score or {})
        for column in (prediction, *scored.values(), *keys):
            if column not in table.column_names:
                raise unknown("column of the recorded predictions", column, table.column_names)
        known = list(keys) or [c for c in table.column_names if c not in (prediction, *scored.values())]
        if not known:
            raise AssayError(
                f"{name} has no columns by which a row can be known.",
                code="model-file",
                hint="Keep the inputs, or an identifier, beside the predictions.",
            )
        labels = table.column(prediction)
        names = _classes(labels, scored if not isinstance(score, str) else {}, task, classes, bool(score))
        super().__init__(
            name=name, digest=digest, task=agree(task_of(names), task, name=name), features=known, classes=names
        )
        self._scores = np.column_stack([numbers(table.column(c)) for c in scored.values()]) if scored else None
        if names:
            self._answers = codes_of(np.array(labels.to_pylist(), dtype=object), names)
        else:
            self._answers = numbers(labels)
        index = _keys(table.select(known))
        self._index = self._once(index.assign(row=np.arange(len(index))))

    def _once(self, index: pd.DataFrame) -> pd.DataFrame:
        """One row for each key; the same inputs with two answers are refused."""
        columns = [column for column in index if column != "row"]
        groups = index.groupby(columns, dropna=False, sort=False)["row"].transform("first").to_numpy()
        same = np.array_equal(self._answers[groups], self._answers, equal_nan=not self.classes)
        if not same or (self._scores is not None and not np.array_equal(self._scores[groups], self._scores)):
            raise AssayError(
                f"{self.name} holds two different answers for the same inputs.",
                code="model-file",
                hint="Keep an identifier column in the recorded predictions and in the data.",
            )
        return index.drop_duplicates(columns)

    def compute(self, inputs: Any, /) -> Outputs:
        """The recorded answers of these rows."""
        wanted = _keys(select(inputs, self.features))
        rows = wanted.merge(self._index, how="left", on=list(wanted.columns))["row"].to_numpy(dtype=np.float64)
        absent = int(np.isnan(rows).sum())
        if absent:
            raise AssayError(
                f"{self.name} holds no prediction for {absent} of {len(rows)} rows.",
                code="prediction",
                hint="Recorded predictions answer only for the rows they were recorded on.",
            )
        found = rows.astype(np.int64)
        if not self.classes:
            return Outputs(values=self._answers[found])
        scores = None if self._scores is None else from_scores(self._scores[found]).scores
        return Outputs(codes=self._answers[found], scores=scores)


def _classes(
    labels: Any, scored: Mapping[str, str], task: Task | None, classes: Sequence[str] | None, has_score: bool
) -> tuple[str, ...]:
    """Class names: those given, those with a score each, else the sorted labels; none for a regression."""
    if classes is not None or scored:
        return tuple(classes if classes is not None else scored)
    if task == "regression" or (task is None and not has_score and not is_text(labels.type)):
        return ()
    found = class_texts(value for value in labels.unique().to_pylist() if value is not None)
    return tuple(sorted(found))


def _keys(table: pa.Table) -> pd.DataFrame:
    """Columns by which rows are compared: numbers as doubles, all else as text."""
    import pyarrow as pa

    columns = {}
    for i, field in enumerate(table.schema):
        column = table.column(i)
        columns[f"k{i}"] = column.cast(pa.float64()) if is_number(field.type) else column.cast(pa.string())
    return frame(pa.table(columns))


def open_file(file: ModelFile, /) -> RecordedModel:
    """The model of a Parquet or CSV file with a column `prediction`, and perhaps `score` or `score:CLASS`."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if file.data.startswith(b"PAR1"):
            table = pyarrow.parquet.read_table(pa.BufferReader(file.data))
        else:
            table = pyarrow.csv.read_csv(io.BytesIO(file.data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AssayError(
            f"{file.name} cannot be read as a table: {excerpt(error, limit=160)}.",
            code="model-file",
            hint="Save it again.",
        ) from error
    several = {c.removeprefix("score:"): c for c in table.column_names if c.startswith("score:")}
    score = several or (SCORE if SCORE in table.column_names else None)
    return RecordedModel(table, name=file.name, digest=file.digest, score=score, task=file.task, classes=file.classes)
