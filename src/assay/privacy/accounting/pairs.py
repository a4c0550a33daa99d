"""The two distributions of one step that are told apart at least as well as those of any neighbouring data sets."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.loss.adjacency import Adjacency


@dataclass(frozen=True, slots=True)
class Pair:
    """N(x, `sd`²) where x follows `upper`, against where it follows `lower`; each maps a shift to its probability.

    One unit is the clipping norm. The `count` answers compose: they are given one after the other. Where `either`, the
    privacy profile at e^ε of at least 1 is that of the pair whichever data set comes first: a dominating profile by
    itself, of no pair of Gaussians.
    """

    sd: float
    upper: dict[float, float]
    lower: dict[float, float]
    count: int
    either: bool = False

    @property
    def certain(self) -> float | None:
        """The shift that happens in every answer against none at all; None where chance decides."""
        (first, *others) = self.upper
        return first if not others and self.lower == ALONE else None

    @property
    def chance(self) -> float | None:
        """The probability of one shift against none at all; None where there is more to it."""
        plain = len(self.upper) <= 2 and self.lower == ALONE and not self.either
        return self.share if plain else None

    @property
    def share(self) -> float:
        """The probability of any shift; not as 1 less that of none, which loses the digits of a small one."""
        return sum(share for shift, share in self.upper.items() if shift)


ALONE = {0.0: 1.0}


def pair_of(plan: Plan, /) -> Pair:
    """The Pair that dominates `plan`, in the units of the noise multiplier.

    Without chance (EACH_ONCE, CUSTOM) it is N(s, σ²) against N(0, σ²) with the most s that a unit can change a sum by:
    its gradients in one batch, doubled where a mean of microbatches is turned round or where a unit is replaced. That
    they may be spread over several batches of an epoch is no worse: Gaussian answers compose by the squares of their
    shifts, and the sum of squares is largest where all are in one.

    With Poisson sampling and ADD_REMOVE, it is Σ p_i N(i s, σ²) against N(0, σ²), where i is binomial in the rows of
    the unit (one row: Abadi and others 2016, arXiv 1607.00133; Mironov, Talwar & Zhang 2019, arXiv 1908.10530;
    several: Choquette-Choo, Ganesh, Haque, Steinke & Thakurta 2023, arXiv 2310.15526). With REPLACE, the second is
    Σ p_i N(−i s, σ²): gradients that point opposite ways (Zhu, Dong & Wang 2022, arXiv 2106.08567).

    FIXED: a batch with the example is, but for one place, a batch without it, so that it lies two clipping norms away
    from one; the data sets share the batches without it. Add or remove: the Poisson pair with twice the shift (Zhu,
    Dong & Wang 2022, on subsets). Replace: the same profile in either direction, by advanced joint convexity (Balle,
    Barthe & Gaboardi 2018, arXiv 1807.01647, theorem 2); it is convex where the two directions meet, and so a profile.
    """
    sd, turned = plan.released_multiplier, 2.0 if plan.microbatched else 1.0
    if plan.sampling in (Sampling.EACH_ONCE, Sampling.CUSTOM) or plan.batch == plan.examples:
        most = plan.together * (2.0 if plan.adjacency is Adjacency.REPLACE else turned)
        return Pair(
            sd, {most: 1.0}, dict(ALONE), plan.passes if plan.sampling is Sampling.EACH_ONCE else plan.total_steps
        )
    fixed, replaced = plan.sampling is Sampling.FIXED, plan.adjacency is Adjacency.REPLACE
    if (fixed or replaced) and plan.together > 1:
        raise AssayError(
            f"There is no bound for {plan.sampling.value} sampling of rows where a {plan.unit!r} has several.",
            code="accountant",
            hint="Sample whole units (no max_rows), use Poisson sampling and add-or-remove, or count on no sampling.",
        )
    if fixed:
        rate = plan.sampling_rate
        return Pair(sd, {0.0: 1 - rate, 2.0: rate}, dict(ALONE), plan.total_steps, either=replaced)
    shifts = {turned * i: p for i, p in _binomial(plan.together, plan.sampling_rate).items()}
    lower = {-shift: p for shift, p in shifts.items()} if replaced else dict(ALONE)
    return Pair(sd, shifts, lower, plan.total_steps)


def _binomial(n: int, rate: float) -> dict[int, float]:
    """The probabilities of 0 … n successes that are above 0."""
    from scipy.stats import binom

    return {i: share for i in range(n + 1) if (share := float(binom.pmf(i, n, rate))) > 0}
