"""A Run as one HTML file that opens offline, prints, and runs no script; and as a short piece for a notebook."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from assay.core.finding import Run
from assay.core.measure import Limit, Verdict
from assay.documents.escape import Shown, show_html, show_text, visible_words
from assay.documents.language import Language, Sentence, language
from assay.documents.report.build import Report, report
from assay.documents.report.made import Fact
from assay.documents.report.svg import Band

if TYPE_CHECKING:
    from jinja2 import Environment

LARGEST = 1_500_000
"""Bytes of the largest report. What does not fit is in findings.json, and the report says how much."""

SIGNS = {"pass": "✓", "warn": "▲", "inconclusive": "◇", "unmeasured": "○", "fail": "✕", "none": "–"}
"""A shape for every verdict, for text."""

_TONES = {
    "overall.pass": "pass",
    "overall.asked_pass": "pass",
    "overall.warn": "warn",
    "overall.asked_warn": "warn",
    "overall.none": "none",
}


def html(run: Run, /, *, lang: str = "en") -> str:
    """The report of `run` as one self-contained HTML file of at most `LARGEST` bytes."""
    words = language(lang)
    single, combined = 2000, 1000
    while True:
        text = _render(report(run, language=words, single=single, combined=combined), words)
        if len(text.encode("utf-8")) <= LARGEST or single < 10:
            return text
        single, combined = single // 2, combined // 2


def notebook(run: Run, /, *, lang: str = "en") -> str:
    """`run` as a short piece of HTML with its own scoped style: the verdict and one line a check."""
    words = language(lang)
    made = report(run, language=words, single=0, combined=0)
    return environment(lang).get_template("notebook.html.j2").render(r=made, tone=tone(made), signs=SIGNS)


def tone(made: Report, /) -> str:
    """The verdict whose colour and shape stand for the whole Run."""
    if made.overall.id.startswith("overall.fail"):
        return "fail"
    return _TONES.get(made.overall.id, "inconclusive")


def _render(made: Report, words: Language) -> str:
    policy = made.standing.policy
    line = [words.say("limit.policy", name=policy.name, version=policy.version)]
    if policy.sign_offs:
        line.append(words.say("limit.sign_offs", people=", ".join(policy.sign_offs)))
    page = environment(words.code).get_template("report.html.j2")
    return page.render(
        r=made,
        lang=words.code,
        tone=tone(made),
        bar=_bar(made),
        policy_line=" ".join(line),
        glossary=_glossary(made, words),
        about=_about(made.run, made, words),
    )


def _bar(made: Report) -> tuple[Band, ...]:
    """Judged Findings by verdict as parts of one bar, in per cent, with a gap between them."""
    tally, left, out = made.standing.tally, 0.0, []
    for verdict, n in tally.items():
        width = 100 * n / sum(tally.values())
        out.append(Band(verdict.value, round(left, 2), round(max(width - 0.3, 0.2), 2)))
        left += width
    return tuple(out)


def _glossary(made: Report, words: Language) -> tuple[str, ...]:
    rules = made.standing.policy.rules
    said = [words.word("glossary.interval"), words.word("glossary.n")]
    if rules.judge == "point":
        said.append(words.word("glossary.point"))
    said.append(words.say("glossary.small", min_n=str(rules.min_n)))
    if rules.min_cell > 1:
        said.append(words.say("glossary.suppressed", min_cell=str(rules.min_cell)))
    if any(e.beside is not None for e in made.standing.entries):
        said.append(words.word("glossary.pooled"))
    if any(e.finding.p_adjusted is not None for e in made.standing.entries):
        said.append(words.say("glossary.adjusted", multiplicity=rules.multiplicity))
    return tuple(said)


def _about(run: Run, made: Report, words: Language) -> tuple[Fact, ...]:
    policy = made.standing.policy
    tools = dict.fromkeys(" ".join(map(str, f.tool.values())) for f in run.findings if f.tool)
    said: dict[str, tuple[Shown, ...]] = {
        "run": (run.id,),
        "started": (run.started.strftime("%Y-%m-%d %H:%M:%S %Z").strip(),),
        "seconds": () if made.promise else (words.say("fact.took", seconds=words.exact(round(run.seconds, 1))),),
        "policy": (f"{policy.name} {policy.version}", str(run.policy.get("digest", policy.digest))),
        "tool": tuple(tools),
        "host": tuple(f"{key}: {value}" for key, value in sorted(run.host.items()) if not key.startswith("tool_")),
    }
    return tuple(Fact(words.word(f"fact.{id}"), lines) for id, lines in said.items() if lines)


@cache
def environment(lang: str, /) -> Environment:
    """Templates that escape everything, with the sentences of one language as functions."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = language(lang)

    def counted(id: str, n: int, over: Shown = "") -> Markup:
        return words.html(words.counted(id, n, over=over))

    def limit_words(limit: Limit) -> str:
        fail = words.limit(limit, limit.fail)
        if limit.warn == limit.fail:
            return words.say("limit.same", fail=fail)
        return words.say("limit.line", fail=fail, warn=words.limit(limit, limit.warn))

    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "word": words.word,
        "words": words.say,
        "say": words.html,
        "plain": words.text,
        "plain_text": lambda shown: words.text(shown) if isinstance(shown, Sentence) else show_text(shown, words.word),
        "show": lambda shown: words.html(shown) if isinstance(shown, Sentence) else show_html(shown, words.word),
        "number": words.number,
        "exact": words.exact,
        "count": words.count,
        "counted": counted,
        "limit_words": limit_words,
    }
    return made


def _safe(value: Any) -> Any:
    """Text with nothing unseen in it; what is HTML already was made so from such text."""
    if isinstance(value, Verdict):
        return value.value
    return visible_words(value) if isinstance(value, str) and not isinstance(value, Markup) else value
