"""Group shares, and their distance from the shares of a stated population."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.core.errors import AssayError, Message, unknown
from assay.core.measure import Interval, Measure, Share
from assay.data.counts import Counts
from assay.fairness.words import group_names
from assay.stats.quantiles import two_sided_p
from assay.stats.rates import wilson


def check_population(counts: Counts, population: Mapping[str, Mapping[str, float]] | None, /) -> None:
    """Raise where `population` names an unknown attribute, or is not positive numbers by group."""
    known = [dim.name for dim in counts.dims if dim.role == "protected"]
    for attribute, shares in (population or {}).items():
        if attribute not in known:
            raise unknown("protected attribute in population", attribute, known, code="population")
        if not isinstance(shares, Mapping) or len(shares) < 2:
            raise AssayError(
                f"The population of {attribute!r} must give a share to each of two groups or more.",
                code="population",
                hint="Write population = {sex = {Female = 0.51, Male = 0.49}}.",
            )
        for group, share in shares.items():
            number = isinstance(share, int | float) and not isinstance(share, bool)
            if not number or not 0 < share < math.inf:
                raise AssayError(
                    f"The population share of {attribute} = {group} is {share!r}, which is no number above 0.",
                    code="population",
                    hint="Leave a group that the population does not have out.",
                )


def group_shares(counts: Counts, over: Sequence[str], /, *, level: float) -> Iterator[Measure]:
    """`group_share` of every group over the attributes `over` that has rows."""
    table = counts.marginal(*(("protected", name) for name in over))
    # Dimensions by place, so that an attribute called "protected" is not taken for the role.
    numbered = replace(table, dims=tuple(replace(d, role=str(i), name=str(i)) for i, d in enumerate(table.dims)))
    places = {dim.name: str(i) for i, dim in enumerate(table.dims)}
    for group in table.groups(over):
        share = numbered.share({places[name]: level for name, level in group.slice.items()})
        yield Measure("group_share", share.value, share.rows, slice=group.slice, interval=wilson(share, level=level))


@dataclass(frozen=True, slots=True)
class _Fit:
    """One group: its share among the rows the population knows, and its share of the population."""

    group: str
    share: Share
    expected: float

    @property
    def observed(self) -> float:
        return self.share.hits / self.share.total

    @property
    def difference(self) -> float:
        return self.observed - self.expected


def against_population(
    counts: Counts, attribute: str, population: Mapping[str, float], /, *, level: float
) -> Iterator[Measure]:
    """Differences, ratios and `representation_gap` of one attribute."""
    table = counts.marginal(("protected", attribute))
    named, total = tuple(population), math.fsum(population.values())
    shares = {group: table.share({attribute: group}, {attribute: named}) for group in named}
    strangers = [{attribute: level} for level in table.dim("protected").levels if level not in population]
    text = "the population does not name, so left out: {groups}"
    notes = (Message("not-in-population", text, {"groups": group_names(strangers)}),) if strangers else ()
    if any(share.total <= 0 for share in shares.values()):
        reason = Message("no-population-group", "no row belongs to a group that the population names")
        yield Measure("representation_gap", None, 0, over=(attribute,), reason=reason, notes=notes)
        return
    fits = [_Fit(group, share, population[group] / total) for group, share in shares.items()]
    for fit in fits:
        yield from _of_group(fit, attribute, level=level, notes=notes)
    yield _largest(fits, attribute, level=level, notes=notes)


def _of_group(fit: _Fit, attribute: str, /, *, level: float, notes: tuple[Message, ...]) -> Iterator[Measure]:
    bounds = wilson(fit.share, level=level)
    error = math.sqrt(fit.expected * (1 - fit.expected) / fit.share.effective)
    slice_, over = {attribute: fit.group}, (attribute,)
    yield Measure(
        "group_share_difference",
        fit.difference,
        fit.share.rows,
        slice=slice_,
        over=over,
        interval=Interval(bounds.low - fit.expected, bounds.high - fit.expected, level, bounds.method),
        p_value=two_sided_p(fit.difference / error),
        family="group_share_difference",
        method="share of rows minus share of the population; p: one-proportion score",
        notes=notes,
    )
    yield Measure(
        "group_share_ratio",
        fit.observed / fit.expected,
        fit.share.rows,
        slice=slice_,
        over=over,
        interval=Interval(bounds.low / fit.expected, bounds.high / fit.expected, level, bounds.method),
        method="share of rows over share of the population",
        notes=notes,
    )


def _largest(fits: Sequence[_Fit], attribute: str, /, *, level: float, notes: tuple[Message, ...]) -> Measure:
    """The largest |share − population share|: with every group's interval at 1 − α/k all hold at once (Bonferroni)."""
    from scipy.special import chdtrc

    lows, highs = [], []
    for fit in fits:
        bounds = wilson(fit.share, level=1 - (1 - level) / len(fits))
        low, high = bounds.low - fit.expected, bounds.high - fit.expected
        lows.append(max(0.0, low, -high))
        highs.append(max(high, -low))
    worst = max(fits, key=lambda fit: abs(fit.difference))
    chi = worst.share.effective * sum(fit.difference**2 / fit.expected for fit in fits)
    return Measure(
        "representation_gap",
        abs(worst.difference),
        worst.share.rows,
        over=(attribute,),
        groups=({attribute: worst.group},),
        interval=Interval(max(lows), max(highs), level, "Wilson score, Bonferroni"),
        p_value=float(chdtrc(len(fits) - 1, chi)),
        family="representation_gap",
        method=f"largest difference of {len(fits)} shares from the population's; p: chi-square test of fit",
        notes=notes,
    )
