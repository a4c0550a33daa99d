"""Two Runs side by side: which verdicts and values changed, and what only one of them has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.core.canonical import rounded
from assay.core.errors import AssayError
from assay.core.finding import Run
from assay.core.measure import Interval
from assay.core.policy import Rules
from assay.documents.escape import Name, visible_words
from assay.documents.html import environment
from assay.documents.language import Language, Sentence, language
from assay.documents.report.rows import Pen, where
from assay.documents.standing import Entry, rank, standing
from assay.documents.write import put

MOST = 200
"""So many rows of each kind are written out."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same question in both Runs."""

    a: Entry
    b: Entry

    @property
    def change(self) -> float | None:
        """b − a, where both have a value that may be shown."""
        a, b = self.a.measure.value, self.b.measure.value
        return None if a is None or b is None or not (self.a.shown and self.b.shown) else b - a

    @property
    def overlap(self) -> bool | None:
        """True when the intervals have a value in common; None without both. Values may differ though they do."""
        if self.change is None:
            return None
        return _overlap(self.a.measure.interval, self.b.measure.interval)

    def to_json(self) -> dict[str, Any]:
        """Both Findings and what changed."""
        return {
            "key": self.a.finding.key,
            "a": self.a.finding.to_json(),
            "b": self.b.finding.to_json(),
            "overlap": _overlap(self.a.measure.interval, self.b.measure.interval),
        }


@dataclass(frozen=True)
class Comparison:
    """Findings of two Runs joined by key. Each Pair is in `verdicts`, or in `values`, or counted in `same`."""

    a: Run
    b: Run
    verdicts: tuple[Pair, ...]
    values: tuple[Pair, ...]
    only_a: tuple[Entry, ...]
    only_b: tuple[Entry, ...]
    same: int
    rules: Rules

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON types, complete."""
        return {
            "a": self.a.id,
            "b": self.b.id,
            "verdicts": [pair.to_json() for pair in self.verdicts],
            "values": [pair.to_json() for pair in self.values],
            "only_a": [entry.finding.to_json() for entry in self.only_a],
            "only_b": [entry.finding.to_json() for entry in self.only_b],
            "same": self.same,
        }

    def text(self, *, lang: str = "en") -> str:
        """The comparison as a plain table for a terminal."""
        words = language(lang)
        lines = [words.text(sentence) for sentence in self._intro(words)]
        for table in _tables(self, words):
            lines += ["", f"{table.title}: {words.count(table.total)}", *_aligned(table)]
            if table.total > len(table.rows):
                lines.append(words.text(words.counted("compare.more", table.total - len(table.rows))))
        return "\n".join(lines) + "\n"

    def html(self, *, lang: str = "en") -> str:
        """The comparison as one self-contained HTML file."""
        words = language(lang)
        page = environment(lang).get_template("compare.html.j2")
        return page.render(c=self, intro=self._intro(words), tables=_tables(self, words), lang=lang)

    def write(self, path: Path | str, /, *, lang: str = "en") -> Path:
        """The comparison is at `path` as HTML, whole or not at all."""
        path = Path(path)
        if path.suffix.lower() != ".html" or path.is_dir():
            raise AssayError(
                f"{str(path)!r} does not end in .html.", code="format", hint="A comparison is written as one HTML file."
            )
        return put(path.parent, {path: self.html(lang=lang)})[0]

    def _intro(self, words: Language) -> tuple[Sentence, ...]:
        runs = {"a": self.a.id, "a_when": f"{self.a.started:%Y-%m-%d %H:%M}"}
        runs |= {"b": self.b.id, "b_when": f"{self.b.started:%Y-%m-%d %H:%M}"}
        said = [Sentence("compare.runs", runs), words.counted("compare.same", self.same)]
        if self.a.subject != self.b.subject:
            subjects = {"a": Name((self.a.subject,)), "b": Name((self.b.subject,))}
            said.append(Sentence("compare.subjects", subjects))
        return tuple(said)


def compare(a: Run, b: Run, /) -> Comparison:
    """`a` and `b` joined by the key of their Findings: check, subject, measure, slice, what is compared, params."""
    stands = standing(a), standing(b)
    first, second = ({e.finding.key: e for e in s.entries} for s in stands)
    pairs = [Pair(first[key], second[key]) for key in first if key in second]
    verdicts = [p for p in pairs if p.a.finding.verdict != p.b.finding.verdict]
    values = [p for p in pairs if p.a.finding.verdict == p.b.finding.verdict and _moved(p)]
    return Comparison(
        a,
        b,
        tuple(sorted(verdicts, key=lambda p: rank(p.b))),
        tuple(sorted(values, key=lambda p: (p.overlap is not False, -abs(p.change or 0.0)))),
        tuple(e for key, e in first.items() if key not in second),
        tuple(e for key, e in second.items() if key not in first),
        len(pairs) - len(verdicts) - len(values),
        stands[1].policy.rules,
    )


def _moved(pair: Pair) -> bool:
    a, b = pair.a.measure.value, pair.b.measure.value
    if a is None or b is None:
        return (a is None) is not (b is None)
    return rounded(a) != rounded(b)


def _overlap(a: Interval | None, b: Interval | None) -> bool | None:
    if a is None or b is None:
        return None
    return a.low <= b.high and b.low <= a.high


@dataclass(frozen=True)
class ComparedRow:
    """One line: which measure, where, and both Runs' numbers and verdicts ("" where a Run has none)."""

    check: str
    measure: str
    where: Sentence
    cells: tuple[str, ...]
    verdicts: tuple[str, ...]
    change: str = ""
    overlap: str = ""


