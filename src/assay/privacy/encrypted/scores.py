"""Decrypted scores: for the holder of the key as they are, for anybody else only under noise that hides the key.

A decrypted CKKS number holds a little noise that depends on the secret key. Whoever made or saw the ciphertext and gets
the number can compute the key from it (Li & Micciancio, EUROCRYPT 2021). So a score that leaves the holder is flooded:
noise is added that is larger by far than any trace of the key.
"""

from __future__ import annotations

import math
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.encrypted.scheme import DEGREE, LARGEST_FRESH_NOISE, PRECISION, ScoringTerms
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.gaussian import DiscreteGaussian
from assay.privacy.noise.lattice import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DECODING = 2.0**-45
"""Relative error, in the Euclidean norm, of reading a ciphertext out in double precision, twice over: a transform of
8,192 points errs by less than 128 · 2^-53 (Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2)."""


class Sharing:
    """How many replies may be shared flooded (`left`), so that all together reveal the key to nobody.

    With `bits` b, what others see of the shared scores is within statistical distance 2^-b of what they would see if
    decryption were exact and told nothing of the key. The divergence of each is at most t²/(2σ²) for key-dependent
    errors of norm t (Canonne, Kamath & Steinke 2020, proposition 5), divergences add up, and Pinsker's inequality
    bounds the distance by √shares · t / (2σ), which σ = 2^(b−1) · t · √shares makes 2^-b. That is so for replies that
    were computed as agreed: a server that sends other ciphertexts can make the errors larger than t.
    """

    def __init__(self, *, shares: int, bits: int) -> None:
        if shares < 0 or not 8 <= bits <= 64:
            raise AssayError(f"shares is {shares} and bits {bits}; expected 0 or more, and 8 to 64.", code="shares")
        self.shares, self.left, self.bits = shares, shares, bits
        self._lock = Lock()

    def take(self) -> None:
        """One share is used up; an error where none is left."""
        with self._lock:
            if self.left < 1:
                raise AssayError(
                    f"All {self.shares} shares of this key are used up."
                    if self.shares
                    else "The scores of this key are for its holder alone.",
                    code="shares",
                    hint="Decide at the start how many replies will be shared: ScoringClient(terms, shares=10)",
                )
            self.left -= 1

    def error_bound(self, terms: ScoringTerms, rows: int, blocks: int) -> float:
        """Euclidean norm that the key-dependent part of one reply's scores stays under, whatever was encrypted.

        Fresh noise of at most LARGEST_FRESH_NOISE a coefficient, in every ciphertext and through every weight, and the
        rounding of the read-out.
        """
        fresh = terms.weight_sum * DEGREE * LARGEST_FRESH_NOISE / math.sqrt(2) / 2.0**PRECISION
        read_out = _DECODING * terms.largest_score * math.sqrt(rows)
        return (1 + 2.0**-20) * math.sqrt(terms.outputs) * (math.sqrt(blocks) * fresh + read_out)


class Scores:
    """The decrypted scores of the rows of one request. They show themselves to nobody who does not ask by name."""

    __slots__ = ("_blocks", "_sharing", "_terms", "_values")

    def __init__(self, values: NDArray[np.float64], /, *, terms: ScoringTerms, blocks: int, sharing: Sharing) -> None:
        self._values, self._terms, self._blocks, self._sharing = values, terms, blocks, sharing

    def __repr__(self) -> str:
        return f"<Scores: {len(self._values)} rows, {self._terms.outputs} outputs>"

    def __reduce__(self) -> NoReturn:
        raise AssayError(
            "Decrypted scores do not travel: whoever computed them could find the key.",
            code="shares",
            hint="Send what `shared()` gives.",
        )

    def __copy__(self) -> NoReturn:
        self.__reduce__()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__reduce__()

    def for_holder(self) -> NDArray[np.float64]:
        """(rows, outputs) scores on the scale of the terms, for the holder of the key alone.

        Never send these, nor what is computed from them to many digits, to the server or to anybody who may see the
        ciphertexts: use `shared()`.
        """
        return self._values.copy()

    @property
    def noise(self) -> float:
        """Standard deviation of the noise in what `shared()` gives."""
        bound = self._sharing.error_bound(self._terms, len(self._values), self._blocks)
        return 2.0**self._sharing.bits * bound * math.sqrt(max(1, self._sharing.shares))

    def shared(self) -> NDArray[np.float64]:
        """(rows, outputs) scores that others may see, the server too: each with independent noise of sd `noise`.

        Discrete Gaussian noise on a lattice, from the operating system's random numbers; uses up one share of the key,
        also when the same scores are shared again.
        """
        self._sharing.take()
        # A step of the lattice is so small that rounding to it no more than doubles the bound on the error.
        step = Fraction(self._sharing.error_bound(self._terms, len(self._values), self._blocks)) / math.isqrt(
            4 * self._values.size
        )
        sigma = Fraction(self.noise) / step
        noise = DiscreteGaussian(sigma * sigma).sample(self._values.size, Entropy())
        places = rounded(self._values.ravel().tolist(), step)
        noisy = [float(step * (place + int(extra))) for place, extra in zip(places, noise, strict=True)]
        return np.array(noisy).reshape(self._values.shape)
