"""Numbers on a lattice with discrete Gaussian noise, as a mechanism."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive, probability
from assay.privacy.loss.event import Event
from assay.privacy.noise.calibration import rho_for, sigma_squared_for
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.gaussian import DiscreteGaussian
from assay.privacy.noise.lattice import Real, l2_squared, rounded, step_of, whole, whole_l2_squared
from assay.privacy.noise.release import Release, add_noise


@part(
    "gaussian",
    kind="mechanism",
    title="Gaussian: numbers on a lattice with discrete Gaussian noise",
    statement=(
        "rho-zCDP with rho = (sensitivity / sigma)² / 2 for numbers whose L2 distance between neighbours is at most "
        "the sensitivity; (epsilon, delta)-private by the exact sum for one number, through zCDP for more. Canonne, "
        "Kamath & Steinke (2020), arXiv 2004.00010, Theorems 4, 7 and 14, sampled by Algorithm 3."
    ),
)
def gaussian(
    values: Sequence[Real],
    /,
    *,
    sensitivity: Number,
    adjacency: Adjacency,
    rho: Number | None = None,
    epsilon: Number | None = None,
    delta: Number | None = None,
    granularity: Number | None = None,
    coordinates: int | None = None,
    source: Entropy | None = None,
) -> Release:
    """Each of `values`, rounded to a multiple of `granularity`, with independent discrete Gaussian noise.

    Without `granularity` the values are integers and stay as they are. Give `rho`, or `epsilon` and `delta`.
    `sensitivity` is the largest L2 distance of the whole of `values` between neighbours under `adjacency`, before
    rounding; `coordinates` how many of them one unit can change (all, where nothing is said). Rounding can add a step
    for each: choose a granularity far below the noise, and by public facts.
    One number with (epsilon, delta) gets the smallest sigma whose exact discrete delta is low enough; the analytic
    formula of Balle & Wang (2018) proves only continuous noise and is not used. More numbers get the sigma of the
    largest rho that implies (epsilon, delta).
    """
    relation, step = required(adjacency), step_of(1 if granularity is None else granularity)
    changed = max(1, len(values)) if coordinates is None else coordinates
    if granularity is None:
        numbers, squared = whole(values, name="values without a granularity"), whole_l2_squared(sensitivity)
    else:
        numbers, squared = rounded(values, step), l2_squared(sensitivity, step, changed)
    if rho is not None and epsilon is None and delta is None:
        loss = positive(rho, name="rho")
        event = Event("gaussian", relation, rho=loss)
    elif rho is None and epsilon is not None and delta is not None:
        event = _approximate(relation, squared, changed, positive(epsilon, name="epsilon"), delta)
    else:
        raise AssayError("Give rho, or both epsilon and delta.", code="gaussian", hint='For example rho="0.05".')
    assert event.rho is not None
    noise = DiscreteGaussian(squared / (2 * event.rho))
    return add_noise(numbers, noise, granularity=step, event=event, source=source)


def _approximate(relation: Adjacency, squared: Fraction, changed: int, epsilon: Fraction, delta: Number) -> Event:
    """The Event of noise that is enough for (epsilon, delta); its rho says how much that is."""
    limit = probability(delta, name="delta")
    if changed > 1:
        rho = rho_for(epsilon, limit)
    else:
        rho = squared / (2 * sigma_squared_for(epsilon, limit, sensitivity=math.isqrt(int(squared))))
    return Event("gaussian", relation, epsilon=epsilon, delta=limit, rho=rho)
