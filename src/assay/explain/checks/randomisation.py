"""Whether explanations change when the model has nothing to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import AssayError
from assay.core.measure import Limit, Measure
from assay.explain.attribution import Attributions
from assay.explain.overall.unmeasured import said_why
from assay.explain.question import Question
from assay.explain.trust.explaining import explained
from assay.explain.trust.randomisation import randomised
from assay.explain.trust.sample import Sample, means, obstacle, ratios, sample, unmeasured
from assay.explain.trust.shuffled import is_network, shuffled_layers
from assay.models.trainers import trainer_named

if TYPE_CHECKING:
    from assay.data.case import Case

NAMES = ("randomisation_gap", "agreement_with_retrained", "agreement_with_randomised")


@check(
    "explain.randomisation",
    version=1,
    title="Explanations change when the model has nothing to learn",
    needs=("rows", "model", "label"),
    tasks=("binary", "multiclass", "regression"),
    limit=Limit("randomisation_gap", better="higher", warn=0.1, fail=0.0),
    clauses=("eu-ai-act:13(1)", "nist-ai-rmf:measure-2.9"),
)
def measure_randomisation(
    case: Case,
    /,
    *,
    explainer: str = "permutation-shap",
    trainer: str = "",
    times: int = 2,
    rows: int = 40,
    training: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[Measure]:
    """Agreement of explanations with those of models trained again, on the true labels and on permuted ones.

    `randomisation_gap`: how much farther (Σ|Δφ|) explanations lie from those of models trained on labels in a random
    order than from those of models trained on the true labels, as a share of their size Σ|φ|. About 1 where nothing is
    left to explain and the true labels give the explanation again; 0 where it is of the data or the method and not of
    what was learned, or where it is noise, which changes as much on the true labels. `agreement_with_randomised` and
    `agreement_with_retrained`: mean rank correlation, with signs. All by group too.

    A torch network in this process is not trained again: its weights are shuffled, layer by layer from the last, and
    `agreement_with_reseeded`, with its own explanations under another seed, takes the place of the true labels;
    `agreement_with_randomised` is given after each layer, and for all of them. For other models in this process:
    scikit-learn estimators are cloned, LightGBM and XGBoost boosters trained by their parameters; for any
    other model `trainer` names a function "module:function" of the installed code, which gets a pandas frame and the
    labels and gives a fitted model: it runs in this process. Without one it is unmeasured. `times` models of each kind,
    on bootstrap samples of at most `training` rows: fewer than the model was trained on make both agreements lower.
    `explainer` must be one that the retrained models can have. At most `rows` rows and 30 of each rare group. The limit
    at 0 is that of noise; 0.1 is convention. Source: Adebayo et al. (2018), NeurIPS.
    """
    if times < 1 or training < 2:
        raise AssayError("Randomisation needs a model and two training rows.", code="parameter")
    reason = obstacle(case)
    if reason is not None:
        yield from unmeasured(NAMES, reason)
        return
    drawn = sample(case, rows=rows, seed=seed, background=50)
    explain = partial(explained, explainer=explainer)
    if is_network(case.model) and not trainer:
        yield from _network(drawn, explain, level=level, seed=seed, method=f"{explainer}, weights shuffled")
        return
    found = randomised(
        case,
        drawn.question,
        explain,
        trainer=trainer_named(trainer),
        times=times,
        rows=training,
        seed=seed,
    )
    if found.size is None or found.true is None or found.permuted is None:
        assert found.reason is not None
        yield from unmeasured(NAMES, found.reason)
        return
    farther = found.permuted.distance - found.true.distance
    yield from ratios("randomisation_gap", farther, found.size, drawn, level=level, method=explainer)
    for name, values in zip(NAMES[1:], (found.true.agreement, found.permuted.agreement), strict=True):
        yield from means(name, values, drawn, level=level, method=explainer, within=(-1.0, 1.0))


def _network(
    drawn: Sample, explain: Callable[[Question], Attributions], *, level: float, seed: int, method: str
) -> Iterator[Measure]:
    with said_why("model") as why:
        found = shuffled_layers(drawn.question, explain, seed=seed)
    if why.reason is not None:
        yield from unmeasured(NAMES[:1], why.reason)
        return
    farther = found.shuffled.distance - found.reseeded.distance
    yield from ratios("randomisation_gap", farther, found.size, drawn, level=level, method=method)
    pairs = {"agreement_with_reseeded": found.reseeded, "agreement_with_randomised": found.shuffled}
    for name, each in pairs.items():
        yield from means(name, each.agreement, drawn, level=level, method=method, within=(-1.0, 1.0))
    for layer, values in found.layers:
        for measure in means("agreement_with_randomised", values, drawn.ungrouped, level=level, within=(-1.0, 1.0)):
            yield replace(measure, over=(layer,), method=f"{method} down to a layer")
