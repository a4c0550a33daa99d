"""Integers with discrete Laplace noise, as a mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.lattice import whole, whole_sensitivity
from assay.privacy.noise.release import Release, add_noise


@part(
    "geometric",
    kind="mechanism",
    title="Geometric: integers with two-sided geometric noise",
    statement=(
        "Purely epsilon-private for integers whose L1 distance between neighbours is at most the sensitivity. "
        "Ghosh, Roughgarden & Sundararajan (2009), arXiv 0811.2841, section 2; sampled exactly: Canonne, Kamath & "
        "Steinke (2020), arXiv 2004.00010, Algorithm 2."
    ),
)
def geometric(
    values: Sequence[int],
    /,
    *,
    sensitivity: Number,
    epsilon: Number,
    adjacency: Adjacency,
    source: Entropy | None = None,
) -> Release:
    """Each of `values` with independent discrete Laplace noise of scale sensitivity / epsilon.

    `sensitivity` is the largest L1 distance of the whole of `values` between neighbours under `adjacency`: for counts
    by group, where one unit is in L0 groups with at most m rows in each, L0 · m. Proof: p(y) / p(y + d) is at most
    exp(|d| · epsilon / sensitivity) on the integers, and these multiply over the values.
    """
    relation = required(adjacency)
    loss = positive(epsilon, name="epsilon")
    noise = DiscreteLaplace(whole_sensitivity(sensitivity) / loss)
    event = Event("geometric", relation, epsilon=loss)
    return add_noise(whole(values, name="values"), noise, granularity=Fraction(1), event=event, source=source)
