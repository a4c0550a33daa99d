"""The likelihood ratio attack: is the answer more like those of models that saw the row, or that did not?"""

from __future__ import annotations

from typing import Literal

import numpy as np

from assay.core.part import part
from assay.privacy.membership.answers import Bools, Floats
from assay.privacy.membership.setting import KIND, NO_PROBABILITIES, Scored, Setting

Variance = Literal["auto", "global", "row"]
MANY = 64
"""From so many shadow models on a variance of each row is estimated, as in the paper."""
LEAST_DEVIATION = 1e-6
SOURCE = "Source: Carlini et al. (2022), IEEE S&P, arXiv 2112.03570"


@part(
    "lira-online",
    kind=KIND,
    title="Likelihood ratio of the answer under models that saw the row and that did not",
    statement=f"The log ratio of two normal densities of the row's logit, from shadow models. {SOURCE}, algorithm 1",
)
def lira_online(setting: Setting, /, *, variance: Variance = "auto") -> Scored:
    """ln N(φ; μ_in, σ_in²) − ln N(φ; μ_out, σ_out²) of the logit φ of each row's label.

    μ are means over the shadow models that were and were not trained on the row. With fewer than 64 of them the two σ
    are pooled over all rows ("global"), else of each row ("row").
    """
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    shadows, phi = setting.shadows(), setting.answers.logit
    if shadows.inside is None or shadows.logit is None:
        return Scored(reason=shadows.reason)
    pooled = variance == "global" or (variance == "auto" and len(shadows.inside) < MANY)
    ins = _moments(shadows.logit, shadows.inside, pooled=pooled)
    outs = _moments(shadows.logit, ~shadows.inside, pooled=pooled)
    scores = _log_density(phi, *ins) - _log_density(phi, *outs)
    return Scored(scores, method=f"{shadows.how}; {'global' if pooled else 'row'} variance")


@part(
    "lira-offline",
    kind=KIND,
    title="How far the answer lies above those of models that did not see the row",
    statement=f"The one-sided test of the row's logit under models trained without it. {SOURCE}, section V-B",
)
def lira_offline(setting: Setting, /, *, variance: Variance = "auto") -> Scored:
    """(φ − μ_out)/σ_out of the logit φ of each row's label: the order of 1 − P(Z > φ), without its rounding to 1."""
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    shadows, phi = setting.shadows(), setting.answers.logit
    if shadows.inside is None or shadows.logit is None:
        return Scored(reason=shadows.reason)
    pooled = variance == "global" or (variance == "auto" and len(shadows.inside) < MANY)
    mean, deviation = _moments(shadows.logit, ~shadows.inside, pooled=pooled)
    return Scored((phi - mean) / deviation, method=f"{shadows.how}; {'global' if pooled else 'row'} variance")


def _moments(logits: Floats, which: Bools, /, *, pooled: bool) -> tuple[Floats, Floats]:
    """(rows,) mean and standard deviation over the models that `which` names; pooled, one deviation within rows."""
    count = which.sum(axis=0)
    mean = np.where(which, logits, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(which, (logits - mean) ** 2, 0.0).sum(axis=0)
    if pooled:
        variance = np.full(len(mean), squares.sum() / max(1, int((count - 1).sum())))
    else:
        variance = squares / np.maximum(count - 1, 1)
    return mean, np.maximum(np.sqrt(variance), LEAST_DEVIATION)


def _log_density(x: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.asarray(-0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation))
