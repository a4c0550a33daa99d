"""The sum of clipped gradients: what one unit can change of it is bounded by the clipping norm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from assay.core.errors import AssayError
from assay.privacy.deep.gradients.factors import RowGradient, Whole

Found = Mapping[nn.Parameter, Sequence[RowGradient]]

MARGIN = 1e-5
"""Relative: rounding in a norm of floats does not lift a clipped gradient above the bound."""


@dataclass(frozen=True, slots=True)
class Clipped:
    """`sums` by parameter, of the gradients of `count` things; `unclipped` were within the norm, `bad` not finite."""

    sums: Mapping[nn.Parameter, Tensor]
    count: int
    unclipped: int
    bad: int


def clipped_sum(found: Found, /, *, norm: float, groups: Tensor | None = None, mean: bool = False) -> Clipped:
    """The sum over rows of their gradients, each scaled down to `norm` over all parameters together.

    With `groups` (rows,), whole numbers from 0, the gradients of each group are added first (their mean taken, with
    `mean`) and the sum or mean is what is clipped: the rows of one person, or of a microbatch. A gradient that is not
    finite is zero: what it belongs to adds nothing, and its neighbours are as they were.
    """
    if groups is not None:
        found = {p: [_grouped(rows, groups, mean=mean)] for p, (rows,) in found.items()}
    squares = torch.stack([gradient.squares().double() for (gradient,) in found.values()]).sum(0)
    bad = ~torch.isfinite(squares)
    norms = squares.masked_fill(bad, 0).sqrt()
    factors = (norm / (norms * (1 + MARGIN))).clamp(max=1)  # a norm of 0 gives infinity, and that 1
    factors[bad] = 0
    any_bad = bool(bad.any())
    sums = {
        p: (gradient.without(bad) if any_bad else gradient).weighted(factors).reshape(p.shape).to(p.dtype)
        for p, (gradient,) in found.items()
    }
    within = (norms <= norm) & ~bad
    return Clipped(sums, len(factors), int(within.sum()), int(bad.sum()))


def _grouped(gradient: RowGradient, groups: Tensor, *, mean: bool) -> RowGradient:
    rows = gradient.whole()
    groups = groups.to(rows.device)
    many = int(groups.max()) + 1
    added = rows.new_zeros(many, *rows.shape[1:]).index_add_(0, groups, rows)
    if mean:
        sizes = torch.bincount(groups, minlength=many).clamp(min=1).to(rows.dtype)
        added /= sizes.reshape(-1, *[1] * (added.dim() - 1))
    return Whole(added)


def normal_like(tensor: Tensor, generator: np.random.Generator, /, *, sd: float) -> Tensor:
    """Independent normal numbers of standard deviation `sd`, in the shape, type and place of `tensor`.

    Drawn by numpy and not by torch, whose generator on a CPU keeps 32 bits of its seed: few enough to try them all.
    """
    drawn = torch.from_numpy(np.asarray(generator.standard_normal(tuple(tensor.shape))))
    return (drawn * sd).to(device=tensor.device, dtype=tensor.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveClipping:
    """A clipping norm that moves to the `quantile` of the norms, which is itself noisy and paid for.

    After each step, norm ← norm · exp(−`rate` (b̃ − quantile)), where b̃ is the share of gradients within the norm: the
    sum of (within − 1/2), whose sensitivity is 1/2, with Gaussian noise of standard deviation `count_noise`, divided by
    the expected batch, plus 1/2 (Andrew, Thakkar, McMahan & Ramaswamy 2021, arXiv 1905.03871, algorithm 1). Taking
    off the half is what makes theorem 1 hold; Opacus 1.6 counts without it, which has twice the sensitivity that it
    accounts for, and divides by the realised batch, which nobody may know. `count_noise` None is a twentieth of
    the expected batch.
    """

    quantile: float = 0.5
    rate: float = 0.2
    count_noise: float | None = None
    smallest: float = 1e-4
    largest: float = 1e4

    def __post_init__(self) -> None:
        fine = 0 < self.quantile < 1 and self.rate > 0 and 0 < self.smallest < self.largest < math.inf
        if not (fine and (self.count_noise is None or 0 < self.count_noise < math.inf)):
            raise AssayError(
                "Adaptive clipping needs a quantile between 0 and 1, a rate and a noise above 0.",
                code="plan",
                hint="AdaptiveClipping() has the usual numbers.",
            )

    def noise_on_count(self, batch: int, /) -> float:
        """Standard deviation of the noise on the count of gradients within the norm."""
        return batch / 20 if self.count_noise is None else self.count_noise

    def moved(self, norm: float, /, *, noisy_count: float, batch: int) -> float:
        """The next norm, from the noisy sum of (within − 1/2)."""
        share = noisy_count / batch + 0.5
        return min(max(norm * math.exp(-self.rate * (share - self.quantile)), self.smallest), self.largest)


@dataclass(slots=True)
class LogicalBatch:
    """The clipped sums of the parts of one batch, added up until the batch is whole."""

    sums: dict[nn.Parameter, Tensor] = field(default_factory=dict)
    rows: int = 0
    count: int = 0
    unclipped: int = 0
    bad: int = 0

    def add(self, part: Clipped, /) -> None:
        """Add one part."""
        for parameter, total in part.sums.items():
            self.sums[parameter] = self.sums[parameter] + total if parameter in self.sums else total
        self.count += part.count
        self.unclipped += part.unclipped
        self.bad += part.bad
