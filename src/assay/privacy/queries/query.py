"""Ask a private question: checked as a whole, paid for, answered, and only then returned."""

from __future__ import annotations

import getpass
from dataclasses import replace
from typing import Any, Unpack

from assay.core.budget.terms import source_identities
from assay.core.errors import AssayError
from assay.core.house import Ledger
from assay.privacy.noise.entropy import Entropy
from assay.privacy.queries.answer import PrivateAnswer
from assay.privacy.queries.ask import ADDITIVE, Ask, parse
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.keys import PublicKeys, check_key, public_keys
from assay.privacy.queries.bounding.lattice import bounds_of, cells
from assay.privacy.queries.bounding.opening import Opened, open_private
from assay.privacy.queries.bounding.scan import Scan, check_engine
from assay.privacy.queries.plan import AdditivePlan, Plan
from assay.privacy.queries.quantiles import QuantilePlan
from assay.privacy.queries.settings import Given, Settings, settings_of, units_of
from assay.privacy.queries.statistics import statistic_of
from assay.privacy.queries.thresholds import Threshold
from assay.privacy.spending.release import price, release


def query(source: Any, ask: str, /, *, ledger: Ledger | None, **given: Unpack[Given]) -> PrivateAnswer:
    """The answer to `ask` of `source`, after `ledger` took its price; `ledger=None` says that nobody counts.

    `ask` is a statistic (`ask.FORMS`), perhaps by keys: `mean(income) by region`. The loss is `epsilon` (Laplace
    noise), `epsilon` and `delta` (Gaussian noise, or keys of the data), or `rho` (Gaussian); `noise` insists on one.
    `bounds` are the public ends of the column; leaving them out is an error. `keys` are the public keys of each column
    of `by`, values or a file; rows with others are left out, and keys without rows get noise too. Columns without keys
    need a delta: then a key of the data is shown only where so many units hold it that the threshold is reached.

    The ledger says which data, which `adjacency` and what a unit contributes (`unit_column`, `max_rows`, `max_keys`,
    `max_rows_per_key`); without one say them here. `size`, the public number of units or an upper bound of it, is
    needed with a delta, which must be below 1 / size. `missing` values (NULL, NaN, no number) are dropped, or imputed
    by the middle of the bounds; infinite ones are the nearer bound. `level` is that of the intervals, `cells` the
    number of cells of a quantile's grid. `who` asks; `entropy` is for tests: a seeded one makes the answer not private.

    All that is wrong with the question is an AssayError before anything is spent; after that, no error depends on a
    value. What follows from the data being read (time, memory) is not hidden.
    """
    asked = parse(ask)
    unit = units_of(given, ledger).unit_column
    names = [name for name in (*asked.columns, unit) if name is not None]
    opened = open_private(source, columns=list(dict.fromkeys(names)))
    settings = settings_of(asked, given, ledger)
    if ledger is not None:
        ledger.terms.require(source_identities(opened.identities()))
    plan = plan_of(opened, asked, settings)
    check_engine(opened, plan.scan)
    entropy = given.get("entropy") or Entropy()
    return _answered(plan, opened, ledger, settings, who=given.get("who"), entropy=entropy)


def plan_of(opened: Opened, ask: Ask, settings: Settings, /) -> Plan:
    """The question with everything settled, from public facts alone."""
    loss, units, adjacency = settings.loss, settings.units, settings.adjacency
    for name in ask.by:
        check_key(opened.column(name))
    if ask.column is not None:
        opened.number(ask.column)
    ends = bounds_of(settings.bounds, ask)
    listed = public_keys(settings.keys, opened.columns)
    public = set(ask.by) <= set(listed.columns)
    contribution = Contribution.of(units, keys=listed.size(ask.by) if public else None, grouped=bool(ask.by))
    scan = Scan(ask.by, listed.columns, units, contribution, ask.column, None, settings.missing)
    threshold, alone = None, ask.statistic == "count" and not public
    if not public:
        assert loss.epsilon is not None
        assert loss.delta is not None
        part = loss.epsilon if alone else loss.epsilon / 2
        threshold = Threshold.of(contribution, epsilon=part, delta=loss.delta, adjacency=adjacency, rows=alone)
        loss = loss.half()
    known = PublicKeys(listed.columns) if public else None
    if ask.statistic not in ADDITIVE:
        assert ends is not None
        assert ask.probability is not None
        assert loss.epsilon is not None
        grid = cells(ends, settings.cells)
        ranked = QuantilePlan(ask.probability, grid, loss.epsilon, contribution, adjacency, settings.level)
        return Plan(ask, replace(scan, places=grid, by_place=True), known, threshold, None, ranked, settings.level)
    statistic = statistic_of(ask, ends)
    scan = replace(scan, places=statistic.places, sums=statistic.sums, by_place=statistic.by_place)
    additive = None if alone else AdditivePlan(statistic, scan, adjacency, loss)
    return Plan(ask, scan, known, threshold, additive, None, settings.level)


def _answered(
    plan: Plan, opened: Opened, ledger: Ledger | None, settings: Settings, *, who: str | None, entropy: Entropy
) -> PrivateAnswer:
    """The answer, paid for where there is a ledger."""
    event = plan.event
    paid = None if ledger is None else price(event, ledger.terms, delta=settings.loss.delta)

    def answer() -> PrivateAnswer:
        return PrivateAnswer(
            ask=plan.ask.text(),
            name=_name(plan.ask),
            cells=plan.answer(opened, source=entropy),
            level=plan.level,
            event=event,
            private=entropy.private,
            facts=_facts(plan, settings),
            ledger="" if ledger is None else ledger.name,
            paid=paid,
        )

    if ledger is None or paid is None:
        return answer()
    asker = who or _user()
    return release(ledger, paid, answer, digest=lambda found: found.digest, who=asker, what=plan.ask.text())


def _name(ask: Ask) -> str:
    return ask.statistic if ask.column is None else f"{ask.statistic}({ask.column})"


def _facts(plan: Plan, settings: Settings) -> dict[str, Any]:
    """How the answer was made, in public numbers and words."""
    units, most = settings.units, plan.scan.contribution
    facts: dict[str, Any] = {"protects": "each row"}
    if units.unit_column is not None:
        facts["protects"] = f"each value of {units.unit_column}"
        facts["counted of a unit"] = f"at most {most.rows} rows, in {most.keys} keys, {most.per_key} in each"
    if plan.scan.places is not None:
        ends = plan.scan.places.bounds
        facts["bounds"] = f"{float(ends.low):g} to {float(ends.high):g}; values beyond count as these"
        facts["missing values"] = "dropped" if settings.missing == "drop" else "imputed by the middle of the bounds"
        if hasattr(plan.scan.places, "step"):
            facts["granularity"] = f"{float(plan.scan.places.step):.6g}"
    if plan.threshold is not None:
        facts["keys"] = f"those of the data, shown from a noisy number of {plan.threshold.least} on"
    elif plan.scan.by:
        facts["keys"] = "public ones; rows with others are not counted"
    if plan.ask.statistic == "contingency":
        facts["consistency"] = "made non-negative with the noisy total kept; margins are sums of the cells"
    return facts


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AssayError(
            "The system does not say who you are.", code="usage", hint="Say who asks: --who NAME"
        ) from None
