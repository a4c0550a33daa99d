"""An image cut into superpixels: compact patches of one colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Floats

Segments = NDArray[np.int64]
WHITE = np.array([0.95047, 1.0, 1.08883])
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])  # noqa: E501  # fmt: skip
"""sRGB to XYZ under D65, IEC 61966-2-1."""


def slic(image: NDArray[np.uint8], /, *, patches: int = 60, compactness: float = 10.0, rounds: int = 10) -> Segments:
    """(height, width) the place of each pixel's superpixel, numbered from 0; each is connected.

    `image` is (height, width), grey, or (height, width, 3), sRGB. k-means in CIELAB and place, where a centre only sees
    the square of twice its spacing; `compactness` weighs place against colour. About `patches` come out. Pieces cut off
    from their superpixel join the nearest one.
    Source: Achanta et al. (2012), SLIC superpixels compared to state-of-the-art superpixel methods, IEEE TPAMI 34:2274.
    """
    colours = lab(image)
    height, width = colours.shape[:2]
    if patches < 1 or rounds < 1 or not compactness > 0:
        raise AssayError("SLIC needs patches, rounds and a compactness above 0.", code="superpixels")
    step = max(1.0, float(np.sqrt(height * width / patches)))
    ys, xs = (_grid(size, step) for size in (height, width))
    centres = np.array([[*colours[int(y), int(x)], y, x] for y in ys for x in xs])
    pixels = np.concatenate([colours, *(axis[..., None] for axis in np.mgrid[:height, :width])], axis=2)
    scale = np.array([1.0, 1.0, 1.0, *[compactness / step] * 2])
    for _ in range(rounds):
        labels = _assigned(pixels * scale, centres * scale, centres[:, 3:], step)
        centres = _means(pixels.reshape(-1, 5), labels.ravel(), centres)
    return _connected(labels)


def lab(image: NDArray[np.uint8], /) -> Floats:
    """(height, width, 3) CIELAB of an sRGB or grey image of bytes."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise AssayError(
            f"An image is (height, width) or (height, width, 3) bytes, not {image.shape} of {image.dtype}.",
            code="image",
            hint="Give uint8 arrays, grey or RGB.",
        )
    rgb = (np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image) / 255.0
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ TO_XYZ.T / WHITE
    bent = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2)


def _grid(size: int, step: float) -> Floats:
    count = max(1, round(size / step))
    return (np.arange(count) + 0.5) * size / count


def _assigned(pixels: Floats, centres: Floats, places: Floats, step: float) -> Segments:
    """The nearest centre of each pixel, among those whose window it lies in."""
    height, width = pixels.shape[:2]
    best = np.full((height, width), np.inf)
    labels = np.full((height, width), -1, dtype=np.int64)
    reach = 2 * step
    for k, (y, x) in enumerate(places):
        window = (
            slice(max(0, int(y - reach)), min(height, int(y + reach) + 1)),
            slice(max(0, int(x - reach)), min(width, int(x + reach) + 1)),
        )
        distance = ((pixels[window] - centres[k]) ** 2).sum(axis=2)
        nearer = distance < best[window]
        best[window][nearer] = distance[nearer]
        labels[window][nearer] = k
    return labels


def _means(pixels: Floats, labels: Segments, centres: Floats) -> Floats:
    known = labels >= 0
    counts = np.bincount(labels[known], minlength=len(centres))
    sums = [np.bincount(labels[known], pixels[known, i], minlength=len(centres)) for i in range(pixels.shape[1])]
    means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, means, centres)


def _connected(labels: Segments) -> Segments:
    """Each label's largest piece keeps its pixels; the others join the nearest kept pixel, until all are connected."""
    from scipy.ndimage import distance_transform_edt, find_objects, label

    while True:
        kept = np.zeros(labels.shape, dtype=bool)
        for place, window in enumerate(find_objects(labels + 1)):
            if window is not None:
                pieces, _ = label(labels[window] == place)
                kept[window] |= pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
        if kept.all():
            break
        nearest = distance_transform_edt(~kept, return_distances=False, return_indices=True)
        labels = labels[tuple(nearest)]
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
