"""A classifier learns how the model answers members."""

from __future__ import annotations

import numpy as np

from assay.core.part import part
from assay.privacy.membership.answers import Answers, Floats, log_likelihood
from assay.privacy.membership.learned import chance_of_member
from assay.privacy.membership.setting import KIND, NO_PROBABILITIES, Scored, Setting

TOP = 3


@part(
    "trained",
    kind=KIND,
    title="A classifier trained on the answers for known members calls the others",
    statement="Boosted trees over the answers of the model, fitted on rows of known membership and scored on others. "
    "Source: Shokri et al. (2017), IEEE S&P, arXiv 1610.05820, with known members in place of shadow models",
)
def trained(setting: Setting, /) -> Scored:
    """The chance of being a member, from the loss, the entropies, the largest probabilities and the right answer."""
    if setting.answers.probabilities is None:
        return Scored(reason=NO_PROBABILITIES)
    seen, untold = _seen(setting.answers), setting.untold
    chance = chance_of_member(seen[setting.told], setting.told_member, seen[untold], seed=setting.seed)
    method = f"boosted trees fitted on {len(setting.told)} other rows"
    return Scored(chance, untold, threshold=0.5, method=method)


def _seen(answers: Answers) -> Floats:
    """(rows, numbers) what the attacker sees of each answer."""
    assert answers.probabilities is not None
    highest = -np.sort(-answers.probabilities, axis=1)[:, :TOP]
    listed = [answers.logit, log_likelihood(answers.logit), answers.entropy, answers.modified_entropy, answers.correct]
    return np.column_stack([*listed, highest, answers.labels])
