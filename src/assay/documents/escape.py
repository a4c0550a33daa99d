"""Names from the judged system, shown so that they can neither act nor deceive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from assay.core.canonical import digest_bytes
from assay.core.measure import Slice
from assay.data.coding import OTHER

_JOINERS = "\u200c\u200d"
_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
_LONGEST = 64
_SAFE_CODE = re.compile(r"[^`|\\]+\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """Group or column names as they are in the data; None is the missing value.

    Several parts (an intersection) are shown with `joiner` between them, each shortened to `longest` letters.
    """

    parts: tuple[str | None, ...]
    joiner: str = " · "
    longest: int = _LONGEST


Shown = str | Name
"""What fills a sentence: words of our own, or names from the data."""


def visible(text: str, /) -> str:
    """`text` with every character that is unseen or reorders its neighbours written as `⟨U+202E⟩`.

    Controls, bidirectional marks, unusual spaces, blank letters, lone surrogates and noncharacters are concerned.
    Joiners between letters that are not Latin stay, because Persian, Indic scripts and emoji are spelled with them.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_at(text, i) for i in range(len(text)))


def _visible_at(text: str, i: int) -> str:
    char = text[i]
    if char in _JOINERS and 0 < i < len(text) - 1 and ord(text[i - 1]) > 0x24F and ord(text[i + 1]) > 0x24F:
        return char
    unseen = unicodedata.category(char) in _UNSEEN or char in _BLANK_LETTERS
    return f"⟨U+{ord(char):04X}⟩" if (unseen and char != " ") or ord(char) & 0xFFFE == 0xFFFE else char


def visible_name(text: str, /, *, longest: int = _LONGEST) -> str:
    """`visible`, and long text shortened, and spaces at either end shown: `A␣` is another group than `A`."""
    text = short(text, longest=longest)
    start, end = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    return visible("␣" * len(text) if start == len(text) else "␣" * start + text.strip(" ") + "␣" * end)


def visible_words(text: str, /) -> str:
    """`visible` for running text, whose own line breaks are meant."""
    return "\n".join(map(visible, text.split("\n")))


def short(text: str, /, *, longest: int = _LONGEST) -> str:
    """`text`, or its start and a digest of it where it is long: equal only where the texts are equal."""
    if len(text) <= longest:
        return text
    mark = digest_bytes(text.encode("utf-8", "surrogatepass"))[7:13]
    return f"{text[: longest - 10]}…{mark}"


def show_text(shown: Shown, words: Callable[[str], str], /) -> str:
    """Plain text. What is missing stands in round brackets."""
    if isinstance(shown, str):
        return visible_words(shown)
    return _join(shown, lambda part: visible_name(part, longest=shown.longest), lambda id: f"({words(id)})")


def show_html(shown: Shown, words: Callable[[str], str], /) -> Markup:
    """Escaped HTML: every name in `<bdi>`, what is missing in italics."""
    if isinstance(shown, str):
        return escape(visible_words(shown))
    return Markup(
        _join(
            shown,
            lambda part: f"<bdi>{escape(visible_name(part, longest=shown.longest))}</bdi>",
            lambda id: f"<em>{escape(words(id))}</em>",
        )
    )


def show_markdown(shown: Shown, words: Callable[[str], str], /) -> str:
    """GitHub Markdown: names as code, in which nothing is markup, a link or a mention."""
    if isinstance(shown, str):
        return markdown_words(shown)
    return _join(shown, lambda part: markdown_code(part, longest=shown.longest), lambda id: f"*{words(id)}*")


def markdown_words(text: str, /) -> str:
    """Running text in which no character is markup."""
    text = visible_words(text).replace("\n", " ")
    return re.sub(r"[\\`*_\[\]<>|&@#~]", lambda match: f"&#{ord(match[0])};", text)


def markdown_code(text: str, /, *, longest: int = _LONGEST) -> str:
    """`text` as code that is safe in a table cell."""
    text = visible_name(text, longest=longest)
    if _SAFE_CODE.match(text):
        return f"`{text}`"
    return "<code>" + re.sub(r"[^A-Za-z0-9 ]", lambda match: f"&#{ord(match[0])};", text) + "</code>"


def _join(shown: Name, name: Callable[[str], str], word: Callable[[str], str]) -> str:
    return shown.joiner.join(_part(part, name, word) for part in shown.parts)


def _part(part: str | None, name: Callable[[str], str], word: Callable[[str], str]) -> str:
    special = {None: "name.missing", OTHER: "name.other", "": "name.empty"}
    return word(special[part]) if part in special else name(part or "")


def groups_of(slice: Slice, /) -> Name:
    """The groups of a slice as one Name, in the order of their attributes' names (JSON keeps no other)."""
    return Name(tuple(slice[name] for name in sorted(slice)))


def attributes(names: Iterable[str], /) -> Name:
    """Attribute names as one Name: `age_band × sex`."""
    return Name(tuple(sorted(names)), " × ")
