"""What methods by gradients find, for tensors of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.deep.network import Network
from assay.explain.target import Scale


@dataclass(frozen=True, eq=False)
class Found:
    """`values` (rows, ...) of a `method`, its `base` and the `outputs` (rows,); the rest as in `TensorAttributions`."""

    method: str
    values: Floats
    base: Floats
    outputs: Floats
    errors: Floats | None = None
    additive: bool = False
    tolerance: Floats | None = None
    facts: Mapping[str, Floats] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TensorAttributions:
    """`values` (rows, ...), one for each number of the input or of a layer, from `base` (rows,) to `outputs` (rows,).

    `errors` are Monte-Carlo standard errors of sampled values. `additive` says that base and values sum to the output
    within `tolerance` (rows,) on every row. `origin` says what the inputs were compared with, `facts` are further
    numbers a row (steps), `settings` repeat the call.
    """

    method: str
    values: Floats
    base: Floats
    outputs: Floats
    target: str
    scale: Scale
    origin: str
    errors: Floats | None = None
    additive: bool = False
    tolerance: Floats | None = None
    facts: Mapping[str, Floats] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def residual(self) -> Floats:
        """(rows,) output − base − Σ values: what the explanation leaves unexplained."""
        return np.asarray(self.outputs - self.base - self.values.reshape(len(self), -1).sum(axis=1))

    @property
    def holds(self) -> NDArray[np.bool_]:
        """(rows,) True where base + Σ = output within 1e-6·(1 + Σ|φ|) and the tolerance."""
        slack = 1e-6 * (1 + np.abs(self.values).reshape(len(self), -1).sum(axis=1))
        return np.asarray(np.abs(self.residual) <= slack + (0.0 if self.tolerance is None else self.tolerance))

    def heat(self, row: int = 0, /) -> Floats:
        """(height, width) the values of an image (channels, height, width), summed over its channels."""
        if not 0 <= row < len(self):
            raise AssayError(
                f"There is no explained row {row}.", code="row", hint=f"They are numbered from 0 to {len(self) - 1}."
            )
        if self.values.ndim not in (3, 4):
            raise AssayError(
                f"Values of shape {self.values.shape} are no images.",
                code="shape",
                hint="Expected (rows, channels, height, width) or (rows, height, width).",
            )
        values = self.values[row]
        return values if values.ndim == 2 else np.asarray(values.sum(axis=0))

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        rows = []
        for i in range(len(self)):
            row: dict[str, Any] = {
                "base": float(self.base[i]),
                "output": float(self.outputs[i]),
                "residual": float(self.residual[i]),
                "added": self.values[i].tolist(),
            }
            if self.errors is not None:
                row["standard_errors"] = self.errors[i].tolist()
            rows.append(row | {name: float(value[i]) for name, value in self.facts.items()})
        words = {"method": self.method, "target": self.target, "scale": self.scale, "origin": self.origin}
        return words | {"rows": rows, "settings": dict(self.settings)}


def tensor_attributions(found: Found, network: Network, origin: str, /) -> TensorAttributions:
    """What was found, with the words of the network."""
    return TensorAttributions(
        found.method,
        found.values,
        found.base,
        found.outputs,
        target=network.target,
        scale=network.scale,
        origin=origin,
        errors=found.errors,
        additive=found.additive,
        tolerance=found.tolerance,
        facts=found.facts,
        settings=found.settings,
    )
