"""A clipping norm that follows the gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.core.errors import AssayError


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
