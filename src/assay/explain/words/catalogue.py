"""The sentences of one language, from one file of messages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.explain.words.piece import Marks, Piece, fill

MESSAGES = Path(__file__).parent
FALLBACK = "en"


@dataclass(frozen=True)
class Catalogue:
    """The messages of the language `code` by id; those in `in_english` it does not have, and English says them."""

    code: str
    messages: Mapping[str, str]
    in_english: frozenset[str]

    @property
    def marks(self) -> Marks:
        """How the language writes numbers."""
        return Marks(self.messages["language.decimal"], self.messages["language.thousands"])

    def has(self, id: str, /) -> bool:
        """True where there is such a message."""
        return id in self.messages

    def say(self, id: str, /, **fields: Piece) -> Piece:
        """The message `id` with its fields filled."""
        return fill(id, self.messages[id], fields)

    def plural(self, id: str, count: float, /) -> str:
        """The id of the form that goes with `count`."""
        return f"{id}.one" if count == 1 else f"{id}.other"


@cache
def catalogue(code: str = FALLBACK, /, *, folder: Path = MESSAGES) -> Catalogue:
    """The Catalogue of the file `CODE.toml`; a message that it lacks is the English one, and it says which.

    Raises AssayError where there is no such file, where a message is not among the English ones, or where one fills in
    something that its English counterpart does not know.
    """
    known = {path.stem: path for path in (*MESSAGES.glob("*.toml"), *sorted(folder.glob("*.toml")))}
    if code not in known:
        raise unknown("language", code, known, code="language")
    english = _read(known[FALLBACK])
    own = english if code == FALLBACK else _read(known[code])
    for id, template in own.items():
        if id not in english:
            raise unknown(f"message of {code}.toml", id, english, code="language")
        if not _fields(template) <= _fields(english[id]):
            raise AssayError(
                f"The message {id!r} of {code}.toml fills in {', '.join(sorted(_fields(template)))}.",
                code="language",
                hint=f"It can fill in: {', '.join(sorted(_fields(english[id]))) or 'nothing'}.",
            )
    return Catalogue(code, english | own, frozenset(english) - frozenset(own))


def _read(path: Path) -> dict[str, str]:
    return _flat(tomllib.loads(path.read_text(encoding="utf-8")), "")


def _flat(table: Mapping[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": str(value)}
    return flat


def _fields(template: str) -> set[str]:
    from string import Formatter

    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
