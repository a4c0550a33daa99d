"""Owen values of a text: SHAP values of its pieces under a hierarchy of sentences and clauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.local.black_box import BlackBox, black_box
from assay.explain.local.masks import Masks
from assay.explain.local.seeds import generator
from assay.explain.texts.attribution import TextAttributions
from assay.explain.texts.pieces import Branch, Spans, Unit, checked, hierarchy, left, spans_of

METHOD = "partition-shap"
BATCH = 4096
EVALUATIONS = 2048
"""Texts that the model may be asked for to explain one; some 50 pieces are exact with that, 512 the most."""

TOGETHER = 1 << 16
"""Texts that are made and asked for at once."""


@dataclass(frozen=True, eq=False)
class Owen:
    """`values` and Monte-Carlo `errors` (pieces,), `empty` for no piece; coalitions `asked` for, `exact` if all."""

    values: Floats
    errors: Floats
    empty: float
    asked: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Plan:
    """The `coalitions` (coalitions, pieces) whose values are wanted, and what is made of those values."""

    coalitions: Masks
    solve: Callable[[Floats], Owen]


def explain(
    model: Any,
    texts: Sequence[str],
    /,
    *,
    output: str | None = None,
    unit: Unit = "token",
    mask: str = "",
    evaluations: int = EVALUATIONS,
    seed: int = 0,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> TextAttributions:
    """What each token or sentence added to the model's answer, from the text with every one of them left out.

    `model` is a Model that takes a list of texts, or a function of one. What is left out becomes `mask`. The values are
    those of a game whose coalitions respect a hierarchy (`pieces.hierarchy`): Owen values, which sum to output − base.
    They are exact where at most `evaluations` distinct texts are needed, about 0.7·pieces². A longer text gets the mean
    over as many random orders of the hierarchy, each with its reverse, as `evaluations` allow; the sum still holds, and
    `errors` are the standard errors. Texts with pieces left out may be unlike any the model has seen.
    Sources: Owen (1977); Lundberg's PartitionExplainer in shap, whose values these are with the same hierarchy.
    """
    chosen = checked(texts)
    asked = black_box(model, chosen[:1], output=output)
    if evaluations < 16:
        raise AssayError(
            f"{evaluations} evaluations are too few for a text.", code="evaluations", hint="2048 are usual."
        )
    spans = [spans_of(text, unit=unit) for text in chosen]
    outputs = asked(chosen, batch=batch)
    found = _solved(asked, chosen, spans, mask=mask, evaluations=evaluations, seed=seed, batch=batch, progress=progress)
    return TextAttributions(
        METHOD,
        tuple(chosen),
        tuple(spans),
        tuple(each.values for each in found),
        np.array([each.empty for each in found]),
        outputs,
        target=asked.name,
        scale=asked.scale,
        errors=tuple(each.errors for each in found),
        facts={
            "evaluations": np.array([float(each.asked) for each in found]),
            "exact": np.array([float(each.exact) for each in found]),
        },
        settings={"unit": unit, "mask": mask, "evaluations": evaluations, "seed": seed},
    )


def _solved(
    asked: BlackBox,
    texts: Sequence[str],
    spans: Sequence[Spans],
    *,
    mask: str,
    evaluations: int,
    seed: int,
    batch: int,
    progress: Progress | None,
) -> list[Owen]:
    """The Owen values of each text, as many texts at once as keep a few thousand variants in memory."""
    found: list[Owen] = []
    if progress is not None:
        progress.started(METHOD, total=len(texts))
    size = max(1, TOGETHER // evaluations)
    for start in range(0, len(texts), size):
        block = range(start, min(start + size, len(texts)))
        trees = [hierarchy(texts[i], spans[i]) for i in block]
        seeds = [generator(texts[i].encode("utf-8", "surrogatepass"), seed) for i in block]
        plans = [plan(tree, rng, evaluations=evaluations) for tree, rng in zip(trees, seeds, strict=True)]
        made = [left(texts[i], spans[i], each.coalitions, mask=mask) for i, each in zip(block, plans, strict=True)]
        answers = asked([text for texts_of in made for text in texts_of], batch=batch)
        cuts = np.cumsum([len(each.coalitions) for each in plans])[:-1]
        found += [each.solve(part) for each, part in zip(plans, np.split(answers, cuts), strict=True)]
        if progress is not None:
            progress.advanced(METHOD, done=len(found))
    if progress is not None:
        progress.ended(METHOD)
    return found


def plan(tree: Branch, rng: np.random.Generator, /, *, evaluations: int = EVALUATIONS) -> Plan:
    """How to get the Owen values of the leaves of `tree`: all coalitions that they need, or those of random orders.

    A leaf's value is the mean of what it adds over all sets of the branches beside its way to the root: Owen (1977),
    with two halves at each level.
    """
    count = tree.end - tree.start
    if not count:
        return Plan(
            np.zeros((1, 0), dtype=bool), lambda values: Owen(np.zeros(0), np.zeros(0), float(values[0]), 1, True)
        )
    ways = dict(tree.siblings())
    # A quick bound before masks are made: neighbours share coalitions, but of these contexts most are distinct.
    if sum(1 << len(way) for way in ways.values()) <= 2 * evaluations:
        without, places = _contexts(ways, count)
        coalitions, back = _distinct(without, places)
        if len(coalitions) <= evaluations:
            return Plan(coalitions, lambda values: _exact(values, coalitions, back, places))
    least = 4 * (count - 1) + 2
    if least > evaluations:
        raise AssayError(
            f"A text of {count:,} pieces needs {least:,} evaluations or more; {evaluations:,} are allowed.",
            code="evaluations",
            hint="Explain its sentences (level sentence), cut it, or give evaluations=.",
        )
    return _sampled(tree, count, rng, evaluations)


def _exact(values: Floats, coalitions: Masks, back: NDArray[np.int64], places: NDArray[np.int64]) -> Owen:
    added = values[back[len(places) :]] - values[back[: len(places)]]
    means = np.bincount(places, weights=added) / np.bincount(places)
    empty = float(values[~coalitions.any(axis=1)][0])
    return Owen(means, np.zeros(len(means)), empty, len(coalitions), True)


def _contexts(ways: dict[int, tuple[tuple[int, int], ...]], count: int) -> tuple[Masks, NDArray[np.int64]]:
    """Each set of branches beside each leaf's way: masks without the leaf, and the leaf of each."""
    masks, places = [], []
    for place, way in ways.items():
        bits = (np.arange(1 << len(way))[:, None] >> np.arange(len(way))) & 1
        kept = np.zeros((len(bits), count), dtype=bool)
        for level, (start, end) in enumerate(way):
            kept[:, start:end] = bits[:, level, None] == 1
        masks.append(kept)
        places.append(np.full(len(bits), place))
    return np.concatenate(masks), np.concatenate(places)


