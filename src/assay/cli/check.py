"""`assay check`: the catalogue of checks, and each with its own flags."""

from __future__ import annotations

from typing import Any

import click

from assay.cli.flags import flag, given_of, with_options
from assay.cli.options import NAMES, case_file_of, case_options, json_option, split_arguments, store_option
from assay.cli.output import print_json, print_run, print_table
from assay.core.check import Check
from assay.engine.progress import TerminalProgress


@click.group()
def check() -> None:
    """List, describe and run single checks."""


def _describe(found: Check[Any, Any]) -> dict[str, Any]:
    from assay.engine.areas import registry
    from assay.engine.record import describe

    needs = sorted(found.requires)
    return {"id": found.id, **describe(found, known=registry()), "needs": needs, "tasks": sorted(found.tasks)}


@check.command("list")
@click.option("--area", help="Only checks of this area.")
@json_option
def list_(area: str | None, as_json: bool) -> None:
    """List every check that is installed."""
    from assay.engine.areas import registry

    found = [c for c in registry().checks.values() if area in (None, c.area)]
    if as_json:
        print_json([_describe(c) for c in found])
        return
    print_table(("check", "needs", "title"), [(c.id, ", ".join(sorted(c.requires)), c.title) for c in found])


@check.command()
@click.argument("id")
@json_option
def show(id: str, as_json: bool) -> None:
    """Describe one check: what it asks, what it needs, its limits and the clauses it serves."""
    from assay.engine.areas import registry

    found = registry().check(id)
    if as_json:
        print_json(_describe(found))
        return
    click.echo(click.style(f"{found.id}  (version {found.version})", bold=True))
    click.echo(f"{found.title}\n\n{found.doc}\n")
    click.echo(f"Needs: {', '.join(sorted(found.requires))}.  Tasks: {', '.join(sorted(found.tasks))}.")
    for limit in found.limits:
        click.echo(f"Limit: {limit.measure}, {limit.better} is better, warn {limit.warn:g}, fail {limit.fail:g}.")
    for p in found.parameters.values():
        click.echo(f"Flag: {flag(p)} ({p.annotation}{'' if p.required else f', default {p.default!r}'})")
    for clause in found.clauses:
        click.echo(f"Clause: {clause.title}")


class CheckCommands(click.Group):
    """`assay check run ID`: one command a check, made from its declaration when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from assay.engine.areas import registry

        return list(registry().checks)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        from assay.engine.areas import registry

        return _command(registry().check(cmd_name))


@check.command("run", cls=CheckCommands, context_settings={"help_option_names": ["-h", "--help"]})
def run_one() -> None:
    """Run one check with its own flags: assay check run fairness.proxies --demo credit --folds 10."""


def _command(found: Check[Any, Any]) -> click.Command:
    own = [p for p in found.parameters.values() if p.name not in NAMES]  # the case's own flags reach the check

    def call(**arguments: Any) -> None:
        given, rest = split_arguments(arguments)
        params = given_of(own, rest)
        _run(found, given, params, store=rest["store"], as_json=rest["as_json"])

    body = with_options(own, json_option(store_option(case_options(call))))
    return click.command(found.id, help=f"{found.title}\n\n{found.doc}", short_help=found.title)(body)


def _run(
    found: Check[Any, Any], given: dict[str, Any], params: dict[str, Any], *, store: str | None, as_json: bool
) -> None:
    from assay.engine.run import run as run_checks
    from assay.store import open_store

    described = case_file_of(given)
    merged = {found.id: dict(described.params.get(found.id, {})) | params}
    with TerminalProgress() as progress:
        result = run_checks(
            described.case(),
            checks=(found.id,),
            params=merged,
            policy=described.read_policy(),
            sink=open_store(store),
            progress=progress,
        )
    if as_json:
        print_json(result.to_json())
    else:
        print_run(result, everything=True)
