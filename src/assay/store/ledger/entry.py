"""One entry of a ledger, and the hash that chains it to the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from assay.core.budget.accounting import loss_from_json
from assay.core.budget.terms import Terms
from assay.core.canonical import canonical_json, digest_bytes
from assay.core.errors import AssayError
from assay.core.house import Spend

FORMAT = 1
BIRTH, RESERVE, COMMIT = "birth", "reserve", "commit"

_FIELDS = {
    BIRTH: frozenset({"who", "terms"}),
    RESERVE: frozenset({"spend", "who", "what", "amount", "own"}),
    COMMIT: frozenset({"spend", "release"}),
}
_ALWAYS = frozenset({"format", "ledger", "place", "previous", "at", "kind", "spent"})


@dataclass(frozen=True, slots=True)
class Entry:
    """`body` is the entry as JSON types, `text` its canonical JSON and `hash` the SHA-256 of that.

    Every body has `ledger`, `place` (0, 1, 2, …), `previous` (the hash of the entry before, "" at the birth), `at`,
    `kind` and `spent` (all that is spent after it, rationals as text). A birth has `who` and `terms`; a reservation
    `spend` (its id), `who`, `what`, `amount` and `own` (what that analyst has spent); a commit `spend` and `release`.
    """

    body: Mapping[str, Any]
    text: str
    hash: str

    @classmethod
    def make(cls, body: Mapping[str, Any], /) -> Entry:
        """The Entry of a new body."""
        full = {"format": FORMAT, **body}
        data = canonical_json(full)
        return cls(full, data.decode(), digest_bytes(data))

    @classmethod
    def read(cls, row: Mapping[Any, Any], /) -> Entry:
        """The Entry of a row of `ledger_entries`; an error where body, hash and columns do not agree."""
        text, name, place = row["body"], row["ledger"], row["place"]
        if digest_bytes(text.encode()) != row["hash"]:
            raise damaged(name, f"entry {place} was changed after it was written")
        try:
            body = json.loads(text)
            known = body["format"] == FORMAT and _ALWAYS | _FIELDS[body["kind"]] == set(body)
        except (KeyError, TypeError, ValueError):
            known = False
        if not known:
            raise damaged(name, f"entry {place} cannot be read")
        found = cls(body, text, row["hash"])
        if found.row() != dict(row):
            raise damaged(name, f"entry {place} stands in the wrong place")
        return found

    def row(self) -> dict[str, Any]:
        """The row of `ledger_entries`."""
        body = self.body
        columns = {name: body[name] for name in ("ledger", "place", "kind")}
        who = body["who"] if body["kind"] == RESERVE else None
        return {**columns, "spend": body.get("spend"), "who": who, "body": self.text, "hash": self.hash}

    @property
    def terms(self) -> Terms:
        """The terms of a birth."""
        return Terms.from_json(self.body["terms"])

    @property
    def spent(self) -> dict[str, Fraction]:
        """All that is spent after this entry."""
        return loss_from_json(self.body["spent"])

    @property
    def own(self) -> dict[str, Fraction]:
        """All that the analyst of a reservation has spent after it."""
        return loss_from_json(self.body["own"])

    def follows(self, before: Entry | None, /) -> bool:
        """True when the entry names `before` as the one before it; the birth follows nothing."""
        if before is None:
            return (self.body["place"], self.body["previous"]) == (0, "")
        return (self.body["place"], self.body["previous"]) == (before.body["place"] + 1, before.hash)

    def reserved(self) -> Spend:
        """The Spend of a reservation that is not committed."""
        body = self.body
        amount = loss_from_json(body["amount"])
        return Spend(body["spend"], body["who"], body["what"], amount, "reserved", body["at"])


def committed(spend: Spend, release: str, /) -> Spend:
    """The Spend, committed with the digest of its release."""
    return replace(spend, state="committed", release=release)


def damaged(name: str, why: str, /) -> AssayError:
    """The error for a ledger that is not what was written."""
    return AssayError(
        f"The ledger {name!r} is damaged: {why}.",
        code="ledger-damaged",
        hint="Spend nothing from it. Restore the store from a copy that a checkpoint confirms.",
    )
