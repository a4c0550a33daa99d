"""Permute-and-flip: a candidate of a high score, better than the exponential mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise import bernoulli
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.release import Selection
from assay.privacy.noise.scores import exponents, rate_of, scored


@part(
    "permute-and-flip",
    kind="mechanism",
    title="Permute-and-flip: a candidate of a high score, by coins in random order",
    statement=(
        "Purely epsilon-private for scores that each differ by at most the sensitivity between neighbours; its "
        "expected loss of score is never above the exponential mechanism's. McKenna & Sheldon (2020), arXiv "
        "2010.12603; the same as report-noisy-max with exponential noise: Ding et al. (2021), arXiv 2105.07260."
    ),
)
def permute_and_flip(
    scores: Sequence[int | Fraction],
    /,
    *,
    sensitivity: Number,
    epsilon: Number,
    adjacency: Adjacency,
    monotonic: bool = False,
    source: Entropy | None = None,
) -> Selection:
    """The first candidate, in random order, whose coin of probability exp(−rate · (best − score)) falls on heads.

    rate is epsilon / (2 · sensitivity), or epsilon / sensitivity where `monotonic`: all scores change in one direction.
    Coins do not depend on the order, so every coin is tossed and one of the heads is drawn; the best is always among
    them. The coins are exact.
    """
    relation, loss = required(adjacency), positive(epsilon, name="epsilon")
    rate = rate_of(loss, sensitivity, monotonic=monotonic)
    source = Entropy() if source is None else source
    numerators, denominator = exponents(scored(scores), rate)
    heads = np.flatnonzero(bernoulli.exponential(numerators, denominator, source))
    event = Event("permute-and-flip", relation, epsilon=loss)
    return Selection((int(heads[source.integer(heads.size)]),), event, source.private)
