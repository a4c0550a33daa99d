"""Who spends from a ledger."""

from __future__ import annotations

import getpass

from assay.core.errors import AssayError


def asker(given: str | None, /) -> str:
    """The name that was given, else the name of the user that the system knows."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AssayError("The system names no user.", code="usage", hint="Say who spends: --who NAME") from None
