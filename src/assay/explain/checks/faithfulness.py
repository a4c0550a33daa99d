"""Whether the columns that an explanation names are those on which the answer rests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.explain.attribution import Attributions
from assay.explain.shapley.coalitions import answers
from assay.explain.trust.drawn import curves_drawn
from assay.explain.trust.explaining import explained
from assay.explain.trust.faithfulness import Faithfulness, faithfulness
from assay.explain.trust.sample import Sample, means, obstacle, sample, unmeasured
from assay.explain.trust.worth import among_real_rows, replaced

if TYPE_CHECKING:
    from assay.data.case import Case

DRAWS = 10
"""Background rows that replaced columns are taken from."""
BOUNDS = (-1.0, 1.0)
NAMES = ("faithfulness", "faithfulness_replaced", "insertion_gain", "deletion_gain")


@check(
    "explain.faithfulness",
    version=1,
    title="Explanations name the columns on which the answers rest",
    needs=("rows", "model"),
    tasks=("binary", "multiclass", "regression"),
    limit=Limit("faithfulness", better="higher", warn=0.5, fail=0.0),
    clauses=("eu-ai-act:13(1)", "nist-ai-rmf:measure-2.9"),
)
def measure_faithfulness(
    case: Case, /, *, explainer: str = "shap", rows: int = 60, level: float = 0.95, seed: int = 0
) -> Iterator[Measure]:
    """How much better than chance the order of columns in an explanation is at building up and taking down the answer.

    The columns of a row are told one by one, the one with the greatest value first, and taken away in the same order; a
    good order raises the answer at once and lowers it at once. `faithfulness`, judged among real rows: the answer
    expected from the columns told so far is the mean over rows that are alike in them. `faithfulness_replaced`: the
    columns not told are taken from background rows, as usual. Both are the share of (other) random orders that do
    worse, less the share that do better: 0 is chance, 1 beats all. `insertion_gain` and `deletion_gain` are the areas
    under the curves of replaced columns over those of random orders, in units of the explanation. The first two by
    group of the protected attributes too.

    Where `faithfulness_replaced` is high and `faithfulness` is not, the model may answer differently on rows that do
    not exist: explanations by perturbation are then of something else (Slack et al. 2020). On known cases (see
    docs/why/trust-of-explanations.md) `faithfulness` ranks exact Shapley values above random, shuffled and deceived
    ones; `faithfulness_replaced` takes the deceived for the best, and has no limit. An explanation that is partly
    right passes: compare explainers by their scores, not by the verdict.

    `explainer`: shap (what fits the model), lime, or a SHAP method by name. At most `rows` rows and 30 of each rare
    group, a seeded sample, each once. The limits: below 0 an explanation is worse than a throw of dice; 0.5 means that
    three orders in four are worse, a convention.
    Source: Petsiuk, Das & Saenko (2018), BMVC; Aas, Jullum & Løland (2021), Artificial Intelligence 298.
    """
    reason = obstacle(case)
    if reason is not None:
        yield from unmeasured(NAMES, reason)
        return
    drawn = sample(case, rows=rows, seed=seed)
    question = drawn.question
    found = explained(question, explainer=explainer)
    ask = answers(question, found.scale)
    real = among_real_rows(question.columns, ask(question.background), question.rows, question.background)
    some = np.random.default_rng(seed).choice(
        len(question.background), min(DRAWS, len(question.background)), replace=False
    )
    usual = replaced(ask, question.rows, question.background[some])
    among = faithfulness(real, found.values, seed=seed)
    apart = faithfulness(usual, found.values, seed=seed)
    yield from _measures(among, apart, drawn, found, level=level)


def _measures(
    among: Faithfulness, apart: Faithfulness, drawn: Sample, found: Attributions, *, level: float
) -> Iterator[Measure]:
    if np.isnan(apart.score).all() and np.isnan(among.score).all():
        text = "the answer is the same for every row, whatever is told of it"
        yield from unmeasured(NAMES, Message("explain.trust.constant", text))
        return
    curves = curves_drawn(among, apart, drawn.everyone, scale=found.scale)
    for measure in means("faithfulness", among.score, drawn, level=level, method=found.method, within=BOUNDS):
        yield measure if measure.slice else replace(measure, attachments=curves)
    yield from means("faithfulness_replaced", apart.score, drawn, level=level, method=found.method, within=BOUNDS)
    gains = (apart.insertion.mean(axis=1) - apart.expected, apart.expected - apart.deletion.mean(axis=1))
    for name, values in zip(NAMES[2:], gains, strict=True):
        yield from means(name, values, drawn.ungrouped, level=level, method=f"{found.method}, {found.scale}")
