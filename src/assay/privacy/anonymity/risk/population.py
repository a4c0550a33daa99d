"""What a table of the whole population says of the risk of a sample of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.anonymity.measures.classes import combined
from assay.privacy.anonymity.measures.summary import check_parts
from assay.privacy.anonymity.table import coded, read_table


@dataclass(frozen=True, slots=True)
class PopulationRisk:
    """Measures of a sample within its population, over the same quasi-identifiers in both.

    `k_map` is the fewest people of the population that a row of the sample can be (Sweeney 2001). `delta_presence` is
    the lowest and the highest share of a class of the population that is in the sample (Nergiz, Atzori & Clifton 2007,
    SIGMOD). `journalist_highest` is 1 over `k_map`: the attacker does not know who is in the sample;
    `journalist_average` and `marketer` are the mean of 1/F over the rows, for F people of the population in a row's
    class.
    """

    k_map: int
    delta_presence_low: float
    delta_presence_high: float
    journalist_highest: float
    journalist_average: float
    marketer: float
    population_uniques: int

    def to_json(self) -> dict[str, Any]:
        """The measures as JSON types."""
        return asdict(self)


def population_risk(sample: Any, population: Any, /, *, quasi: Sequence[str]) -> PopulationRisk:
    """The PopulationRisk of `sample`, a table whose people are all in `population`, generalised alike.

    Raises AssayError where a class of the sample has more rows than people in the population: then the sample is not
    from it, or the two are not generalised alike.
    """
    import pyarrow as pa

    check_parts(quasi, ())
    first, second = read_table(sample, columns=quasi), read_table(population, columns=quasi)
    rows = first.num_rows
    both = pa.concat_tables([_texts(first), _texts(second)])
    columns = [coded(both, name) for name in quasi]
    classes = combined([(column.codes, column.size) for column in columns], both.num_rows)
    inside = np.bincount(classes.ids[:rows], minlength=len(classes.sizes))
    people = classes.sizes - inside
    if (inside > people).any():
        worst = int(np.argmax(inside - people))
        raise AssayError(
            f"A class has {inside[worst]} rows in the sample and {people[worst]} in the population.",
            code="population",
            hint="The population must hold every row of the sample, with its quasi-identifiers generalised alike.",
        )
    held = people > 0
    shares, sampled = inside[held] / people[held], inside > 0
    average = float((inside[sampled] / people[sampled]).sum() / rows)
    k_map = int(people[sampled].min())
    unique = int((people[sampled] == 1).sum())
    return PopulationRisk(k_map, float(shares.min()), float(shares.max()), 1 / k_map, average, average, unique)


def _texts(table: Any) -> Any:
    """The table with its columns as canonical texts, so that 5 and 5.0 are one in both tables."""
    import pyarrow as pa

    found = {name: coded(table, name) for name in table.column_names}
    texts = {name: pa.array(column.levels, pa.string()).take(pa.array(column.codes)) for name, column in found.items()}
    return pa.table(texts)
