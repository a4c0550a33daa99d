"""How often, and by how much, the model is wrong: overall, by group, and the widest gap between groups."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.coding import Favourable
from assay.data.counts import Counts
from assay.quality import confusion, missing, multiclass, regression, scores
from assay.quality.disaggregate import disaggregate, groups_of, over

NO_PREDICTION = Message("no-prediction", "there is no prediction and no model to make one")
NO_SCORE = Message("no-score", "there is no score and no model to make one")


@check(
    "quality.performance",
    version=2,
    title="The model is wrong too often, or more often in some groups",
    counts=by("protected?", "label", "prediction?", "score?", sums=(*scores.SUMS, *regression.SUMS)),
    tasks=("binary", "multiclass", "regression"),
    limit=(
        Limit("accuracy_gap", "lower", warn=0.05, fail=0.10),
        Limit("accuracy_above_majority", "higher", warn=0.0, fail=0.0),
        Limit("r_squared", "higher", warn=0.0, fail=0.0),
    ),
    clauses=("eu-ai-act:15(1)", "eu-ai-act:15(3)", "eu-ai-act:13(3)(b)(ii)", "nist-ai-rmf:measure-2.3"),
    noisy=True,
)
def performance(counts: Counts, /, *, level: float = 0.95) -> Iterator[Measure]:
    """Accuracy and error of the predictions, overall, by protected attribute and pair of them, with the widest gaps.

    Binary: accuracy, precision, recall, F1 (of the favourable label), ROC AUC, log-loss and Brier score of the
    scores. Several classes: accuracy, the plain means over classes of precision, recall and F1, the worst class's
    recall, and each class's own. Numbers: R², RMSE, MAE and mean error (prediction − label; its sign is the
    direction of bias).

    Rates have Wilson intervals, F1 those of the binomial it is made of, AUC DeLong's on the score bins with the
    bound on what binning moved, means normal ones, R² the delta method's. Weights and repeated units enter through
    effective sample sizes. Rows without a label or a prediction are in no denominator; `missing_labels` and
    `missing_predictions` say how many there are.

    Limits. No accuracy is good for every purpose, so none is declared; set your own in a policy. Declared are that a
    model beats the constant answer (`accuracy_above_majority`; in regression R², in each group against that group's
    own mean) and that accuracy differs between groups by under 5 points to pass and over 10 to fail.
    """
    if regression.SUMS[0] in counts.sums:
        yield from _numbers(counts, level)
        return
    yield from missing.shares(counts, level=level)
    binary = isinstance(counts.dim("label").coding, Favourable)
    if not counts.has("prediction"):
        yield Measure("accuracy", None, counts.n, reason=NO_PREDICTION)
    else:
        yield from (_binary if binary else _classes)(over(counts, "protected", "label", "prediction"), level)
    if binary:
        yield from _scored(counts, level)


def _numbers(counts: Counts, level: float) -> Iterator[Measure]:
    if not set(regression.SUMS) <= set(counts.sums):
        yield Measure("r_squared", None, counts.n, reason=NO_PREDICTION)
        return
    yield from disaggregate(regression.quantities(level=level), counts, groups_of(counts), level=level)


def _binary(counts: Counts, level: float) -> Iterator[Measure]:
    judged = confusion.outcomes(counts, "1")
    quantities = confusion.quantities(level=level)
    yield from disaggregate(quantities, over(judged, confusion.OUTCOME), groups_of(judged), level=level)
    lift = confusion.above_majority(over(counts, "label", "prediction"), level=level)
    yield lift.measure("accuracy_above_majority", {})


def _classes(counts: Counts, level: float) -> Iterator[Measure]:
    overall = over(counts, "label", "prediction")
    yield from disaggregate(multiclass.quantities(level=level), overall, groups_of(counts), level=level)
    yield confusion.above_majority(overall, level=level).measure("accuracy_above_majority", {})
    for label in multiclass.classes(overall):
        judged = confusion.outcomes(overall, label)
        for name, of in confusion.CLASS_RATES:
            yield of(judged, level=level).measure(f"{name}_of", {"label": label})


def _scored(counts: Counts, level: float) -> Iterator[Measure]:
    if not counts.has("score"):
        yield Measure("auc", None, counts.n, reason=NO_SCORE)
        return
    ((_, overall),) = scores.score_bins(counts)
    quantities = scores.quantities(level=level)
    yield from disaggregate(quantities, overall, scores.score_groups(counts), level=level)
