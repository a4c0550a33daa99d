"""What privacy costs: every number of the runs at each epsilon as one, and who pays most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError
from assay.core.measure import Measure, Slice
from assay.privacy.claims.tradeoff import tradeoff_of
from assay.privacy.tradeoffs.people import Group
from assay.privacy.tradeoffs.runs import LOST, MORE, Right, over_runs
from assay.privacy.tradeoffs.sweep import FPR, KEPT, Audit, Outcomes, Sweep
from assay.stats.families import holm

ALPHA = 0.05
NOT_PRIVATE = (
    "This report is not private: it was computed from the data without noise. It is for the people who hold the data, "
    "and must not leave with a private model."
)


@dataclass(frozen=True)
class Level:
    """One epsilon (None: without privacy): the noise it took, and what its runs came to.

    `most_found` is the largest share of members that any attack at all can find at 1 % false positives; 1 without
    privacy.
    """

    epsilon: float | None
    noise: float | None
    most_found: float
    measures: tuple[Measure, ...]

    @property
    def text(self) -> str:
        """How the level is called."""
        return "none" if self.epsilon is None else f"{self.epsilon:g}"

    def get(self, name: str, /, *, slice: Slice | None = None, over: tuple[str, ...] = ()) -> Measure | None:
        """The Measure of that name and place, where there is one."""
        asked = dict(slice or {})
        return next((m for m in self.measures if m.name == name and dict(m.slice) == asked and m.over == over), None)


@dataclass(frozen=True)
class Member:
    """A group of the report: its attribute's value, and its rows to train on and held out."""

    slice: Slice
    trained: int
    held_out: int


