"""Tables with a plot in every row: which Findings go together, in which order, and how many are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assay.core.measure import Limit, Verdict
from assay.core.policy import Rules
from assay.documents.escape import Shown, attributes
from assay.documents.language import Language, Sentence
from assay.documents.report.order import Caps, block, by, compares, readable, worst_first
from assay.documents.report.rows import Pen, Row, name_of, under_of
from assay.documents.report.svg import Axis, Zones, axis
from assay.documents.standing import NOT_RUN, Entry, lead, rank

WORST = 20
"""So many groups of one attribute are shown at once; the others are folded away."""


@dataclass(frozen=True)
class Body:
    """Rows under one heading (an attribute); `note` says that they are a choice."""

    rows: tuple[Row, ...]
    heading: Shown | Sentence = ""
    note: Sentence | None = None


@dataclass(frozen=True)
class Table:
    """Rows on one axis. `zones` are drawn behind them, by the position a Row names; folded under `summary` if set."""

    caption: Sentence
    first: str
    bodies: tuple[Body, ...]
    pen: Pen
    overall: float | None = None
    summary: Sentence | None = None
    left_out: int = 0

    @property
    def axis(self) -> Axis | None:
        """The scale of the plots; None where there is nothing to draw."""
        return self.pen.axis

    @property
    def zones(self) -> tuple[Zones, ...]:
        """What the limits look like on the axis."""
        return tuple(self.pen.axis.zones(limit) for limit in self.pen.limits) if self.pen.axis else ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows."""
        return tuple(row for body in self.bodies for row in body.rows)

    @property
    def judged(self) -> bool:
        """True when any row has a verdict."""
        return any(row.verdict is not None for row in self.rows)

    @property
    def level(self) -> str:
        """The level of the intervals in words; empty where no row has one."""
        return " / ".join(dict.fromkeys(row.level for row in self.rows if row.level))

    @property
    def beside(self) -> bool:
        """True when any row has a second estimate beside its number."""
        return any(row.beside for row in self.rows)

    @property
    def columns(self) -> int:
        """How many columns the table has."""
        return 3 + sum((self.axis is not None, bool(self.level), self.beside, self.tested, self.judged))

    @property
    def adjusted(self) -> bool:
        """True when a p-value was adjusted for its family."""
        return any(row.adjusted for row in self.rows)

    @property
    def tested(self) -> bool:
        """True when any row has a p-value."""
        return any(row.p for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """One measure, or several on one scale. `place`: "open" on the page, "folded", or among "more" for who asks."""

    title: str
    tables: tuple[Table, ...]
    place: Literal["open", "folded", "more"]
    limits: tuple[Limit, ...]


def figures(entries: Sequence[Entry], /, *, caps: Caps, language: Language, rules: Rules) -> tuple[Figure, ...]:
    """The figures of one check: judged comparisons, what holds over all rows, each measure by group, and the rest."""
    entries = [e for e in entries if e.measure.name != NOT_RUN]
    pen = Pen(language, rules)
    totals = [e for e in entries if block(e) == ((), ())]
    compared = [e for e in entries if compares(e) and not e.measure.slice]
    sliced = by((e for e in entries if e not in compared), lambda e: e.measure.name)
    sliced = [(name, es) for name, es in sliced if any(e.measure.slice for e in es)]
    rates = [(name, es) for name, es in sliced if _judged(es) or not any(map(compares, es))]
    judged = by((e for e in compared if e.finding.limit), _edges)
    opened = _first_open([name for name, _ in rates], compared)
    rest = by((e for e in compared if not e.finding.limit), lambda e: e.measure.name)
    rest += [found for found in sliced if found not in rates]
    return (
        *(_compared(es, pen, caps) for _, es in judged),
        *([_overall(totals, pen)] if totals and (len(totals) > 1 or not sliced) else []),
        *(_figure(name, es, pen, caps, "open" if name == opened or _telling(es) else "folded") for name, es in rates),
        *(_figure(name, es, pen, caps, "more") for name, es in rest),
    )


def _first_open(names: Sequence[str], compared: Sequence[Entry]) -> str:
    """The measure by group that the worst comparison is about, else the first."""
    worst = lead(compared)
    base = worst.measure.name.rpartition("_")[0] if worst else ""
    return base if base in names else next(iter(names), "")


def _judged(entries: Iterable[Entry]) -> bool:
    return any(e.finding.limit for e in entries)


def _telling(entries: Iterable[Entry]) -> bool:
    return any(e.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE) for e in entries)


def _edges(e: Entry) -> tuple[str, float, float]:
    limit = e.finding.limit
    return (limit.better, limit.warn, limit.fail) if limit else ("", 0.0, 0.0)


