"""One byte form for each record, so that equal facts have equal digests on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

FLOAT_DIGITS = 10
"""Significant digits kept when a float is digested: enough to tell measures apart, few enough that
the last bits of a linear-algebra library do not change an id."""


def rounded(value: float, /) -> float:
    """`value` to `FLOAT_DIGITS` significant digits, without negative zero."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no canonical form: absence is a value with a reason")
    near = float(f"{value:.{FLOAT_DIGITS - 1}e}")
    return (near if math.isfinite(near) else value) + 0.0  # the largest doubles would round up to infinity


def plain(value: Any, /) -> Any:
    """`value` as JSON types only: tuples become lists, sets sorted lists, floats are rounded."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a canonical object has text keys, not {key!r}")
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def canonical_json(value: Any, /) -> bytes:
    """The one UTF-8 JSON text of `value`: sorted keys, no spaces, floats rounded, NaN refused."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: Any, /) -> str:
    """SHA-256 of the canonical JSON of `value`, as `sha256:` and 64 hexadecimal digits."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes, /) -> str:
    """SHA-256 of `data`, as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
