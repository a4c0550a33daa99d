"""Scattering features of small grey images: wavelet magnitudes, averaged, of first and second order.

No weight of them was learned, so they cost no privacy. Source: Bruna & Mallat 2013, arXiv 1203.1513; used before a
private linear model by Tramèr & Boneh 2021, arXiv 2011.11660.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

SIZE, PADDED, ANGLES, SCALES = 28, 36, 8, 2
CHANNELS = 1 + SCALES * ANGLES + ANGLES * ANGLES
SIDE = SIZE // 2**SCALES
"""Width of an image, with its mirrored border, and of a map of features: 81 maps of 7 × 7 numbers."""

Array = NDArray[Any]


def scattering(images: Array, /, *, workers: int = 2, together: int = 128) -> Array:
    """(images, 81 · 7 · 7) features in float32 of (images, 28, 28) numbers in [0, 1]."""
    waves = [_folded_bank(scale) for scale in range(SCALES)]
    average = _gaussian(PADDED, deviation=0.8 * 2 ** (SCALES - 1))
    half = average[np.ix_(*[np.r_[0 : PADDED // 4, 3 * PADDED // 4 : PADDED]] * 2)].astype(np.float32)
    found = np.empty((len(images), CHANNELS, SIDE, SIDE), np.float32)
    with scipy.fft.set_workers(workers):
        for start in range(0, len(images), together):
            part = slice(start, start + together)
            found[part] = _transform(images[part].astype(np.float32), waves, average.astype(np.float32), half)
    return found.reshape(len(images), -1)


def normalised(features: Array, /, *, groups: int = 27) -> Array:
    """Each image's features with mean 0 and deviation 1 in each group of maps, then norm 1: no other image counts."""
    blocks = features.reshape(len(features), groups, -1)
    blocks = blocks - blocks.mean(axis=2, keepdims=True)
    blocks /= blocks.std(axis=2, keepdims=True) + 1e-5
    flat: Array = blocks.reshape(len(features), -1)
    flat /= math.sqrt(flat.shape[1])
    return flat


def _transform(images: Array, waves: list[Array], average: Array, half: Array) -> Array:
    """One batch: the average, the averages of |x ∗ ψ|, and those of ||x ∗ ψ₀| ∗ ψ₁| for each pair of angles."""
    border = (PADDED - SIZE) // 2
    plane = scipy.fft.fft2(np.pad(images, ((0, 0), (border, border), (border, border)), mode="reflect"))[:, None]
    fine = scipy.fft.fft2(np.abs(scipy.fft.ifft2(plane * waves[0])))
    coarse = np.abs(scipy.fft.ifft2(_every(plane * waves[1], 2)))
    maps = [_every(plane * average, 4), _every(fine * average, 4), _every(scipy.fft.fft2(coarse) * half, 2)]
    for angle in range(ANGLES):
        second = np.abs(scipy.fft.ifft2(_every(fine[:, angle : angle + 1] * waves[1], 2)))
        maps.append(_every(scipy.fft.fft2(second) * half, 2))
    kept = slice(border // 4, border // 4 + SIDE)
    return scipy.fft.ifft2(np.concatenate(maps, axis=1)).real[:, :, kept, kept]


def _every(spectrum: Array, step: int) -> Array:
    """The spectrum of every `step`-th number along both axes: the spectrum folded onto itself."""
    side = spectrum.shape[-1] // step
    return spectrum.reshape(*spectrum.shape[:-2], step, side, step, side).mean(axis=(-4, -2))


def _folded_bank(scale: int) -> Array:
    """(angles, side, side) spectra of Morlet wavelets: Gabor functions less the Gaussian that makes their sum 0."""
    found = []
    for angle in np.arange(ANGLES) * math.pi / ANGLES:
        shape = {"deviation": 0.8 * 2**scale, "angle": float(angle), "slant": 4 / ANGLES}
        wave = _gaussian(PADDED, centre=0.75 * math.pi / 2**scale, **shape)
        envelope = _gaussian(PADDED, **shape)
        found.append(wave - envelope * wave[0, 0] / envelope[0, 0])
    return np.stack(found).astype(np.float32)


def _gaussian(side: int, *, deviation: float, angle: float = 0.0, centre: float = 0.0, slant: float = 1.0) -> Array:
    """The spectrum of a Gaussian window of a periodic plane, moved by `centre` along `angle`; `slant` stretches it."""
    total = np.zeros((side, side))
    base = 2 * math.pi * np.fft.fftfreq(side)
    for row in range(-2, 3):
        for column in range(-2, 3):
            x, y = np.meshgrid(base + 2 * math.pi * row, base + 2 * math.pi * column, indexing="ij")
            along = math.cos(angle) * x + math.sin(angle) * y - centre
            across = math.cos(angle) * y - math.sin(angle) * x
            total += np.exp(-0.5 * deviation**2 * (along**2 + (across / slant) ** 2))
    return total
