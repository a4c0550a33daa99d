"""The exponential mechanism: a candidate of a high score."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.conversion import zcdp_of_bounded_range
from assay.privacy.loss.event import Event
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.release import Selection
from assay.privacy.noise.scores import rate_of, scored, weighed
from assay.privacy.noise.weighted import choose


@part(
    "exponential",
    kind="mechanism",
    title="Exponential: a candidate, likelier the higher its score",
    statement=(
        "Purely epsilon-private, and epsilon²/8-zCDP, for scores that each differ by at most the sensitivity between "
        "neighbours. McSherry & Talwar (2007), Theorem 6; Cesar & Rogers (2021), arXiv 2004.07223."
    ),
)
def exponential(
    scores: Sequence[int | Fraction],
    /,
    *,
    sensitivity: Number,
    epsilon: Number,
    adjacency: Adjacency,
    monotonic: bool = False,
    weights: Sequence[int] | None = None,
    source: Entropy | None = None,
) -> Selection:
    """One candidate i, with probability proportional to weights[i] · exp(epsilon · scores[i] / (2 · sensitivity)).

    The probabilities are exact (`weighted.choose`). `sensitivity` bounds the change of any one score between
    neighbours; `monotonic` says that all scores change in one direction, as counts do under ADD_REMOVE: then the 2
    falls away. `weights` are public integers, as the widths of intervals are; none is negative.
    """
    relation, loss = required(adjacency), positive(epsilon, name="epsilon")
    rate = rate_of(loss, sensitivity, monotonic=monotonic)
    exact = scored(scores)
    sizes = weighed(weights, len(exact))
    source = Entropy() if source is None else source
    best = max(score for score, size in zip(exact, sizes, strict=True) if size)
    gammas = [max(Fraction(), rate * (best - score)) for score in exact]
    event = Event("exponential", relation, epsilon=loss, rho=zcdp_of_bounded_range(loss))
    return Selection((choose(gammas, sizes, source),), event, source.private)
