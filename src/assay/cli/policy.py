"""`assay policy`, the rules a run is judged by, and `assay gate`: may it pass?"""

from __future__ import annotations

import click

from assay.cli.options import json_option, store_option
from assay.cli.output import print_json, safe
from assay.engine.gate import GateResult


@click.group()
def policy() -> None:
    """Show the built-in policy; check one of your own."""


@policy.command()
@json_option
def show(as_json: bool) -> None:
    """Print the built-in policy, with comments, to start your own from."""
    from assay.engine.policies import DEFAULT, default_policy

    if as_json:
        print_json(default_policy().to_json() | {"digest": default_policy().digest})
        return
    click.echo(DEFAULT.read_text(encoding="utf-8"), nl=False)


@policy.command()
@click.argument("file")
@json_option
def check(file: str, as_json: bool) -> None:
    """Read a policy and say whether every key, check and value in it is known."""
    from assay.engine.areas import registry
    from assay.engine.policies import known_ids, read_policy

    found = read_policy(file)
    known_ids(found, {}, registry().checks)
    if as_json:
        print_json(found.to_json() | {"digest": found.digest})
        return
    said = f"{safe(found.name)} {safe(found.version)}, {len(found.limits)} limits of its own"
    click.echo(f"{safe(file)} is a valid policy: {said}.")


@click.command()
@click.option("--policy", metavar="FILE", default="default", show_default=True, help="Policy to judge by.")
@click.option(
    "--run",
    "run_id",
    metavar="RUN",
    default="latest",
    show_default=True,
    help="A stored run, or latest.",
)
@store_option
@json_option
def gate(policy: str, run_id: str, store: str | None, as_json: bool) -> int:
    """Exit 1, with the reasons, when a required limit is missed or unmeasured.

    \b
    assay gate --policy policy.toml --run latest

    The stored numbers are judged again by the policy; nothing is measured anew.
    """
    from assay.engine.areas import registry
    from assay.engine.gate import gate as open_gate
    from assay.engine.policies import known_ids, read_policy
    from assay.store import open_store

    rules = read_policy(policy)
    known_ids(rules, {}, registry().checks)
    opened = open_store(store)
    result = open_gate(opened.run(run_id), rules, decisions=opened.decisions())
    if as_json:
        print_json(result.to_json())
    else:
        print_gate(result)
    return 0 if result.passed else 1


def print_gate(result: GateResult, /) -> None:
    """The result in words."""
    word, colour = ("Gate open", "green") if result.passed else ("Gate shut", "red")
    met = f"{result.met} of {result.required} required limits are met ({safe(result.policy)})."
    click.echo(f"{click.style(word, fg=colour, bold=True)}: {met}")
    for reason in result.reasons:
        click.echo(f"  ✗ {safe(reason.text)}")
