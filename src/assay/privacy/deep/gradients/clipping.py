"""The sum of clipped gradients: what one unit can change of it is bounded by the clipping norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

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


@torch.no_grad()
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
