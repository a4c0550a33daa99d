"""Which queries copy a model with the fewest of them."""

from __future__ import annotations

import numpy as np

from assay.core.part import part
from assay.privacy.inference.extraction.queries import KIND, Asking, Queries, at


@part(
    "random-rows",
    kind=KIND,
    title="Real rows, at random",
    statement="Rows of the attacker's own, like those that the model was made for. "
    "Source: Orekondy, Schiele & Fritz (2019), CVPR, arXiv 1812.02766, the random strategy",
)
def random_rows(asking: Asking, /) -> Queries:
    """Rows that were not asked yet, in random order."""
    return at(asking, asking.rng.permutation(asking.unused)[: asking.many])


@part(
    "unsure-rows",
    kind=KIND,
    title="Real rows of which the copy so far is least sure",
    statement="Uncertainty sampling by the margin of the copy. "
    "Source: Tramèr et al. (2016), USENIX Security, section 5.2, adaptive retraining; Lewis & Gale (1994), SIGIR",
)
def unsure_rows(asking: Asking, /) -> Queries:
    """Rows near the boundary of the copy that was fitted last; random ones before there is a copy."""
    unused = asking.rng.permutation(asking.unused)
    if asking.unsure is None or not len(unused):
        return at(asking, unused[: asking.many])
    found = asking.unsure(at(asking, unused).inputs)
    return at(asking, unused[np.argsort(-found, kind="stable")[: asking.many]])


@part(
    "made-up-rows",
    kind=KIND,
    title="Made-up rows: each value from another row",
    statement="Every column is drawn by itself, so that no real row is asked and queries never run out. "
    "Source: Tramèr et al. (2016), USENIX Security, section 5.2, uniform queries, with the marginals of real rows",
)
def made_up_rows(asking: Asking, /) -> Queries:
    """Rows whose columns (or numbers, of an array) come from independent rows."""
    size, rows = asking.many, asking.rows
    none = np.empty(0, dtype=np.intp)
    if hasattr(rows, "column_names"):
        import pyarrow as pa

        drawn = [column.take(pa.array(asking.rng.integers(0, rows.num_rows, size))) for column in rows.columns]
        return Queries(pa.table(drawn, schema=rows.schema), none)
    if isinstance(rows, list):
        return Queries([], none)
    flat = rows.reshape(len(rows), -1)
    places = asking.rng.integers(0, len(flat), (size, flat.shape[1]))
    return Queries(flat[places, np.arange(flat.shape[1])].reshape(size, *rows.shape[1:]), none)
