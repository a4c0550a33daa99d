"""Whether a network's answer for a class depends on a concept that people can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.concepts.vectors import FOLDS, vector
from assay.explain.deep.layers import activations, layer_gradients
from assay.explain.deep.network import network_of
from assay.explain.deep.tensors import checked
from assay.stats.families import holm

RUNS = 30
LEAST = 10
"""Runs of a test, at least: so many random concepts stand against each concept."""


@dataclass(frozen=True, eq=False)
class ConceptScore:
    """The TCAV score of one concept: the share of inputs whose answer rises towards it, the mean over runs.

    `scores` (runs,) are those of each run. `p_value` is that of the two-sided test against random concepts, `adjusted`
    Holm's over all concepts of the call. `accuracy` is how well the concept can be told from random examples, held out.
    Where it cannot, or nothing can be tested, there is no score, and `reason` says why.
    """

    concept: str
    score: float | None
    scores: Floats
    accuracy: float
    p_value: float | None = None
    adjusted: float | None = None
    reason: Message | None = None

    def significant(self, *, level: float = 0.05) -> bool:
        """True where the score differs from that of random concepts at this level, over all concepts."""
        return self.adjusted is not None and self.adjusted <= level


@dataclass(frozen=True, eq=False)
class Tcav:
    """A ConceptScore for each concept, and the `random` (runs,) scores of random concepts that they are tested against.

    A score above 0.5 says that the answer `target` rises towards the concept for most inputs, below that it falls.
    """

    layer: str
    target: str
    concepts: tuple[ConceptScore, ...]
    random: Floats
    settings: Mapping[str, Any]


def tcav(
    model: Any,
    inputs: Any,
    /,
    *,
    concepts: Mapping[str, Any],
    random: Any,
    layer: str,
    output: str | int | None = None,
    runs: int = RUNS,
    level: float = 0.05,
    seed: int = 0,
    tokens: bool = False,
    progress: Progress | None = None,
) -> Tcav:
    """Whether the answer for inputs (rows, ...) of a class depends on concepts, each against random examples.

    `concepts` maps names to examples (n, ...), `random` is a pool of examples of anything, at least twice as many as
    the largest concept has. In each of `runs` the concept is told from as many random examples, drawn without
    replacement; random concepts are such draws, told from others. The gradient is that of the logit of the class where
    the model gives logits, else of its own answer. Welch's two-sided t-test compares the scores of the runs; a concept
    that classifiers do not tell apart better than chance (binomial test at `level`) is unmeasured. The runs share the
    concept's examples, so that the test speaks of these examples. Source: Kim et al. (2018), ICML, sections 3.2 to 3.5.
    """
    if runs < LEAST:
        raise AssayError(f"{runs} runs are too few for a test.", code="runs", hint=f"Give runs from {LEAST}.")
    network = network_of(model, output=output, scale="value", tokens=tokens)
    pool = _flat(activations(model, random, layer=layer, tokens=tokens))
    examples = {name: _flat(activations(model, each, layer=layer, tokens=tokens)) for name, each in concepts.items()}
    _enough(examples, len(pool))
    slopes = _flat(layer_gradients(network, checked(inputs, what="inputs"), layer=layer))
    size = max(len(each) for each in examples.values())
    if progress is not None:
        progress.started("tcav", total=len(examples) + 1)
    against = _runs(None, pool, slopes, size=size, runs=runs, seed=seed)
    made = []
    for place, (name, each) in enumerate(examples.items()):
        found = _runs(each, pool, slopes, size=len(each), runs=runs, seed=seed + 1 + place)
        made.append(_score(name, found, against, level))
        if progress is not None:
            progress.advanced("tcav", done=place + 2, note=name)
    if progress is not None:
        progress.ended("tcav")
    settings = {"runs": runs, "level": level, "seed": seed, "random": len(pool), "inputs": len(slopes)}
    return Tcav(layer, network.target, _adjusted(made), against.scores, settings)


@dataclass(frozen=True, eq=False)
class _Runs:
    """(runs,) scores; `right` is the mean number of `held_out` examples of a run that were told apart."""

    scores: Floats
    right: float
    held_out: int


def _runs(concept: Floats | None, pool: Floats, slopes: Floats, *, size: int, runs: int, seed: int) -> _Runs:
    draws = np.random.default_rng([seed, runs])
    scores, right = np.zeros(runs), np.zeros(runs)
    for run in range(runs):
        chosen = draws.choice(len(pool), size if concept is not None else 2 * size, replace=False)
        first = pool[chosen[size:]] if concept is None else concept
        found = vector(first, pool[chosen[:size]], seed=run)
        scores[run] = float((slopes @ found.direction > 0).mean())
        right[run] = found.right
    return _Runs(scores, float(right.mean()), 2 * size)


def _score(name: str, found: _Runs, against: _Runs, level: float) -> ConceptScore:
    from scipy.stats import binomtest, ttest_ind_from_stats

    accuracy = found.right / found.held_out
    told = binomtest(int(found.right), found.held_out, 0.5, alternative="greater").pvalue
    if told > level:
        text = "the concept cannot be told from random examples at this layer ({accuracy:.0%} of {n} held-out examples)"
        params = {"accuracy": accuracy, "n": found.held_out}
        return ConceptScore(name, None, found.scores, accuracy, reason=Message("explain.concepts.chance", text, params))
    if not np.ptp(against.scores) and not np.ptp(found.scores):
        text = "all runs of the concept and all of random concepts have one score each, which cannot be tested"
        return ConceptScore(name, None, found.scores, accuracy, reason=Message("explain.concepts.constant", text, {}))
    ours, theirs = found.scores, against.scores
    sides = float(ours.mean()), float(ours.std(ddof=1)), len(ours)
    others = float(theirs.mean()), float(theirs.std(ddof=1)), len(theirs)
    p_value = float(ttest_ind_from_stats(*sides, *others, equal_var=False).pvalue)
    return ConceptScore(name, float(found.scores.mean()), found.scores, accuracy, p_value)


def _adjusted(found: list[ConceptScore]) -> tuple[ConceptScore, ...]:
    tested = [each.p_value for each in found if each.p_value is not None]
    adjusted = iter(holm(tested) if tested else ())
    return tuple(each if each.p_value is None else replace(each, adjusted=float(next(adjusted))) for each in found)


def _enough(examples: Mapping[str, Floats], pool: int) -> None:
    if not examples:
        raise AssayError("No concept is given.", code="concepts", hint="Give concepts={name: examples}.")
    for name, each in examples.items():
        if len(each) < FOLDS or pool < 2 * len(each):
            raise AssayError(
                f"The concept {name!r} has {len(each)} examples, the random pool {pool}.",
                code="concepts",
                hint=f"Give at least {FOLDS} examples of a concept, and twice as many random ones.",
            )


def _flat(values: Floats) -> Floats:
    return values.reshape(len(values), -1)
