"""The robust attack: how many other rows does the row beat, in how much more the model likes it than models do?"""

from __future__ import annotations

import numpy as np

from assay.core.part import part
from assay.privacy.membership.answers import Floats
from assay.privacy.membership.setting import KIND, NO_PROBABILITIES, Scored, Setting
from assay.privacy.membership.shadows import Shadows

SOURCE = "Source: Zarifzadeh, Liu & Shokri (2024), ICML, arXiv 2312.03262"


@part(
    "rmia",
    kind=KIND,
    title="Pairwise likelihood ratios of the row against other rows",
    statement="The share of rows z with Pr(x|model)/Pr(x) ≥ γ Pr(z|model)/Pr(z), Pr(x) by models with and without x. "
    f"{SOURCE}, eq. 4 and algorithm 1",
)
def rmia(setting: Setting, /, *, gamma: float = 1.0) -> Scored:
    """The share of the rows whose likelihood ratio, times γ, that of the row reaches.

    Pr(x) is the mean of the probability of x's label over shadow models with and without x. The rows z are all rows at
    hand: the paper draws them from the population, which moves the scores and not their order.
    """
    return _scored(setting, gamma=gamma, offline=None)


@part(
    "rmia-offline",
    kind=KIND,
    title="Pairwise likelihood ratios, from models that did not see the row",
    statement="As rmia, with Pr(x) = ½ ((1 + a) Pr_out(x) + 1 − a), from models without x alone. "
    f"{SOURCE}, appendix B.2.2",
)
def rmia_offline(setting: Setting, /, *, gamma: float = 1.0, a: float = 0.33) -> Scored:
    """As `rmia`, where Pr(x) is made up from the models that were not trained on x; `a` = 0.33 is the paper's."""
    return _scored(setting, gamma=gamma, offline=a)


def _scored(setting: Setting, /, *, gamma: float, offline: float | None) -> Scored:
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    shadows = setting.shadows()
    if shadows.inside is None or shadows.logit is None:
        return Scored(reason=shadows.reason)
    ratio = _sigmoid(setting.answers.logit) / _marginal(shadows, offline)
    ranked = np.sort(ratio)
    share = np.searchsorted(ranked, ratio / gamma, side="right") / len(ratio)
    return Scored(share, method=f"{shadows.how}; {len(ratio)} rows compared, γ = {gamma:g}")


def _marginal(shadows: Shadows, offline: float | None) -> Floats:
    """(rows,) Pr(x): the probability of the row's label over models, with and without the row among their rows."""
    assert shadows.inside is not None
    assert shadows.logit is not None
    chance = _sigmoid(shadows.logit)
    means = []
    for which in (shadows.inside, ~shadows.inside):
        means.append(np.where(which, chance, 0.0).sum(axis=0) / np.maximum(which.sum(axis=0), 1))
    made = (means[0] + means[1]) / 2 if offline is None else ((1 + offline) * means[1] + 1 - offline) / 2
    return np.asarray(np.maximum(made, np.finfo(np.float64).tiny))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))