@dataclass(frozen=True)
class Tradeoff:
    """The report: `levels` from the least epsilon to the largest, then without privacy; `facts` is how it was made."""

    levels: tuple[Level, ...]
    groups: tuple[Member, ...]
    suppressed: int
    facts: Mapping[str, Any]

    @property
    def private(self) -> tuple[Level, ...]:
        """The levels with an epsilon."""
        return tuple(level for level in self.levels if level.epsilon is not None)

    @property
    def plain(self) -> Level:
        """The level without privacy."""
        return self.levels[-1]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group.slice))

    @cached_property
    def marked(self) -> frozenset[tuple[str, str, str, str | None]]:
        """(level, measure of LOST, attribute, value) of the groups from which privacy takes more than from all others.

        Over all groups, measures and epsilons together the chance that any is wrongly here is ALPHA (Holm).
        """
        names = tuple(name + MORE for name in LOST)
        tests = [(level, m) for level in self.private for m in level.measures if m.name in names]
        known = [(level, m, m.p_value) for level, m in tests if m.p_value is not None]
        adjusted = holm([p for _, _, p in known]) if known else ()
        return frozenset(
            (level.text, m.name.removesuffix(MORE), *next(iter(m.slice.items())))
            for (level, m, _), p in zip(known, adjusted, strict=True)
            if p < ALPHA and (m.value or 0.0) > 0
        )

    def text(self) -> str:
        """The tables, and how to read them."""
        from assay.privacy.tradeoffs.written import text

        return text(self)

    def write(self, folder: str | Path, /) -> list[Path]:
        """Page, table, picture and JSON in a new folder."""
        from assay.privacy.tradeoffs.written import write

        return write(self, folder)

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON types."""
        levels = [
            {
                "epsilon": level.epsilon,
                "noise_multiplier": level.noise,
                "largest_tpr_at_fpr_1pct_of_any_attack": level.most_found,
                "measures": [measure.to_json() for measure in level.measures],
            }
            for level in self.levels
        ]
        groups = [{"slice": dict(g.slice), "trained": g.trained, "held_out": g.held_out} for g in self.groups]
        marked = sorted(self.marked, key=lambda m: (*m[:3], m[3] or ""))
        return {
            "not_private": NOT_PRIVATE,
            "facts": dict(self.facts),
            "groups": groups,
            "groups_left_out": self.suppressed,
            "lose_more": [{"epsilon": e, "measure": m, "attribute": a, "group": g} for e, m, a, g in marked],
            "levels": levels,
        }


def epsilons_of(text: str, /) -> tuple[float, ...]:
    """`0.5,1,2` as numbers that ascend."""
    try:
        found = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        found = ()
    if not found or not 0 < found[0] <= found[-1] <= 100:
        raise AssayError(
            f"{text!r} is no list of epsilons above 0.", code="epsilon", hint="Like --epsilon 0.5,1,2,4,8."
        )
    return found


def report(
    sweep: Sweep,
    epsilons: Sequence[float],
    /,
    *,
    audit: Audit,
    min_cell: int = 5,
    told: Callable[[], None] = lambda: None,
) -> Tradeoff:
    """The trade-off of `sweep` over `epsilons`, which ascend. Groups of under `min_cell` held-out rows are left out."""
    people = sweep.people
    people.case(people.codes[~people.train], name=people.name)  # a mistake in the roles is found before any training
    plans = [sweep.plan(epsilon) for epsilon in epsilons]
    made = [sweep.outcomes(e, place + 1, audit=audit, told=told) for place, e in enumerate(epsilons)]
    plain = sweep.outcomes(None, 0, audit=audit, told=told)
    slices = {tuple(m.slice.items()): m.slice for m in plain.measures[0] if m.slice}
    every = people.groups(list(slices.values()))
    shown = [group for group in every if group.n >= min_cell]
    codes = people.codes[~people.train]
    levels = [
        Level(
            epsilon,
            plan.noise_multiplier,
            1 - tradeoff_of(plan).misses(FPR),
            (
                *_joined(found, shown, level=sweep.level),
                *_taken(Right(plain.right, found.right, codes), shown, level=sweep.level),
            ),
        )
        for epsilon, plan, found in zip(epsilons, plans, made, strict=True)
    ]
    last = Level(None, None, 1.0, tuple(_joined(plain, shown, level=sweep.level)))
    members = tuple(Member(group.slice, group.trained, group.n) for group in shown)
    return Tradeoff((*levels, last), members, len(every) - len(shown), _facts(sweep))


def _joined(found: Outcomes, groups: Sequence[Group], /, *, level: float) -> list[Measure]:
    """Each number over the runs; groups that are not shown have none, and a gap does not name them or their n."""
    shown = [dict(group.slice) for group in groups]
    everyone = found.right.shape[1]
    out = []
    for column in zip(*found.measures, strict=True):
        if column[0].slice and dict(column[0].slice) not in shown:
            continue
        one = over_runs(column, level=level)
        named = all(dict(group) in shown for group in one.groups)
        out.append(one if named else replace(one, groups=(), n=everyone))
    return out


def _taken(right: Right, groups: Sequence[Group], /, *, level: float) -> list[Measure]:
    """What privacy takes from everyone, from each group, and from each group beyond all others."""
    out = []
    for name in LOST:
        out.append(right.lost(name, right.codes >= 0, level=level, slice={}))
        for group in groups:
            out.append(right.lost(name, group.held_out, level=level, slice=group.slice))
            out.append(right.lost_more(name, group.held_out, level=level, slice=group.slice))
    return out


def _facts(sweep: Sweep) -> dict[str, Any]:
    people, blank = sweep.people, sweep.blank
    return {
        "data": people.name,
        "label": people.label,
        "classes": list(people.classes),
        "model": sweep.settings.model,
        "hidden": list(sweep.settings.layers),
        "trained": int(people.train.sum()),
        "held_out": int((~people.train).sum()),
        "runs": sweep.runs,
        "delta": sweep.delta,
        "batch": blank.batch,
        "steps": blank.total_steps,
        "clip": blank.max_grad_norm,
        "optimizer": sweep.settings.stepping.optimizer,
        "learning_rate": sweep.settings.stepping.learning_rate,
        "accountant": sweep.settings.accountant.value,
        "level": sweep.level,
        "seed": sweep.seed,
        "measures": list(KEPT),
    }
