"""The whole report of a Run as one record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.finding import Run
from assay.core.measure import Verdict
from assay.core.policy import PolicyLimit
from assay.documents.escape import Shown, attributes, groups_of
from assay.documents.language import Language, Sentence
from assay.documents.report.attached import ROOM, Room
from assay.documents.report.checks import CheckPage, check_page
from assay.documents.report.facts import Attribute, Source, facts, group_sizes, promise, sources
from assay.documents.report.made import Fact
from assay.documents.report.order import Caps, by, caps
from assay.documents.report.rows import name_of, reason_text
from assay.documents.report.verdict import Obstacle, gate_line, headline, obstacles, overall, unasked_line
from assay.documents.standing import NOT_RUN, Entry, Standing, standing

MOST = 12
"""So many slices with one reason are named."""

OBSTACLES = 60
"""So many things that stand in the way are named."""


@dataclass(frozen=True)
class Area:
    """The checks of one area."""

    title: str
    checks: tuple[CheckPage, ...]


@dataclass(frozen=True)
class Unmeasured:
    """What one check did not measure for one reason."""

    check: str
    measure: str
    over: Shown
    about: tuple[Shown, ...]
    more: Sentence | None
    reason: str


@dataclass(frozen=True)
class Elsewhere:
    """How many checks are for tasks of another kind than this one, and their titles."""

    sentence: Sentence
    checks: tuple[str, ...]


@dataclass(frozen=True)
class LimitRow:
    """A limit that judged something, and who set it."""

    check: str
    measure: str
    applies: Shown
    good: str
    fail: str
    set_by: str
    set_on: str
    why: str


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    run: Run
    standing: Standing
    overall: Sentence
    headline: tuple[Sentence, ...]
    gate: Sentence
    unasked: Sentence | None
    promise: Sentence | None
    obstacles: tuple[Obstacle, ...]
    obstacles_left: int
    facts: tuple[Fact, ...]
    groups: tuple[Attribute, ...]
    sources: tuple[Source, ...]
    areas: tuple[Area, ...]
    elsewhere: Elsewhere | None
    unmeasured: tuple[Unmeasured, ...]
    limits: tuple[LimitRow, ...]


def report(run: Run, /, *, language: Language, single: int = 2000, combined: int = 1000) -> Report:
    """The report of `run`, with at most about `single` rows on groups and `combined` rows on combinations of them."""
    stands = standing(run)
    room = caps(stands.entries, single=single, combined=combined)
    areas = _areas(run, stands, room, language)
    anchors = {page.id: page.anchor for area in areas for page in area.checks}
    ways = obstacles(stands, anchors, language)
    return Report(
        run=run,
        standing=stands,
        overall=overall(stands, language),
        headline=headline(stands, language),
        gate=gate_line(stands, len(ways), language),
        unasked=unasked_line(stands, language),
        promise=promise(run, language=language),
        obstacles=tuple(ways[:OBSTACLES]),
        obstacles_left=len(ways) - OBSTACLES,
        facts=facts(run, language=language),
        groups=group_sizes(run, language=language, rules=stands.policy.rules, prefer=stands.hidden),
        sources=sources(run, language=language),
        areas=areas,
        elsewhere=_elsewhere(run, stands, language),
        unmeasured=unmeasured(run, stands, language),
        limits=_limits(run, stands, language),
    )


def _areas(run: Run, stands: Standing, room: Caps, language: Language) -> tuple[Area, ...]:
    """Checks by area, in the order they were asked; a check that was asked and gave nothing is there too."""
    found = dict(by(stands.entries, lambda e: e.finding.check))
    ids = [id for id in dict.fromkeys([*found, *sorted(run.checks)]) if id not in stands.elsewhere]
    pictures = Room(ROOM)
    areas: dict[str, list[CheckPage]] = {}
    for i, id in enumerate(ids):
        about = run.checks.get(id, {})
        page = check_page(
            id,
            found.get(id, []),
            about,
            anchor=f"check-{i + 1}",
            caps=room,
            language=language,
            rules=stands.policy.rules,
            room=pictures,
        )
        title = str(about.get("area_title") or id.partition(".")[0])
        areas.setdefault(title, []).append(page)
    return tuple(Area(title, tuple(pages)) for title, pages in areas.items())


def _elsewhere(run: Run, stands: Standing, language: Language) -> Elsewhere | None:
    """The checks that are for tasks of another kind, in one line; None where there are none."""
    if not stands.elsewhere:
        return None
    tasks = sorted({task for wanted in stands.elsewhere.values() for task in wanted})
    named = language.word("elsewhere.or").join(language.messages.get(f"task.{task}", task) for task in tasks)
    titles = tuple(language.title(id, run.checks.get(id, {})) for id in stands.elsewhere)
    return Elsewhere(language.counted("elsewhere.checks", len(titles), tasks=named), titles)


def unmeasured(run: Run, stands: Standing, language: Language, /) -> tuple[Unmeasured, ...]:
    """Every number that is missing or was not judged, gathered by check, measure and reason."""
    asked = [e for e in stands.entries if e.finding.check not in stands.elsewhere]
    missing = [e for e in asked if e.measure.value is None or e.hidden or e.verdict is Verdict.UNMEASURED]
    rules = stands.policy.rules

    def alike(e: Entry) -> tuple[str, str, str, tuple[str, ...]]:
        few = e.verdict is Verdict.UNMEASURED and e.shown
        reason = language.say("reason.few_rows", min_n=str(rules.min_n)) if few else reason_text(e, language, rules)
        return e.finding.check, e.measure.name, reason, tuple(e.measure.slice)

    out = []
    for (check, name, reason, over), entries in by(missing, alike):
        title = language.title(check, run.checks.get(check, {}))
        measure = "" if name == NOT_RUN else language.measure(name)
        named = [name_of(e.measure) for e in entries if e.measure.slice or e.measure.over or e.measure.groups]
        left = len(named) - MOST
        more = language.counted("about.more_reasons", left) if left > 0 else None
        out.append(Unmeasured(title, measure, attributes(over), tuple(named[:MOST]), more, reason))
    return tuple(out)


def _limits(run: Run, stands: Standing, language: Language) -> tuple[LimitRow, ...]:
    """Every limit that judged a Finding of this Run; those of the policy with who set them, when and why."""
    rows: dict[LimitRow, None] = {}
    for e in stands.entries:
        limit = e.finding.limit
        if limit is None:
            continue
        own = _set_by(stands.policy.limits, e)
        rows[
            LimitRow(
                check=language.title(e.finding.check, run.checks.get(e.finding.check, {})),
                measure=language.measure(limit.measure),
                applies=_applies(own, language),
                good=language.limit(limit, limit.warn),
                fail=language.limit(limit, limit.fail),
                set_by=(own.set_by or stands.policy.name) if own else language.word("limit.declared"),
                set_on=own.set_on if own else "",
                why=own.why if own else "",
            )
        ] = None
    return tuple(rows)


def _set_by(limits: Sequence[PolicyLimit], entry: Entry) -> PolicyLimit | None:
    """The policy's limit that judged `entry`, or None where the check's own did."""
    covering = [x for x in limits if x.covers(entry.finding.check, entry.measure) and x.limit == entry.finding.limit]
    return max(covering, key=lambda x: (x.slice is not None, x.over is not None), default=None)


def _applies(own: PolicyLimit | None, language: Language) -> Shown:
    if own is None or (own.slice is None and own.over is None):
        return language.word("limit.everywhere")
    if own.slice is not None:
        return groups_of(own.slice)
    return attributes(own.over or ())
