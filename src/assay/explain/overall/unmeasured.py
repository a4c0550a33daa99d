"""Why something cannot be said of a Case, as a reason and not as an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.core.errors import AssayError, Message

NO_TABLE = Message("no-table", "the model is not fed columns of a table, so that none can be changed")


@dataclass(slots=True)
class Why:
    """The `reason` why the work inside `said_why` could not be done, None where it was."""

    reason: Message | None = None


@contextmanager
def said_why(*codes: str) -> Iterator[Why]:
    """An AssayError of one of `codes` inside becomes the reason of what is yielded; any other goes on."""
    why = Why()
    try:
        yield why
    except AssayError as error:
        if error.code not in codes:
            raise
        why.reason = Message(f"explain-{error.code}", "{why}", {"why": error.message})
