"""The built-in policy, policies from files, and the check that a policy names only what exists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assay.core.check import Check
from assay.core.errors import AssayError, unknown
from assay.core.policy import Policy

DEFAULT = Path(__file__).with_name("default_policy.toml")


@cache
def default_policy() -> Policy:
    """The policy used where none is given; its file explains every line."""
    return Policy.from_toml(DEFAULT.read_text(encoding="utf-8"), where="the built-in policy")


def read_policy(path: Path | str, /) -> Policy:
    """The policy in a TOML file; "default" is the built-in one."""
    if str(path) == "default":
        return default_policy()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AssayError(
            f"The policy {str(path)!r} cannot be read: {error}.",
            code="policy",
            hint="`assay policy show` prints the built-in one to start from.",
        ) from None
    return Policy.from_toml(text, where=str(path))


def known_ids(
    policy: Policy, params: Mapping[str, Mapping[str, Any]], checks: Mapping[str, Check[Any, Any]], /
) -> None:
    """Raise for a check id in `policy` or `params` that is not installed; the error lists the known ones."""
    named = [item.partition(":")[0] for item in policy.required] + [item.check for item in policy.limits]
    for id in (*named, *params):
        if id not in checks:
            raise unknown("check", id, checks, code="unknown-check")
