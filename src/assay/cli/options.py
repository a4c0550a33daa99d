"""The flags every command that judges a case shares: a case.toml, a demo, or data with roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from assay.core.errors import AssayError
from assay.engine.casefile import CaseFile, ModelSource, of_demo, read

F = TypeVar("F", bound=Callable[..., Any])

LISTS = ("protected", "feature", "identifier", "quasi_identifier", "control")
ROLES = (
    *("label", "prediction", "weight", "weights", "time", "split", "unit", "observed", "randomised"),
    *("consent", "purpose"),
    *("favourable", "threshold", "task"),
)

PLURAL = {
    "feature": "features",
    "identifier": "identifiers",
    "quasi_identifier": "quasi_identifiers",
    "control": "controls",
}

_CASE_OPTIONS = [
    click.argument("case_file", required=False, metavar="[CASE.TOML]"),
    click.option("--demo", metavar="NAME", help="A built-in case: credit, income, recidivism or sentiment."),
    click.option("--data", multiple=True, metavar="PATH", help="Parquet or CSV file or glob. Repeat for more files."),
    click.option("--name", help="Short name of the system under test."),
    click.option("--label", metavar="COLUMN", help="The true outcome."),
    click.option("--prediction", metavar="COLUMN", help="What the model said."),
    click.option(
        "--score",
        metavar="COLUMN",
        multiple=True,
        help="Probability of the favourable label, or CLASS=COLUMN.",
    ),
    click.option("--protected", metavar="COLUMN", multiple=True, help="Protected attribute. Repeat for more."),
    click.option("--feature", metavar="COLUMN", multiple=True, help="Model input. Default: every column left over."),
    click.option("--identifier", metavar="COLUMN", multiple=True, help="Column that names a row or person."),
    click.option("--quasi-identifier", metavar="COLUMN", multiple=True, help="Column that helps to identify people."),
    click.option("--control", metavar="COLUMN", multiple=True, help="Column to condition on."),
    click.option("--weight", metavar="COLUMN", help="Row weight."),
    click.option("--weights", type=click.Choice(["sampling", "frequency"]), help="What the weights are."),
    click.option("--unit", metavar="COLUMN", help="The person (or thing) a row belongs to."),
    click.option("--split", metavar="COLUMN", help="Column that says train or test."),
    click.option("--time", metavar="COLUMN", help="When the row happened."),
    click.option("--observed", metavar="COLUMN", help="True where the outcome is known."),
    click.option("--randomised", metavar="COLUMN", help="True where it was obtained whatever the decision."),
    click.option("--consent", metavar="COLUMN", help="Whose rows may be trained on: true, or a list of purposes."),
    click.option("--purpose", metavar="NAME", help="The purpose that --consent must list."),
    click.option("--favourable", metavar="VALUE", help="The label that is good for the person."),
    click.option("--threshold", type=float, help="Score from which it is favourable. Default 0.5."),
    click.option("--task", type=click.Choice(["binary", "multiclass", "regression"]), help="Default: as the label."),
    click.option("--reference", metavar="ATTRIBUTE=GROUP", multiple=True, help="Group to compare the others with."),
    click.option(
        "--model",
        metavar="PATH|URL",
        help=".skops, .onnx, .json, .txt, a folder of assay mitigate, or an http address.",
    ),
    click.option("--trust", metavar="TYPE", multiple=True, help="Further type that a .skops file may hold."),
    click.option("--classes", metavar="A,B", help="Class names in the order of the model's output."),
    click.option(
        "--allow-pickle",
        is_flag=True,
        help="Load a pickle. It can run any code; recorded in every Finding.",
    ),
    click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds for a batch of the model."),
    click.option("--with-model", is_flag=True, help="With --demo: run its model anew."),
]


def case_options(command: F) -> F:
    """Add the case flags to a command; they arrive as keyword arguments and go to `case_file_of`."""
    for option in reversed(_CASE_OPTIONS):
        command = option(command)
    return command


_OTHERS = "case_file demo data name score reference model trust classes allow_pickle timeout with_model"
NAMES = frozenset([*_OTHERS.split(), *LISTS, *ROLES])
"""Arguments that describe the case; all others belong to the command."""


def split_arguments(arguments: dict[str, Any], /) -> tuple[dict[str, Any], dict[str, Any]]:
    """The case flags and the other arguments of a command."""
    own = {name: value for name, value in arguments.items() if name not in NAMES}
    return {name: value for name, value in arguments.items() if name in NAMES}, own


def case_file_of(given: dict[str, Any], /) -> CaseFile:
    """The CaseFile that the flags describe: exactly one of CASE.TOML, --demo and --data; other flags overlay it."""
    sources = [name for name in ("case_file", "demo", "data") if given.get(name)]
    if len(sources) != 1:
        said = "More than one of CASE.TOML, --demo and --data was given." if sources else "Nothing to audit was given."
        raise AssayError(said, code="usage", hint="Give a case.toml, or --demo credit, or --data FILE.")
    if given["case_file"]:
        base = read(given["case_file"])
    elif given["demo"]:
        model = _model(given) if given["model"] else None
        base = of_demo(given["demo"], with_model=given["with_model"], model=model)
    else:
        data = given["data"]
        base = CaseFile(name=given["name"] or "data", data=data[0] if len(data) == 1 else list(data), roles={})
    recorded = ("prediction", "score", "threshold") if given["model"] else ()  # of another model
    roles = {name: column for name, column in base.roles.items() if name not in recorded} | _roles(given)
    base = replace(base, roles=roles, name=given["name"] or base.name)
    return replace(base, model=_model(given)) if given["model"] else base


def _roles(given: dict[str, Any]) -> dict[str, Any]:
    roles = {name: given[name] for name in ROLES if given[name] is not None}
    roles |= {PLURAL.get(name, name): tuple(given[name]) for name in LISTS if given[name]}
    if given["score"]:
        roles["score"] = _score(given["score"])
    if given["reference"]:
        roles["reference"] = _pairs(given["reference"], "--reference", "ATTRIBUTE=GROUP")
    return roles


def _score(columns: tuple[str, ...]) -> str | dict[str, str]:
    if len(columns) == 1 and "=" not in columns[0]:
        return columns[0]
    return _pairs(columns, "--score", "CLASS=COLUMN")


def _pairs(items: tuple[str, ...], flag: str, form: str) -> dict[str, str]:
    found = {}
    for item in items:
        left, equals, right = item.partition("=")
        if not equals:
            raise AssayError(f"{flag} {item!r} is not of the form {form}.", code="usage")
        found[left] = right
    return found


def _model(given: dict[str, Any]) -> ModelSource:
    classes = given["classes"]
    return ModelSource(
        path=given["model"],
        trust=tuple(given["trust"]),
        classes=tuple(classes.split(",")) if classes else None,
        allow_pickle=given["allow_pickle"],
        timeout=given["timeout"],
    )


def store_option(command: F) -> F:
    """Add --store; the value may be None (ASSAY_STORE, else .assay/ here)."""
    return click.option(
        "--store",
        metavar="URL",
        envvar="ASSAY_STORE",
        help="Where runs are kept. Default: ASSAY_STORE, else .assay/.",
    )(command)


def json_option(command: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON envelope instead of text.")(command)
