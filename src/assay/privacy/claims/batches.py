"""Whether a step clips every gradient, and whether chance chooses its batch as claimed."""

from __future__ import annotations

import math

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.claims.evidence import LEVEL, Evidence, absent
from assay.privacy.claims.noise import PARAMETERS
from assay.privacy.claims.trainee import Floats, Trainee, along, dense_direction, released

HUGE = 1000.0
"""Length, in clipping norms, of the gradients that must be clipped."""

SHORT = 0.99
"""Length of the gradients that need no clipping."""

FEWEST, MOST = 100, 4000
"""Steps that are looked at."""


def batch_evidence(trainee: Trainee, plan: Plan, /) -> list[Evidence]:
    """Tests with gradients that all point one way: a step then releases the size of its batch, with its noise.

    Gradients of SHORT clipping norms tell how many examples were in each batch, gradients of HUGE ones whether they
    count no more. Where the claim counts on no chance, one HUGE gradient among zeros must not count more than once (or
    as often as a custom sampler may repeat it).
    """
    if plan.microbatched:
        return [absent("clipped_length", "microbatches", "the gradients of microbatches cannot be chosen from outside")]
    steps = steps_needed(plan)
    if plan.sampling in (Sampling.EACH_ONCE, Sampling.CUSTOM):
        return [_alone(trainee, plan, steps)]
    sizes = _sizes(trainee, plan, SHORT, steps)
    clipped = _sizes(trainee, plan, HUGE, steps)
    return [_rate(sizes, plan), _dispersion(sizes, plan), _clip(clipped, sizes, plan)]


def steps_needed(plan: Plan, /) -> int:
    """Steps after which a batch of fixed size, or one of twice the rate, is told from the claimed with near certainty.

    The variance of the released size is that of the batch, v, and of the noise, s². A variance ratio of (v + s²) / s²
    shows in the chi-square of 2 (8 (v + s²) / v)² steps, a mean twice as large sooner.
    """
    variance = plan.batch * (1 - plan.sampling_rate)
    noise = (plan.noise_multiplier / SHORT) ** 2
    seen = 2 * (8 * (variance + noise) / variance) ** 2 if variance > 0 else FEWEST
    mean = 64 * (variance + noise) / plan.batch**2
    return math.ceil(min(max(seen, mean, FEWEST), MOST))


def _sizes(trainee: Trainee, plan: Plan, length: float, steps: int) -> Floats:
    """(steps,) released sums along the direction, in what one example may count."""
    direction = dense_direction(PARAMETERS)
    lengths = np.full(plan.examples, length * plan.max_grad_norm)
    found: Floats = released(trainee, along(direction, lengths), steps=steps) @ direction
    return found / (min(length, 1.0) * plan.max_grad_norm)


def _noise(plan: Plan) -> float:
    return plan.noise_multiplier / SHORT


def _rate(sizes: Floats, plan: Plan) -> Evidence:
    """The sum of all batch sizes is binomial, the sum of their noises normal: an exact two-sided test.

    A FIXED plan has batches of one size: then only the noise is by chance.
    """
    from scipy.stats import norm

    steps, total = len(sizes), float(sizes.sum())
    trials = steps * plan.examples
    fixed = plan.sampling is Sampling.FIXED
    sd_noise = _noise(plan) * math.sqrt(steps)
    if fixed:
        p = 2 * float(norm.sf(abs(total - steps * plan.batch) / sd_noise))
    else:
        p = _binomial_with_noise(total, trials=trials, rate=plan.sampling_rate, sd=sd_noise)
    estimate = total / trials
    share = min(max(estimate, 0.0), 1.0)
    sd = math.sqrt(sd_noise**2 + (0 if fixed else trials * share * (1 - share))) / trials
    reach = float(norm.isf((1 - LEVEL) / 2)) * sd
    ratio = estimate / plan.sampling_rate
    return Evidence(
        "sampling_rate_ratio",
        ratio,
        trials,
        "normal test" if fixed else "exact test of a binomial number with normal noise",
        p_value=p,
        interval=Interval(ratio - reach / plan.sampling_rate, ratio + reach / plan.sampling_rate, LEVEL, "normal"),
        says=Message(
            "privacy.claim.rate",
            "an example counts in a batch with probability {found:.4g}, claimed is {claimed:.4g}: draw each by a coin "
            "of its own, clip each by itself, and divide by the public batch size",
            {"found": share, "claimed": plan.sampling_rate},
        ),
    )


