"""Whether an explanation stays where the row hardly moves, and where only the seed does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Limit, Measure
from assay.explain.local.stability import TOP, rank_agreement, top_overlap
from assay.explain.trust.explaining import explained
from assay.explain.trust.sample import Sample, means, obstacle, ratios, sample, unmeasured
from assay.explain.trust.stability import Shaken, reseeded, shaken, steadiness

if TYPE_CHECKING:
    from assay.data.case import Case

NAMES = ("stability", "lipschitz", "movement_per_output", "seed_agreement", "seed_top_overlap")


@check(
    "explain.stability",
    version=1,
    title="Explanations stay where rows hardly move",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    limit=Limit("stability", better="higher", warn=0.5, fail=0.0),
    clauses=("eu-ai-act:13(1)", "nist-ai-rmf:measure-2.9"),
)
def measure_stability(
    case: Case,
    /,
    *,
    explainer: str = "shap",
    rows: int = 60,
    noise: float = 0.1,
    moves: int = 4,
    seeds: int = 3,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """How far explanations move when numbers move by a tenth of their robust standard deviation.

    `stability`: 1 less the mean movement Σ|Δφ| over the mean distance between the explanations of two rows drawn at
    random; 0 means that an explanation tells a row no better than that of somebody else would. `lipschitz`: the mean
    over rows of the steepest ‖Δφ‖/‖Δx‖ met, in units of the explanation per robust standard deviation.
    `movement_per_output`: Σ|Δφ| over |Δoutput|, 1 or more for additive explanations; far more than that is movement
    without a cause in the answer. `seed_agreement` and `seed_top_overlap`: rank correlation of the absolute values, and
    the share of the five largest columns in common, between `seeds` seeds that draw other background rows, and other
    samples where the method samples. All by group of the protected attributes.

    Categories, missing values and numbers without a deviation stay; whole numbers stay whole. What is stable may still
    be wrong: exchange two columns in every explanation, and it moves no more. Noise does not pass; what a model feigns
    on perturbed rows passed less well than the truth, because the model jumps between the two
    (docs/why/trust-of-explanations.md). Trees jump, and so do true explanations of them. At most `rows` rows and 30 of
    each rare group, a seeded sample. The limit at 0 is that of another row's explanation; 0.5 is convention.
    Source: Alvarez-Melis & Jaakkola (2018), NeurIPS; Visani et al. (2022), J. Oper. Res. Soc. 73:91.
    """
    if noise <= 0 or moves < 1 or seeds < 2:
        raise AssayError("Stability needs noise above 0, a move and two seeds.", code="parameter")
    reason = obstacle(case)
    if reason is not None:
        yield from unmeasured(NAMES, reason)
        return
    drawn = sample(case, rows=rows, seed=seed)
    question, explain = drawn.question, partial(explained, explainer=explainer)
    moved = shaken(question, explain, noise=noise, moves=moves, seed=seed)
    yield from _movements(moved, drawn, level=level, method=explainer)
    repeated = reseeded(question, explain, seeds=seeds)
    yield from means(
        "seed_agreement", rank_agreement(repeated), drawn, level=level, method=explainer, within=(-1.0, 1.0)
    )
    top = min(TOP, len(question.columns) - 1)
    yield from means(
        "seed_top_overlap", top_overlap(repeated, top=top), drawn, level=level, method=explainer, within=(0.0, 1.0)
    )


def _movements(found: Shaken, drawn: Sample, *, level: float, method: str) -> Iterator[Measure]:
    moved = ~np.isnan(found.movement)
    if not moved[drawn.everyone].any():
        text = "no number of any row can be moved: all columns are categories, or nearly constant"
        yield from unmeasured(NAMES[:3], Message("explain.trust.no_numbers", text))
        return
    for which, places in drawn.slices():
        steady = steadiness(found, drawn.everyone, places, level=level)
        if steady is None:
            text = "fewer than two rows could be moved, or all rows have one explanation"
            reason = Message("explain.trust.not_moved", text)
            yield Measure("stability", None, int(moved[places].sum()), slice=which, reason=reason)
            continue
        yield Measure(
            "stability",
            steady.value,
            steady.n,
            slice=which,
            interval=steady.interval,
            method=method,
            notes=drawn.notes,
        )
    yield from means("lipschitz", found.lipschitz, drawn, level=level, method=method)
    still = Message("explain.trust.still", "the output did not move")
    yield from ratios(
        "movement_per_output", found.movement, found.output_movement, drawn, level=level, method=method, nothing=still
    )
