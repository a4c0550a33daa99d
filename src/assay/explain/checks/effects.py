"""What each column does to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Measure
from assay.explain.overall.drawn import Attached, effect_drawn
from assay.explain.overall.effects.accumulated import Accumulated, ale
from assay.explain.overall.effects.dependence import Dependence, partial_dependence
from assay.explain.overall.effects.screen import strongest
from assay.explain.overall.uncertainty import MeanOverRows
from assay.explain.overall.unmeasured import NO_TABLE
from assay.explain.question import Question, question

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "explain.effects",
    version=1,
    title="How the answer changes along each column",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:13(3)(b)(iv)", "eu-ai-act:13(3)(b)(vii)", "nist-ai-rmf:measure-2.9"),
)
def effects(
    case: Case, /, *, level: float = 0.95, rows: int = 500, columns: int = 10, points: int = 20, seed: int = 0
) -> Iterator[Measure]:
    """How far the mean answer moves when a column is set to another value in the same rows, all else as it is.

    `effect_5_to_95`: from the 5th to the 95th percentile of a number; `effect_of_level`: each level of a category
    against the most frequent one. Differences of partial dependence, paired over rows, with Student's interval for each
    by itself. Attached are the whole curve with its band, accumulated local effects beside it (numbers; 4 x as many
    rows, bootstrap), and individual curves from their first point. Where the two curves part, partial dependence asks
    for rows that do not exist, and the accumulated one is to be read.

    At most `columns` columns, those whose exchange between 100 rows moves the answers most; `rows` rows. Source:
    Friedman (2001); Goldstein et al. (2015); Apley & Zhu (2020). No limit: an effect is neither good nor bad.
    """
    if not case.model_columns:
        yield Measure("effect_5_to_95", None, 0, reason=NO_TABLE)
        return
    about = question(case, limit=4 * rows, seed=seed)
    chosen = strongest(about, most=columns, seed=seed)
    notes: tuple[Message, ...] = ()
    if len(chosen) < len(about.columns):
        text = "{shown} of {all} columns, those whose exchange moves the answers of 100 rows most"
        notes = (Message("strongest", text, {"shown": len(chosen), "all": len(about.columns)}),)
    for name in chosen:
        yield from _measures(about, name, level=level, rows=rows, points=points, seed=seed, notes=notes)


def _measures(
    about: Question, name: str, *, level: float, rows: int, points: int, seed: int, notes: tuple[Message, ...]
) -> Iterator[Measure]:
    kind = about.columns.columns[about.columns.place(name)].kind
    measure = "effect_of_level" if kind == "category" else "effect_5_to_95"
    try:
        found = partial_dependence(about, name, points=points, level=level, limit=rows, seed=seed)
    except AssayError as error:
        if error.code != "column":
            raise
        yield Measure(measure, None, 0, over=(name,), reason=Message("no-value", "the column is missing in every row"))
        return
    if len(found.grid) < 2:
        reason = Message("constant", "the column has one value only on these rows")
        yield Measure(measure, None, len(found.curves), over=(name,), reason=reason)
        return
    local = _local(about, name, level=level, seed=seed) if kind != "category" else None
    attached = effect_drawn(found, local)
    if kind == "category":
        yield from _levels(about, found, attached, notes)
    else:
        ends = f"from {found.shown[0]} to {found.shown[-1]}"
        yield _measure(measure, found.contrast(0, -1), over=(name,), method=ends, attached=attached, notes=notes)


def _local(about: Question, name: str, *, level: float, seed: int) -> Accumulated | None:
    """The accumulated effect; None of a column that has one value in nearly all rows."""
    try:
        return ale(about, name, level=level, seed=seed)
    except AssayError as error:
        if error.code != "column":
            raise
        return None


def _levels(about: Question, found: Dependence, attached: Attached, notes: tuple[Message, ...]) -> Iterator[Measure]:
    codes = about.rows[:, about.columns.place(found.column.name)].tolist()
    rows = [codes.count(value) for value in found.grid.tolist()]
    first, name = rows.index(max(rows)), found.column.name
    for i, shown in enumerate(found.shown):
        if i != first:
            groups: tuple[dict[str, str | None], ...] = ({name: shown}, {name: found.shown[first]})
            yield _measure("effect_of_level", found.contrast(first, i), groups=groups, attached=attached, notes=notes)
            attached = {}


def _measure(
    name: str,
    mean: MeanOverRows,
    /,
    *,
    over: tuple[str, ...] = (),
    groups: tuple[dict[str, str | None], ...] = (),
    method: str = "partial dependence",
    attached: Attached,
    notes: tuple[Message, ...],
) -> Measure:
    if mean.interval is None:
        notes = (*notes, Message("same-in-all-rows", "the same in every row, so that there is no error bar"))
    return Measure(
        name,
        mean.value,
        mean.n,
        over=over,
        groups=groups,
        interval=mean.interval,
        method=method,
        notes=notes,
        attachments=attached,
    )
