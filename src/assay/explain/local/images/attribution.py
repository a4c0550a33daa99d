"""How much each superpixel of an image added to the model's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.local.images.superpixels import Segments
from assay.explain.target import Scale


@dataclass(frozen=True, eq=False)
class ImageAttributions:
    """`values[i]` (patches,): what each patch of image i added to `outputs` (images,), from `base` (images,) on.

    `segments[i]` (height, width) is the place of each pixel's patch. The rest as in `explain.attribution.Attributions`,
    with one array an image where there is one number a patch.
    """

    method: str
    segments: tuple[Segments, ...]
    values: tuple[Floats, ...]
    base: Floats
    outputs: Floats
    target: str
    scale: Scale
    errors: tuple[Floats, ...] | None = None
    additive: bool = True
    facts: Mapping[str, Floats] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def residual(self) -> Floats:
        """(images,) output − base − Σ values: what the explanation leaves unexplained."""
        return np.asarray(self.outputs - self.base - np.array([values.sum() for values in self.values]))

    def heat(self, image: int = 0, /) -> Floats:
        """(height, width) the value of each pixel's patch, for an overlay."""
        if not 0 <= image < len(self):
            raise AssayError(
                f"There is no explained image {image}.",
                code="image",
                hint=f"They are numbered from 0 to {len(self) - 1}.",
            )
        return np.asarray(self.values[image][self.segments[image]])

    def top(self, image: int = 0, /, *, count: int = 5) -> list[tuple[int, float]]:
        """(place of the patch, what it added) of one image, the largest first."""
        self.heat(image)
        order = np.argsort(-np.abs(self.values[image]), kind="stable")[:count]
        return [(int(i), float(self.values[image][i])) for i in order]

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types, each patch with its number of pixels, its middle (y, x) and what it added."""
        return {
            "method": self.method,
            "target": self.target,
            "scale": self.scale,
            "images": [_image_json(self, i) for i in range(len(self))],
            "settings": dict(self.settings),
        }


def _image_json(found: ImageAttributions, i: int) -> dict[str, Any]:
    labels = found.segments[i]
    sizes = np.bincount(labels.ravel(), minlength=len(found.values[i]))
    rows, columns = np.indices(labels.shape)
    middles = [np.bincount(labels.ravel(), axis.ravel()) / sizes for axis in (rows, columns)]
    patches = []
    for k, value in enumerate(found.values[i].tolist()):
        patch = {"pixels": int(sizes[k]), "y": float(middles[0][k]), "x": float(middles[1][k]), "added": value}
        if found.errors is not None:
            patch["standard_error"] = float(found.errors[i][k])
        patches.append(patch)
    return {
        "height": int(labels.shape[0]),
        "width": int(labels.shape[1]),
        "base": float(found.base[i]),
        "output": float(found.outputs[i]),
        "residual": float(found.residual[i]),
        "patches": patches,
    } | {name: float(value[i]) for name, value in found.facts.items()}
