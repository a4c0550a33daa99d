"""`assay privacy ledger`: create a budget, look at it, and verify that nobody changed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.core.budget.accounting import loss_text, loss_to_json
from assay.core.budget.terms import Bounds, Checkpoint
from assay.core.errors import AssayError, unknown
from assay.core.house import House, Ledger, Spend
from assay.core.part import Answer, Lines, command
from assay.privacy.spending.asker import asker
from assay.privacy.spending.checkpoint import read_checkpoint, write_checkpoint
from assay.privacy.spending.opening import analysts_of, budget_of, terms_of
from assay.privacy.spending.subject import spent_run
from assay.seal.keys import SigningKey, load_signing_key, load_verify_key

CREATING = (
    *("data", "table", "epsilon", "delta", "rho", "rdp", "order", "slack", "measure", "adjacency", "who"),
    *("unit_column", "max_rows", "max_keys", "max_rows_per_key", "analyst"),
)
VERIFYING = ("checkpoint", "signed_by")
SAVING = ("save", "sign_with")
ACTIONS = {"create": (*CREATING, *SAVING), "show": (), "history": (), "list": (), "verify": (*VERIFYING, *SAVING)}
"""What may be asked, and the flags that belong to it."""


@command(
    title="A privacy budget that can be spent once: create, show, history, verify, list",
    needs_case=False,
    positional="words",
)
def ledger(
    house: House,
    /,
    *,
    words: tuple[str, ...] = (),
    data: tuple[str, ...] = (),
    table: tuple[str, ...] = (),
    epsilon: str | None = None,
    delta: str | None = None,
    rho: str | None = None,
    rdp: str | None = None,
    order: str | None = None,
    slack: str | None = None,
    measure: str | None = None,
    adjacency: str | None = None,
    unit_column: str | None = None,
    max_rows: int | None = None,
    max_keys: int | None = None,
    max_rows_per_key: int | None = None,
    analyst: tuple[str, ...] = (),
    who: str | None = None,
    checkpoint: str | None = None,
    signed_by: str | None = None,
    save: str | None = None,
    sign_with: str | None = None,
) -> Answer:
    """`create census --data people.parquet --epsilon 3 --delta 1e-6` binds a budget to these very files (by SHA-256);
    the same data are refused under a second ledger. `--measure` is pure, sums, filter, zcdp or rdp, and never changes;
    nor do `--unit-column`, `--max-rows`, `--max-keys`, `--max-rows-per-key`, `--adjacency` (add-or-remove, or replace)
    and the budgets of analysts (`--analyst ann=0.5`, `--analyst '*=0.1'` for each other; then nobody else may spend).

    `show census` says what is spent and stores it as a Finding of `privacy.spent`; `history census` lists who asked
    what and when; `list` names the ledgers. `verify census` computes the chain anew; `--save FILE` keeps a checkpoint
    outside the store (`--sign-with KEY.pem` signs it), and `--checkpoint FILE` (`--signed-by PUBLIC.pem`) finds a store
    that was restored from an older copy, or a copy that went its own way.
    """
    given = {
        name: value for name, value in locals().items() if name not in ("house", "words") and value not in (None, ())
    }
    action, name = _asked(words, given)
    if action == "list":
        names = list(house.ledgers.names())
        return Lines(names or ["There is no ledger yet."], {"ledgers": names})
    if action == "create":
        return _create(house, name, given)
    found = house.ledgers.open(name)
    if action == "show":
        return _show(house, found)
    return _history(found) if action == "history" else _verify(found, given)


def _asked(words: Sequence[str], given: dict[str, Any]) -> tuple[str, str]:
    """What is asked and of which ledger; a flag that belongs to something else is an error."""
    action = words[0] if words else ""
    if action not in ACTIONS:
        raise unknown("ledger command", action, ACTIONS, code="usage")
    for flag in given:
        if flag not in ACTIONS[action]:
            raise AssayError(f"--{flag.replace('_', '-')} does not belong to `ledger {action}`.", code="usage")
    if len(words) != (1 if action == "list" else 2):
        raise AssayError(
            f"`ledger {action}` takes the name of one ledger.", code="usage", hint=f"assay privacy ledger {action} NAME"
        )
    return action, words[-1]


def _create(house: House, name: str, given: dict[str, Any]) -> Lines:
    budget = budget_of(
        {unit: given.get(unit) for unit in ("epsilon", "delta", "rho", "rdp")},
        measure=given.get("measure"),
        order=given.get("order"),
        slack=given.get("slack"),
    )
    bounds = Bounds(
        given.get("unit_column"), given.get("max_rows"), given.get("max_keys"), given.get("max_rows_per_key")
    )
    terms = terms_of(
        given.get("data", ()),
        given.get("table", ()),
        budget=budget,
        adjacency=given.get("adjacency", "add-or-remove"),
        bounds=bounds,
        analysts=analysts_of(given.get("analyst", ()), whole=budget),
    )
    key = _signing_key(given)
    if "save" in given and Path(given["save"]).exists():
        raise AssayError(f"The file {given['save']} is there already.", code="checkpoint", hint="Name a new file.")
    made = house.ledgers.create(name, terms, who=asker(given.get("who")))
    kept = _save(made.checkpoint(), given, key)
    return Lines([f"Created the ledger {name}.", *_terms_lines(made), *kept], _facts(made))


def _show(house: House, found: Ledger) -> Lines:
    run = spent_run(house, found)
    left, history = found.remaining(), found.history()
    lost = sum(spend.state != "committed" for spend in history)
    lines = [f"Ledger {found.name}, verified.", *_terms_lines(found)]
    spent = ", ".join(f"{unit} {float(share):.1%}" for unit, share in found.spent().items())
    lines.append(f"  spent      {spent} of the budget, by {len(history)} reservations ({lost} never released)")
    lines.append(f"  remains    {loss_text(left, left=True)}")
    for who in sorted(set(found.terms.analysts) - {"*"}):
        lines.append(f"  remains    {loss_text(found.remaining(who=who), left=True)} for {who}")
    lines.append(f"Run {run.id}. See it again with: assay run show {run.id} --all")
    facts = _facts(found) | {"run": run.id, "reservations": len(history), "never_released": lost}
    return Lines(lines, facts)


def _history(found: Ledger) -> Lines:
    spends = found.history()
    lines = [
        f"{spend.at[:19]}Z  {spend.state:<9}  {loss_text(_positive(spend), left=False):<24}  {spend.who}  {spend.what}"
        for spend in spends
    ]
    return Lines(lines or [f"Nothing was asked of {found.name} yet."], [_spend_json(spend) for spend in spends])


def _verify(found: Ledger, given: dict[str, Any]) -> Lines:
    kept, signing = None, _signing_key(given)
    if "checkpoint" in given:
        key = load_verify_key(Path(given["signed_by"])) if "signed_by" in given else None
        kept = read_checkpoint(given["checkpoint"], key=key)
    elif "signed_by" in given:
        raise AssayError("--signed-by is the key of a checkpoint.", code="usage", hint="Give --checkpoint FILE too.")
    now = found.verify(checkpoint=kept)
    since = "" if kept is None else f"; the checkpoint is in it, {_counted(now.count - kept.count)} ago"
    lines = [f"The chain of {found.name} holds: {_counted(now.count)}, head {now.head}{since}."]
    if kept is None:
        lines.append("Only a checkpoint kept elsewhere can tell whether the store was restored from an older copy.")
    facts = {"checkpoint": now.to_json(), "compared": kept.to_json() if kept else None}
    return Lines([*lines, *_save(now, given, signing)], facts)


def _counted(entries: int) -> str:
    return f"{entries} entr{'y' if entries == 1 else 'ies'}"


def _signing_key(given: dict[str, Any]) -> SigningKey | None:
    """The key of --sign-with, read before anything is done."""
    if "sign_with" in given and "save" not in given:
        raise AssayError("--sign-with signs what --save keeps.", code="usage", hint="Give --save FILE too.")
    return load_signing_key(Path(given["sign_with"])) if "sign_with" in given else None


def _save(checkpoint: Checkpoint, given: dict[str, Any], key: SigningKey | None) -> list[str]:
    if "save" not in given:
        return []
    write_checkpoint(checkpoint, given["save"], key=key, over=given.get("checkpoint") == given["save"])
    return [f"Kept the checkpoint in {given['save']}. Store it where this store is not."]


def _terms_lines(found: Ledger) -> list[str]:
    terms = found.terms
    budget, bounds = terms.budget, terms.bounds
    order = f" at order {float(budget.order):g}" if budget.order is not None else ""
    unit = "each row" if bounds.unit_column is None else f"each value of {bounds.unit_column}"
    most = ((bounds.max_rows, "rows"), (bounds.max_keys, "keys"), (bounds.max_rows_per_key, "rows a key"))
    held = ", ".join(f"at most {n} {words}" for n, words in most if n is not None)
    return [
        f"  budget     {loss_text(budget.limit, left=True)}, by {budget.accounting}{order}",
        f"  protects   {unit}{', ' + held if held else ''}; neighbours: {terms.adjacency}",
        *(f"  analyst    {name}: {loss_text(own.limit, left=True)}" for name, own in sorted(terms.analysts.items())),
        *(f"  data       {source}" for source in terms.sources),
    ]


def _facts(found: Ledger) -> dict[str, Any]:
    return {
        "ledger": found.name,
        "terms": found.terms.to_json(),
        "remaining": loss_to_json(found.remaining()),
        "spent": loss_to_json(found.spent()),
    }


def _positive(spend: Spend) -> dict[str, Any]:
    return {unit: value for unit, value in spend.amount.items() if value}


def _spend_json(spend: Spend) -> dict[str, Any]:
    words = {name: getattr(spend, name) for name in ("id", "at", "who", "what", "state", "release")}
    return words | {"amount": loss_to_json(spend.amount)}
