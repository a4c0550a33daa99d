"""Ledgers from Python: created in a store and opened by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from assay.core.budget.terms import Bounds
from assay.core.house import Ledger as Opened
from assay.core.house import Ledgers
from assay.privacy.loss.amount import Number
from assay.privacy.spending.asker import asker
from assay.privacy.spending.opening import analysts_of, budget_of, terms_of


class Store(Protocol):
    """What holds Ledgers: `assay.open_store()` gives one."""

    @property
    def ledgers(self) -> Ledgers:
        """The Ledgers, to create one and to list them."""


class Ledger:
    """Budgets of a store, each of which can be spent once: `create` makes one, `open` finds it again.

    What they give has `remaining()`, `would_exceed(amount)`, `reserve` and `commit`, `history()`, `checkpoint()` and
    `verify()`; `privacy.query(..., ledger=)` and the others that spend take it.
    """

    @staticmethod
    def create(
        name: str,
        /,
        *,
        store: Store,
        data: str | Path | Sequence[str | Path] = (),
        table: str | Sequence[str] = (),
        epsilon: Number | None = None,
        delta: Number | None = None,
        rho: Number | None = None,
        rdp: Number | None = None,
        order: Number | None = None,
        slack: Number | None = None,
        measure: str | None = None,
        adjacency: str = "add-or-remove",
        unit_column: str | None = None,
        max_rows: int | None = None,
        max_keys: int | None = None,
        max_rows_per_key: int | None = None,
        analysts: Mapping[str, Number] | None = None,
        who: str | None = None,
    ) -> Opened:
        """A new Ledger over files (`data`, paths or globs) or tables ("postgres:people"); its terms never change.

        Amounts are exact: write "0.1" rather than 0.1, whose binary value is rounded up. `measure` is pure, sums,
        filter, zcdp or rdp, by default the plainest that has the amounts that were given. Data that another ledger of
        the store holds are refused.
        """
        amounts = {"epsilon": epsilon, "delta": delta, "rho": rho, "rdp": rdp}
        budget = budget_of({unit: _text(value) for unit, value in amounts.items()}, measure=measure,
                           order=_text(order), slack=_text(slack))  # fmt: skip
        terms = terms_of(
            [str(one) for one in ([data] if isinstance(data, str | Path) else data)],
            [table] if isinstance(table, str) else list(table),
            budget=budget,
            adjacency=adjacency,
            bounds=Bounds(unit_column, max_rows, max_keys, max_rows_per_key),
            analysts=analysts_of([f"{one}={_text(most)}" for one, most in (analysts or {}).items()], whole=budget),
        )
        return store.ledgers.create(name, terms, who=asker(who))

    @staticmethod
    def open(name: str, /, *, store: Store) -> Opened:
        """The Ledger called `name`, or an error that lists the known."""
        return store.ledgers.open(name)


def _text(value: Number | None) -> str | None:
    return None if value is None else str(value)
