"""Names of what a slice holds besides groups, beside attributes of any name."""

from __future__ import annotations

from collections.abc import Collection

from assay.data.counts import Counts


def free_name(wanted: str, taken: Collection[str], /) -> str:
    """`wanted`, with as many underscores behind it as set it apart from every name in `taken`.

    >>> free_name("period", ["sex", "period"])
    'period_'
    """
    while wanted in taken:
        wanted += "_"
    return wanted


def feature_key(counts: Counts, /) -> str:
    """What a slice calls the feature: "feature", unless a protected attribute is called so."""
    return free_name("feature", [dim.name for dim in counts.dims if dim.role == "protected"])
