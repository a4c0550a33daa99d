"""Tables of counts with noise in every cell, for a private audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.core.budget.terms import source_identities
from assay.core.errors import AssayError
from assay.core.house import Ledger
from assay.core.part import part
from assay.data.declared.declared import Declared
from assay.data.declared.published import Published
from assay.data.plan import Wanted
from assay.privacy.counting.count import columns_of
from assay.privacy.counting.publish import Loss, Units, publish
from assay.privacy.counting.source import Source, files
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Number
from assay.privacy.spending.asker import asker
from assay.privacy.spending.opening import adjacency_of


@part(
    "noisy-counts",
    kind="private-counts",
    title="Counts over declared levels, with discrete noise in every cell",
    statement=(
        "All tables together are epsilon-private (discrete Laplace), (epsilon, delta)-private or rho-zCDP (discrete "
        "Gaussian) for one unit, of which a bounded number of rows is counted. Levels are declared, never read from "
        "the data; empty cells have noise as well. Dwork, McSherry, Nissim & Smith (2006), TCC, section 3; Canonne, "
        "Kamath & Steinke (2020), arXiv 2004.00010."
    ),
)
def noisy_counts(
    declared: Declared,
    wanted: Sequence[Wanted],
    data: Any,
    /,
    *,
    ledger: Ledger | None,
    who: str | None = None,
    epsilon: Number | None = None,
    delta: Number | None = None,
    rho: Number | None = None,
    rows: int | None = None,
    adjacency: str | None = None,
) -> Published:
    """The published tables that serve `wanted`, paid for from `ledger`, of `data`: paths, or a Case.

    Without a ledger nothing is held to a budget, and `adjacency` must be said. Everything that can be wrong with what
    was asked is an AssayError before anything is reserved.
    """
    loss = Loss(epsilon, delta, rho, rows)
    units = _units(declared, ledger, adjacency)
    name = "" if ledger is None else asker(who)
    source = _source(data, declared, units, ledger)
    return publish(declared, wanted, source, loss=loss, units=units, ledger=ledger, who=name)


def _source(data: Any, declared: Declared, units: Units, ledger: Ledger | None) -> Source:
    """The rows, and what the ledger must know them by."""
    if isinstance(data, str) or (isinstance(data, Sequence) and all(isinstance(one, str) for one in data)):
        return files(data)
    known = [one for one in data.identities() if one.get("kind") != "model"]
    identities = () if ledger is None else source_identities(known)
    return Source("private_source", identities, data.rows(columns_of(declared, units.column)))


def _units(declared: Declared, ledger: Ledger | None, adjacency: str | None) -> Units:
    """Who is protected, as the ledger has it; or, without one, every row."""
    given = None if adjacency is None else adjacency_of(adjacency)
    if ledger is None:
        if given is None:
            raise AssayError(
                "Which data sets must not be told apart?",
                code="adjacency",
                hint="Without a ledger say --adjacency add-or-remove, or replace.",
            )
        if declared.unit:
            raise AssayError(
                f"People have several rows (unit = {declared.unit}), and nothing says how many may count.",
                code="private-unit",
                hint=f"Create a ledger with --unit-column {declared.unit} --max-rows N.",
            )
        return Units(given)
    bounds, agreed = ledger.terms.bounds, Adjacency(ledger.terms.adjacency)
    if given not in (None, agreed):
        raise AssayError(
            f"The ledger {ledger.name!r} is for neighbours that {agreed.value}.", code="adjacency", hint="Leave it out."
        )
    if declared.unit and declared.unit != bounds.unit_column:
        protected = f"the values of {bounds.unit_column!r}" if bounds.unit_column else "single rows"
        raise AssayError(
            f"The case says that a person is a value of {declared.unit!r}; the ledger protects {protected}.",
            code="private-unit",
            hint=f"Use a ledger created with --unit-column {declared.unit} --max-rows N.",
        )
    if bounds.unit_column is not None and bounds.max_rows is None:
        raise AssayError(
            f"The ledger {ledger.name!r} has no bound on the rows of a unit.",
            code="private-unit",
            hint="Create one with --max-rows N: so many rows of each are counted.",
        )
    return Units(agreed, bounds.unit_column, bounds.max_rows or 1)
