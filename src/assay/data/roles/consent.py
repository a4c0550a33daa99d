"""Consent: whose rows a model may be trained on, and for what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError
from assay.data.roles.given import Roles
from assay.data.roles.observed import TRUE

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = re.compile(r"[;,|]")
"""What stands between the purposes of one row."""


def consents(column: pa.ChunkedArray, /, *, purpose: str | None) -> list[bool]:
    """For each row, whether it may be trained on: a missing value is no consent.

    Without a purpose the column says true or 1; with one it lists purposes (`credit; research`), compared without
    regard to case and to spaces around them, and true, or an asterisk, is no consent to a purpose that is not named.
    """
    return [_agrees(value, purpose) for value in column.to_pylist()]


def _agrees(value: Any, purpose: str | None) -> bool:
    if value is None:
        return False
    if purpose is None:
        return value is True or value == 1 or str(value) in TRUE
    given = value if isinstance(value, (list, tuple)) else LISTED.split(str(value))
    return purpose.strip().casefold() in {str(one).strip().casefold() for one in given}


def no_consent(roles: Roles, rows: int, use: str, /) -> AssayError:
    """The error of a training on `rows` rows whose people did not agree to it."""
    what = f"to the purpose {roles.purpose!r}" if roles.purpose else "to it"
    return AssayError(
        f"{use} would train on {rows:,} rows whose people did not agree {what} (column {roles.consent!r}).",
        code="consent",
        hint="Leave those rows out of the data, or mark them as held out in the column of split.",
    )


def check_consent(roles: Roles, /) -> None:
    """Raise where a purpose is given and no column that lists purposes."""
    if roles.purpose and not roles.consent:
        raise AssayError(
            "A purpose is given without consent.", code="role", hint="Give consent=, the column that lists purposes."
        )
