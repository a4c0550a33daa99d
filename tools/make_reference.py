"""Write docs/reference from the declarations of the checks and of the command line.

python tools/make_reference.py            # write
python tools/make_reference.py --check    # exit 1 when a committed page is not current
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from assay.cli.main import assay
from assay.core.check import Check
from assay.core.clause import SOURCES
from assay.engine.areas import Registry, registry

FOLDER = Path(__file__).parents[1] / "docs/reference"
MADE = "<!-- Made by tools/make_reference.py from the declarations; run `make docs`. -->\n"


def pages(known: Registry, /, *, only: Iterable[str] | None = None) -> dict[str, str]:
    """Every page by file name; with `only`, as if just these checks were installed."""
    wanted = set(known.checks if only is None else only)
    checks = [check for id, check in known.checks.items() if id in wanted]
    areas = {area: [c for c in checks if c.area == area] for area in sorted({c.area for c in checks})}
    found = {f"checks-{area}.md": _area_page(known, area, members) for area, members in areas.items()}
    found["clauses.md"] = _clauses(checks)
    found["command-line.md"] = _command_line()
    found["README.md"] = _index(known, areas)
    return {name: MADE + "\n" + text.rstrip() + "\n" for name, text in found.items()}


def documented() -> set[str]:
    """Ids of the checks that the committed pages describe."""
    lines = (line for page in FOLDER.glob("checks-*.md") for line in page.read_text(encoding="utf-8").splitlines())
    return {line.removeprefix("## `").removesuffix("`") for line in lines if line.startswith("## `")}


def stale(expected: dict[str, str], /) -> list[str]:
    """Names of pages that are missing, not current or not expected."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    return sorted(name for name in {*expected, *committed} if expected.get(name) != committed.get(name))


def _index(known: Registry, areas: dict[str, list[Check[Any, Any]]]) -> str:
    lines = ["# Reference", "", "Made from the declarations. The same is shown by `assay check list` and `--help`.", ""]
    lines += ["- [The command line](command-line.md)", "- [Checks by clause of law and standard](clauses.md)"]
    for area, checks in areas.items():
        lines += [f"- [{known.areas[area].title}](checks-{area}.md)"]
        lines += [f"    - [`{c.id}`](checks-{area}.md#{_anchor(c.id)}) {c.title}" for c in checks]
    return "\n".join(lines)


def _area_page(known: Registry, area: str, checks: list[Check[Any, Any]]) -> str:
    return f"# {known.areas[area].title}\n\n" + "\n\n".join(_check(check) for check in checks)


def _check(check: Check[Any, Any]) -> str:
    kind = "counts" if check.counts else "rows"
    needs = ", ".join(sorted(check.requires)) or "nothing"
    lines = [f"## `{check.id}`", "", f"**{check.title}.**", "", check.doc, ""]
    lines += [f"Version {check.version}. Works on {kind}. Needs: {needs}. Tasks: {', '.join(sorted(check.tasks))}.", ""]
    if check.limits:
        rows = [(f"`{n.measure}`", n.better, f"{n.warn:g}", f"{n.fail:g}") for n in check.limits]
        lines += [*_table(("limit on", "better", "warn", "fail"), rows), ""]
    if check.parameters:
        flags = [
            (f"`--{p.name.replace('_', '-')}`", f"`{p.annotation}`".replace("|", "\\|"), _default(p))
            for p in check.parameters.values()
        ]
        lines += [*_table(("parameter", "type", "default"), flags), ""]
    if check.clauses:
        lines += ["Evidence for: " + "; ".join(f"[{c.title}]({c.link})" for c in check.clauses) + "."]
    return "\n".join(lines).rstrip()


def _default(parameter: Any) -> str:
    return "required" if parameter.required else f"`{parameter.default!r}`"


def _clauses(checks: list[Check[Any, Any]]) -> str:
    served: dict[str, dict[str, list[str]]] = {}
    for check in checks:
        for clause in check.clauses:
            link = f"[`{check.id}`](checks-{check.area}.md#{_anchor(check.id)})"
            served.setdefault(clause.source, {}).setdefault(clause.place, []).append(link)
    lines = ["# Checks by clause", "", "A check gives evidence for a clause. No check proves compliance with one."]
    for source in sorted(served):
        title, link = SOURCES[source]
        rows = [(place, ", ".join(links)) for place, links in sorted(served[source].items())]
        lines += ["", f"## [{title}]({link})", "", *_table(("clause", "checks"), rows)]
    return "\n".join(lines)


def _command_line() -> str:
    lines = ["# The command line", "", "Exit codes: 0 done, 1 a gate stayed shut, 2 wrong usage or input, 3 our fault,"]
    lines += ["130 interrupted."]
    for path, context in _commands(assay, assay.make_context("assay", [], resilient_parsing=True, terminal_width=100)):
        lines += ["", f"## `{path}`", "", "```text", context.command.get_help(context).rstrip(), "```"]
    return "\n".join(lines)


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Each command with its path; the commands that are checks are left to the pages of checks."""
    if context.command_path == "assay check run":
        return
    yield context.command_path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _commands(child, child.make_context(name, [], parent=context, resilient_parsing=True))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def _anchor(id: str) -> str:
    return id.replace(".", "")


def main(arguments: list[str], /) -> int:
    """Write the pages, or say which are not current."""
    expected = pages(registry())
    if arguments == ["--check"]:
        for name in stale(expected):
            print(f"docs/reference/{name} is not current; run: make docs")
        return 1 if stale(expected) else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale(expected):
        if name in expected:
            (FOLDER / name).write_text(expected[name], encoding="utf-8", newline="\n")
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
