"""What a person asks: a statistic of a column, by keys, read from a short text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from assay.core.errors import AssayError, unknown
from assay.privacy.loss.amount import exact

FORMS = {
    "count": "count",
    "sum": "sum(COLUMN)",
    "mean": "mean(COLUMN)",
    "variance": "variance(COLUMN)",
    "median": "median(COLUMN)",
    "quantile": "quantile(COLUMN, 0.9)",
    "histogram": "histogram(COLUMN, 10) or histogram(COLUMN, [0, 10, 100])",
    "contingency": "contingency(COLUMN, COLUMN, ...)",
}
"""Every statistic, and how it is written."""

ADDITIVE = ("count", "sum", "mean", "variance", "histogram", "contingency")
"""Statistics that are functions of sums over rows."""

MOST_BINS = 1000
_TOKEN = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\s,()\[\]"]+)|([,()\[\]]))')


@dataclass(frozen=True, slots=True)
class Ask:
    """A statistic of `column` (or none), for each combination of the columns `by`.

    `probability` belongs to a quantile (a median's is 1/2), `bins` or `edges` to a histogram.
    """

    statistic: str
    column: str | None = None
    by: tuple[str, ...] = ()
    probability: Fraction | None = None
    bins: int | None = None
    edges: tuple[Fraction, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column asked about."""
        return (() if self.column is None else (self.column,)) + self.by

    @property
    def needs_bounds(self) -> bool:
        """True where the answer depends on how large values are."""
        return self.column is not None and not self.edges

    def text(self) -> str:
        """The question, written again."""
        inside = "" if self.column is None else quoted(self.column)
        if self.statistic == "quantile":
            inside += f", {float(self.probability or 0):g}"
        elif self.statistic == "histogram":
            inside += f", [{', '.join(f'{float(e):g}' for e in self.edges)}]" if self.edges else f", {self.bins}"
        names = ", ".join(quoted(name) for name in self.by)
        if self.statistic == "contingency":
            return f"contingency({names})"
        return self.statistic + (f"({inside})" if inside else "") + (f" by {names}" if names else "")


def quoted(name: str, /) -> str:
    """A name as the language reads it: in double quotes where it is no plain word."""
    plain = re.fullmatch(r'[^\s,()\[\]"]+', name) and name.lower() != "by"
    return name if plain else '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    name: bool
    bare: bool


def parse(text: str, /) -> Ask:
    """The Ask that `text` writes, such as `mean(income) by region, sex`; an AssayError says what is expected where.

    Names of columns with spaces or signs stand in double quotes.
    """
    tokens = _tokens(text)
    head = tokens.pop(0)
    statistic = head.text.lower()
    if not head.bare or statistic not in FORMS:
        raise unknown("statistic", head.text, FORMS, code="ask")
    inside: list[list[_Token]] = []
    if tokens and tokens[0].text == "(" and not tokens[0].name:
        inside = _arguments(tokens, statistic)
    by = _by(tokens, statistic)
    return _checked(statistic, inside, by)


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise AssayError(f"{text!r} has an open quotation mark.", code="ask", hint='Write "a name" in full.')
        name, word, mark = match.groups()
        found.append(_Token((name or "").replace('""', '"') or word or mark, mark is None, word is not None))
        place = match.end()
    if not found:
        raise AssayError("Nothing is asked.", code="ask", hint=f"Ask one of: {'; '.join(FORMS.values())}.")
    return found


def _wrong(statistic: str) -> AssayError:
    return AssayError(
        f"A question about {statistic} is not written like this.",
        code="ask",
        hint=f"Write {FORMS[statistic]}, then perhaps: by KEY, KEY",
    )


def _arguments(tokens: list[_Token], statistic: str) -> list[list[_Token]]:
    """What stands between the parentheses, a list of tokens for each argument; a list in brackets is one."""
    tokens.pop(0)
    found: list[list[_Token]] = [[]]
    inside = False
    while tokens:
        token = tokens.pop(0)
        mark = "" if token.name else token.text
        if mark == ")" and not inside:
            return [] if found == [[]] else found
        if mark == "," and not inside:
            found.append([])
            continue
        if mark in ("(", ")") or (mark == "[" and inside) or (mark == "]" and not inside):
            break
        inside = mark == "[" or (inside and mark != "]")
        found[-1].append(token)
    raise _wrong(statistic)


def _by(tokens: list[_Token], statistic: str) -> tuple[str, ...]:
    if not tokens:
        return ()
    word, *rest = tokens
    names, commas = rest[::2], rest[1::2]
    listed = rest and len(rest) % 2 == 1 and all(t.name for t in names) and all(t.text == "," for t in commas)
    if word.text.lower() != "by" or not word.bare or not listed:
        raise _wrong(statistic)
    return tuple(token.text for token in names)


def _checked(statistic: str, inside: Sequence[list[_Token]], by: tuple[str, ...]) -> Ask:
    names = [argument[0].text for argument in inside if len(argument) == 1 and argument[0].name]
    count = len(inside)
    if statistic == "contingency":
        if by or count < 2 or len(names) != count:
            raise _wrong(statistic)
        return Ask(statistic, by=_distinct(tuple(names)))
    expected = {"count": 0, "quantile": 2, "histogram": 2}.get(statistic, 1)
    if count != expected or (count and (len(inside[0]) != 1 or not inside[0][0].name)):
        raise _wrong(statistic)
    column = inside[0][0].text if inside else None
    ask = Ask(statistic, column, _distinct(by))
    if statistic == "median":
        return Ask(statistic, column, ask.by, probability=Fraction(1, 2))
    if statistic == "quantile":
        return Ask(statistic, column, ask.by, probability=_probability(inside[1]))
    if statistic == "histogram":
        return _histogram(ask, inside[1])
    return ask


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise AssayError("A key is named twice.", code="ask", hint="Name each column once.")
    return names


def _probability(argument: Sequence[_Token]) -> Fraction:
    found = exact("".join(token.text for token in argument), name="quantile")
    if not 0 <= found <= 1:
        raise AssayError(
            f"A quantile lies between 0 and 1, not at {float(found):g}.", code="ask", hint="Like quantile(x, 0.9)."
        )
    return found


def _histogram(ask: Ask, argument: Sequence[_Token]) -> Ask:
    texts = [token.text for token in argument]
    if texts[:1] == ["["]:
        if texts[-1] != "]" or any(text != "," for text in texts[2:-1:2]) or len(texts) % 2 == 0:
            raise _wrong("histogram")
        edges = tuple(exact(text, name="edge") for text in texts[1:-1:2])
        if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
            raise AssayError("Edges of a histogram rise.", code="ask", hint="Like [0, 10, 100].")
        found = Ask(ask.statistic, ask.column, ask.by, edges=edges)
    elif len(texts) == 1 and texts[0].isdecimal() and int(texts[0]) > 0:
        found = Ask(ask.statistic, ask.column, ask.by, bins=int(texts[0]))
    else:
        raise _wrong("histogram")
    if (found.bins or len(found.edges) - 1) > MOST_BINS:
        raise AssayError(f"A histogram has at most {MOST_BINS} bins.", code="ask", hint="Ask for fewer.")
    return found
