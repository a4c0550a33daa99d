"""Real numbers on a lattice with discrete Laplace noise, as a mechanism."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.lattice import Real, l1, rounded, step_of
from assay.privacy.noise.release import Release, add_noise


@part(
    "laplace",
    kind="mechanism",
    title="Laplace: real numbers on a lattice with discrete Laplace noise",
    statement=(
        "Purely epsilon-private for numbers whose L1 distance between neighbours is at most the sensitivity. Dwork, "
        "McSherry, Nissim & Smith (2006), on a lattice with the sensitivity after rounding; sampled exactly: Canonne, "
        "Kamath & Steinke (2020), arXiv 2004.00010, Algorithm 2."
    ),
)
def laplace(
    values: Sequence[Real],
    /,
    *,
    sensitivity: Number,
    epsilon: Number,
    granularity: Number,
    adjacency: Adjacency,
    coordinates: int | None = None,
    source: Entropy | None = None,
) -> Release:
    """Each of `values`, rounded to the nearest multiple of `granularity`, with independent discrete Laplace noise.

    `sensitivity` is the largest L1 distance of the whole of `values` between neighbours under `adjacency`, before
    rounding; `coordinates` how many of them one unit can change (all, where nothing is said). Rounding can add a step
    for each: choose a granularity far below sensitivity / epsilon, and by public facts. Values are finite and exact:
    a sum of floats may differ by more than its terms allow, so sum integers. Proof: `lattice.l1`, then as geometric.
    """
    relation = required(adjacency)
    loss, step = positive(epsilon, name="epsilon"), step_of(granularity)
    steps = l1(sensitivity, step, max(1, len(values)) if coordinates is None else coordinates)
    event = Event("laplace", relation, epsilon=loss)
    noise = DiscreteLaplace(steps / loss)
    return add_noise(rounded(values, step), noise, granularity=step, event=event, source=source)