def _distinct(without: Masks, places: NDArray[np.int64]) -> tuple[Masks, NDArray[np.int64]]:
    """The distinct coalitions, and where in them each context stands, first all without their leaf, then all with."""
    together = without.copy()
    together[np.arange(len(places)), places] = True
    packed, back = np.unique(np.packbits(np.concatenate([without, together]), axis=1), axis=0, return_inverse=True)
    coalitions = np.unpackbits(packed, axis=1, count=without.shape[1]).astype(bool)
    return coalitions, back.ravel()


def _sampled(tree: Branch, count: int, rng: np.random.Generator, evaluations: int) -> Plan:
    """Means over random orders of the hierarchy and their reverses; the empty and the whole text are shared."""
    pairs = max(2, (evaluations - 2) // (2 * max(1, count - 1)))
    orders = np.array([_order(tree, rng) for _ in range(pairs)])
    both = np.concatenate([orders, orders[:, ::-1]])
    ranks = both.argsort(axis=1)
    kept = ranks[:, None, :] < np.arange(1, count)[None, :, None]
    ends = np.array([np.zeros(count, dtype=bool), np.ones(count, dtype=bool)])
    coalitions = np.concatenate([ends, kept.reshape(-1, count)])
    return Plan(coalitions, lambda values: _mean_order(values, ranks))


def _mean_order(values: Floats, ranks: NDArray[np.int64]) -> Owen:
    """The values from those of the empty and the whole text and of all steps of each order, whose reverses follow."""
    many, count = ranks.shape
    steps = np.empty((many, count + 1))
    steps[:, 0], steps[:, -1] = values[0], values[1]
    steps[:, 1:-1] = values[2:].reshape(many, count - 1)
    added = np.take_along_axis(np.diff(steps, axis=1), ranks, axis=1)
    paired = (added[: many // 2] + added[many // 2 :]) / 2
    errors = paired.std(axis=0, ddof=1) / np.sqrt(len(paired))
    return Owen(paired.mean(axis=0), errors, float(values[0]), len(values), False)


def _order(tree: Branch, rng: np.random.Generator) -> list[int]:
    """The leaves in an order that keeps each branch together, either half first with probability ½."""
    if not tree.halves:
        return [tree.start]
    parts = [_order(half, rng) for half in tree.halves]
    return parts[0] + parts[1] if rng.random() < 0.5 else parts[1] + parts[0]
