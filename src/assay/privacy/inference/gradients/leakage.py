"""How much of its examples a shared gradient gives away, by the size of the batch, clipping and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Interval, Share
from assay.core.part import Part
from assay.privacy.inference.gradients.learner import Learner, Shared, share
from assay.privacy.membership.answers import Codes, Floats
from assay.stats.rates import wilson

RECOVERED = 0.05
"""Relative error below which an example counts as recovered."""

GradientAttack = Callable[[Shared], Floats]


@dataclass(frozen=True, slots=True)
class Leak:
    """What an attack rebuilt of `n` examples in batches of `batch`, clipped to `clip` and noised by `noise` times that.

    `relative_error` is the median over examples of |rebuilt − true| / |true|, `psnr` the median peak signal-to-noise
    ratio in dB, whose peak is the range of all examples; `blind_error` is the relative error of the mean of all
    examples, which needs no gradient. `recovered` is the share within RECOVERED.
    """

    batch: int
    clip: float | None
    noise: float
    n: int
    relative_error: float
    blind_error: float
    psnr: float
    recovered: float
    interval: Interval


def own_gradient_attacks() -> dict[str, Part[GradientAttack]]:
    """The attacks on gradients of this area by id."""
    from assay.privacy.attacks import gradient_reconstruction

    return {thing.id: thing for thing in vars(gradient_reconstruction).values() if isinstance(thing, Part)}


def leakage(
    learner: Learner,
    x: Floats,
    labels: Codes,
    /,
    *,
    attack: GradientAttack,
    batches: Sequence[int] = (1, 2, 4, 8),
    clip: float | None = None,
    noise: float = 0.0,
    examples: int = 32,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Leak, ...]:
    """A Leak for every size of batch: gradients of batches drawn from `x` (rows, …), and what `attack` makes of them.

    At most `examples` examples of each size are attacked. Every true example is compared with the candidate nearest to
    it, which flatters the attack where it gives many candidates. Batches are drawn without replacement, so that no
    example is there twice.
    """
    x, found = np.asarray(x, dtype=np.float64), []
    for batch in batches:
        rng = np.random.default_rng([seed, 32, batch])
        order = rng.permutation(len(x))[: max(batch, examples // batch * batch)]
        errors, blind, ratios = [], [], []
        for start in range(0, len(order) - batch + 1, batch):
            mine = order[start : start + batch]
            given = share(
                *(learner, x[mine], labels[mine]),
                clip=clip,
                noise=noise,
                mean=float(x.mean()),
                spread=float(x.std()),
                seed=seed + start,
            )
            rebuilt = nearest(attack(given), x[mine])
            errors.append(relative_error(rebuilt, x[mine]))
            blind.append(relative_error(np.broadcast_to(x.mean(axis=0), x[mine].shape), x[mine]))
            ratios.append(psnr(rebuilt, x[mine], peak=float(np.ptp(x))))
        parts = (np.concatenate(part) for part in (errors, blind, ratios))
        found.append(_leak(batch, (clip, noise), *parts, level=level))
    return tuple(found)


def nearest(candidates: Floats, truth: Floats, /) -> Floats:
    """(examples, …) the candidate nearest to each true example; zeros where there is none."""
    if not len(candidates):
        return np.zeros(truth.shape)
    a, b = truth.reshape(len(truth), -1), candidates.reshape(len(candidates), -1)
    squares = ((a[:, None, :] - b[None]) ** 2).sum(axis=2)
    return np.asarray(candidates[squares.argmin(axis=1)])


def relative_error(rebuilt: Floats, truth: Floats, /) -> Floats:
    """(examples,) |rebuilt − true| / |true|, Euclidean; an example of zeros is taken to have norm 1."""
    a, b = rebuilt.reshape(len(truth), -1), truth.reshape(len(truth), -1)
    norms = np.linalg.norm(b, axis=1)
    return np.asarray(np.linalg.norm(a - b, axis=1) / np.where(norms > 0, norms, 1.0))


def psnr(rebuilt: Floats, truth: Floats, /, *, peak: float) -> Floats:
    """(examples,) 10 log10(peak² / mean squared error) in dB, at most 200."""
    errors = ((rebuilt - truth).reshape(len(truth), -1) ** 2).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(peak, 1e-300) ** 2 / np.maximum(errors, peak**2 * 1e-20)))


def _leak(
    batch: int, private: tuple[float | None, float], errors: Floats, blind: Floats, ratios: Floats, *, level: float
) -> Leak:
    n, hits = len(errors), float((errors < RECOVERED).sum())
    interval = wilson(Share(hits, n, n, n), level=level)
    medians = (float(np.median(errors)), float(np.median(blind)), float(np.median(ratios)))
    return Leak(batch, *private, n, *medians, hits / n, interval)
