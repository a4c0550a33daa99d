"""How much the answer changes where a window of the input is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.deep.network import Network, attempt, batch_size, captum_methods, numbers
from assay.explain.deep.result import Found

METHOD = "occlusion"


def occlusion(
    network: Network,
    inputs: Floats,
    baseline: Floats,
    /,
    *,
    window: Sequence[int],
    stride: Sequence[int],
    progress: Progress | None = None,
) -> Found:
    """Output − output with a window at the baseline, for every place of the window; where windows overlap, the mean.

    `window` and `stride` have one number for each dimension of an input after the rows; the last window of a dimension
    is cut where it goes over the edge. Values of windows do not sum to the output: the residual is reported.
    Source: Zeiler & Fergus (2014), section 4.2; computed by Captum.
    """
    shape = inputs.shape[1:]
    _checked(shape, window, stride)
    size = max(1, batch_size(inputs.shape) // 16)
    method = captum_methods().Occlusion(network.answers)
    if progress is not None:
        progress.started(METHOD, total=len(inputs))
    parts = []
    with network.within():
        start = network.tensor(np.broadcast_to(baseline, inputs.shape))
        for i in range(0, len(inputs), size):
            some = network.tensor(inputs[i : i + size])
            parts.append(numbers(_covered(method, some, start[i : i + size], window, stride), what="answers"))
            if progress is not None:
                progress.advanced(METHOD, done=i + len(some))
    if progress is not None:
        progress.ended(METHOD)
    return Found(
        METHOD,
        np.concatenate(parts),
        network.evaluate(np.broadcast_to(baseline, inputs.shape)),
        network.evaluate(inputs),
        settings={"window": list(window), "stride": list(stride)},
    )


def _covered(method: Any, inputs: Any, start: Any, window: Sequence[int], stride: Sequence[int]) -> Any:
    at_once = max(1, batch_size(tuple(inputs.shape)) // len(inputs))
    return attempt(
        lambda: method.attribute(
            inputs,
            sliding_window_shapes=tuple(window),
            strides=tuple(stride),
            baselines=start,
            perturbations_per_eval=at_once,
        )
    )


def _checked(shape: tuple[int, ...], window: Sequence[int], stride: Sequence[int]) -> None:
    fits = len(window) == len(stride) == len(shape)
    if not fits or not all(1 <= s <= w <= n for s, w, n in zip(stride, window, shape, strict=True)):
        raise AssayError(
            f"A window {tuple(window)} with stride {tuple(stride)} does not cover inputs of shape {shape}.",
            code="window",
            hint="Give one number for each dimension: 1 ≤ stride ≤ window ≤ size.",
        )
