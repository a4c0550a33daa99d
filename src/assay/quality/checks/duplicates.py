"""Rows that occur twice, contradict each other, or sit on both sides of the split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.quality import duplicated

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "quality.duplicates",
    version=1,
    title="Rows occur twice, contradict each other, or were trained on and tested on",
    needs=("rows", "features"),
    limit=(
        Limit("duplicate_share", "lower", warn=0.05, fail=1.0),
        Limit("split_overlap", "lower", warn=0.01, fail=0.05),
        Limit("unit_overlap", "lower", warn=0.01, fail=0.05),
    ),
    clauses=("eu-ai-act:10(3)", "nist-ai-rmf:measure-2.3"),
)
def duplicates(case: Case, /, *, most_rows: int = 5_000_000) -> Iterator[Measure]:
    """Shares of these very rows that repeat others; nothing is sampled, so nothing has an interval.

    Rows are compared on features, protected attributes and label; identifiers, weights, times and the model's
    outputs do not count, and missing equals missing. `duplicate_share`: rows that equal an earlier one.
    `conflicting_share`: labelled rows that equal another row in all but the label, on which no model can be right
    about both. `split_overlap`: rows outside the training part (split other than "train") that equal a training row.
    `unit_overlap`: such rows whose person (`unit`) also has training rows.

    Limits: where a share s of the test rows was trained on, a measured rate may be off by up to s; 1 point warns, 5
    fail. With few columns different people agree on all of them, so repeats alone warn from 5 % and never fail.

    The compared columns are held in memory: with over `most_rows` rows nothing is compared, and the reason says so. A
    sample would not do, as it parts rows from their doubles.
    """
    if case.n > most_rows:
        words = "{rows} rows are more than the {most} that are compared in memory; give most_rows= to compare them"
        reason = Message("too-many-rows", words, {"rows": case.n, "most": most_rows})
        yield Measure("duplicate_share", None, case.n, reason=reason)
        return
    roles = case.roles
    split, unit = roles.split, roles.unit
    label = roles.whole_label
    keys = list(dict.fromkeys((*roles.features, *roles.protected, *((label,) if label else ()))))
    table = duplicated.comparable(case.rows([*keys, *(c for c in (split, unit) if c and c not in keys)]))
    if refused := duplicated.nested(table.select(keys)):
        words = "the columns {columns} hold lists or records, which are not compared"
        reason = Message("nested-columns", words, {"columns": ", ".join(refused)})
        yield Measure("duplicate_share", None, table.num_rows, reason=reason)
        return
    yield _share("duplicate_share", duplicated.repeated_rows(table, keys), table.num_rows)
    if label and case.task in ("binary", "multiclass"):
        labelled = table.filter(table.column(label).is_valid())
        rest = [key for key in keys if key != label]
        hits = duplicated.conflicting_rows(labelled, rest, label)
        yield _share("conflicting_share", hits, labelled.num_rows)
    if split:
        yield from _across(table, keys, split, unit)


def _across(table: Any, keys: list[str], split: str, unit: str | None) -> Iterator[Measure]:
    """Overlap of the rows outside the training part with those in it."""
    training = duplicated.equals_text(table.column(split), "train")
    held_out = table.num_rows - duplicated.true_values(training)
    yield _share("split_overlap", duplicated.rows_also_in_training(table, keys, training), held_out)
    if unit:
        known = table.column(unit).is_valid()
        rows, marks = table.filter(known), training.filter(known)
        outside = rows.num_rows - duplicated.true_values(marks)
        yield _share("unit_overlap", duplicated.rows_also_in_training(rows, [unit], marks), outside)


def _share(name: str, hits: int, rows: int) -> Measure:
    if rows == 0:
        reason = Message("empty-denominator", "no rows to compare")
        return Measure(name, None, 0, reason=reason)
    return Measure(name, hits / rows, rows, exact=True)
