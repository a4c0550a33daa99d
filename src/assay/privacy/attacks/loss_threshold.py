"""A row of small loss looks like a member."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.membership.answers import log_likelihood
from assay.privacy.membership.setting import KIND, NO_PROBABILITIES, Scored, Setting


@part(
    "loss-threshold",
    kind=KIND,
    title="Rows of small loss are called members",
    statement="Minus the cross-entropy of the label. Source: Yeom et al. (2018), CSF, arXiv 1709.01604, adversary 2",
)
def loss_threshold(setting: Setting, /) -> Scored:
    """The log probability of the label. It cannot tell an easy row from one that was learned."""
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    return Scored(log_likelihood(setting.answers.logit), method="log probability of the label")
