"""Noise is added to probabilities, the same for the same answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.part import part
from assay.core.subject import Model
from assay.privacy.inference.guarded import KIND, Guarded, Undefended
from assay.privacy.membership.answers import FLOOR, Floats

Words = NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)


@part(
    "noisy-outputs",
    kind=KIND,
    title="Noise is added to the log-odds that are shown",
    statement="Noise that is the same for the same answer, so that asking again does not average it away. It is no "
    "differential privacy: the model itself was trained without noise",
)
def noisy_outputs(model: Undefended, /, *, scale: float = 0.5, seed: int = 0) -> Model:
    """Normal noise of standard deviation `scale` on the log of each probability, then they sum to one again.

    The noise is a keyed mix of the bits of the answer, by `seed`, which is to be kept from whoever asks. Labels change
    where the noise outweighs the margin: accuracy is what it costs.
    """
    if not scale > 0:
        raise AssayError(f"Noise of scale {scale:g} is none.", code="parameter", hint="Give a scale above 0.")

    def change(scores: Floats) -> Floats:
        logs = np.log(np.maximum(scores, FLOOR)) + scale * normals_of(scores, seed=seed)
        shown = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shown / shown.sum(axis=1, keepdims=True))

    return Guarded(model.model, change, how=f"noise of {scale:g} on the log-odds")


def normals_of(numbers: Floats, /, *, seed: int) -> Floats:
    """Standard normal numbers of the shape of `numbers`, a function of the bits of each row and the seed."""
    from scipy.special import ndtri

    bits = np.ascontiguousarray(numbers + 0.0).view(np.uint64)
    state = np.full(len(bits), seed % (1 << 64), dtype=np.uint64)
    for column in range(bits.shape[1]):
        state = _mixed(state ^ bits[:, column])
    counter: Words = _ODD * np.arange(1, bits.shape[1] + 1, dtype=np.uint64)
    words = _mixed(np.asarray(state[:, None] + counter, dtype=np.uint64))
    return np.asarray(ndtri((np.right_shift(words, np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53))


def _mixed(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA): every bit of a word depends on all."""
    words = words + _ODD
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))
