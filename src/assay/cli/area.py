"""Commands that areas declare, with their keywords as flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from assay.cli.flags import flag, given_of, with_options
from assay.cli.options import NAMES, case_file_of, case_options, json_option, split_arguments, store_option
from assay.cli.output import print_json
from assay.core.errors import AssayError
from assay.core.part import Command
from assay.engine.progress import TerminalProgress


class AreaCommands(click.Group):
    """The commands that begin with `words`; `alone` is the one that has no further word."""

    words = ""
    alone: click.Command | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        from assay.engine.areas import registry

        start = f"{self.words} "
        below = [name.removeprefix(start) for name in registry().commands if name.startswith(start)]
        return sorted({name.split(" ")[0] for name in below})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return area_command(f"{self.words} {cmd_name}") if cmd_name in self.list_commands(ctx) else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The group's context, or that of the command without a second word where the first argument names none."""
        second = args[0] if args else ""
        if self.alone is not None and second not in self.list_commands(click.Context(self)):
            return self.alone.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def area_command(words: str, /) -> click.Command:
    """The command or group called `words`, from the areas that are installed."""
    from assay.engine.areas import registry

    found = registry()
    name = words.rpartition(" ")[2]
    below = sorted(known for known in found.commands if known.startswith(f"{words} "))
    if not below:
        return click_command(name, found.command(words))
    area = next(area for area in found.areas.values() if below[0] in area.commands)
    group = AreaCommands(name, help=", ".join(k.rpartition(" ")[2] for k in below) if " " in words else area.title)
    group.words = words
    if words in found.commands:
        group.alone = click_command(name, found.command(words))
        group.alone.epilog = "Also: " + ", ".join(f"assay {known}" for known in below) + "."
        group.short_help = group.alone.short_help
    return group


def click_command(name: str, found: Command, /) -> click.Command:
    """The declared Command as one of the command line."""
    own = [p for p in found.parameters.values() if not found.needs_case or p.name not in NAMES]

    def call(**arguments: Any) -> None:
        from assay.documents import write
        from assay.engine.policies import default_policy, read_policy
        from assay.engine.predict import with_model_outputs
        from assay.store import open_store
        from assay.store.house import StoreHouse

        given, rest = split_arguments(arguments)
        asked = given_of(own, rest)
        missing = [flag(p) for p in own if p.required and p.name not in asked]
        if missing:
            raise AssayError(f"Missing: {', '.join(missing)}.", code="usage", hint="--help says what they are.")
        given["with_model"] = given.get("with_model") or (found.needs_model and bool(given.get("demo")))
        described = case_file_of(given) if found.needs_case else None
        policy = (
            read_policy(rest["policy"])
            if rest["policy"]
            else (described.read_policy() if described else None) or default_policy()
        )
        with TerminalProgress() as progress:
            house = StoreHouse(open_store(rest["store"]), progress, write, policy)
            subject = (with_model_outputs(described.case(), progress=progress),) if described else ()
            answer = found.function(house, *subject, **asked)
        if rest["as_json"]:
            print_json(answer.to_json())
        else:
            click.echo(answer.text())

    shared = click.option(
        "--policy", metavar="FILE", help="Limits and rules. Default: that of the case, or the built-in."
    )
    body: Callable[..., Any] = json_option(store_option(shared(case_options(call) if found.needs_case else call)))
    body = with_options(own, body, positional=found.positional)
    return click.command(name, help=f"{found.title}\n\n{found.doc}", short_help=found.title)(body)
