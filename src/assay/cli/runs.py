"""`assay run`: what was measured before."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.options import json_option, store_option
from assay.cli.output import print_json, print_run, print_table, safe


@click.group()
def run() -> None:
    """List, show and compare stored runs.

    A run is named by its id, by the first letters of it, or by `latest`.
    """


@run.command("list")
@click.option("--limit", type=int, default=20, show_default=True, help="How many, newest first.")
@store_option
@json_option
def list_(limit: int, store: str | None, as_json: bool) -> None:
    """List stored runs, newest first."""
    from assay.store import open_store

    headers = open_store(store).runs(limit=limit)
    if as_json:
        print_json([header.to_json() for header in headers])
        return
    rows = [
        (h.id, h.subject, f"{h.started:%Y-%m-%d %H:%M}", h.status, h.verdict.value if h.verdict else "–", h.findings)
        for h in headers
    ]
    if rows:
        print_table(("run", "subject", "started (UTC)", "status", "verdict", "findings"), rows)
    else:
        click.echo("No runs yet. Try: assay audit --demo credit")


@run.command()
@click.argument("run_id", default="latest")
@click.option("--out", metavar="PATH", help="Write the report again: a folder, or one .html, .json, .md or .xml file.")
@click.option("--all", "everything", is_flag=True, help="Print every number, not only those that were judged.")
@store_option
@json_option
def show(run_id: str, out: str | None, everything: bool, store: str | None, as_json: bool) -> None:
    """Show one run; with --out write its report again."""
    from assay.store import open_store

    found = open_store(store).run(run_id)
    written: tuple[Path, ...] = ()
    if out:
        from assay.documents import write

        written = write(found, out)
    if as_json:
        print_json(found.to_json() | {"written": [str(path) for path in written]})
        return
    print_run(found, everything=everything)
    took = f", {found.seconds:.1f} s" if found.seconds else ""
    click.echo(f"Run {found.id}, {found.started:%Y-%m-%d %H:%M} UTC{took}.")
    for path in written:
        click.echo(f"Wrote {safe(path)}")


@run.command()
@click.argument("before")
@click.argument("after", default="latest")
@click.option("--out", metavar="FILE.html", help="Write the comparison as HTML.")
@store_option
@json_option
def compare(before: str, after: str, out: str | None, store: str | None, as_json: bool) -> None:
    """Compare two runs: what changed its verdict, what moved beyond its interval, what is new or gone."""
    from assay.documents import compare as compare_runs
    from assay.store import open_store

    opened = open_store(store)
    result = compare_runs(opened.run(before), opened.run(after))
    if out:
        result.write(out)
    if as_json:
        print_json(result.to_json())
        return
    click.echo(result.text())
    if out:
        click.echo(f"Wrote {safe(out)}")
