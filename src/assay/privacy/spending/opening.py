"""What a person writes of a new ledger, read into its exact terms."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from assay.core.budget.accounting import UNITS, Accounting, Budget
from assay.core.budget.terms import Bounds, Terms, source_identities
from assay.core.errors import AssayError, unknown
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import exact

_WORDS = {"add-or-remove": Adjacency.ADD_REMOVE, "replace": Adjacency.REPLACE}


def adjacency_of(word: str, /) -> Adjacency:
    """`add-or-remove` or `replace` as an Adjacency."""
    if word not in _WORDS:
        raise unknown("adjacency", word, _WORDS, code="adjacency")
    return _WORDS[word]


def budget_of(
    given: dict[str, str | None], /, *, measure: str | None, order: str | None = None, slack: str | None = None
) -> Budget:
    """The Budget of amounts written as decimals or fractions; without a measure, the plainest that has these units.

    `given` maps epsilon, delta, rho and rdp to what was written. epsilon alone is pure; with delta, both are summed.
    """
    amounts = {unit: exact(text, name=unit) for unit, text in given.items() if text is not None}
    if measure is None:
        fitting = (a for a in Accounting if set(amounts) <= set(UNITS[a]) and UNITS[a][0] in amounts)
        accounting = next(fitting, None)
        if accounting is None:
            raise AssayError(
                "A budget needs one measure of loss.",
                code="budget-terms",
                hint="Give --epsilon, or --epsilon and --delta, or --rho (and --delta), or --rdp and --order.",
            )
    elif measure not in set(Accounting):
        raise unknown("measure of a budget", measure, Accounting, code="budget-terms")
    else:
        accounting = Accounting(measure)
    return Budget(accounting, amounts, _number(order, "order"), _number(slack, "slack"))


def analysts_of(pairs: Sequence[str], /, *, whole: Budget) -> dict[str, Budget]:
    """Budgets written `ann=0.5` or `ann=epsilon:0.5,delta:1e-7`, by the measure of the whole; `*` is everybody else.

    A number alone is of the first unit; delta, where the whole has one and the analyst is given none, is the whole's.
    """
    found = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=")
        if not equals or not name:
            raise AssayError(f"{pair!r} is no budget of an analyst.", code="usage", hint="Write NAME=0.5.")
        if name in found:
            raise AssayError(f"{name!r} is given two budgets.", code="usage")
        found[name] = Budget(whole.accounting, _own(text, whole), whole.order, whole.slack)
    return found


def _own(text: str, whole: Budget) -> dict[str, Fraction]:
    first = UNITS[whole.accounting][0]
    parts = [part.partition(":") for part in text.split(",")] if ":" in text else [(first, ":", text)]
    amounts = {unit.strip(): exact(number, name=unit.strip()) for unit, _, number in parts}
    return ({"delta": whole.limit["delta"]} if "delta" in whole.limit else {}) | amounts


def terms_of(
    data: Sequence[str],
    tables: Sequence[str],
    /,
    *,
    budget: Budget,
    adjacency: str,
    bounds: Bounds,
    analysts: dict[str, Budget],
) -> Terms:
    """The Terms over files (paths or globs) and tables (`BACKEND:NAME`); the unit column must be in every file."""
    from assay.privacy.reading.files import private_files

    sources: list[str] = []
    for pattern in data:
        files = private_files(pattern)
        if bounds.unit_column is not None and bounds.unit_column not in files.names:
            raise unknown("column", bounds.unit_column, files.names, code="column")
        sources += source_identities(files.identities)
    for table in tables:
        backend, colon, name = table.partition(":")
        if not (backend and colon and name):
            raise AssayError(f"{table!r} names no table.", code="usage", hint="Write BACKEND:NAME, as postgres:people.")
        sources.append(f"table:{table}")
    if not sources:
        raise AssayError(
            "A ledger is bound to data.", code="budget-terms", hint="Give --data FILE, or --table BACKEND:NAME."
        )
    return Terms(budget, tuple(dict.fromkeys(sources)), adjacency_of(adjacency).value, bounds, analysts)


def _number(text: str | None, name: str) -> Fraction | None:
    return None if text is None else exact(text, name=name)
