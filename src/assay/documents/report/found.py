"""What a check found, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.measure import Measure, Slice, Verdict
from assay.core.policy import Rules
from assay.documents.escape import Shown, groups_of
from assay.documents.language import Language, Sentence
from assay.documents.report.rows import reason_text, where
from assay.documents.standing import NOT_RUN, Entry, lead, rank


def found(entries: Sequence[Entry], /, *, language: Language, rules: Rules) -> tuple[Sentence, ...]:
    """What a check found: the measure that lies worst to its limit, what that means, and what would settle it."""
    judged = sorted((e for e in entries if e.verdict not in (None, Verdict.UNMEASURED)), key=rank)
    hidden = [_untold(judged[0], language)] if judged and judged[0].hidden else []
    telling = lead(entries)
    if telling is not None:
        return (*hidden, what(telling, language, among=entries), *_against_limit(telling, language))
    if hidden:
        return tuple(hidden)
    told = next((e for e in entries if e.verdict is Verdict.UNMEASURED), None)
    if told is None and not_run(entries):
        told = entries[0]
    if told is not None:
        return (Sentence("what.missing", {"reason": reason_text(told, language, rules)}),)
    if not entries:
        return (Sentence("what.empty"),)
    described = language.counted("what.described", len(entries))
    main = _main(entries)
    return (what(main, language, among=entries), described) if main else (described,)


def _untold(e: Entry, language: Language) -> Sentence:
    """The verdict on a Finding whose numbers are hidden."""
    verdict = language.word(f"verdict.{e.verdict.value if e.verdict else 'none'}")
    measure = language.measure(e.measure.name)
    return Sentence("what.hidden", {"measure": measure, "where": where(e.measure), "verdict": verdict})


def _main(entries: Sequence[Entry]) -> Entry | None:
    """What to say first of numbers that nothing judges: the widest gap, else the first number over all rows."""
    shown = [e for e in entries if e.shown]
    gaps = [e for e in shown if e.measure.name.endswith("_gap") and not e.measure.slice]
    if gaps:
        return max(gaps, key=lambda e: e.measure.value or 0.0)
    return next((e for e in shown if not e.measure.slice), None)


def not_run(entries: Sequence[Entry]) -> bool:
    return bool(entries) and all(e.measure.name == NOT_RUN for e in entries)


def what(entry: Entry, language: Language, /, *, among: Sequence[Entry] = ()) -> Sentence:
    """The number of `entry` (which may be shown) in a sentence, with the two groups' own numbers from `among`."""
    m = entry.measure
    return Sentence(
        "what.number",
        {
            "measure": language.measure(m.name),
            "where": where(m),
            "value": language.numbers(m)[0],
            "interval": language.interval(m),
            "detail": _detail(m, language, among),
        },
    )


def _detail(m: Measure, language: Language, among: Sequence[Entry]) -> Shown | Sentence:
    """Which groups a comparison is about, the higher one first where their own numbers are known."""
    if not m.over or m.slice or not m.groups:
        return ""
    named = [groups_of(group) for group in m.groups]
    if len(named) != 2:
        return Sentence("what.about", {"group": named[0]})
    base = m.name.rpartition("_")[0]
    numbers = [_number(among, base, group) for group in m.groups]
    high, low = 0, 1
    if numbers[0] is None or numbers[1] is None:
        return Sentence("what.compared", {"high": named[0], "low": named[1]})
    if numbers[0] < numbers[1]:
        high, low = 1, 0
    values = [language.number(x or 0.0) for x in numbers]
    ends: dict[str, Shown | Sentence] = {
        "high": named[high],
        "most": values[high],
        "low": named[low],
        "least": values[low],
    }
    return Sentence("what.extremes", ends)


def _number(among: Sequence[Entry], name: str, group: Slice) -> float | None:
    """The value of the measure `name` for `group` alone, where it may be shown."""
    alone = (e for e in among if e.measure.name == name and e.shown and not e.measure.over)
    return next((e.measure.value for e in alone if dict(e.measure.slice) == dict(group)), None)


def _against_limit(entry: Entry, language: Language) -> tuple[Sentence, ...]:
    f, limit = entry.finding, entry.finding.limit
    if limit is None or entry.verdict is None:
        return ()
    edges: dict[str, Shown | Sentence] = {
        "fail": language.limit(limit, limit.fail),
        "warn": language.limit(limit, limit.warn),
    }
    if f.judged.get("not_significant") and f.p_adjusted is not None:
        tests = {"family": language.count(f.family_size or 1), "p": language.p_value(f.p_adjusted)}
        return (Sentence("verdictline.insignificant", edges | tests),)
    line = Sentence(f"verdictline.{entry.verdict.value}", edges)
    if f.settles_at is None:
        return (line,)
    return line, Sentence("verdictline.settles", {"n": language.about(f.settles_at)})
