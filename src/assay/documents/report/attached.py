"""What checks attached to their numbers: pictures as images, tables as tables, the rest by name and digest.

An attachment of a Finding whose numbers are hidden is not shown either. Within an attachment nothing can be hidden:
what goes with a group belongs to the Measure of that group, and what compares groups must leave small cells out itself.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from assay.core.finding import Finding
from assay.core.measure import Attachment
from assay.documents.escape import Name, Shown, short
from assay.documents.language import Language, Sentence
from assay.documents.report.rows import where
from assay.documents.standing import Entry

PICTURES = ("image/svg+xml", "image/png")
"""What is shown as an image, in which no script runs."""

ROOM = 600_000
"""So many bytes of pictures, as text, go into one report; what does not fit is named."""

TITLE = 200
"""Letters of a title or caption that are shown."""

MOST, ROWS, COLUMNS = 60, 50, 20
"""So many attachments of a check, and rows and columns of a table, are shown."""


@dataclass(frozen=True)
class Attached:
    """One attachment: a picture has a `source`, a table `columns` and `rows`, and what is neither only a `digest`."""

    title: Shown | Sentence
    digest: str
    source: Markup | None = None
    columns: tuple[Shown, ...] = ()
    rows: tuple[tuple[Shown, ...], ...] = ()
    more: Sentence | None = None
    about: Sentence | None = None


@dataclass
class Room:
    """What is left of the bytes for pictures."""

    left: int

    def take(self, size: int) -> bool:
        """True when there was so much room, which is now taken."""
        if size > self.left:
            return False
        self.left -= size
        return True


def attached(entries: Sequence[Entry], /, *, language: Language, room: Room) -> tuple[Attached, ...]:
    """The attachments of the Findings that may be shown, each once, pictures first."""
    found: dict[tuple[str, str], Attached] = {}
    for f in (e.finding for e in entries if not e.hidden):
        for name, digest in f.attachments.items():
            if (name, digest) not in found and len(found) < MOST:
                found[name, digest] = _attached(f, name, digest, language, room)
    return tuple(sorted(found.values(), key=lambda a: a.source is None))


def _attached(f: Finding, name: str, digest: str, language: Language, room: Room) -> Attached:
    called = Sentence("attached.title", {"name": language.measure(name), "where": where(f.measure)})
    attachment = f.measure.attachments.get(name)
    if attachment is None:
        return Attached(called, digest, about=Sentence("attached.elsewhere", {"digest": digest}))
    table = _table(attachment)
    if table is not None:
        return _shown_table(table, called, digest, language)
    told = _told(attachment)
    title = Name((told,), longest=TITLE) if told else called
    if attachment.media_type in PICTURES:
        text = base64.b64encode(attachment.data).decode("ascii")
        if room.take(len(text)):
            return Attached(title, digest, source=Markup(f"data:{attachment.media_type};base64,{text}"))
    size = language.count(len(attachment.data))
    facts: dict[str, Shown | Sentence] = {"type": short(attachment.media_type), "size": size, "digest": digest}
    return Attached(title, digest, about=Sentence("attached.file", facts))


def _told(attachment: Attachment) -> str:
    """The title inside the picture, which a store keeps; else the one beside it."""
    if attachment.media_type == "image/svg+xml":
        inside = re.search(rb"<title>([^<]{1,4000})</title>", attachment.data[:8192])
        if inside:
            return html.unescape(inside[1].decode("utf-8", "replace"))
    return attachment.title


def _table(attachment: Attachment) -> dict[str, Any] | None:
    """The table in an attachment, or None where it holds none."""
    if attachment.media_type != "application/json":
        return None
    try:
        given = json.loads(attachment.data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or given.get("kind") != "table":
        return None
    columns, rows = given.get("columns"), given.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    whole = all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    return given if whole else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _shown_table(table: dict[str, Any], called: Sentence, digest: str, language: Language) -> Attached:
    caption, rows = table.get("caption"), table["rows"]
    left = len(rows) - ROWS
    return Attached(
        Name((caption,), longest=TITLE) if isinstance(caption, str) and caption else called,
        digest,
        columns=tuple(_cells(table["columns"], language)),
        rows=tuple(tuple(_cells(row, language)) for row in rows[:ROWS]),
        more=language.counted("attached.more", left) if left > 0 else None,
    )


def _cells(row: Sequence[Any], language: Language) -> Iterator[Shown]:
    for cell in row[:COLUMNS]:
        if cell is None:
            yield "–"
        elif isinstance(cell, int) and not isinstance(cell, bool):
            yield language.count(cell)
        elif isinstance(cell, float):
            yield language.number(cell)
        else:
            yield Name((cell if isinstance(cell, str) else json.dumps(cell),))
