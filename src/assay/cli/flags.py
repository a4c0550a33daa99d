"""Declared keywords of checks and of area commands as flags of the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from assay.core.check import Parameter
from assay.core.errors import AssayError


def flag(p: Parameter) -> str:
    """The flag of a keyword: `--max-depth` for `max_depth`, `--in` for `in_`."""
    return "--" + p.name.rstrip("_").replace("_", "-")


def with_options(
    parameters: Sequence[Parameter], body: Callable[..., Any], /, *, positional: str = ""
) -> Callable[..., Any]:
    """`body` with one option for each parameter, an argument for the one that is `positional`; all as `own_NAME`."""
    for p in reversed(parameters):
        shown = click.argument(f"own_{p.name}", nargs=-1, metavar=f"[{p.name.upper()}]...")
        body = (shown if p.name == positional else _option(p))(body)
    return body


def given_of(parameters: Sequence[Parameter], arguments: Mapping[str, Any], /) -> dict[str, Any]:
    """The keywords that were given on the command line."""
    return {p.name: arguments[f"own_{p.name}"] for p in parameters if arguments.get(f"own_{p.name}") not in (None, ())}


def _option(p: Parameter) -> Callable[[Any], Any]:
    kind = p.annotation.replace(" ", "").removesuffix("|None")
    name = f"own_{p.name}"
    shown = f"Default: {p.default}." if not p.required and p.default not in (None, "", ()) else ""
    if kind == "bool" and p.name.startswith("no_"):
        return click.option(flag(p), name, is_flag=True, default=None, help=shown)
    if kind == "bool":
        return click.option(f"{flag(p)}/--no-{flag(p).removeprefix('--')}", name, default=None, help=shown)
    if kind.startswith(("tuple[", "list[", "Sequence[", "Iterable[")):
        item = click.FLOAT if "[float" in kind else click.INT if "[int" in kind else click.STRING
        return click.option(flag(p), name, multiple=True, type=item, help=f"Repeat for more. {shown}")
    types: dict[str, Any] = {"int": click.INT, "float": click.FLOAT}
    converted = types.get(kind, click.STRING if kind.startswith(("str", "Literal")) else _Json())
    return click.option(flag(p), name, type=converted, help=shown)


class _Json(click.ParamType[Any]):
    """A parameter that is a table or a list, written as JSON."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise AssayError(f"{value!r} is not JSON: {error}.", code="usage") from None
