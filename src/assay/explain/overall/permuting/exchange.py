"""The model's loss on rows in which some columns have the values of other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.overall.permuting.labelled import Labelled
from assay.explain.overall.permuting.loss import Loss, losses
from assay.explain.target import BATCH

Places = NDArray[np.int64]
TASK = "permutation importance"


@dataclass(frozen=True, eq=False)
class Exchange:
    """What is asked for one set of columns at `places`: each row with the values of another.

    `receivers` and `givers` (asked,) are the distinct pairs that change anything; `answer` (repeats, rows) is the place
    of each drawn pair among them, -1 where the row gets the value that it has.
    """

    places: tuple[int, ...]
    receivers: Places
    givers: Places
    answer: Places


def exchange(rows: Floats, places: Sequence[int], donors: Places, /) -> Exchange:
    """The Exchange of the columns at `places` by `donors` (repeats, rows).

    A model answers the same to the same row, so that pairs with equal values cost nothing, and equal pairs once.
    """
    codes, size = _codes(rows, places)
    given = codes[donors]
    new = given != codes
    answer = np.full(donors.shape, -1, dtype=np.int64)
    receivers = np.broadcast_to(np.arange(len(rows)), donors.shape)[new]
    if size == len(rows):  # all values differ, and no pair is drawn twice
        answer[new] = np.arange(len(receivers))
        return Exchange(tuple(places), receivers, donors[new], answer)
    keys, first, inverse = np.unique(receivers * size + given[new], return_index=True, return_inverse=True)
    answer[new] = inverse
    return Exchange(tuple(places), keys // size, donors[new][first], answer)


def _codes(rows: Floats, places: Sequence[int]) -> tuple[Places, int]:
    """(rows,) a code for each combination of values in the columns at `places`, and how many there are."""
    distinct, codes = np.unique(rows[:, places[0]], return_inverse=True)
    size = len(distinct)
    for place in places[1:]:
        distinct, code = np.unique(rows[:, place], return_inverse=True)
        distinct, codes = np.unique(codes * len(distinct) + code, return_inverse=True)
        size = len(distinct)
    return codes.astype(np.int64), size


def exchanged_losses(
    about: Labelled, exchanges: Sequence[Exchange], loss: Loss, /, *, progress: Progress | None = None
) -> Iterator[Floats]:
    """(asked,) losses for each Exchange in turn; batches of up to 65,536 rows, filled over several Exchanges.

    Only the columns that are exchanged are replaced in the Arrow table of the model's inputs.
    """
    total = sum(len(each.receivers) for each in exchanges)
    if progress is not None:
        progress.started(TASK, total=total)
    done, waiting = 0, [np.zeros(0)]
    served = iter(exchanges)
    for batch in _batches(exchanges):
        table, labels = _table(about, batch)
        waiting.append(losses(about.question.target, table, labels, loss))
        done += len(labels)
        if progress is not None:
            progress.advanced(TASK, done=done)
        if done == total:
            break
    if progress is not None:
        progress.ended(TASK)
    answers, start = np.concatenate(waiting), 0
    for each in served:
        yield answers[start : start + len(each.receivers)]
        start += len(each.receivers)


@dataclass(frozen=True, eq=False)
class _Piece:
    places: tuple[int, ...]
    receivers: Places
    givers: Places


def _batches(exchanges: Sequence[Exchange]) -> Iterator[list[_Piece]]:
    """Pieces of Exchanges, one after the other, cut so that each batch but the last is full."""
    batch: list[_Piece] = []
    room = BATCH
    for each in exchanges:
        start = 0
        while start < len(each.receivers):
            part = slice(start, start + room)
            batch.append(_Piece(each.places, each.receivers[part], each.givers[part]))
            room -= len(batch[-1].receivers)
            start += len(batch[-1].receivers)
            if not room:
                yield batch
                batch, room = [], BATCH
    if batch:
        yield batch


def _table(about: Labelled, batch: Sequence[_Piece]) -> tuple[Any, Floats]:
    """The inputs of a batch and the labels of its rows."""
    import pyarrow as pa

    fed, names = about.table, about.table.column_names
    receivers = np.concatenate([piece.receivers for piece in batch])
    columns = []
    for place, name in enumerate(names):
        # One take for each column: the giver's row where the column is exchanged, else the receiver's own.
        source = np.concatenate([piece.givers if place in piece.places else piece.receivers for piece in batch])
        columns.append(fed.column(name).take(pa.array(source)))
    return pa.table(columns, schema=fed.schema), about.labels[receivers]
