"""A Run as GitHub Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

from assay.core.finding import Run
from assay.core.measure import Verdict
from assay.core.policy import Rules
from assay.documents.escape import Name, markdown_words, show_markdown
from assay.documents.html import SIGNS, tone
from assay.documents.language import Language, Sentence, language
from assay.documents.report.build import Report, report
from assay.documents.report.rows import Pen, where
from assay.documents.standing import Entry, rank

ROWS = 50
"""So many measures are listed; a comment on GitHub holds 65,536 characters."""

TABLES = 5
"""So many attached tables are listed; the others are named."""

REASONS = 20
"""So many things that stand in the way are listed."""


def markdown(run: Run, /, *, lang: str = "en") -> str:
    """`run` as GitHub Markdown: verdict, what stands in the way, one line a check, and the worst measures folded."""
    words = language(lang)
    made = report(run, language=words, single=0, combined=0)
    status = "gate.running" if run.status == "running" else "gate.interrupted"
    parts = (
        f"## {SIGNS[tone(made)]} {show_markdown(Name((run.subject,)), words.word)}: {words.markdown(made.overall)}",
        "; ".join(map(words.markdown, made.headline)) + ("." if made.standing.required else ""),
        "" if run.status == "done" else f"> {words.word(status)}",
        words.markdown(made.promise) if made.promise else "",
        words.markdown(made.gate),
        _obstacles(made, words),
        words.markdown(made.unasked) if made.unasked else "",
        _checks(made, words),
        words.markdown(made.elsewhere.sentence) if made.elsewhere else "",
        _attached(made, words),
        _measures(made.standing.entries, made.standing.policy.rules, words),
        f"<sub>{markdown_words(run.id)} · {run.started:%Y-%m-%d %H:%M} · {words.word('about.short')}</sub>",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _obstacles(made: Report, words: Language) -> str:
    lines = [f"- {_badge(o.verdict, words)} {words.markdown(o.sentence)}" for o in made.obstacles[:REASONS]]
    left = len(made.obstacles) + max(made.obstacles_left, 0) - len(lines)
    return "\n".join(lines + ([f"- {words.markdown(words.counted('gate.more', left))}"] if left else []))


def _checks(made: Report, words: Language) -> str:
    rows = [
        [markdown_words(page.title), _badge(page.verdict, words), words.markdown(page.found[0])]
        for area in made.areas
        for page in area.checks
    ]
    return _table([words.word(f"column.{id}") for id in ("check", "verdict", "found")], rows)


def _attached(made: Report, words: Language) -> str:
    """Tables that checks attached, the first of them whole, and everything else by its name."""
    parts, tables = [], 0
    for a in (a for area in made.areas for page in area.checks for a in page.attached):
        title = words.markdown(a.title) if isinstance(a.title, Sentence) else show_markdown(a.title, words.word)
        if a.columns and tables < TABLES:
            tables += 1
            cells = [[show_markdown(cell, words.word) for cell in row] for row in (a.columns, *a.rows[:ROWS])]
            left = f"\n\n{words.markdown(a.more)}" if a.more else ""
            summary = words.text(words.counted("attached.rows", len(a.rows)))
            parts.append(title)
            parts.append(f"<details><summary>{summary}</summary>\n\n{_table(cells[0], cells[1:])}{left}\n\n</details>")
        else:
            about = f": {words.markdown(a.about)}" if a.about else ""
            parts.append(words.say("attached.picture", title=title) if a.source else f"{title}{about}")
    return "\n\n".join(parts[: 2 * REASONS])


def _measures(entries: tuple[Entry, ...], rules: Rules, words: Language) -> str:
    judged = sorted((e for e in entries if e.verdict is not None), key=rank)[:ROWS]
    if not judged:
        return ""
    rows = [_measure(e, Pen(words, rules), words) for e in judged]
    ids = ("measure", "who", "n", "value", "range", "limit", "verdict")
    summary = words.say("markdown.table", count=words.count(len(rows)))
    table = _table([words.word(f"column.{id}") for id in ids], rows)
    return f"<details><summary>{summary}</summary>\n\n{table}\n\n</details>"


def _measure(e: Entry, pen: Pen, words: Language) -> list[str]:
    row, limit = pen.row(e, ""), e.finding.limit
    return [
        markdown_words(words.measure(e.measure.name)),
        words.markdown(where(e.measure)),
        markdown_words(row.n),
        row.value or markdown_words(row.reason),
        row.interval,
        words.limit(limit, limit.fail) if limit else "",
        _badge(e.verdict, words),
    ]


def _badge(verdict: Verdict | None, words: Language) -> str:
    name = verdict.value if verdict else "none"
    return f"{SIGNS[name]} {words.word(f'verdict.{name}')}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
