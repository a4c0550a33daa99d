"""Which features hang together with a protected attribute, one at a time."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import each
from assay.data.counts import Counts
from assay.fairness.data_bias.association import associations


@check(
    "fairness.association",
    version=1,
    title="Features hang together with a protected attribute",
    counts=each("feature", "protected"),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:map-2.3", "ecoa:1002.6(a)"),
)
def association(tables: tuple[Counts, ...], /, *, level: float = 0.95) -> Iterator[Measure]:
    """Association of every feature with every protected attribute.

    `protected_association` is 0 where neither says anything of the other, 1 where one fixes the other:
    Cramér's V with its bias taken out (Bergsma 2013, Journal of the Korean Statistical Society 42:323), on the values
    as they are counted: numbers with many values in bins, rare texts together; the missing value is a value, of the
    feature and of the attribute. The p-values are controlled over all features and attributes.

    It describes and has no limit: a feature may rightly differ between groups, and what a model makes of it is seen in
    its selection and error rates. `fairness.proxies` asks the stronger question, how well a feature tells the group of
    rows that were not looked at.
    """
    for counts in tables:
        yield from associations(counts, level=level)
