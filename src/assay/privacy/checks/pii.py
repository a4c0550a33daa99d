"""Which columns hold identifiers that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure, Share
from assay.privacy.deidentification.catalogue import own_recognizers
from assay.privacy.deidentification.find import NOT_FOUND_BY_FORM
from assay.privacy.deidentification.tables.columns import ColumnFinds, column_finds
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "privacy.pii",
    version=1,
    title="Columns hold identifiers of people that their roles do not declare",
    needs=("rows",),
    limit=Limit("identifying_columns", better="lower", warn=0, fail=0),
    clauses=("gdpr:5(1)(c)", "gdpr:25(1)", "eu-ai-act:10(2)(b)"),
)
def pii(
    case: Case, /, *, rows: int = 1000, least: float = 0.01, level: float = 0.95, seed: int = 0
) -> Iterator[Measure]:
    """`identifying_columns`: columns in which at least the share `least` of the rows holds a direct identifier.

    Up to `rows` rows, drawn uniformly, are read by the recognisers of identifiers by form, with the name of the column
    as a word near each value. Not asked are columns that are declared: the roles identifiers, quasi_identifiers and
    unit. For each other column with finds, `identifying_rows` is the share of its rows with a direct identifier
    (an e-mail address, a number of a person, an address …) and `indirect_rows` that with nothing but indirect ones
    (ages, dates, places), with Wilson's interval where rows were drawn. Values are never shown. Names of people are
    found only where a word says so: no find is no proof that there is nobody.
    """
    declared = {*case.roles.identifiers, *case.roles.quasi_identifiers, case.roles.unit}
    asked = [name for name in case.columns if name not in declared]
    not_found = Message("pii-not-found", "not looked for: {kinds}", {"kinds": ", ".join(NOT_FOUND_BY_FORM)})
    if not asked:
        yield Measure("identifying_columns", 0.0, case.n, method="by form", exact=True, notes=(not_found,))
        return
    table = case.rows(asked, limit=rows, seed=seed)
    finds = [column_finds(table, name, recognizers=own_recognizers()) for name in asked]
    whole = table.num_rows == case.n
    identifying = [each for each in finds if each.direct >= max(1.0, least * each.rows)]
    yield Measure(
        "identifying_columns",
        float(len(identifying)),
        table.num_rows,
        method="by form",
        exact=whole,
        notes=(_named(identifying, len(asked)), not_found),
    )
    for each in finds:
        if each.entities:
            yield _measure("identifying_rows", each.direct, each, whole=whole, level=level)
            yield _measure("indirect_rows", each.indirect, each, whole=whole, level=level)


def _named(found: Sequence[ColumnFinds], asked: int) -> Message:
    names = ", ".join(each.column for each in found) or "none"
    return Message("pii-columns", "of {asked} undeclared columns: {columns}", {"asked": asked, "columns": names})


def _measure(name: str, hits: int, each: ColumnFinds, *, whole: bool, level: float) -> Measure:
    seen = Message("pii-entities", "found: {entities}", {"entities": each.words})
    where, share = {"column": each.column}, hits / each.rows
    if whole:
        return Measure(name, share, each.rows, where, method="by form", exact=True, notes=(seen,))
    bounds = wilson(Share(hits, each.rows, each.rows, each.rows), level=level)
    return Measure(name, share, each.rows, where, interval=bounds, method="by form", notes=(seen,))
