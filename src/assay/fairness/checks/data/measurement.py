"""Whether features measure the same thing in every group."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.core.subject import each
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.data_bias.measurement import label_differences, missing_shares, validity_differences


@check(
    "fairness.measurement",
    version=3,
    title="A feature does not mean the same in every group",
    counts=each("feature", "protected", "label?"),
    clauses=("eu-ai-act:10(2)(d)", "eu-ai-act:10(2)(f)", "eu-ai-act:10(3)", "nist-ai-rmf:map-2.3"),
)
def measurement(tables: tuple[Counts, ...], /, *, depth: int = 1, level: float = 0.95) -> Iterator[Measure]:
    """Whether, for each feature, the same value goes with the same outcome in every group, and is missing as often.

    `label_difference_at_feature` (binary labels): the share of favourable labels of a group minus that of all others
    who have the same value of the feature, pooled over its values by Mantel and Haenszel, with Cochran, Mantel and
    Haenszel's test. It is the uniform differential functioning of item analysis (Holland & Thayer 1988, in Wainer &
    Braun, Test Validity, 129-145; here the feature stands for the ability and the label for the item): a feature that
    measures one thing in all groups, and all that matters, gives 0. A difference is a bias of measurement in the
    feature or in the label, or something else that differs between groups; one column cannot say which. Numbers with
    many values are compared within bins, in which groups may still differ.

    `label_auc_difference` (features of numbers): how well the feature ranks the labels of a group, as an AUC, minus how
    well it ranks those of all others. A feature that is noisier in one group, or turned round, tells less there
    (differential validity; Linn 1978, J. Applied Psychology 63:507); so does one that varies less there.

    `missing_share`, `missing_share_difference` and `missing_share_gap` (any task), for features with missing values: a
    group whose values are missing more often is judged on less.

    The p-values of each kind are controlled over all features and groups. No limit: how much difference is harmful
    depends on the feature's weight in the model.
    """
    check_depth(depth)
    nothing = True
    for counts in tables:
        for measures in (label_differences, validity_differences, missing_shares):
            for measure in measures(counts, depth=depth, level=level):
                nothing = False
                yield measure
    if nothing:
        text = "no feature has a missing value, and there is no label of two values for every row"
        yield Measure("missing_share", None, 0, reason=Message("nothing-to-compare", text))
