"""Anchors: rules that hold the model's decision, whatever the other columns are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.core.measure import Interval, Share
from assay.explain.columns import Floats
from assay.explain.local.neighbourhood import Neighbourhood, neighbourhood
from assay.explain.local.rules.bandit import clopper_pearson
from assay.explain.local.rules.predicates import World, world_of
from assay.explain.local.rules.search import Arm, Asking, Search, Wanted
from assay.explain.local.seeds import content_of, generator
from assay.explain.question import Question
from assay.stats.rates import wilson

LEVEL = 0.95
METHOD = "anchors"


@dataclass(frozen=True, slots=True)
class Anchor:
    """IF all `predicates` THEN the `decision`, in a share `precision` of the samples that agree with them.

    No predicates: the decision holds in general. `precision` was measured on `checked` fresh samples after the rule
    was chosen, `coverage` is the share of the `covers` background rows that agree with it; both with 95 % intervals.
    `holds` is True where the interval of the precision lies at or above `wanted`; else no rule was shown to be that
    precise, and this is the nearest. `place` is the row's place in the data, `samples` how many rows the model was
    asked about it.
    """

    predicates: tuple[str, ...]
    columns: tuple[str, ...]
    decision: str
    precision: float
    precision_interval: Interval
    coverage: float
    coverage_interval: Interval
    covers: int
    wanted: float
    holds: bool
    checked: int
    samples: int
    place: int | None = None

    def text(self) -> str:
        """The rule in one sentence. It holds names and values of the data: escape it where it is shown."""
        rule = f"If {' and '.join(self.predicates)}, then" if self.predicates else "Whatever the columns are,"
        low, high = self.precision_interval.low, self.precision_interval.high
        shown = f"precision {self.precision:.1%} (95 % interval {low:.1%} to {high:.1%})"
        found = "" if self.holds else f"; this does not show the wanted {self.wanted:.0%}"
        return f"{rule} {self.decision}: {shown}, coverage {self.coverage:.1%} of {self.covers} rows{found}."

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "row": self.place,
            "predicates": list(self.predicates),
            "columns": list(self.columns),
            "decision": self.decision,
            "precision": self.precision,
            "precision_interval": [self.precision_interval.low, self.precision_interval.high],
            "coverage": self.coverage,
            "coverage_interval": [self.coverage_interval.low, self.coverage_interval.high],
            "background_rows": self.covers,
            "wanted": self.wanted,
            "holds": self.holds,
            "checked": self.checked,
            "samples": self.samples,
        }


def anchors(
    question: Question,
    /,
    *,
    precision: float = 0.95,
    tolerance: float | None = None,
    bins: int = 4,
    beam: int = 4,
    longest: int = 5,
    check: int = 2000,
    most: int = 5000,
    seed: int | None = None,
    progress: Progress | None = None,
) -> tuple[Anchor, ...]:
    """The Anchor of each row: the rule true of it that covers most among those found with the wanted precision.

    Predicates are "column = category", and "column <= or > quantile" of the background in `bins`; at most `longest`.
    The search is a beam of `beam` rules by KL-LUCB at 95 % confidence, with at most `most` samples a rule; its
    precision is then measured on `check` fresh samples. A regression needs `tolerance`: how far from the row's
    prediction, in its units, is still the same. All rows are searched together; random numbers come from `seed` (the
    question's) and the content of a row. Precision is that of samples in which the columns that the rule leaves open
    are those of background rows: give the question some hundreds of them or more.
    Source: Ribeiro, Singh & Guestrin (2018), Anchors: high-precision model-agnostic explanations, AAAI.
    """
    wanted = _wanted(precision, beam, longest, most, check)
    near, chosen = neighbourhood(question.columns, question.background, bins=bins), question.seed
    rngs = [generator(content_of(near.columns, row), chosen if seed is None else seed) for row in question.rows]
    searches = [Search(world_of(near, row), wanted, rng) for row, rng in zip(question.rows, rngs, strict=True)]
    kept = _kept(question, tolerance)
    ended = _together([one.run() for one in searches], kept, progress)
    arms = [arm or one.nearest() for arm, one in zip(ended.arms, searches, strict=True)]
    fresh = [one.world.draw(arm.rule, check, one.rng) for arm, one in zip(arms, searches, strict=True)]
    hits = kept.same(np.concatenate(fresh), np.repeat(np.arange(len(fresh)), check)).reshape(-1, check).sum(axis=1)
    return tuple(
        _anchor(
            one.world,
            near,
            arm,
            int(hits[i]),
            check=check,
            wanted=precision,
            decision=kept.words[i],
            samples=ended.samples[i] + check,
            place=question.places[i] if question.places else None,
        )
        for i, (arm, one) in enumerate(zip(arms, searches, strict=True))
    )


def _wanted(precision: float, beam: int, longest: int, most: int, check: int) -> Wanted:
    if not 0.5 <= precision < 1:
        raise AssayError("The wanted precision lies from 0.5 to below 1.", code="precision", hint="0.95 is usual.")
    if min(beam, longest, check, most) < 1:
        raise AssayError("beam, longest, check and most are numbers from 1.", code="limit", hint="Leave them out.")
    return Wanted(precision=precision, beam=beam, longest=longest, most=most)


def _anchor(
    world: World,
    near: Neighbourhood,
    arm: Arm,
    hits: int,
    /,
    *,
    check: int,
    wanted: float,
    decision: str,
    samples: int,
    place: int | None,
) -> Anchor:
    said = [world.predicates[i] for i in sorted(arm.rule)]
    n, covered = len(world.background), arm.coverage
    interval = clopper_pearson(hits, check, level=LEVEL)
    return Anchor(
        tuple(one.text for one in said),
        tuple(dict.fromkeys(near.columns.names[one.place] for one in said)),
        decision,
        hits / check,
        interval,
        covered / n,
        wilson(Share(covered, n, n, n), level=LEVEL),
        n,
        wanted,
        interval.low >= wanted,
        check,
        samples,
        place,
    )


@dataclass(frozen=True, eq=False)
class _Kept:
    """The decision of each explained row in words, and which rows of a matrix get that of the rows given by place."""

    words: list[str]
    same: Callable[[Floats, NDArray[np.int64]], NDArray[np.bool_]]


def _kept(question: Question, tolerance: float | None) -> _Kept:
    target = question.target
    if target.output is not None:
        if tolerance is not None:
            raise AssayError("A tolerance is for regressions.", code="tolerance", hint="Leave it out.")
        decided = target.decides(question.rows)
        words = [f"the model {'decides' if yes else 'does not decide'} {target.label}" for yes in decided]
        return _Kept(words, lambda rows, whose: np.asarray(target.decides(rows) == decided[whose]))
    if tolerance is None or not tolerance >= 0:
        raise AssayError(
            "A regression decides nothing: what is the same prediction?",
            code="tolerance",
            hint="Give tolerance=, in the units of the prediction.",
        )
    own = target(question.rows)
    words = [f"the prediction stays within {tolerance:.6g} of {value:.6g}" for value in own]
    return _Kept(words, lambda rows, whose: np.asarray(np.abs(target(rows) - own[whose]) <= tolerance))


@dataclass(frozen=True, eq=False)
class _Ended:
    """What each search found, and how many samples it asked for."""

    arms: list[Arm | None]
    samples: list[int]


def _together(searches: list[Asking], kept: _Kept, progress: Progress | None) -> _Ended:
    """What each search returns, with one batch of the model for what all of them want to know next."""
    ended = _Ended([None] * len(searches), [0] * len(searches))
    if progress is not None:
        progress.started(METHOD, total=len(searches))
    wanted = {i: next(search) for i, search in enumerate(searches)}
    while wanted:
        whose = [np.full(len(part), i) for i, parts in wanted.items() for part in parts]
        ends = np.cumsum([len(part) for part in whose])[:-1]
        held = kept.same(np.concatenate([part for parts in wanted.values() for part in parts]), np.concatenate(whose))
        counts = iter([int(part.sum()) for part in np.split(held, ends)])
        following: dict[int, list[Floats]] = {}
        for i, parts in wanted.items():
            ended.samples[i] += sum(map(len, parts))
            try:
                following[i] = searches[i].send([next(counts) for _ in parts])
            except StopIteration as stop:
                ended.arms[i] = stop.value
        wanted = following
        if progress is not None:
            progress.advanced(METHOD, done=len(searches) - len(wanted))
    if progress is not None:
        progress.ended(METHOD)
    return ended
