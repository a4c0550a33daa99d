"""What was done to a store of subject keys: entries that only grow, each chained to the one before it by a keyed hash.

Without the key-encryption key nobody can add, change or drop an entry and have the chain hold. A whole store that was
put back to an older copy holds by itself: only a KeysCheckpoint that was kept elsewhere tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.canonical import canonical_json, digest
from assay.core.errors import AssayError
from assay.seal.tokens import TokenKey

OPENED, CREATED, ROTATED, SHREDDED = "opened", "created", "rotated", "shredded"

_FIELD = "assay subject keys: history"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done (`what`) to how many subject keys (`count`), when (UTC), and to which.

    `about` is the digest of the handles of the subjects, or the id of the key that wraps them now. `head` chains the
    entry to the one before.
    """

    number: int
    at: str
    what: str
    count: int
    about: str
    head: str

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON types."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class KeysCheckpoint:
    """A store as it was: its id, how many entries it had, and the head of the last. Keep it where the store is not."""

    store: str
    count: int
    head: str

    def to_json(self) -> dict[str, Any]:
        """The checkpoint as JSON types, with the number of the format."""
        return {"format": 1, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def from_json(cls, data: object, /) -> KeysCheckpoint:
        """The KeysCheckpoint that `to_json` wrote."""
        match data:
            case {"format": 1, "store": str(store), "count": int(count), "head": str(head)} if count > 0:
                return cls(store, count, head)
        raise AssayError("This is no checkpoint of subject keys.", code="checkpoint", hint="Give what --save wrote.")


def next_entry(last: Entry | None, what: str, /, *, at: str, count: int, about: str, key: TokenKey) -> Entry:
    """The entry that follows `last`."""
    number = 1 if last is None else last.number + 1
    return Entry(number, at, what, count, about, _head(last, number, at, what, count, about, key))


def about_subjects(handles: Sequence[str], /) -> str:
    """What an entry says of the subjects it is about: a digest of their handles, whatever their order."""
    return digest(sorted(handles))


def verify_history(
    entries: Sequence[Entry],
    /,
    *,
    created: Mapping[int, Sequence[str]],
    shredded: Mapping[int, Sequence[str]],
    key: TokenKey,
) -> None:
    """Raise unless the chain holds and every subject was created and shredded by the entry that says so.

    `created` and `shredded` map the number of an entry to the handles of the subjects that name it.
    """
    last: Entry | None = None
    for entry in entries:
        if entry != next_entry(last, entry.what, at=entry.at, count=entry.count, about=entry.about, key=key):
            raise changed(f"entry {entry.number} does not follow the one before it")
        last = entry
    numbers: dict[str, set[int]] = {what: {e.number for e in entries if e.what == what} for what in (CREATED, SHREDDED)}
    for what, found in ((CREATED, created), (SHREDDED, shredded)):
        if set(found) != numbers[what]:
            raise changed(f"subjects were {what} by no entry, or an entry has none")
        for entry in entries:
            if entry.what == what and entry.about != about_subjects(found[entry.number]):
                raise changed(f"the subjects of entry {entry.number} are not those that were {what}")


def verify_checkpoint(checkpoint: KeysCheckpoint, entries: Sequence[Entry], /, *, store: str) -> None:
    """Raise unless the store has gone on from where it stood at `checkpoint`."""
    if checkpoint.store != store:
        raise AssayError("The checkpoint is of another store of subject keys.", code="checkpoint")
    if len(entries) < checkpoint.count or entries[checkpoint.count - 1].head != checkpoint.head:
        raise AssayError(
            f"The subject keys are not the ones of the checkpoint: entry {checkpoint.count} is missing or another.",
            code="checkpoint",
            hint="The store was restored from an older copy, so keys that were shredded since may be back. "
            "Shred those subjects again, rotate, and destroy the old key-encryption key.",
        )


def changed(what: str, /) -> AssayError:
    """The error for a store that somebody changed by hand."""
    return AssayError(
        f"The subject keys were changed by other hands: {what}.", code="sealed", hint="Restore them from a copy."
    )


def _head(last: Entry | None, number: int, at: str, what: str, count: int, about: str, key: TokenKey) -> str:
    facts = {
        "number": number,
        "at": at,
        "what": what,
        "count": count,
        "about": about,
        "before": last.head if last else "",
    }
    return key.code(canonical_json(facts).decode(), _FIELD)
