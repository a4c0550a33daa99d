"""`assay policy`: the rules a run is judged by."""

from __future__ import annotations

import click

from assay.cli.options import json_option
from assay.cli.output import print_json, safe


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
