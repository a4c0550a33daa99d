"""Gradients averaged over noise or over a background, with the Monte-Carlo error of the average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.network import Network, batch_size
from assay.explain.deep.result import Found

Meaning = Literal["added", "slopes"]


@dataclass(frozen=True, eq=False)
class Average:
    """The mean (rows, ...) of samples, its standard error, and `whole` (rows,), the standard error of their sum."""

    mean: Floats
    errors: Floats
    whole: Floats


def smooth_grad(
    network: Network,
    inputs: Floats,
    baseline: Floats,
    noise: Floats,
    /,
    *,
    samples: int,
    seed: int,
    meaning: Meaning,
    progress: Progress | None = None,
) -> Found:
    """The gradient at each input, averaged over `samples` normal draws around it; `noise` is their standard deviation.

    `noise` has the shape of one input. `meaning` "slopes": the averaged gradient itself, in units of the target by unit
    of the input; "added": times (input − baseline), what a straight line of that slope would have added. Neither sums
    to the output, and `base` is the answer at the baseline. All inputs share the draws, so that a row's values do not
    depend on the rows beside it. Source: Smilkov, Thorat, Kim, Viégas & Wattenberg (2017), arXiv 1706.03825, section 3.
    """
    checked_samples(samples)
    draws = np.random.default_rng(seed)
    way = inputs - baseline if meaning == "added" else np.ones(())

    def slopes(count: int, rows: slice) -> Floats:
        around = noise * draws.standard_normal((count, *inputs.shape[1:]))
        points = (inputs[rows] + around[:, None]).reshape(-1, *inputs.shape[1:])
        found = network.gradients(points).reshape(count, -1, *inputs.shape[1:])
        return found * (way[rows] if way.ndim else way)

    found = averaged(slopes, inputs.shape, samples=samples, draws=draws, method="smooth-grad", progress=progress)
    return Found(
        "smooth-grad",
        found.mean,
        network.evaluate(np.broadcast_to(baseline, inputs.shape)),
        network.evaluate(inputs),
        errors=found.errors,
        settings={"samples": samples, "seed": seed, "meaning": meaning},
    )


def gradient_shap(
    network: Network,
    inputs: Floats,
    background: Floats,
    /,
    *,
    samples: int,
    seed: int,
    progress: Progress | None = None,
) -> Found:
    """Expected gradients: integrated gradients averaged over baselines drawn from the background.

    The mean of (x − x′)·∇f(x′ + α(x − x′)) over `samples` draws of a background row x′ and α uniform in (0, 1), shared
    by all inputs. `base` is the mean answer over the whole background; the values sum to output − base in expectation,
    and `facts["sum_error"]` is the standard error of their sum. Without added noise.
    Source: Erion, Janizek, Sturmfels, Lundberg & Lee (2021), Nature Machine Intelligence 3:620, equation 3.
    """
    checked_samples(samples)
    draws = np.random.default_rng(seed)

    def steps(count: int, rows: slice) -> Floats:
        # One call a sample, so that a draw does not depend on how many fit into a batch.
        chosen, shares = zip(*((draws.integers(len(background)), draws.random()) for _ in range(count)), strict=True)
        start = background[list(chosen)][:, None]
        way = inputs[rows] - start
        share = np.reshape(shares, (count,) + (1,) * (way.ndim - 1))
        found = network.gradients((start + share * way).reshape(-1, *inputs.shape[1:]))
        return np.asarray(way * found.reshape(way.shape))

    found = averaged(steps, inputs.shape, samples=samples, draws=draws, method="gradient-shap", progress=progress)
    base = float(network.evaluate(background).mean())
    return Found(
        "gradient-shap",
        found.mean,
        np.full(len(inputs), base),
        network.evaluate(inputs),
        errors=found.errors,
        facts={"sum_error": found.whole},
        settings={"samples": samples, "seed": seed, "background": len(background)},
    )


def averaged(
    draw: Callable[[int, slice], Floats],
    shape: tuple[int, ...],
    /,
    *,
    samples: int,
    draws: np.random.Generator,
    method: str,
    progress: Progress | None,
) -> Average:
    """The Average of `samples` of `draw(count, rows)` (count, rows, ...); every slice of rows gets the same draws."""
    size = batch_size(shape)
    state = draws.bit_generator.state
    parts = []
    if progress is not None:
        progress.started(method, total=shape[0])
    for i in range(0, shape[0], size):
        draws.bit_generator.state = state
        rows = slice(i, min(i + size, shape[0]))
        parts.append(_average(draw, rows, samples, max(1, size // (rows.stop - rows.start))))
        if progress is not None:
            progress.advanced(method, done=rows.stop)
    if progress is not None:
        progress.ended(method)
    return Average(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "errors", "whole")))


def _average(draw: Callable[[int, slice], Floats], rows: slice, samples: int, block: int) -> Average:
    """Welford's running mean and squares, a block of samples at a time (Chan, Golub & LeVeque 1979)."""
    done = 0
    mean, squares, totals = np.zeros(()), np.zeros(()), []
    while done < samples:
        count = min(block, samples - done)
        found = draw(count, rows)
        totals.append(found.reshape(*found.shape[:2], -1).sum(axis=2))
        here = found.mean(axis=0)
        shift = here - mean
        squares = squares + ((found - here) ** 2).sum(axis=0) + shift**2 * done * count / (done + count)
        mean = mean + shift * count / (done + count)
        done += count
    sums = np.concatenate(totals)
    return Average(mean, np.sqrt(squares / (samples - 1) / samples), sums.std(axis=0, ddof=1) / np.sqrt(samples))


def checked_samples(samples: int, /) -> None:
    """A mean of one sample has no error."""
    if samples < 2:
        raise AssayError("One sample has no error.", code="samples", hint="Give samples from 2.")
