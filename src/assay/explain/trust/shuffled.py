"""Whether an explanation of a torch network depends on what the network learned: its weights in a random order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.trust.randomisation import Compared, compared


@dataclass(frozen=True, eq=False)
class Cascaded:
    """Explanations of a network compared with themselves under another seed, and with those of shuffled weights.

    `layers` are (layer, rank correlation with signs of each row (rows,)) after all layers down to it were shuffled, the
    last layer first. `shuffled` is about the network with all of them shuffled. `size` (rows,) is Σ|φ|.
    """

    size: Floats
    reseeded: Compared
    shuffled: Compared
    layers: tuple[tuple[str, Floats], ...]


def is_network(model: Any, /) -> bool:
    """True for a torch network in this process."""
    return getattr(model, "module", None) is not None and bool(getattr(model, "form", ""))


def shuffled_layers(question: Question, explain: Callable[[Question], Attributions], /, *, seed: int = 0) -> Cascaded:
    """The Cascaded explanations of a question about a torch network; see `deep.randomisation.cascade`.

    The network itself stays as it is. Raises AssayError where it has no parameters. Source: Adebayo et al. (2018),
    "Sanity checks for saliency maps", NeurIPS, section 3.1, with the weights permuted.
    """
    from assay.explain.deep.randomisation import cascade

    seen: list[Floats] = []

    def kept(about: Question) -> Attributions:
        found = explain(about)
        seen.append(found.values)
        return found

    layers = cascade(question, kept, seed=seed)
    first, last = seen[0], seen[-1]
    again = explain(replace(question, seed=question.seed + 1)).values
    return Cascaded(
        np.abs(first).sum(axis=1),
        compared(first, [again]),
        compared(first, [last]),
        tuple((each.layer, each.spearman) for each in layers),
    )
