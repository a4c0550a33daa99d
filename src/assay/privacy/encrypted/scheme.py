"""The parameters of the encryption, which are public and never chosen by a message, and contexts made from them.

CKKS (Cheon, Kim, Kim & Song, ASIACRYPT 2017) over polynomials of 8,192 coefficients with a modulus of 218 bits, the
most that has 128 bits of security at that size (Homomorphic Encryption Standard, 2018, table 1). One multiplication by
a plain number is all that a linear model needs: nothing is rescaled, and nobody is sent keys for rotation or
relinearisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from assay.core.errors import AssayError, MissingExtra, unknown
from assay.models.structure.ensemble import SCALES, Scale

DEGREE = 8192
SLOTS = DEGREE // 2
"""Numbers in one ciphertext: as many rows as are scored at once."""

MODULUS_BITS = (60, 60, 38, 60)
"""Sizes of the primes; the last serves key generation alone, so a ciphertext has 158 bits."""

PRECISION = 60
"""Bits behind the point, of a feature and of a weight; a score has twice as many."""

LARGEST_SCORE = 2.0**36
"""Scores beyond 2^(158 − 120 − 1) would wrap around; models that could reach half of that are refused."""

LARGEST_FRESH_NOISE = 21
"""No coefficient of the noise of a fresh ciphertext is larger (SEAL 4: centered binomial of 21 pairs of bits)."""

MOST_FEATURES = 4096
MOST_OUTPUTS = 1024


@dataclass(frozen=True, slots=True)
class ScoringTerms:
    """What the two sides agree on before anything is encrypted; all of it is public.

    `features` and `outputs` of the model, whose outputs are on `scale` (log-odds, value, …); no feature may be larger
    than `largest` in absolute value; for no output do the absolute weights and the intercept add up to more than
    `weight_sum`.
    """

    features: int
    outputs: int
    scale: Scale
    largest: float
    weight_sum: float

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise unknown("scale", self.scale, SCALES)
        if not (1 <= self.features <= MOST_FEATURES and 1 <= self.outputs <= MOST_OUTPUTS):
            raise AssayError(
                f"{self.features} features and {self.outputs} outputs cannot be scored encrypted.",
                code="terms",
                hint=f"From 1 to {MOST_FEATURES:,} features and {MOST_OUTPUTS:,} outputs.",
            )
        if not (
            math.isfinite(self.largest) and math.isfinite(self.weight_sum) and min(self.largest, self.weight_sum) > 0
        ):
            raise AssayError("The largest feature and the sum of the weights are numbers above 0.", code="terms")
        if self.largest_score > LARGEST_SCORE:
            raise AssayError(
                f"A score could reach {self.largest_score:.3g}, and more than {LARGEST_SCORE:.3g} would wrap around.",
                code="terms",
                hint="Standardise the features, or state a smaller bound for them.",
            )

    @property
    def largest_score(self) -> float:
        """No score is larger in absolute value; the intercept is the weight of a feature that is always 1."""
        return max(1.0, self.largest) * self.weight_sum

    def to_json(self) -> dict[str, Any]:
        """The terms as JSON types, with the number of the format."""
        return {"format": 1, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> ScoringTerms:
        """The ScoringTerms that `to_json` wrote."""
        match data:
            case {
                "format": 1,
                "features": int(features),
                "outputs": int(outputs),
                "scale": str(scale),
                "largest": int() | float() as largest,
                "weight_sum": int() | float() as weight_sum,
            }:
                return cls(features, outputs, scale, float(largest), float(weight_sum))  # type: ignore[arg-type]
        raise AssayError("These are no terms of encrypted scoring.", code="terms", hint="Give what the server states.")


def tenseal() -> ModuleType:
    """The library; an error that names the extra where it is not installed."""
    try:
        import tenseal as library
    except ImportError:
        raise MissingExtra("Scoring encrypted rows", extra="he") from None
    found: ModuleType = library
    return found


def secret_context() -> Any:
    """A new secret key, from the operating system's random numbers, with the parameters of this module."""
    library = tenseal()
    made = library.context(
        library.SCHEME_TYPE.CKKS,
        DEGREE,
        coeff_mod_bit_sizes=list(MODULUS_BITS),
        encryption_type=library.ENCRYPTION_TYPE.SYMMETRIC,
        n_threads=1,
    )
    made.global_scale = 2.0**PRECISION
    return plainly(made)


def public_context() -> Any:
    """The parameters alone: it holds no key of any kind, and so can neither encrypt nor decrypt."""
    return plainly(tenseal().context_from(context_bytes(secret_context(), secret=False), n_threads=1))


def plainly(context: Any, /) -> Any:
    """The context, which from now on does nothing by itself: no rescaling, no switching of moduli."""
    context.auto_rescale = context.auto_relin = context.auto_mod_switch = False
    return context


def context_bytes(context: Any, /, *, secret: bool) -> bytes:
    """The parameters, with the secret key where that is asked for."""
    found: bytes = context.serialize(
        save_secret_key=secret, save_public_key=False, save_galois_keys=False, save_relin_keys=False
    )
    return found
