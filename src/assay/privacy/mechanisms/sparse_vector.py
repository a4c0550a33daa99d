"""Sparse vector: which of many numbers are the first above a threshold."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.lattice import whole, whole_sensitivity
from assay.privacy.noise.release import Selection


@part(
    "sparse-vector",
    kind="mechanism",
    title="Sparse vector: the first numbers above a threshold",
    statement=(
        "Purely epsilon-private, however many numbers are asked, for integers that each differ by at most the "
        "sensitivity between neighbours: only numbers found above are paid for. Lyu, Su & Li (2017), arXiv 1603.01699, "
        "Algorithm 1 and Theorem 2, on the integers."
    ),
)
def sparse_vector(
    values: Iterable[int],
    /,
    *,
    threshold: int,
    sensitivity: Number,
    epsilon: Number,
    adjacency: Adjacency,
    count: int = 1,
    monotonic: bool = False,
    source: Entropy | None = None,
) -> Selection:
    """The places of the first `count` of `values` that are noisily at or above the noisily raised or lowered threshold.

    `values` are taken one by one and no further than needed, so that each may be made after the answer to the last. Of
    epsilon, e1 goes to the threshold (noise of scale sensitivity / e1, drawn once) and e2 to the numbers (fresh noise
    of scale 2 · count · sensitivity / e2, or half of it where `monotonic`: all numbers change in one direction), in the
    proportion 1 : (2 · count)^(2/3), or count^(2/3), of section 4.2. No noisy number is released. Proof: raise the
    threshold noise by the sensitivity, which costs e1 and keeps every "below"; each "above" needs twice
    that of its own.
    """
    relation, loss = required(adjacency), positive(epsilon, name="epsilon")
    width = whole_sensitivity(sensitivity)
    if count < 1:
        raise AssayError(f"count must be 1 or more; it is {count}.", code="count", hint="Give how many may be found.")
    factor = (1 if monotonic else 2) * count
    first = loss * Fraction(round(1000 / (1 + factor ** (2 / 3))) or 1, 1000)
    source = Entropy() if source is None else source
    (level,) = whole([threshold], name="threshold")
    bar = level + int(DiscreteLaplace(width / first).sample(1, source)[0])
    each = DiscreteLaplace(factor * width / (loss - first))
    found: list[int] = []
    for place, value in enumerate(values):
        (number,) = whole([value], name="values")
        if number + int(each.sample(1, source)[0]) >= bar:
            found.append(place)
            if len(found) == count:
                break
    return Selection(tuple(found), Event("sparse-vector", relation, epsilon=loss), source.private)
