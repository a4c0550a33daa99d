"""A row of which the model is sure looks like a member."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.membership.setting import KIND, NO_PROBABILITIES, Scored, Setting


@part(
    "entropy",
    kind=KIND,
    title="Rows of which the model is sure are called members",
    statement="Minus the entropy of the answer. Source: Salem et al. (2019), NDSS, arXiv 1806.01246, adversary 3",
)
def entropy(setting: Setting, /) -> Scored:
    """Minus the entropy of the answer; the label takes no part, so that a sure mistake looks like a member too."""
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    return Scored(-setting.answers.entropy, method="minus the entropy of the answer")


@part(
    "modified-entropy",
    kind=KIND,
    title="Rows of which the model is rightly sure are called members",
    statement="Minus the entropy that counts sure mistakes as uncertain. "
    "Source: Song & Mittal (2021), USENIX Security, arXiv 2003.10595, eq. 6",
)
def modified_entropy(setting: Setting, /) -> Scored:
    """Minus the modified entropy, which is 0 for a sure right answer and large for a sure wrong one."""
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    return Scored(-setting.answers.modified_entropy, method="minus the modified entropy of the answer")
