"""The flags of an audit that is published with differential privacy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay.cli.output import safe
from assay.core.errors import AssayError

if TYPE_CHECKING:
    from assay.core.finding import Run
    from assay.core.policy import Policy
    from assay.core.subject import Subject
    from assay.engine.casefile import CaseFile
    from assay.store.protocol import Store

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = [
    click.option("--epsilon", metavar="NUMBER", help="Publish with differential privacy of this epsilon."),
    click.option("--delta", metavar="NUMBER", help="With --epsilon: Gaussian noise for (epsilon, delta)."),
    click.option("--rho", metavar="NUMBER", help="Instead of --epsilon: Gaussian noise for rho-zCDP."),
    click.option("--ledger", metavar="NAME", help="The privacy budget that pays."),
    click.option("--no-ledger", is_flag=True, help="Publish although no budget counts it."),
    click.option(
        "--adjacency",
        type=click.Choice(["add-or-remove", "replace"]),
        help="With --no-ledger: which neighbouring data must not be told apart.",
    ),
    click.option(
        "--keys",
        metavar="COLUMN=VALUES",
        multiple=True,
        help="Public values of a column: sex=Female,Male or sex=groups.csv. Repeat for more.",
    ),
    click.option("--score-bins", type=int, metavar="N", help="Score bins of a private audit. Default 10."),
    click.option("--rows", type=int, metavar="N", help="A public number of rows, which delta is held against."),
    click.option("--who", metavar="NAME", help="Who asks, for the ledger. Default: the user of the system."),
]
_FURTHER = ("delta", "ledger", "no_ledger", "adjacency", "keys", "score_bins", "rows")


def private_options(command: F) -> F:
    """Add the flags of a private audit to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked(own: dict[str, Any], /) -> bool:
    """True when the audit is to be published privately; its other flags without --epsilon or --rho are an error."""
    if own["epsilon"] is not None or own["rho"] is not None:
        return True
    for name in _FURTHER:
        if own[name]:
            raise AssayError(
                f"--{name.replace('_', '-')} belongs to a private audit.",
                code="usage",
                hint="Say how much privacy it may cost: --epsilon 1.",
            )
    return False


def published(described: CaseFile, own: dict[str, Any], store: Store, policy: Policy, /) -> Subject:
    """The noisy tables that the audit needs, paid for; the rows are counted and never shown."""
    from assay.engine.private.publish import Spending, public_of, publish

    if bool(own["ledger"]) == own["no_ledger"]:
        raise AssayError(
            "Which budget pays for this?",
            code="usage",
            hint="Give --ledger NAME (assay privacy ledger create), or say --no-ledger.",
        )
    spending = Spending(
        ledger=store.ledgers.open(own["ledger"]) if own["ledger"] else None,
        who=own["who"],
        **{name: own[name] for name in ("epsilon", "delta", "rho", "adjacency")},
    )
    return publish(
        described.name,
        described.roles,
        described.data,
        public=public_of(described.public, keys=own["keys"], score_bins=own["score_bins"], rows=own["rows"]),
        spending=spending,
        checks=own["checks"] or described.checks,
        params=described.params,
        policy=policy,
        model=described.model is not None,
    )


def print_promise(run: Run, /) -> None:
    """The promise of privacy that the numbers were published with, in a line."""
    terms = run.subject_facts.get("differential_privacy", {})
    told = [f"{name} {safe(terms[name])}" for name in ("epsilon", "delta", "rho") if name in terms]
    told += [f"{terms['neighbours']} ({safe(terms['unit'])})", f"ledger {safe(terms['ledger'])}"]
    click.echo(f"Published with differential privacy: {', '.join(told)}. Intervals include the noise.")
