"""Rates by group: the share of some cells among others, for every group of protected attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assay.core.errors import Message, unknown
from assay.core.measure import Share, Slice
from assay.data.counts import Cells, Counts
from assay.fairness.words import left_out_rows

KNOWN = ("0", "1")
"""The two levels of a binary outcome; rows with neither (a missing value) are in no denominator."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with a name of the field: of the cells `among`, those that are also `of`.

    `within` is added to the slice of every Measure of the rate: a class, or a stratum of a control feature.
    """

    name: str
    of: Cells
    among: Cells
    within: Slice = field(default_factory=dict)

    @property
    def roles(self) -> tuple[str, ...]:
        """Dimensions the rate reads."""
        return tuple(dict.fromkeys((*self.among, *self.of)))


SELECTION_RATE = Rate("selection_rate", {"prediction": "1"}, {"prediction": KNOWN})
SCORING_RATE = Rate("scoring_rate", {"prediction": "1"}, {"prediction": KNOWN})
BASE_RATE = Rate("base_rate", {"label": "1"}, {"label": KNOWN})
TPR = Rate("tpr", {"prediction": "1"}, {"label": "1", "prediction": KNOWN})
FPR = Rate("fpr", {"prediction": "1"}, {"label": "0", "prediction": KNOWN})
FNR = Rate("fnr", {"prediction": "0"}, {"label": "1", "prediction": KNOWN})
TNR = Rate("tnr", {"prediction": "0"}, {"label": "0", "prediction": KNOWN})
FMR = Rate("fmr", FPR.of, FPR.among)
FNMR = Rate("fnmr", FNR.of, FNR.among)
PPV = Rate("ppv", {"label": "1"}, {"prediction": "1", "label": KNOWN})
NPV = Rate("npv", {"label": "0"}, {"prediction": "0", "label": KNOWN})
FDR = Rate("fdr", {"label": "0"}, {"prediction": "1", "label": KNOWN})
FALSE_OMISSION_RATE = Rate("false_omission_rate", {"label": "1"}, {"prediction": "0", "label": KNOWN})
ACCURACY = Rate("accuracy", {"correct": "1"}, {"correct": KNOWN})
MISSES = Rate("miss_share", {"error": "fn"}, {"error": ("fn", "fp")})


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One rate for every group of `over` (attributes alone or crossed), in the order of the groups' names.

    `shares[i]` belongs to `slices[i]`, `rests[i]` to all rows outside that group; `whole` to all rows.
    """

    rate: Rate
    over: tuple[str, ...]
    slices: tuple[Slice, ...]
    shares: tuple[Share, ...]
    rests: tuple[Share, ...]
    whole: Share
    notes: tuple[Message, ...] = ()

    @property
    def filled(self) -> tuple[int, ...]:
        """Indices of the groups that have a denominator."""
        return tuple(i for i, share in enumerate(self.shares) if share.total > 0)

    def only(self, indices: Sequence[int], /) -> GroupRates:
        """The same rates of the groups at `indices`."""
        return GroupRates(
            self.rate,
            self.over,
            tuple(self.slices[i] for i in indices),
            tuple(self.shares[i] for i in indices),
            tuple(self.rests[i] for i in indices),
            self.whole,
            self.notes,
        )


def rates_by_group(counts: Counts, rates: Sequence[Rate], /, *, depth: int) -> Iterator[GroupRates]:
    """Every rate over every protected attribute and every crossing of up to `depth` of them.

    The missing value of an attribute is a group like the others. Each group's rest is the exact difference of the
    Counts, so that weights and repeated units are carried over; a unit with rows on both sides counts in full in
    the variance of the rest.
    """
    others = tuple(dim.key for dim in counts.dims if dim.role != "protected")
    whole = counts.marginal(*others)
    wholes = [whole.share(rate.of, rate.among) for rate in rates]
    notes = [missing_rows(whole, rate.roles) for rate in rates]
    for over in counts.groupings(depth=depth):
        groups = counts.groups(over)
        slices = tuple(group.slice for group in groups)
        rests = [whole - group.counts for group in groups]
        for rate, total, note in zip(rates, wholes, notes, strict=True):
            yield GroupRates(
                rate=rate,
                over=over,
                slices=slices,
                shares=tuple(group.counts.share(rate.of, rate.among) for group in groups),
                rests=tuple(rest.share(rate.of, rate.among) for rest in rests),
                whole=total,
                notes=note,
            )


WORDS = {"correct": "label and prediction", "error": "an error", "benefit": "label and prediction"}
"""What a row lacks that has no value in a dimension made from others."""


def missing_rows(counts: Counts, roles: Sequence[str], /) -> tuple[Message, ...]:
    """A note where rows lack a value of one of `roles`, else nothing."""
    missing = 0
    for levels, n in counts:
        missing += n if any(levels[dim.name] is None for dim in counts.dims if dim.role in roles) else 0
    return (left_out_rows(missing, " or ".join(WORDS.get(role, role) for role in roles)),) if missing else ()


def check_reference(counts: Counts, reference: Mapping[str, str] | None, /) -> None:
    """Raise where `reference` names an attribute or a group that the Counts do not have."""
    dims = {dim.name: dim for dim in counts.dims if dim.role == "protected"}
    for name, group in (reference or {}).items():
        if name not in dims:
            raise unknown("protected attribute in reference", name, dims, code="reference")
        levels = [level for level in dims[name].levels if level is not None]
        if group not in levels:
            raise unknown(f"reference group of {name}", group, levels, code="reference")


def reference_place(table: GroupRates, reference: Mapping[str, str] | None, /) -> int | None:
    """Place of the reference group among `table.slices`; None where these attributes have none.

    A crossing has a reference when each of its attributes has one and the crossed group has a denominator.
    """
    if not reference or any(name not in reference for name in table.over):
        return None
    wanted = {name: reference[name] for name in table.over}
    return next((i for i in table.filled if dict(table.slices[i]) == wanted), None)
