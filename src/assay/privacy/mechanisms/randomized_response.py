"""Randomized response: each person sends a category that may not be theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.bernoulli import exponential, integers
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.local import coded, replaced
from assay.privacy.noise.release import Reports


@part(
    "randomized-response",
    kind="mechanism",
    title="Randomized response: a category that may not be one's own",
    statement=(
        "Purely epsilon-private in the local sense: each report by itself. Warner (1965) for two categories; Kairouz, "
        "Bonawitz & Ramage (2016), arXiv 1602.07387, section 3 for more."
    ),
)
def randomized_response(
    values: Sequence[int],
    /,
    *,
    categories: int,
    epsilon: Number,
    adjacency: Adjacency,
    source: Entropy | None = None,
) -> Reports:
    """A whole column of `values` in [0, categories), one a person, each replaced at random.

    A category is reported with probability e^epsilon / (e^epsilon + categories − 1) where it is the true one, else with
    1 / (e^epsilon + categories − 1): exactly, since a uniform category is kept if true, and with probability
    exp(−epsilon) if not, else drawn again. `adjacency` must be REPLACE. `frequencies` of the result removes the bias.
    """
    relation, loss = replaced(adjacency), positive(epsilon, name="epsilon")
    truth = coded(values, categories)
    source = Entropy() if source is None else source
    sent = np.zeros_like(truth)
    waiting = np.arange(truth.size)
    while waiting.size:
        proposed = source.below(categories, waiting.size).astype(np.int64)
        numerators = np.where(proposed == truth[waiting], integers([0]), integers([loss.numerator]))
        kept = exponential(numerators, loss.denominator, source)
        sent[waiting[kept]] = proposed[kept]
        waiting = waiting[~kept]
    other = math.exp(-loss)
    return Reports(
        reports=tuple(sent.tolist()),
        support=tuple(np.bincount(sent, minlength=categories).tolist()),
        kept=1 / (1 + (categories - 1) * other),
        noise=other / (1 + (categories - 1) * other),
        event=Event("randomized-response", relation, epsilon=loss),
        private=source.private,
    )
