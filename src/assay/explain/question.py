"""What is to be explained: which rows, which number of the model, and against which other rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Columns, Floats
from assay.explain.kept import Kept
from assay.explain.target import Target, target_of

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.data.case import Case

BACKGROUND = 200
"""Background rows, where nobody says how many."""
ROWS = 1000
"""Rows that are explained, where nobody says which."""
MOST = 200_000
"""Rows read to find training rows among them."""
_BACKGROUNDS: WeakKeyDictionary[Case, Kept] = WeakKeyDictionary()
LARGEST = 1e150
"""Numbers beyond this have no square in float64, so that neither spread nor distance can be told."""


@dataclass(frozen=True, eq=False)
class Question:
    """`rows` (rows, columns) to be explained, and the `background` (n, columns) that they are compared with.

    Both are numbers of `target.columns`. `places` are the rows' places in the data, from 0; empty where the rows were
    drawn at random or given by hand. `origin` says in words where the background is from. `groups` are columns of the
    Case, one entry a row, for numbers by group (protected attributes; empty where the rows were given by hand).
    `kept` is what was worked out about the background.
    """

    target: Target
    rows: Floats
    background: Floats
    origin: str
    places: tuple[int, ...] = ()
    groups: Any = None
    seed: int = 0
    kept: Kept = field(default_factory=Kept)

    @property
    def columns(self) -> Columns:
        """The columns of the model."""
        return self.target.columns

    def of(self, rows: Floats, /) -> Question:
        """The same question about other rows."""
        return replace(self, rows=rows, places=(), groups=None)


def question(
    case: Case,
    rows: int | Sequence[int] | Any | None = None,
    /,
    *,
    output: str | None = None,
    background: int = BACKGROUND,
    limit: int = ROWS,
    seed: int = 0,
) -> Question:
    """The Question about `rows` of a Case: a place, places (from 0), a frame or Arrow table of the model's columns, or,
    where nothing is given, `limit` rows drawn at random.

    The background is `background` rows drawn at random from the training rows, where the Case's split names some, else
    from all. `output` names the class that is explained (the favourable one).
    """
    names = _model_columns(case)
    if background < 1 or limit < 1:
        raise AssayError("An explanation needs at least one row.", code="limit", hint="Give a number from 1.")
    asked = _rows(case, rows, names, limit, seed)
    if not asked.table.num_rows:
        raise AssayError("No row was given to explain.", code="row", hint="Give a frame with at least one row.")
    others = _known_background(case, names, background, seed)
    columns = Columns.of(_joined(asked.table, others.taken.table, names))
    fits = columns.same(others.columns)
    columns = others.columns if fits else columns
    matrix = columns.encode(asked.table)
    compared = others.matrix if fits else columns.encode(others.taken.table)
    _check_sizes(columns, matrix)
    protected = [name for name in case.roles.protected if name in asked.table.column_names]
    return Question(
        target_of(case, columns, others.taken.table.slice(0, 1), output=output, kept=others.kept),
        matrix,
        compared,
        others.taken.origin,
        asked.places,
        asked.table.select(protected) if protected else None,
        seed,
        others.kept if fits else Kept(),
    )


def _check_sizes(columns: Columns, matrix: Floats) -> None:
    for column, numbers in zip(columns.columns, matrix.T, strict=True):
        beyond = np.abs(numbers) > LARGEST
        if beyond.any():
            raise AssayError(
                f"Column {column.name!r} holds {numbers[beyond][0]:g}, too large to compare with other rows.",
                code="size",
                hint=f"Numbers may be up to {LARGEST:g} on either side of 0; make infinite ones missing.",
            )


def _model_columns(case: Case) -> tuple[str, ...]:
    if case.model is None:
        raise AssayError(
            f"The case {case.name!r} has no model to explain.",
            code="model",
            hint="Give one with --model FILE, or [model] in the case file; a table of predictions cannot be explained.",
        )
    if not case.model_columns:
        raise AssayError(
            "This model is not fed a table of columns.",
            code="model-inputs",
            hint="Texts are explained with `assay explain text` or explain.text(model, texts).",
        )
    return case.model_columns


def _wanted(case: Case, names: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([*names, *case.roles.protected]))


@dataclass(frozen=True, eq=False)
class _Taken:
    table: Any
    places: tuple[int, ...] = ()
    origin: str = ""


def _rows(case: Case, rows: Any, names: tuple[str, ...], limit: int, seed: int) -> _Taken:
    if rows is None:
        return _Taken(case.rows(_wanted(case, names), limit=limit, seed=seed))
    if hasattr(rows, "column_names"):
        return _Taken(rows)
    if hasattr(rows, "columns"):
        import narwhals as nw

        return _Taken(nw.from_native(rows, eager_only=True).to_arrow())
    given = [rows] if isinstance(rows, str) or not isinstance(rows, Iterable) else list(rows)
    wrong = [place for place in given if isinstance(place, bool) or not isinstance(place, int | np.integer)]
    if wrong:
        raise AssayError(
            f"{str(wrong[0])[:80]!r} is no place of a row.",
            code="row",
            hint="Give whole numbers from 0, in the order of the data, or a frame of the model's columns.",
        )
    places = tuple(int(place) for place in given)
    return _Taken(case.take(places, _wanted(case, names)), places)


@dataclass(frozen=True, eq=False)
class _Known:
    """A background as it was read, and as a matrix of its own columns; and what was worked out about it."""

    taken: _Taken
    columns: Columns
    matrix: Floats
    kept: Kept


def _known_background(case: Case, names: tuple[str, ...], wanted: int, seed: int) -> _Known:
    """The background of a Case, read once for each size and seed: the rows of a Case do not change."""

    def made() -> _Known:
        taken = _background(case, names, wanted, seed)
        columns = Columns.of(taken.table.select(list(names)))
        matrix = columns.encode(taken.table)
        _check_sizes(columns, matrix)
        matrix.flags.writeable = False
        return _Known(taken, columns, matrix, Kept())

    kept = _BACKGROUNDS.setdefault(case, Kept(most=4))
    return kept.get((names, wanted, seed, case.held_out), (), made)


def _background(case: Case, names: tuple[str, ...], wanted: int, seed: int) -> _Taken:
    import pyarrow as pa
    import pyarrow.compute as pc

    split = case.roles.split
    if split is None or not case.held_out:
        table = case.rows(list(names), limit=wanted, seed=seed)
        return _Taken(table, origin=f"{table.num_rows} rows of the data, drawn with seed {seed}")
    read = case.rows([*dict.fromkeys([*names, split])], limit=MOST, seed=seed)
    levels = read.column(split).cast(pa.string())
    training = pc.and_(pc.is_valid(levels), pc.invert(pc.is_in(levels, pa.array(case.held_out))))
    found = read.filter(training)
    chosen = np.sort(np.random.default_rng(seed).permutation(found.num_rows)[:wanted])
    table = found.take(pa.array(chosen))
    return _Taken(table, origin=f"{table.num_rows} training rows, drawn with seed {seed}")


def _joined(asked: pa.Table, others: pa.Table, names: tuple[str, ...]) -> Any:
    """The model's columns of all rows; rows given by hand take the types of the data where they fit."""
    import pyarrow as pa

    lacking = [name for name in names if name not in asked.column_names]
    if lacking:
        raise AssayError(
            f"The rows lack {len(lacking)} of the model's columns: {', '.join(map(repr, lacking[:5]))}.",
            code="features",
            hint=f"They have {', '.join(asked.column_names[:30])}.",
        )
    base = others.select(list(names))
    try:
        return pa.concat_tables([base, asked.select(list(names)).cast(base.schema)])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise AssayError(
            f"The rows do not fit the data: {str(error)[:200]}.",
            code="type",
            hint="Give the columns of the model with the kinds of values that the data have.",
        ) from None
