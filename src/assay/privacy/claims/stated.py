"""A Claim read from the statement beside a private model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.audit import Claim

LARGEST = 1_000_000
"""Bytes that a statement may have."""


def stated_claim(path: str, /) -> Claim:
    """The Claim in the file at `path`: a statement.json, or what `assay privacy statement --json` printed."""
    try:
        with Path(path).open("rb") as stream:
            data: Any = json.loads(stream.read(LARGEST))
    except OSError as error:
        raise AssayError(f"The statement {path} cannot be read: {error.strerror}.", code="statement") from None
    except (ValueError, RecursionError):
        raise _strange(path) from None
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    if not isinstance(data, dict) or not isinstance(plan := data.get("plan"), dict):
        raise _strange(path)
    epsilon, delta = data.get("epsilon"), data.get("delta")
    if not isinstance(epsilon, float) or not isinstance(delta, float):
        raise _strange(path)
    return Claim(Plan.from_json(plan), epsilon, delta)


def _strange(path: str) -> AssayError:
    return AssayError(
        f"The file {path} states no epsilon of a plan at a delta.",
        code="statement",
        hint="Give the statement.json beside a private model, or what `assay privacy statement --json` printed.",
    )
