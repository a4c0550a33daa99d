"""An answer that leaves only when it is paid for: reserve, compute, commit, return."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from assay.core.budget.accounting import Accounting
from assay.core.budget.terms import Terms
from assay.core.errors import AssayError
from assay.core.house import Ledger
from assay.privacy.loss.amount import Amount, Number
from assay.privacy.loss.event import Event

R = TypeVar("R")


def price(event: Event, terms: Terms, /, *, delta: Number | None = None) -> Amount:
    """What `event` costs in the measure of a ledger with `terms`, rounded up.

    `delta` is the delta at which an event that promises only a rho is converted for a ledger of epsilon and delta; no
    other needs it. Raises AssayError "adjacency" where the event compares other neighbours than the ledger does, and
    "measure" where it promises nothing in the measure of the ledger.
    """
    if event.adjacency.value != terms.adjacency:
        raise AssayError(
            f"The ledger counts losses for neighbours that {terms.adjacency}, the release is private for those that "
            f"{event.adjacency.value}.",
            code="adjacency",
            hint="Losses of the two cannot be added: make the release under the adjacency of the ledger.",
        )
    accounting = terms.budget.accounting
    if accounting is Accounting.PURE:
        return event.pure()
    if accounting is Accounting.ZCDP:
        return event.zcdp()
    if accounting is Accounting.RDP:
        assert terms.budget.order is not None
        return event.renyi(order=terms.budget.order)
    if event.epsilon is not None and delta is None:
        return Amount(epsilon=event.epsilon, delta=event.delta)
    if delta is None:
        raise AssayError(
            f"The mechanism {event.mechanism!r} promises a rho; a ledger of epsilon and delta needs a delta for it.",
            code="measure",
            hint="Say how much delta this answer may take.",
        )
    return event.approximate(delta=delta)


def release(
    ledger: Ledger,
    amount: Amount,
    answer: Callable[[], R],
    /,
    *,
    digest: Callable[[R], str],
    who: str,
    what: str,
) -> R:
    """The answer, after `amount` was durably reserved, and committed with the digest of what leaves.

    `answer` is called only once the reservation is on the disk: a refused one computes and spends nothing. Where
    `answer` or `digest` raises, or the process dies, or the commit cannot be written, nothing leaves and the amount is
    spent: noise that was drawn may have been seen.
    """
    spend = ledger.reserve(amount, who=who, what=what)
    found = answer()
    ledger.commit(spend, release=digest(found))
    return found
