"""Where the model does worst: the slices of the data, over any columns, that no one thought of naming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.fairness.subgroups.case_rows import case_rows
from assay.fairness.subgroups.discovery import affordable_depth, find
from assay.fairness.subgroups.search import Search

if TYPE_CHECKING:
    from assay.data.case import Case

DEPTH = 3


@check(
    "fairness.subgroups",
    version=1,
    title="The worst slices of the data, over any columns",
    needs=("rows", "label", "prediction"),
    tasks=("binary", "multiclass", "regression"),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
def subgroups(
    case: Case,
    /,
    *,
    outcome: str | None = None,
    columns: tuple[str, ...] = (),
    max_depth: int | None = None,
    top: int = 10,
    support: float = 0.01,
    rank: Literal["score", "difference", "significance"] = "score",
    alpha: float = 0.95,
    overlap: float = 0.5,
    bins: int = 10,
    confirm: Literal["held-out", "permutation"] = "held-out",
    permutations: int = 199,
    rows: int = 200_000,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """The slices (sex = Female and age = [25, 40) ...) where `outcome` is worst, each against all other rows.

    The search is exact: it ranks every conjunction of levels of up to `max_depth` of the `columns` (protected
    attributes and features; left out, as deep as can be counted in some 20 seconds, at most 3) that holds `support`
    of the rows and 32 at least. `outcome`: "error" (the default), "fpr", "fnr", "selection_rate", "log_loss" or
    "squared_error" of a binary task, "error" of more classes, "absolute_error" (the default) or "squared_error" of a
    regression. `rank`: "score" as SliceLine has it (`alpha` weighs error against size), "difference" or "significance".
    Of two slices that share more than `overlap` of their rows only the higher is shown.

    The winners of a search look worse than they are, so none is tested on the rows it was found on: slices are found
    on a random half of the rows (of the units, where they repeat), and differences, intervals and p-values are those
    of the other half, a family of at most `top` tests. With `confirm`="permutation" all rows serve for both, and
    p-values and intervals hold for all slices of the search at once. At most `rows` rows are read, a seeded sample.

    No limit is declared: some people are harder to predict or are rightly selected less often, and no law names a
    number. It says where to look; a policy may set a limit on `slice_error_difference`.
    """
    taken = case_rows(case, what=outcome, columns=columns, rows=rows, seed=seed)
    depth = max_depth or affordable_depth(len(taken.table.column_names), taken.table.num_rows, most=DEPTH)
    found = find(
        taken.table,
        taken.outcome,
        weights=taken.weights,
        units=taken.units,
        search=Search(depth, top, support, rank, alpha, overlap),
        bins=bins,
        confirm=confirm,
        permutations=permutations,
        level=level,
        seed=seed,
    )
    sample = Message("sampled-rows", "a sample of {rows} rows was read", {"rows": taken.table.num_rows})
    yield from found.measures(*((sample,) if taken.sampled else ()))
