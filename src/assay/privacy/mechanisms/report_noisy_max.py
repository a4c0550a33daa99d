"""Report-noisy-max: the candidate whose noisy score is highest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency, required
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.bernoulli import integers
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.lattice import whole, whole_sensitivity
from assay.privacy.noise.release import Selection


@part(
    "report-noisy-max",
    kind="mechanism",
    title="Report-noisy-max: the candidate of the highest noisy score",
    statement=(
        "Purely epsilon-private for integer scores that each differ by at most the sensitivity between neighbours; "
        "only the place is released. Dwork & Roth (2014), Claim 3.9, on the integers, where ties go to the first."
    ),
)
def report_noisy_max(
    scores: Sequence[int],
    /,
    *,
    sensitivity: Number,
    epsilon: Number,
    adjacency: Adjacency,
    monotonic: bool = False,
    source: Entropy | None = None,
) -> Selection:
    """The first place of the highest of `scores`, each with discrete Laplace noise of scale 2 · sensitivity / epsilon.

    Proof on the integers: fix the noise of all others. Candidate i wins when its own noise reaches some integer k (ties
    go to the first, whatever the data). Between neighbours k grows by at most 2 · sensitivity, and P(noise ≥ k + d) is
    at least exp(−d / scale) · P(noise ≥ k). Where `monotonic`, all scores change in one direction, k grows by at most
    the sensitivity and the 2 falls away. Permute-and-flip loses less score.
    """
    relation, loss = required(adjacency), positive(epsilon, name="epsilon")
    scale = (1 if monotonic else 2) * whole_sensitivity(sensitivity) / loss
    exact = whole(scores, name="scores")
    if not exact:
        raise AssayError("There is no candidate.", code="values", hint="Give one score or more.")
    source = Entropy() if source is None else source
    noisy = integers(exact) + DiscreteLaplace(scale).sample(len(exact), source)
    return Selection((int(np.argmax(noisy)),), Event("report-noisy-max", relation, epsilon=loss), source.private)
