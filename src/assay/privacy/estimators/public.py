"""What an estimator must be told because the data may not say it: bounds, and which classes there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.noise.entropy import Entropy, insecure_seeded

Classes = Sequence[Any] | Literal["public"] | None
LEVELS = 1 << 10
"""A number becomes one of 2 · LEVELS + 1 integers between its bounds, so that sums are exact."""


@dataclass(frozen=True)
class Box:
    """Public bounds of columns: `low` and `high`, (columns,) each."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """Halfway between the bounds."""
        return self.low + self.half

    @property
    def half(self) -> NDArray[np.float64]:
        """Half the distance of the bounds."""
        return (self.high - self.low) / 2

    def scaled(self, x: NDArray[np.float64], /) -> NDArray[np.float64]:
        """(rows, columns) in [−1, 1]; what lies beyond the bounds is moved to them."""
        inside = (np.clip(x, self.low, self.high) - self.middle) / self.half
        return np.asarray(np.clip(inside, -1.0, 1.0))

    def steps(self, x: NDArray[np.float64], /) -> NDArray[np.int64]:
        """The same as integers in [−LEVELS, LEVELS]."""
        return np.asarray(np.rint(self.scaled(x) * LEVELS), dtype=np.int64)


def box(bounds: Any, /, *, columns: int, name: str = "bounds") -> Box:
    """`bounds` (low, high), each one number or one for each column; AssayError "bounds" where there are none.

    They are never taken from the data: the smallest and the largest value are those of single people.
    """
    if bounds is None:
        raise AssayError(
            f"{name} must be given: the data may not say them.",
            code="bounds",
            hint=f"Give what is publicly known: {name}=(low, high), numbers or one for each column.",
        )
    try:
        low, high = (np.broadcast_to(np.asarray(side, dtype=np.float64), (columns,)) for side in bounds)
    except (TypeError, ValueError) as error:
        raise AssayError(
            f"{name} are not a low and a high for each of {columns} columns.", code="bounds", hint=f"{name}=(low, high)"
        ) from error
    with np.errstate(over="ignore"):
        fine = np.isfinite(low) & np.isfinite(high) & (low < high) & np.isfinite(high - low)
    if not fine.all():
        raise AssayError(f"{name} must be finite, the low below the high.", code="bounds", hint=f"{name}=(0, 1)")
    return Box(low, high)


def known_classes(given: Classes, labels: NDArray[Any], /) -> NDArray[Any]:
    """The classes, sorted: those given, or 0 and 1; those that occur where `given` is "public".

    That a class occurs at all may be true of one person only, so classes are not read off the labels unless the caller
    says that they are publicly known. Labels beside 0 and 1 without named classes are an AssayError "classes".
    """
    if isinstance(given, str) and given != "public":
        raise AssayError(f"classes {given!r} are no list.", code="classes", hint='Give a list, or "public".')
    if given is not None:
        found = np.unique(labels if isinstance(given, str) else np.asarray(given))
        if len(found) < 2:
            raise AssayError("A classifier needs two classes or more.", code="classes", hint="List all of them.")
        return found
    if labels.dtype.kind in "biuf" and np.isin(labels, (0, 1)).all():
        return np.array([False, True]) if labels.dtype.kind == "b" else np.array([0, 1], dtype=labels.dtype)
    raise AssayError(
        "Labels other than 0 and 1 need classes=: the data may not say which there are.",
        code="classes",
        hint='Give classes=[...], or classes="public" where the labels that occur are publicly known.',
    )


def codes_of(labels: NDArray[Any], classes: NDArray[Any], /) -> NDArray[np.int64]:
    """(rows,) places in `classes`; −1 for a label that is none of them: such a row counts for nothing."""
    places = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    return np.where(classes[places] == labels, places, -1).astype(np.int64)


def source_of(insecure_seed: int | None, /) -> Entropy:
    """The operating system, or a seed under a name that says it is insecure."""
    return Entropy() if insecure_seed is None else insecure_seeded(insecure_seed)
