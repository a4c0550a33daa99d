"""Sentences by message id and numbers in words, in the language of one file under `messages/`."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from assay.core.errors import Message, unknown
from assay.core.measure import Limit, Measure
from assay.documents.escape import Name, Shown, show_html, show_markdown, show_text

MESSAGES = Path(__file__).with_name("messages")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A message id and what fills it, still without words. A param may be a Sentence itself."""

    id: str
    params: Mapping[str, Shown | Sentence] = field(default_factory=dict)


@dataclass(frozen=True)
class Language:
    """The words of one language."""

    code: str
    messages: Mapping[str, str]

    def word(self, id: str, /) -> str:
        """A message that has nothing to fill in."""
        return self.messages[id]

    def say(self, id: str, /, **params: str) -> str:
        """The sentence `id`, filled, as plain text."""
        return self.messages[id].format(**params)

    def plural(self, id: str, count: int, /) -> str:
        """The id of the form of `id` that goes with `count`."""
        return f"{id}.one" if count == 1 else f"{id}.other"

    def counted(self, id: str, count: int, /, **params: Shown) -> Sentence:
        """The Sentence `id` about `count` things."""
        return Sentence(self.plural(id, count), {"count": self.count(count), **params})

    def text(self, sentence: Sentence, /) -> str:
        """`sentence` as plain text."""
        return self.messages[sentence.id].format(
            **{k: self.text(v) if isinstance(v, Sentence) else show_text(v, self.word) for k, v in _filled(sentence)}
        )

    def html(self, sentence: Sentence, /) -> Markup:
        """`sentence` as escaped HTML."""
        filled = {k: self.html(v) if isinstance(v, Sentence) else show_html(v, self.word) for k, v in _filled(sentence)}
        return escape(self.messages[sentence.id]).format(**filled)

    def markdown(self, sentence: Sentence, /) -> str:
        """`sentence` as GitHub Markdown."""
        return self.messages[sentence.id].format(
            **{
                k: self.markdown(v) if isinstance(v, Sentence) else show_markdown(v, self.word)
                for k, v in _filled(sentence)
            }
        )

    def message(self, message: Message, /) -> str:
        """A Message of a check: in this language where the file knows its id, else in its own words."""
        try:
            return message.text(self.messages)
        except (KeyError, IndexError, ValueError):
            return message.template

    def title(self, check: str, facts: Mapping[str, Any], /) -> str:
        """The plain-language title of a check."""
        return self.messages.get(f"check.{check}.title", str(facts.get("title", check)))

    def measure(self, name: str, /) -> str:
        """The name of a measure for a reader; `_gap`, `_ratio` and `_difference` are read as suffixes."""
        known = self.messages.get(f"measure.{name}")
        if known is not None:
            return known
        base, _, suffix = name.rpartition("_")
        if base and f"suffix.{suffix}" in self.messages:
            return self.messages[f"suffix.{suffix}"].format(measure=self.measure(base))
        return name[:1].upper() + name[1:].replace("_", " ")

    def count(self, n: int, /) -> str:
        """A whole number with its thousands apart: `12,400`."""
        return f"{n:,}".replace(",", self.word("language.thousands"))

    def number(self, value: float, /, *, like: float | None = None) -> str:
        """Three decimals below ten, fewer above, and two significant digits where three decimals would be zero.

        With `like`, as many decimals as that number would have.
        """
        size = abs(value if like is None else like)
        if size >= 1e9:
            text = f"{value:.3e}"
        elif 0 < size < 0.0005:
            text = f"{value:.1e}" if size < 1e-6 else f"{value:.{1 - math.floor(math.log10(size))}f}"
        else:
            text = f"{value:,.{3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0}f}"
        if not text.strip("-0.,"):
            text = text.lstrip("-")
        marks = {",": self.word("language.thousands"), ".": self.word("language.decimal"), "-": "−"}
        return "".join(marks.get(char, char) for char in text)

    def numbers(self, measure: Measure, /) -> tuple[str, str, str]:
        """Value and ends of the interval ("" without one) with equally many decimals; the Measure has a value."""
        value, found = measure.value or 0.0, measure.interval
        if found is None:
            return self.number(value), "", ""
        widest = max(abs(value), abs(found.low), abs(found.high))
        return (
            self.number(value, like=widest),
            self.number(found.low, like=widest),
            self.number(found.high, like=widest),
        )

    def about(self, n: int, /) -> str:
        """A whole number to three significant digits: `14,100`."""
        return self.count(int(float(f"{n:.2e}")))

    def exact(self, value: float, /) -> str:
        """A limit as it was set, without padding: `0.1`, `0.8`, `30`."""
        return f"{value:.10g}".replace(".", self.word("language.decimal")).replace("-", "−")

    def percent(self, share: float, /, *, digits: int = 1) -> str:
        """A share in percent: `31.0%`."""
        number = f"{100 * share:.{digits}f}".replace(".", self.word("language.decimal"))
        return self.say("language.percent", value=number)

    def level(self, level: float, /) -> str:
        """A confidence level: `95%`, `99.5%`."""
        number = f"{100 * level:.10g}".replace(".", self.word("language.decimal"))
        return self.say("language.percent", value=number)

    def p_value(self, p: float, /) -> str:
        """A p-value; below a thousandth only that."""
        return f"<{self.number(0.001)}" if p < 0.001 else self.number(p)

    def limit(self, limit: Limit, edge: float, /) -> str:
        """One edge of a limit in words: `at most 0.1`."""
        return self.say(f"limit.{limit.better}", value=self.exact(edge))

    def interval(self, measure: Measure, /) -> str:
        """` (95% interval 0.1 to 0.2)`, or nothing where there is none."""
        found = measure.interval
        if found is None:
            return ""
        _, low, high = self.numbers(measure)
        return self.say("what.interval", level=self.level(found.level), low=low, high=high)


def _filled(sentence: Sentence) -> list[tuple[str, Shown | Sentence]]:
    return list(sentence.params.items())


@cache
def language(code: str = "en", /) -> Language:
    """The Language in `messages/CODE.toml`; what it does not say is said in English."""
    known = {path.stem: path for path in sorted(MESSAGES.glob("*.toml"))}
    if code not in known:
        raise unknown("language", code, known, code="language")
    messages = _flat(tomllib.loads(known["en"].read_text(encoding="utf-8")))
    if code != "en":
        messages |= _flat(tomllib.loads(known[code].read_text(encoding="utf-8")))
    return Language(code, messages)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


__all__ = ["MESSAGES", "Language", "Name", "Sentence", "Shown", "language"]
