"""What a terminal, a pipe or a program gets to see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from assay.core.finding import Finding, Run
from assay.core.measure import NOT_RUN, Measure, Slice, Verdict
from assay.core.part import printable

MARKS = {
    Verdict.PASS: ("✓ pass", "green"),
    Verdict.WARN: ("! warn", "yellow"),
    Verdict.INCONCLUSIVE: ("? inconclusive", "cyan"),
    Verdict.UNMEASURED: ("– unmeasured", "bright_black"),
    Verdict.FAIL: ("✗ fail", "red"),
}
"""How a verdict is written: a sign and a word, so that colour is never needed."""


def safe(text: object, /) -> str:
    """`text` with control and direction characters written out, so that data cannot steer a terminal."""
    return printable(text)


def print_json(data: Any, /) -> None:
    """Print the envelope `{"ok": true, "data": …}`."""
    click.echo(json.dumps({"ok": True, "data": data}, ensure_ascii=True, allow_nan=False, indent=2))


def print_error(message: str, /, *, code: str, hint: str = "", as_json: bool = False) -> None:
    """Say what was wrong: as an envelope on standard output, or in words on standard error."""
    if as_json:
        error = {"code": code, "message": message, "hint": hint}
        click.echo(json.dumps({"ok": False, "error": error}, ensure_ascii=True, indent=2))
        return
    click.echo(click.style("Error: ", fg="red", bold=True) + safe(message), err=True)
    if hint:
        click.echo(safe(hint), err=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], /) -> None:
    """A plain table: columns as wide as needed, two spaces between; numbers to the right."""
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *cells, strict=True)]
    click.echo(click.style("  ".join(h.ljust(w) for h, w in zip(header, widths, strict=True)).rstrip(), bold=True))
    numeric = [all(_is_number(cell) for cell in column) for column in zip(*cells, strict=True)] if cells else []
    for row in cells:
        line = "  ".join(
            cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, numeric, strict=True)
        )
        click.echo(line.rstrip())


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(",", "").replace(".", "").replace("-", "").replace("−", "").isdigit()


def verdict_text(verdict: Verdict | None, /) -> str:
    """Sign, word and colour of a verdict."""
    if verdict is None:
        return "· not judged"
    text, colour = MARKS[verdict]
    return click.style(text, fg=colour)


def number(value: float | None, /) -> str:
    """Four significant digits, or a dash."""
    return "–" if value is None else f"{value:.4g}"


def where(measure: Measure, /) -> str:
    """The slice of a Measure in words."""
    if measure.over and not measure.slice:
        return ("between " if measure.groups else "by ") + " × ".join(safe(name) for name in measure.over)
    text = _slice(measure.slice) or "overall"
    if measure.over:
        text += f", against {_slice(measure.groups[1]) if len(measure.groups) > 1 else 'the rest'}"
    return text


def _slice(slice_: Slice) -> str:
    return ", ".join(f"{safe(k)} = {'(missing)' if v is None else safe(v)}" for k, v in slice_.items())


def print_findings(findings: Sequence[Finding], /) -> None:
    """One line a Finding, aligned."""
    rows = [(_mark(f.verdict), f.measure.name, where(f.measure), _value(f), _rows(f)) for f in findings]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    for f, row in zip(findings, rows, strict=True):
        pad = " " * (widths[0] - len(row[0]))
        cells = [text.ljust(width) for text, width in zip(row[1:4], widths[1:], strict=True)]
        click.echo(f"  {verdict_text(f.verdict)}{pad}  {'  '.join(cells)}  {row[4]}".rstrip())


def _mark(verdict: Verdict | None) -> str:
    return click.unstyle(verdict_text(verdict))


def _value(finding: Finding) -> str:
    m = finding.measure
    if m.value is None:
        return safe(m.reason.text() if m.reason else "")
    if m.interval is None:
        return number(m.value)
    return f"{number(m.value)} [{number(m.interval.low)}, {number(m.interval.high)}]"


def _rows(finding: Finding) -> str:
    n = " and ".join(f"{rows:,}" for rows in finding.measure.rows)
    text = f"n = {n}" if finding.measure.value is not None else ""
    if finding.settles_at:
        text += f"; about {finding.settles_at:,} would settle it"
    if finding.judged.get("rule") == "min-n":
        text += f" (under the minimum of {finding.judged['min_n']})"
    return text


PASSES_SHOWN = 4
"""Passing lines printed for a check before the rest is summed up in one."""


def print_run(run: Run, /, *, everything: bool = False) -> None:
    """The verdicts of a Run by check, worst first; `everything` adds what was only described."""
    from assay.documents.standing import other_tasks

    elsewhere = other_tasks(run.findings)
    for check, facts in run.checks.items():
        if check in elsewhere and not everything:
            continue
        found = [f for f in run.findings if f.check == check]
        shown = found if everything else [f for f in found if f.limit is not None or f.measure.name == NOT_RUN]
        if not shown:
            continue
        order = list(Verdict)
        shown = sorted(shown, key=lambda f: -order.index(f.verdict) if f.verdict else 1)
        click.echo(f"\n{click.style(check, bold=True)}  {safe(facts['title'])}")
        passes = [f for f in shown if f.verdict is Verdict.PASS]
        hidden = passes[PASSES_SHOWN:] if len(passes) > PASSES_SHOWN + 1 and not everything else []
        print_findings([f for f in shown if f not in hidden])
        if hidden:
            click.echo(f"  {verdict_text(Verdict.PASS)}  and {len(hidden)} more (--all prints them)")
    click.echo()
    if elsewhere and not everything:
        tasks = ", ".join(sorted({safe(task) for wanted in elsewhere.values() for task in wanted}))
        names = "1 check is" if len(elsewhere) == 1 else f"{len(elsewhere)} checks are"
        click.echo(f"{names} for other kinds of task ({tasks}) and not asked (--all prints them).")
    print_headline(run)


def print_headline(run: Run, /) -> None:
    """How many judged limits hold, and the overall verdict."""
    judged = [f for f in run.findings if f.limit is not None]
    tally = {v: sum(f.verdict is v for f in judged) for v in Verdict}
    parts = [f"{n} {v.value}" for v, n in tally.items() if n]
    click.echo(f"{run.subject}: {verdict_text(run.verdict)}   {len(judged)} limits: {', '.join(parts) or 'none apply'}")
    if run.status != "done":
        click.echo(f"The run is {run.status}: not every check has been asked.")