def _scaled(pen: Pen, entries: Sequence[Entry]) -> Pen:
    limits = tuple({_edges(e): e.finding.limit for e in entries if e.finding.limit is not None}.values())
    scale = axis([e.measure for e in entries if e.shown], limits, small=pen.rules.min_n)
    return replace(pen, axis=scale, limits=limits)


def _overall(entries: Sequence[Entry], pen: Pen) -> Figure:
    """All measures over all rows in one table; drawn where all of them are shares."""
    scaled = _scaled(pen, entries)
    shares = scaled.axis is not None and scaled.axis.low >= 0 and scaled.axis.high <= 1
    pen = scaled if shares else replace(pen, limits=scaled.limits)
    rows = tuple(pen.row(e, pen.language.measure(e.measure.name)) for e in entries)
    table = Table(Sentence("figure.overall"), "column.measure", (Body(rows),), pen)
    return Figure(pen.language.word("figure.overall"), (table,), "open", ())


def _compared(entries: Sequence[Entry], pen: Pen, caps: Caps) -> Figure:
    """Comparisons with the same limits in one figure, a body for each measure."""
    pen = _scaled(pen, entries)
    found = by(entries, lambda e: e.measure.name)
    bodies = []
    for name, es in found:
        shown = es if len(es) <= caps.single else sorted(es, key=rank)[: caps.single]
        heading = pen.language.measure(name) if len(found) > 1 else ""
        bodies.append(Body(tuple(_row(e, pen) for e in shown), heading, _choice(shown, es, pen)))
    title = pen.language.word("figure.compared") if len(found) > 1 else pen.language.measure(found[0][0])
    caption = Sentence("figure.caption", {"measure": title})
    left = len(entries) - sum(len(body.rows) for body in bodies)
    return Figure(title, (Table(caption, "column.compared", tuple(bodies), pen, left_out=left),), "open", pen.limits)


def _figure(
    name: str, entries: Sequence[Entry], pen: Pen, caps: Caps, place: Literal["open", "folded", "more"]
) -> Figure:
    """One measure: a row for all rows, a body for each attribute, and folded tables for what is more."""
    pen = _scaled(pen, entries)
    caption = Sentence("figure.caption", {"measure": pen.language.measure(name)})
    total = next((e for e in entries if block(e) == ((), ()) and e.shown), None)
    level = total.measure.value if total else None
    bodies: list[Body] = []
    folded: list[Table] = []
    for (over, _), found in by(entries, block):
        order = worst_first(found, level=level, min_n=pen.rules.min_n)
        room = min(len(order), caps.combined if len(over) > 1 else caps.single)
        shown = order[: 0 if len(over) > 1 else min(WORST, room)]
        if shown:
            bodies.append(_body(shown, found, pen))
        if len(shown) < len(order):
            folded.append(_folded(order[len(shown) :], room - len(shown), pen, caption))
    first = "column.group" if any(e.measure.slice for e in entries) else "column.compared"
    line = pen.axis.place(level) if pen.axis and level is not None else None
    opened = [Table(caption, first, tuple(bodies), pen)] if bodies else []
    tables = tuple(replace(t, overall=line) for t in (*opened, *folded))
    return Figure(pen.language.measure(name), tables, place, pen.limits)


def _body(shown: Sequence[Entry], found: Sequence[Entry], pen: Pen) -> Body:
    ordered = readable(shown) if found[0].measure.slice else [e for e in found if e in shown]
    return Body(tuple(_row(e, pen) for e in ordered), _heading(found[0]), _choice(shown, found, pen))


def _choice(shown: Sequence[Entry], found: Sequence[Entry], pen: Pen) -> Sentence | None:
    if len(shown) == len(found):
        return None
    return Sentence("figure.worst", {"count": str(len(shown)), "total": pen.language.count(len(found))})


def _folded(entries: Sequence[Entry], room: int, pen: Pen, caption: Sentence) -> Table:
    over = tuple(entries[0].measure.slice) or entries[0].measure.over
    id = "figure.combinations" if len(over) > 1 else "figure.more"
    summary = pen.language.counted(id, len(entries), over=attributes(over))
    rows = tuple(_row(e, pen) for e in entries[:room])
    first = "column.group" if entries[0].measure.slice else "column.compared"
    return Table(caption, first, (Body(rows),), pen, summary=summary, left_out=len(entries) - len(rows))


def _row(e: Entry, pen: Pen) -> Row:
    if block(e) == ((), ()):
        return pen.row(e, pen.language.word("name.rows"))
    return pen.row(e, name_of(e.measure), under_of(e.measure))


def _heading(e: Entry) -> Shown | Sentence:
    m = e.measure
    if not m.slice or not m.over or set(m.over) == set(m.slice):
        return attributes(m.slice) if m.slice else ""
    return Sentence("figure.heading", {"attributes": attributes(m.slice), "over": attributes(m.over)})
