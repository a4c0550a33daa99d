"""Unary encoding: each person sends a set of categories, one bit each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from assay.core.errors import unknown
from assay.core.part import part
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Number, positive
from assay.privacy.loss.event import Event
from assay.privacy.noise.bernoulli import logistic
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.local import coded, replaced
from assay.privacy.noise.release import Reports

KINDS = ("optimised", "symmetric")


@part(
    "unary-encoding",
    kind="mechanism",
    title="Unary encoding: a noisy bit for each category",
    statement=(
        "Purely epsilon-private in the local sense: each report by itself. Wang, Blocki, Li & Jha (2017), arXiv "
        "1705.04421, with p and q of symmetric (as RAPPOR has) or optimised unary encoding."
    ),
)
def unary_encoding(
    values: Sequence[int],
    /,
    *,
    categories: int,
    epsilon: Number,
    adjacency: Adjacency,
    kind: Literal["optimised", "symmetric"] = "optimised",
    source: Entropy | None = None,
) -> Reports:
    """A whole column of `values` in [0, categories), one a person, each as a set of supported categories.

    The bit of the true category is sent with probability p, that of each other with q. Symmetric: each of the bits is
    flipped with 1 / (1 + e^(epsilon/2)). Optimised: p = 1/2 and q = 1 / (1 + e^epsilon), which has the least variance
    for rare categories; better than randomized response for more than about 3 e^epsilon + 2 categories. The coins are
    exact. `adjacency` must be REPLACE.
    """
    relation, loss = replaced(adjacency), positive(epsilon, name="epsilon")
    if kind not in KINDS:
        raise unknown("unary encoding", kind, KINDS)
    truth = coded(values, categories)
    source = Entropy() if source is None else source
    exponent = loss / 2 if kind == "symmetric" else loss
    own = (np.arange(truth.size), truth)
    bits = logistic(exponent, truth.size * categories, source).reshape(truth.size, categories)
    bits[own] = ~bits[own] if kind == "symmetric" else source.bits(truth.size)
    noise = 1 / (1 + math.exp(exponent))
    return Reports(
        reports=tuple(tuple(np.flatnonzero(row).tolist()) for row in bits),
        support=tuple(bits.sum(axis=0).tolist()),
        kept=1 - noise if kind == "symmetric" else 0.5,
        noise=noise,
        event=Event("unary-encoding", relation, epsilon=loss),
        private=source.private,
    )
