"""The `assay` command: finds commands by name, loads only the one that is called, turns errors into exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from assay.cli.output import print_error
from assay.core.errors import AssayError

COMMANDS: dict[str, str] = {
    "audit": "Audit a model or its predictions; write a report.",
    "check": "List, describe and run single checks.",
    "gate": "Exit 1, with reasons, when a required limit is missed or unmeasured.",
    "run": "List, show and compare stored runs.",
    "policy": "Show the built-in policy; check one of your own.",
    "model": "Look into model files; convert unsafe ones.",
    "doctor": "Say which extras, stores and engines are there.",
}
"""Command -> one line of help. The modules are imported when a command is called, so that help stays fast."""


def _own(name: str) -> click.Command:
    match name:
        case "audit":
            from assay.cli.audit import audit

            return audit
        case "check":
            from assay.cli.check import check

            return check
        case "gate":
            from assay.cli.policy import gate

            return gate
        case "run":
            from assay.cli.runs import run

            return run
        case "policy":
            from assay.cli.policy import policy

            return policy
        case "model":
            from assay.cli.model import model

            return model
        case _:
            from assay.cli.doctor import doctor

            return doctor


class Commands(click.Group):
    """Own commands from COMMANDS and those of the installed areas, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(set(_area_words()) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return _own(cmd_name)
        if cmd_name not in _area_words():
            return None
        from assay.cli.area import area_command

        return area_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = list(COMMANDS.items())
        rows += [(word, title) for word, title in sorted(_area_words().items()) if word not in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _area_words() -> dict[str, str]:
    """First word of every command that an area brings -> title of the area."""
    from assay.engine.areas import registry

    return {name.split(" ")[0]: area.title for area in registry().areas.values() for name in area.commands}


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="assay", message="assay %(version)s")
def assay() -> None:
    """Measure whether a machine-learning model may be trusted, and keep measuring once it serves.

    \b
    Start here:
      assay audit --demo credit --out report/
      assay audit --data loans.parquet --label repaid --prediction approved --protected sex
      assay audit case.toml --gate
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0 done, 1 a gate stayed shut, 2 wrong usage or input, 3 our fault, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result: Any = assay.main(args=arguments, prog_name="assay", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        print_error("Interrupted.", code="interrupted", hint="What was done is kept.", as_json=as_json)
        return 130
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "assay"
        print_error(error.format_message(), code="usage", hint=f"See {command} --help.", as_json=as_json)
        return 2
    except click.ClickException as error:
        print_error(error.format_message(), code="input", as_json=as_json)
        return 2
    except AssayError as error:
        print_error(error.message, code=error.code, hint=error.hint, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        text = f"assay itself failed: {type(error).__name__}: {error}"
        print_error(text, code="internal", hint="Please report it with the lines below.", as_json=as_json)
        print(traceback.format_exc(), file=sys.stderr)  # noqa: T201
        return 3
