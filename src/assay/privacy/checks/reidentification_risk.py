"""How likely a person is found again in the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.anonymity.case_classes import case_classes
from assay.privacy.anonymity.risk.population import population_risk
from assay.privacy.anonymity.risk.records import record_risk
from assay.privacy.anonymity.risk.uniqueness import uniqueness

if TYPE_CHECKING:
    from assay.data.case import Case

POPULATION = ("k_map", "delta_presence_low", "delta_presence_high", "journalist_highest", "journalist_average")
UNIQUES = "population_uniques"


@check(
    "privacy.reidentification_risk",
    version=1,
    title="A person can be found again in the rows",
    needs=("rows", "quasi_identifiers"),
    limit=Limit("prosecutor_average", better="lower", warn=0.05, fail=0.2),
    clauses=("gdpr:5(1)(f)", "gdpr:25(1)"),
)
def reidentification_risk(
    case: Case, /, *, threshold: float = 0.2, population_table: str = "", fraction: float | None = None
) -> Iterator[Measure]:
    """The chance of a right match for who knows the quasi-identifiers: highest, average, and share above `threshold`.

    The prosecutor knows that the person is in the rows, the marketer matches everybody (El Emam & Dankar 2008, JAMIA
    15:627). `population_table` is a file with a row for each person of the population, generalised alike: it gives
    k-map, delta-presence (Nergiz et al. 2007) and the risk of a journalist, who does not know who is in the rows.
    `fraction` is the share of the population that the rows are a uniform sample of: it gives the share of the
    population that is unique, by the rule of Dankar et al. 2012 (BMC Med Inform Decis Mak 12:66). Without them these
    are unmeasured.
    """
    found = case_classes(case)
    n, risk = found.rows, record_risk(found.classes, threshold=threshold)
    yield Measure("prosecutor_highest", risk.prosecutor_highest, n, method="exact", exact=True, notes=found.notes)
    yield Measure("prosecutor_average", risk.prosecutor_average, n, method="exact", exact=True)
    above = (Message("risk-threshold", "a risk above {threshold}", {"threshold": threshold}),)
    yield Measure("rows_at_risk", risk.share_above, n, method="exact", exact=True, notes=above)
    if population_table:
        quasi = case.roles.quasi_identifiers
        whole = population_risk(case.rows(quasi), population_table, quasi=quasi)
        yield Measure("marketer", whole.marketer, n, method="exact", exact=True)
        for name in POPULATION:
            yield Measure(name, float(getattr(whole, name)), n, method="exact", exact=True)
    else:
        note = Message("no-population", "without a population table the rows stand for it")
        yield Measure("marketer", risk.marketer, n, method="exact", exact=True, notes=(note,))
        lacking = Message("needs-population", "needs a table of the population: the parameter population_table")
        for name in POPULATION:
            yield Measure(name, None, n, reason=lacking)
    if fraction is None:
        lacking = Message("needs-fraction", "needs the share of the population sampled: the parameter fraction")
        yield Measure(UNIQUES, None, n, reason=lacking)
        return
    made = uniqueness(found.classes, fraction=fraction)
    model = Message(
        "uniques-model", "a model's estimate without an error bar; by Dankar's rule: {model}", {"model": made.chosen}
    )
    yield Measure(UNIQUES, made.share, n, method=made.chosen, notes=(model,))
