"""What is wrong with the columns: missing values, columns that never vary, columns that give the label away."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import each
from assay.data.counts import Counts
from assay.quality import columns, missing
from assay.quality.disaggregate import over


@check(
    "quality.data",
    version=1,
    title="Columns are incomplete, constant, or give the label away",
    counts=each("feature", "label?", sums=("y", "y_squared")),
    limit=(
        Limit("missing_share", "lower", warn=0.05, fail=0.40),
        Limit("distinct_values", "higher", warn=2.0, fail=1.0),
        Limit("label_association", "lower", warn=0.95, fail=0.98),
        Limit("label_auc", "lower", warn=0.95, fail=0.98),
    ),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:10(3)", "nist-ai-rmf:measure-2.3"),
)
def data(tables: tuple[Counts, ...], /, *, level: float = 0.95) -> Iterator[Measure]:
    """For every feature: how much is missing, how many values it takes, and how well it alone tells the label.

    `missing_share` and `distinct_values` are about these very rows and have no sampling error. `label_association` is
    the bias-corrected Cramér's V of the feature's values (missing is one of them) with the label, or, where the label
    is a number, the bias-corrected correlation ratio; `label_auc` is the AUC of a numeric feature taken as a score,
    in the better direction. A feature that nearly fixes the label is usually made from it, or known only after it.
    Besides: `label_share`, the balance of the labels, and `missing_labels`, where there are any.

    Limits: up to 5 % missing is commonly held harmless (Schafer 1999, Statistical Methods in Medical Research 8:3-15),
    results that rest on a column with over 40 % can only raise hypotheses (Jakobsen et al. 2017, BMC Medical Research
    Methodology 17:162). One value warns, none fails. An association or AUC over 0.95 warns and over 0.98 fails. How
    rare a label is depends on the world, not on the data's quality: no limit.
    """
    if tables and tables[0].has("label"):
        yield from missing.shares(over(tables[0], "label"), level=level)
        yield from columns.label_shares(tables[0], level=level)
    for counts in tables:
        yield columns.missing_share(counts)
        yield columns.distinct_values(counts)
        if counts.has("label") or "y" in counts.sums:
            yield from columns.label_association(counts, level=level)
