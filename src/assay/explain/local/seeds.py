"""Random numbers that belong to what is explained, not to its place in a request."""

from __future__ import annotations

import hashlib

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Columns, Floats


def generator(content: bytes, seed: int, /) -> np.random.Generator:
    """The Generator of one row, text or image: the same for the same content and seed, alone or among others."""
    if seed < 0:
        raise AssayError(f"A seed is a whole number from 0, not {seed}.", code="seed", hint="Give such a number.")
    digest = np.frombuffer(hashlib.sha256(content).digest()[:16], dtype=np.uint32)
    return np.random.default_rng([seed, *digest.tolist()])


def content_of(columns: Columns, row: Floats, /) -> bytes:
    """The bytes of a row of `columns`: its numbers and the names of its categories, whatever their codes are."""
    parts = []
    for column, value in zip(columns.columns, row, strict=True):
        shown = column.show(float(value)) if column.kind == "category" else float(value + 0.0).hex()
        parts.append(f"{column.name!r}:{shown!r}")
    return "\n".join(parts).encode("utf-8", "surrogatepass")