@dataclass(frozen=True)
class ComparedTable:
    """Rows of one kind under a title; `total` counts those left out too."""

    title: str
    rows: tuple[ComparedRow, ...]
    total: int
    words: Language


def _tables(c: Comparison, words: Language) -> tuple[ComparedTable, ...]:
    pen = Pen(words, c.rules)
    tables = {
        "verdicts": [_pair_row(pair, c, pen) for pair in c.verdicts[:MOST]],
        "values": [_pair_row(pair, c, pen) for pair in c.values[:MOST]],
        "only_a": [_row(e, c.a, (e, None), pen) for e in c.only_a[:MOST]],
        "only_b": [_row(e, c.b, (None, e), pen) for e in c.only_b[:MOST]],
    }
    return tuple(
        ComparedTable(words.word(f"compare.{kind}"), tuple(rows), len(getattr(c, kind)), words)
        for kind, rows in tables.items()
    )


def _pair_row(pair: Pair, c: Comparison, pen: Pen) -> ComparedRow:
    row, change = _row(pair.b, c.b, (pair.a, pair.b), pen), pair.change
    said = {True: "compare.overlap", False: "compare.apart"}
    return replace(
        row,
        change="" if change is None else ("+" if change > 0 else "") + pen.language.number(change),
        overlap="" if pair.overlap is None else pen.language.word(said[pair.overlap]),
    )


def _row(entry: Entry, run: Run, sides: tuple[Entry | None, Entry | None], pen: Pen) -> ComparedRow:
    check = entry.finding.check
    return ComparedRow(
        check=pen.language.title(check, run.checks.get(check, {})),
        measure=pen.language.measure(entry.measure.name),
        where=where(entry.measure),
        cells=tuple(_cell(e, pen) for e in sides),
        verdicts=tuple((e.finding.verdict or "none") if e else "" for e in sides),
    )


def _cell(entry: Entry | None, pen: Pen) -> str:
    if entry is None:
        return ""
    row = pen.row(entry, "")
    return " ".join(part for part in (row.value, f"({row.interval})" if row.interval else "") if part) or row.reason


def _aligned(table: ComparedTable) -> list[str]:
    """Columns padded to their widest cell."""
    words = table.words
    lines = [
        [
            f"{row.measure} {words.text(row.where)}",
            *(
                f"{cell} {words.word(f'verdict.{verdict}')}" if verdict else ""
                for cell, verdict in zip(row.cells, row.verdicts, strict=True)
            ),
            f"{row.change} {row.overlap}",
        ]
        for row in table.rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        visible_words("  " + "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]
