"""`assay audit`: the main job, from data to verdicts to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from assay.cli.options import case_file_of, case_options, json_option, split_arguments, store_option
from assay.cli.output import print_json, print_run, safe
from assay.cli.private.flags import asked, print_promise, private_options, published
from assay.engine.progress import TerminalProgress


@click.command()
@case_options
@click.option("--check", "checks", metavar="ID", multiple=True, help="Run only this check. Repeat for more.")
@click.option("--policy", metavar="FILE", help="Limits and rules. Default: the built-in policy.")
@click.option(
    "--out", metavar="PATH", help="Folder for the report in four formats, or one .html, .json, .md or .xml file."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random step.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Threads for checks that read rows.")
@click.option("--gate", "gated", is_flag=True, help="Exit 1 when the policy's gate stays shut.")
@private_options
@click.option("--all", "everything", is_flag=True, help="Print every number, not only those that were judged.")
@store_option
@json_option
def audit(**arguments: Any) -> int:
    """Audit a model, or a table of predictions, and say what may be trusted.

    \b
    assay audit --demo credit --out report/
    assay audit case.toml --gate
    assay audit --data loans.parquet --label repaid --prediction approved \\
                --score p --protected sex --protected age_band
    assay audit --data loans.csv --label repaid --favourable yes \\
                --protected sex --model model.onnx
    assay audit case.toml --epsilon 1 --ledger census --keys sex=Female,Male

    With --epsilon (or --rho) the audit is published with differential privacy: the checks see noisy counts only, which
    a ledger pays for, and intervals include the noise. The groups and labels must be given, by --keys or in [public]
    of the case file; nothing about the data is said but what the noisy counts say.

    Exits 0 when the audit could run, whatever it found; with --gate 1 when the policy is not met.
    """
    from assay.engine.policies import default_policy, read_policy
    from assay.engine.run import run as run_checks
    from assay.store import open_store

    given, own = split_arguments(arguments)
    described = case_file_of(given)
    policy = read_policy(own["policy"]) if own["policy"] else described.read_policy() or default_policy()
    store = open_store(own["store"])
    private = asked(own)
    with TerminalProgress() as progress:
        result = run_checks(
            published(described, own, store, policy) if private else described.case(),
            checks=own["checks"] or described.checks,
            params=described.params,
            policy=policy,
            sink=store,
            progress=progress,
            seed=own["seed"],
            jobs=own["jobs"],
        )
    written: tuple[Path, ...] = ()
    if own["out"]:
        from assay.documents import write

        written = write(result, own["out"])
    _print(result, written, own, timed=not private)
    if result.status == "interrupted":
        return 130
    return _gate(result, policy, as_json=own["as_json"]) if own["gated"] else 0


def _print(result: Any, written: tuple[Path, ...], own: dict[str, Any], *, timed: bool) -> None:
    if own["as_json"]:
        print_json(result.to_json() | {"written": [str(path) for path in written]})
        return
    print_run(result, everything=own["everything"])
    if not timed:
        print_promise(result)
    took = f", {result.seconds:.1f} s" if timed else ""
    click.echo(f"Run {result.id}{took}. See it again with: assay run show {result.id}")
    for path in written:
        click.echo(f"Wrote {safe(path)}")


def _gate(result: Any, policy: Any, *, as_json: bool) -> int:
    from assay.cli.policy import print_gate
    from assay.engine.gate import gate

    outcome = gate(result, policy)
    if not as_json:
        print_gate(outcome)
    return 0 if outcome.passed else 1
