"""What an operator declares, and what it is told of an identifier."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import AssayError
from assay.privacy.deidentification.span import Span

KIND = "operator"
"""Kind of a Part whose `make(*, keywords)` gives an Operator."""

DATES = frozenset({"DATE", "DATE_OF_BIRTH"})
"""Entities that are dates of the calendar."""

_FREE_FORM = frozenset({"EMAIL", "URL", "ADDRESS", "PERSON", "LOCATION", "ORGANIZATION", "NATIONALITY"})


@dataclass(frozen=True, slots=True)
class Identifier:
    """`text`, an `entity` of the column `field`, in a row about `subject` ("" where nobody said who)."""

    entity: str
    text: str
    field: str
    subject: str = ""

    @property
    def canonical(self) -> str:
        """The identifier without what is only a way of writing it: case, width of letters, spaces, separators."""
        text = " ".join(unicodedata.normalize("NFKC", self.text).casefold().split())
        if self.entity in _FREE_FORM:
            return text
        return "".join(character for character in text if character.isalnum()) or text


@dataclass(frozen=True, slots=True)
class Operator:
    """`apply` gives what is written for each identifier of a batch.

    It takes the `entities` named; every one, where none is. `read(token, field)` gives what a mark of `scheme` was
    written for in the column `field`; None where that cannot be, or not from a text alone.
    """

    name: str
    apply: Callable[[Sequence[Identifier]], list[str]]
    entities: frozenset[str] = frozenset()
    scheme: str = ""
    read: Callable[[str, str], str] | None = None

    def takes(self, entity: str, /) -> bool:
        """True when the operator is made for `entity`."""
        return not self.entities or entity in self.entities


MARK = "MARK"
"""Entity of what looks like a mark and stood in the text before."""

_MARK = re.compile(r"<[A-Z_]{1,40}:([a-z]{1,10}):([\w.=-]*)(>?)")
"""A mark, or one that was cut off: without its end."""


def mark(entity: str, scheme: str, token: str, /) -> str:
    """`token` as it is written in a text, so that `unmarked` finds it again; `scheme` says how it was made."""
    return f"<{entity}:{scheme}:{token}>"


def marks(text: str, /) -> Iterator[Span]:
    """What looks like a mark in `text`: a forged one would be taken for ours when it is read."""
    for match in _MARK.finditer(text):
        yield Span(match.start(), match.end(), MARK, 1.0, "mark")


def unmarked(text: str, readers: Mapping[str, Callable[[str], str]], /) -> str:
    """`text` with every mark of a scheme of `readers` replaced by what its reader gives; other marks stay.

    A mark of such a scheme that lacks its end is an error, as one is whose token was changed.
    """

    def read(match: re.Match[str]) -> str:
        scheme, token, end = match.groups()
        if scheme not in readers:
            return match[0]
        if not end:
            raise AssayError(
                "What stands for an identifier in the text is cut off.", code="sealed", hint="Restore it from a copy."
            )
        return readers[scheme](token)

    return _MARK.sub(read, text)
