"""One Finding as a row of a table: its name, its plot, its numbers or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.errors import Message
from assay.core.measure import Limit, Measure, Verdict
from assay.core.policy import Rules
from assay.documents.escape import Name, Shown, attributes, groups_of
from assay.documents.language import Language, Sentence
from assay.documents.report.svg import Axis, Mark
from assay.documents.standing import Entry


@dataclass(frozen=True, slots=True)
class Row:
    """What a reader sees of one Finding. `reason` stands where there is no number, `remark` beside one."""

    name: Shown
    under: Sentence | None
    n: str
    value: str = ""
    interval: str = ""
    level: str = ""
    p: str = ""
    adjusted: bool = False
    verdict: Verdict | None = None
    reason: str = ""
    remark: str = ""
    mark: Mark | None = None
    zone: int | None = None
    small: bool = False
    title: str = ""
    beside: str = ""
    beside_title: str = ""


@dataclass(frozen=True)
class Pen:
    """Writes Rows on one axis, in one language, under one policy. `limits` are those drawn on the axis, by position."""

    language: Language
    rules: Rules
    axis: Axis | None = None
    limits: tuple[Limit, ...] = ()

    def row(self, entry: Entry, name: Shown, /, under: Sentence | None = None) -> Row:
        """The Row of `entry` under `name`."""
        m, limit = entry.measure, entry.finding.limit
        n = count_text(entry, self.language, self.rules)
        if not entry.shown:
            return Row(name, under, n, verdict=entry.verdict, reason=reason_text(entry, self.language, self.rules))
        value, low, high = self.language.numbers(m)
        return Row(
            name,
            under,
            n,
            value=value,
            interval=self.language.say("figure.range", low=low, high=high) if m.interval else "",
            level=self.language.level(m.interval.level) if m.interval else "",
            p=self._p(entry),
            adjusted=entry.finding.p_adjusted is not None,
            verdict=entry.verdict,
            remark=self._remark(entry),
            mark=self.axis.mark(m) if self.axis else None,
            zone=self._zone(limit),
            small=min(m.rows) < self.rules.min_n and not m.exact,
            title=self._title(m),
            beside=self._beside(entry),
            beside_title="; ".join(map(self.language.message, entry.beside.measure.notes)) if entry.beside else "",
        )

    def _beside(self, entry: Entry) -> str:
        """The other estimate of the number, with its interval."""
        if entry.beside is None:
            return ""
        value, low, high = self.language.numbers(entry.beside.measure)
        return self.language.say("figure.beside", value=value, low=low, high=high)

    def _zone(self, limit: Limit | None) -> int | None:
        """The position of the drawn limit with the same edges, whatever measure it is declared for."""
        edges = [(x.better, x.warn, x.fail) for x in self.limits]
        here = limit and (limit.better, limit.warn, limit.fail)
        return edges.index(here) if here in edges else None

    def _title(self, m: Measure) -> str:
        value, low, high = self.language.numbers(m)
        if m.interval is None:
            return self.language.say("figure.point", value=value)
        return self.language.say(
            "figure.mark", value=value, level=self.language.level(m.interval.level), low=low, high=high
        )

    def _p(self, entry: Entry) -> str:
        p = entry.finding.p_adjusted if entry.finding.p_adjusted is not None else entry.measure.p_value
        return "" if p is None else self.language.p_value(p)

    def _remark(self, entry: Entry) -> str:
        """The limit where a table has several, why a number was not judged, and what would settle it."""
        f, words = entry.finding, []
        if f.limit is not None and len(self.limits) > 1:
            words.append(self.language.say("figure.own_limit", limit=self.language.limit(f.limit, f.limit.fail)))
        if entry.verdict is Verdict.UNMEASURED:
            words.append(reason_text(entry, self.language, self.rules))
        elif f.settles_at:
            words.append(self.language.say("figure.settles", n=self.language.about(f.settles_at)))
        return "; ".join(words)


def count_text(entry: Entry, language: Language, rules: Rules, /) -> str:
    """n in words: `310`, `310 / 690`, `< 5` or a dash where it is hidden to protect another group."""
    rows = entry.measure.rows
    if entry.hidden == "small":
        return language.say("figure.under", min_cell=str(rules.min_cell))
    if entry.hidden:
        return language.word("figure.hidden")
    return " / ".join(language.count(n) for n in rows)


def reason_text(entry: Entry, language: Language, rules: Rules, /) -> str:
    """Why there is no number, or why it was not judged; never a count that is hidden."""
    if entry.hidden == "small":
        return language.say("reason.suppressed", min_cell=str(rules.min_cell))
    if entry.hidden:
        return language.word("reason.complement")
    if entry.measure.reason is not None and tells_few(entry.measure.reason, rules.min_cell):
        return language.say("reason.suppressed", min_cell=str(rules.min_cell))
    if entry.measure.reason is not None:
        return language.message(entry.measure.reason)
    judged = entry.finding.judged
    n, least = judged.get("n", min(entry.measure.rows)), judged.get("min_n", rules.min_n)
    return language.say("reason.few", n=str(n), min_n=str(least))


def name_of(measure: Measure, /) -> Shown:
    """What a row is about: its groups, else what it compares, else the two groups compared."""
    if measure.slice:
        return groups_of(measure.slice)
    if measure.over:
        return attributes(measure.over)
    return Name(tuple(value for group in measure.groups for value in groups_of(group).parts))


def under_of(measure: Measure, /) -> Sentence | None:
    """The groups a comparison names, as a second line; None where the name says all."""
    named = [groups_of(group) for group in measure.groups]
    if not measure.over or not named:
        return None
    if _own(measure):
        return Sentence("figure.than", {"low": named[1]}) if len(named) == 2 else Sentence("figure.than_others")
    if len(named) == 2:
        return Sentence("figure.against", {"high": named[0], "low": named[1]})
    return Sentence("figure.about", {"group": named[0]})


def _own(measure: Measure) -> bool:
    """True for the difference of one group from another: its slice is the first group it names."""
    return bool(measure.groups) and set(measure.over) == set(measure.slice)


def where(measure: Measure, /) -> Sentence:
    """`over all rows`, `by sex`, `for sex = Female`, or `for class = A by sex`."""
    params: dict[str, Shown | Sentence] = {"over": attributes(measure.over)}
    if measure.slice:
        params |= {"attributes": attributes(measure.slice), "group": name_of(measure)}
        return Sentence("where.within" if measure.over and not _own(measure) else "where.group", params)
    if measure.over or measure.groups:
        return Sentence("where.comparison", {"over": name_of(measure)})
    return Sentence("where.overall")


def tells_few(message: Message, min_cell: int, /) -> bool:
    """True when a sentence of a check speaks of fewer rows than may be shown."""
    return any(isinstance(n, int) and 0 < n < min_cell for k, n in message.params.items() if k in ("n", "rows"))