def _binomial_with_noise(total: float, *, trials: int, rate: float, sd: float) -> float:
    """Two-sided p-value of `total` as binomial plus N(0, sd²), by summing over the binomial."""
    from scipy.stats import binom, norm

    if rate >= 1:
        return 2 * float(norm.sf(abs(total - trials) / sd))
    middle, reach = trials * rate, 12 * math.sqrt(trials * rate * (1 - rate)) + 40
    counts = np.arange(max(0, math.floor(middle - reach)), min(trials, math.ceil(middle + reach)) + 1)
    shares = binom.pmf(counts, trials, rate)
    below = float(shares @ norm.cdf((total - counts) / sd))
    above = float(shares @ norm.sf((total - counts) / sd))
    return min(1.0, 2 * min(below, above))


def _dispersion(sizes: Floats, plan: Plan) -> Evidence:
    """The squared distances of batch sizes from the claimed mean, against a scaled chi-square of the same moments.

    Under Poisson sampling a size has variance nq(1−q) besides its noise; batches of one size have none, coins that fall
    together have more. Two-sided.
    """
    from scipy.stats import chi2

    rate, s2 = plan.sampling_rate, _noise(plan) ** 2
    v = 0.0 if plan.sampling is Sampling.FIXED else plan.batch * (1 - rate)
    fourth = _fourth(plan.examples, rate, v)
    spread = fourth + 6 * v * s2 + 3 * s2**2 - (v + s2) ** 2
    steps = len(sizes)
    freedom = 2 * steps * (v + s2) ** 2 / spread
    seen = float(((sizes - plan.batch) ** 2).sum()) / (v + s2)
    scaled = seen * freedom / steps
    p = min(1.0, 2 * min(float(chi2.cdf(scaled, freedom)), float(chi2.sf(scaled, freedom))))
    return Evidence(
        "batch_variance_ratio",
        seen / steps,
        steps,
        "scaled chi-square test of two moments",
        p_value=p,
        says=Message(
            "privacy.claim.dispersion",
            "the sizes of batches vary {ratio:.3g} times as much as the claimed sampling does: shuffled batches are no "
            "Poisson sampling, nor is a sum that is divided by the size of the batch drawn",
            {"ratio": seen / steps},
        ),
    )


def _fourth(trials: int, rate: float, variance: float) -> float:
    """The fourth central moment of a binomial number; 0 where nothing is by chance."""
    return variance * (1 + (3 * trials - 6) * rate * (1 - rate)) if variance else 0.0


def _clip(clipped: Floats, sizes: Floats, plan: Plan) -> Evidence:
    """HUGE gradients must add up like SHORT ones: Student's test of the differences, two-sided."""
    from scipy.stats import t as student

    differences = clipped - sizes
    steps, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(steps)
    p = 2 * float(student.sf(abs(mean) / error, steps - 1)) if error > 0 else float(mean == 0)
    reach = float(student.isf((1 - LEVEL) / 2, steps - 1)) * error
    claimed = max(float(sizes.mean()), plan.batch / steps)
    length = 1 + mean / claimed
    return Evidence(
        "clipped_length",
        length,
        steps,
        "Student's test of what long gradients add beyond short ones",
        p_value=p,
        interval=Interval(length - reach / claimed, length + reach / claimed, LEVEL, "Student"),
        says=_unclipped(length),
    )


def _alone(trainee: Trainee, plan: Plan, steps: int) -> Evidence:
    """One HUGE gradient among zeros counts at most `repeats` clipping norms a step: a one-sided normal test."""
    from scipy.stats import norm

    direction = dense_direction(PARAMETERS)
    lengths = np.zeros(plan.examples)
    lengths[0] = HUGE * plan.max_grad_norm
    sums = released(trainee, along(direction, lengths), steps=steps) @ direction / plan.max_grad_norm
    error = plan.noise_multiplier / math.sqrt(steps)
    length = float(sums.mean()) / plan.repeats
    reach = float(norm.isf((1 - LEVEL) / 2)) * error / plan.repeats
    return Evidence(
        "clipped_length",
        length,
        steps,
        "normal test of the largest mean that a clipped gradient can have",
        p_value=float(norm.sf((float(sums.mean()) - plan.repeats) / error)),
        interval=Interval(length - reach, length + reach, LEVEL, "normal"),
        says=_unclipped(length),
    )


def _unclipped(length: float) -> Message:
    text = (
        "a gradient that should count one clipping norm counts {length:.4g}: clip that of each example, over all "
        "parameters together, before they are added"
    )
    return Message("privacy.claim.clip", text, {"length": length})
