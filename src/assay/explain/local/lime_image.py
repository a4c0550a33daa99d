"""LIME for images: superpixels painted over, all images predicted together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.local.black_box import BlackBox, black_box
from assay.explain.local.images.attribution import ImageAttributions
from assay.explain.local.images.superpixels import Segments, slic
from assay.explain.local.masks import Fitted, fit_masks, gathered, halves, rounded
from assay.explain.local.seeds import generator

Bytes = NDArray[np.uint8]
METHOD = "lime"
WIDTH = 0.25
"""Kernel width on cosine distances, as in `lime`."""


def explain(
    model: Any,
    images: Bytes,
    /,
    *,
    output: str | None = None,
    segments: Sequence[Segments] | None = None,
    patches: int = 60,
    fill: int | None = None,
    samples: int = 1000,
    kernel_width: float = WIDTH,
    ridge: float = 1.0,
    seed: int = 0,
    batch: int = 256,
    progress: Progress | None = None,
) -> ImageAttributions:
    """What each superpixel adds to a linear model fitted to the answers for the image with half of them painted over.

    `images` are (images, height, width, 3) or (images, height, width) bytes; `model` is a Model that takes such arrays,
    or a function of one. Patches are those of `segments`, else of SLIC. A patch left out becomes its mean colour, or
    `fill` (0 to 255). `base` is the local model's answer with every patch left out, `residual` what it misses of the
    model's own. Facts, errors and seeds as in `local.tabular.lime`. The model is asked for samples + 1 images an image,
    in batches of `batch`, which is also what is held in memory at once.
    Source: Ribeiro, Singh & Guestrin (2016), section 3.3.
    """
    _check(images, segments, fill)
    asked, total = black_box(model, images[:1], output=output), rounded(samples)
    cut = [slic(image, patches=patches) for image in images] if segments is None else list(segments)
    cut = [np.unique(labels, return_inverse=True)[1].reshape(labels.shape) for labels in cut]
    outputs = asked(images, batch=batch)
    masks = [_masks(image, labels, total, seed) for image, labels in zip(images, cut, strict=True)]
    answers = _answers(asked, images, cut, masks, fill, batch, progress).reshape(len(images), total)
    fits = [
        fit_masks(kept, found, kernel_width=kernel_width, ridge=ridge, whole=float(outputs[i]))
        for i, (kept, found) in enumerate(zip(masks, answers, strict=True))
    ]
    return _attributions(fits, cut, asked, outputs, {"samples": total, "fill": fill, "ridge": ridge, "seed": seed})


def _attributions(
    fits: list[Fitted], cut: list[Segments], asked: BlackBox, outputs: Floats, settings: dict[str, Any]
) -> ImageAttributions:
    return ImageAttributions(
        METHOD,
        tuple(cut),
        tuple(fit.values for fit in fits),
        np.array([fit.base for fit in fits]),
        outputs,
        target=asked.name,
        scale=asked.scale,
        errors=tuple(fit.errors for fit in fits),
        additive=False,
        facts=gathered(fits),
        settings=settings,
    )


def _check(images: Bytes, segments: Sequence[Segments] | None, fill: int | None) -> None:
    right = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not right or not len(images):
        raise AssayError(
            f"Images are (images, height, width, 3) or (images, height, width) bytes, not {images.shape} of "
            f"{images.dtype}.",
            code="image",
            hint="Give a uint8 array, one or more images, and scale them inside the model's function.",
        )
    if segments is not None and [labels.shape for labels in segments] != [images.shape[1:3]] * len(images):
        raise AssayError("Each image needs segments of its height and width.", code="superpixels")
    if fill is not None and not 0 <= fill <= 255:
        raise AssayError(f"{fill} is no colour.", code="fill", hint="Give 0 to 255, or nothing for mean colours.")


def _masks(image: Bytes, labels: Segments, samples: int, seed: int) -> NDArray[np.bool_]:
    return halves(int(labels.max()) + 1, samples, generator(image.tobytes(), seed))


def _answers(
    asked: BlackBox,
    images: Bytes,
    cut: list[Segments],
    masks: list[NDArray[np.bool_]],
    fill: int | None,
    batch: int,
    progress: Progress | None,
) -> Floats:
    """(images · samples,) the answers for each image with the patches that are left out painted over."""
    painted = [_painted(image, labels, fill) for image, labels in zip(images, cut, strict=True)]
    samples = len(masks[0])
    total = len(images) * samples
    if progress is not None:
        progress.started(METHOD, total=total)
    out = np.empty(total)
    for start in range(0, total, batch):
        wanted = range(start, min(start + batch, total))
        made = np.empty((len(wanted), *images.shape[1:]), dtype=np.uint8)
        for k, (i, j) in enumerate(divmod(place, samples) for place in wanted):
            kept = masks[i][j][cut[i]]
            made[k] = np.where(kept[..., None] if images.ndim == 4 else kept, images[i], painted[i])
        out[wanted.start : wanted.stop] = asked(made, batch=batch)
        if progress is not None:
            progress.advanced(METHOD, done=wanted.stop)
    if progress is not None:
        progress.ended(METHOD)
    return out


def _painted(image: Bytes, labels: Segments, fill: int | None) -> Bytes:
    """The image with every patch in its mean colour, or in `fill`."""
    if fill is not None:
        return np.full_like(image, fill)
    flat, places = image.reshape(labels.size, -1), labels.ravel()
    sums = np.stack([np.bincount(places, flat[:, c]) for c in range(flat.shape[1])], axis=1)
    means = np.rint(sums / np.bincount(places)[:, None]).astype(np.uint8)
    return np.asarray(means[places].reshape(image.shape))
