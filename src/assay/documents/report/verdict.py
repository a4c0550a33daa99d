"""The verdict on a Run in words: whether it passes, how nearly, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.core.measure import Verdict
from assay.core.policy import Rules
from assay.documents.escape import Name, Shown
from assay.documents.language import Language, Sentence
from assay.documents.report.rows import reason_text, where
from assay.documents.standing import Absent, Entry, Standing


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands in the way, and the page of the check it belongs to."""

    sentence: Sentence
    verdict: Verdict | None = None
    anchor: str = ""


def overall(stands: Standing, language: Language, /) -> Sentence:
    """The verdict on the whole Run in words."""
    failed = sum(e.verdict is Verdict.FAIL for e in stands.entries if e.required)
    if failed:
        return language.counted("overall.failed" if _of_all(stands) else "overall.fail", failed)
    if not stands.required and not stands.absent:
        return Sentence("overall.none")
    if not stands.good:
        return Sentence("overall.blocked")
    verdict = {Verdict.WARN: "warn", Verdict.PASS: "pass"}.get(stands.verdict or Verdict.PASS, "open")
    return Sentence(f"overall.asked_{verdict}" if stands.unasked else f"overall.{verdict}")


def _of_all(stands: Standing) -> bool:
    """True when everything judged counts, because the Run was asked nothing that the policy requires."""
    return bool(stands.unasked) and not stands.asked


def headline(stands: Standing, language: Language, /) -> tuple[Sentence, ...]:
    """How many required measures passed, and the one that lies worst to its limit. Never a mean."""
    if not stands.required:
        return (Sentence("headline.nothing"),)
    id = "headline.required" if stands.asked else "headline.judged"
    params = {"passed": language.count(stands.passed), "required": language.count(stands.required)}
    first = Sentence(id, params)
    worst = stands.worst
    if worst is None or worst.finding.limit is None:
        return (first,)
    limit = language.limit(worst.finding.limit, worst.finding.limit.fail)
    return first, Sentence("headline.margin", _told(worst, language) | {"limit": limit})


def _told(entry: Entry, language: Language) -> dict[str, Shown | Sentence]:
    return {
        "measure": language.measure(entry.measure.name),
        "where": where(entry.measure),
        "value": language.numbers(entry.measure)[0],
        "interval": language.interval(entry.measure),
    }


def gate_line(stands: Standing, count: int, language: Language) -> Sentence:
    policy: dict[str, Shown] = {"policy": Name((stands.policy.name,)), "version": Name((stands.policy.version,))}
    if stands.good:
        return Sentence("gate.asked" if stands.unasked else "gate.open", policy)
    return language.counted("gate.shut", count, **policy)


def unasked_line(stands: Standing, language: Language, /) -> Sentence | None:
    """What the policy requires and the Run was not asked for; None where there is nothing."""
    if not stands.unasked:
        return None
    return language.counted("gate.unasked", len(stands.unasked), items=Name(stands.unasked, joiner=", "))


def obstacles(stands: Standing, anchors: Mapping[str, str], language: Language, /) -> list[Obstacle]:
    """What fails, then what holds for the whole Run, then what is not settled."""
    blocking = _blocking(stands, anchors, language)
    whole = [Obstacle(Sentence("gate.other", {"text": text})) for text in stands.other]
    whole += _absent(stands, anchors, language)
    failed = sum(o.verdict is Verdict.FAIL for o in blocking)
    return [*blocking[:failed], *whole, *blocking[failed:]]


def _blocking(stands: Standing, anchors: Mapping[str, str], language: Language) -> list[Obstacle]:
    rules = stands.policy.rules
    return [Obstacle(said(e, language, rules), e.verdict, anchors.get(e.finding.check, "")) for e in stands.blocking]


def said(e: Entry, language: Language, rules: Rules, /) -> Sentence:
    """One judged Finding in a sentence: its number and the limit, or why there is none."""
    params = _told(e, language)
    if e.shown and e.finding.limit is not None and e.verdict is not Verdict.UNMEASURED:
        limit = language.limit(e.finding.limit, e.finding.limit.fail)
        return Sentence("gate.finding", params | {"limit": limit})
    id = "gate.hidden" if e.hidden else "gate.unmeasured"
    return Sentence(id, params | {"reason": reason_text(e, language, rules)})


def _absent(stands: Standing, anchors: Mapping[str, str], language: Language) -> list[Obstacle]:
    out = []
    for absent in stands.absent:
        reason = _why_absent(absent, stands, language)
        sentence = Sentence("gate.absent", {"item": Name((absent.item,)), "reason": reason})
        out.append(Obstacle(sentence, Verdict.UNMEASURED, anchors.get(absent.item.partition(":")[0], "")))
    return out


def _why_absent(absent: Absent, stands: Standing, language: Language) -> str:
    entry = next((e for e in stands.entries if e.finding is absent.finding), None)
    return reason_text(entry, language, stands.policy.rules) if entry else language.word("reason.absent")
