"""LIME over the columns of a table, as an explainer."""

from __future__ import annotations

from typing import Literal

from assay.core.house import Progress
from assay.core.part import part
from assay.explain.attribution import Attributions
from assay.explain.local import tabular
from assay.explain.question import Question


@part(
    "lime",
    kind="explainer",
    title="LIME: a linear model fitted to the answers around each row",
    statement=(
        "base + values is the answer of the local linear model, not of the model: the residual says how far apart they "
        "are, weighted_r_squared how well it fits around the row. Ribeiro, Singh & Guestrin (2016)."
    ),
)
def lime(
    question: Question,
    /,
    *,
    samples: int = 5000,
    discretize: bool = True,
    bins: int = 4,
    within: Literal["normal", "data"] = "normal",
    around: Literal["data", "instance"] = "data",
    kernel_width: float | None = None,
    features: int | None = None,
    select: Literal["highest-weights", "forward"] = "highest-weights",
    ridge: float = 1.0,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """What each column adds to a linear model that is fitted to the answers around each row.

    See `assay.explain.local.tabular.lime`. Asks the model for samples + 1 rows for every row.
    """
    return tabular.lime(
        question,
        samples=samples,
        discretize=discretize,
        bins=bins,
        within=within,
        around=around,
        kernel_width=kernel_width,
        features=features,
        select=select,
        ridge=ridge,
        seed=seed,
        progress=progress,
    )
