"""How much of a privacy budget is spent."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.budget.accounting import Accounting
from assay.core.budget.terms import EVERY_ANALYST
from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.spending.subject import LedgerSubject

METHOD = {
    Accounting.PURE: "sum of epsilon",
    Accounting.SUMS: "sums of epsilon and delta",
    Accounting.FILTER: "filter of arXiv 2203.05481",
    Accounting.ZCDP: "sums of rho and delta (approximate zCDP)",
    Accounting.RDP: "sum of Rényi divergences at one order",
}


@check(
    "privacy.spent",
    version=1,
    title="The privacy budget of the data is nearly spent",
    needs=("ledger",),
    limit=Limit("budget_spent", better="lower", warn=0.8, fail=1.0),
    clauses=("gdpr:5(1)(c)", "gdpr:5(2)", "nist-ai-rmf:measure-2.10"),
)
def spent(subject: LedgerSubject, /) -> Iterator[Measure]:
    """The share of the budget of a ledger that is gone, after its whole chain was verified.

    `budget_spent` is the largest share over the units of the ledger (epsilon, delta, rho, rdp): at 1, nothing more is
    answered. `epsilon_spent` and so on are the shares of each; under the filter, epsilon is the loss that all answers
    together amount to. `analyst_budget_spent` is the largest share of each analyst with a budget. `never_released` is
    the share of reservations whose answer never left: they are spent nevertheless. n is the number of reservations.
    All are exact: they have no sampling error. The numbers say nothing of the data, only of what was asked.
    """
    ledger = subject.ledger
    ledger.verify()
    history = ledger.history()
    n, shares = len(history), ledger.spent()
    method = METHOD[ledger.terms.budget.accounting]
    yield Measure("budget_spent", float(max(shares.values())), n, method=method, exact=True)
    for unit, share in shares.items():
        yield Measure(f"{unit}_spent", float(share), n, method=method, exact=True)
    named = {spend.who for spend in history} | set(ledger.terms.analysts)
    for who in sorted(named - {EVERY_ANALYST}) if ledger.terms.analysts else ():
        own = sum(spend.who == who for spend in history)
        share = max(ledger.spent(who=who).values())
        yield Measure("analyst_budget_spent", float(share), own, slice={"analyst": who}, method=method, exact=True)
    if n:
        lost = sum(spend.state != "committed" for spend in history)
        yield Measure("never_released", lost / n, n, exact=True)
    else:
        reason = Message("nothing-reserved", "nothing was ever asked of this ledger")
        yield Measure("never_released", None, 0, reason=reason)
