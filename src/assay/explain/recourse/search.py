"""The search for counterfactuals of any model: all rows of a request together, in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.recourse.appraisal import Judge, Robustness
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Counterfactual, Recourse, Ways
from assay.explain.recourse.goal import Answers, Goal, Standing, standing
from assay.explain.recourse.plausibility import Neighbourhood, distance_weights
from assay.explain.recourse.robustness import ROBUST, Retrained
from assay.explain.recourse.space import Space, relaxed, space_of
from assay.explain.recourse.steps.choose import chosen
from assay.explain.recourse.steps.hunt import Effort, hunt
from assay.explain.recourse.steps.pool import Places, Pool, Problem

CHUNK = 256
"""Rows searched together."""
MOST = 1000
"""Most background rows among which unlike ones are sought; ranges, scales and plausibility take all."""
MARGINS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""How far beyond the goal robust versions are looked for, in log-odds, or standard deviations of a regression."""
TASK = "explain.counterfactuals"


def counterfactuals(
    question: Question,
    /,
    *,
    constraints: Constraints | Mapping[str, Any] | None = None,
    count: int = 4,
    target: str | Sequence[float | None] | None = None,
    plausible: bool = False,
    retrained: Retrained | None = None,
    robust: bool = False,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Recourse:
    """For every row of the question up to `count` ways to the wanted answer, the cheapest first.

    `target`: a class, (low, high) of a regression (None for an open end), or, by default, the other decision.
    `constraints` are Constraints or what `Constraints.parse` reads. With `plausible` only plausible versions count;
    otherwise each says whether it is. `retrained` models tell how many of them agree; with `robust` versions that
    90 % of them agree on are looked for, further beyond the goal where need be.

    A heuristic: every version that is returned has the wanted answer by the model's own decision and breaks no
    constraint, but cheaper ones may exist, and where none is found, one may. For linear models and small tree
    ensembles there is an exact search. The seed is the question's; the same request gives the same versions.
    """
    _check(count, robust, retrained)
    asked = constraints if isinstance(constraints, Constraints) else Constraints.parse(constraints or {})
    before, every = question.target.calls.rows, question.background
    background = question.kept.get(("first", MOST), (every,), lambda: every[:MOST])
    space = space_of(asked, question.columns, question.background)
    stands = standing(
        question.target, question.rows, background, target, low=space.low, high=space.high, kept=question.kept
    )
    near = near_data(question, space)
    wish = _Wish(question.seed, count, plausible, retrained, robust, effort or Effort())
    search = _Search(stands, space, background, near, wish)
    ways = search.ways(question.rows, progress)
    return Recourse(
        columns=question.columns,
        rows=question.rows,
        ways=ways,
        goal=stands.goal.words,
        target=stands.goal.target.name,
        scale=stands.goal.target.scale,
        method="search",
        calls=(question.target.calls.rows - before) / max(1, len(question.rows)),
        places=question.places,
        settings=_settings(asked, target)
        | {"count": count, "plausible": plausible, "robust": robust}
        | {"seed": question.seed, "background": question.origin},
    )


def near_data(question: Question, space: Space, /) -> Neighbourhood:
    """The Neighbourhood of the question's background, worked out once."""
    key = ("neighbourhood", distance_weights(space).tobytes(), space.nominal.tobytes())
    return question.kept.get(key, (question.background,), lambda: Neighbourhood.of(space, question.background))


def _check(count: int, robust: bool, retrained: Retrained | None) -> None:
    if count < 1:
        raise AssayError(f"{count} counterfactuals are none.", code="count", hint="Give a number from 1.")
    if robust and (retrained is None or not retrained.models):
        reason = "" if retrained is None or retrained.reason is None else f" ({retrained.reason.text()})"
        raise AssayError(
            f"Nobody can say whether a version is robust: the model was not trained again{reason}.",
            code="robust",
            hint="Give what `retrained_models(case)` returns; with a trainer, where the model names none.",
        )


def _settings(asked: Constraints, target: str | Sequence[float | None] | None) -> dict[str, Any]:
    wanted = list(target) if target is not None and not isinstance(target, str) else target
    return {"constraints": asked.to_json(), "target": wanted}


@dataclass(frozen=True, eq=False)
class _Wish:
    """What the caller asked for."""

    seed: int
    count: int
    plausible: bool
    retrained: Retrained | None
    robust: bool
    effort: Effort


@dataclass(frozen=True, eq=False)
class _Search:
    """One request, ready to be worked off in chunks of rows."""

    stands: Standing
    space: Space
    background: Floats
    neighbourhood: Neighbourhood
    wish: _Wish

    def ways(self, rows: Floats, progress: Progress | None) -> tuple[Ways, ...]:
        """One Ways a row."""
        already = self.stands.rows.met
        out: list[Ways] = [Ways((), already=True)] * len(rows)
        open_ = np.flatnonzero(~already)
        if progress is not None:
            progress.started(TASK, total=len(open_))
        for start in range(0, len(open_), CHUNK):
            places = open_[start : start + CHUNK]
            for place, found in zip(places, self._chunk(rows, places), strict=True):
                out[place] = found
            if progress is not None:
                progress.advanced(TASK, done=min(start + CHUNK, len(open_)))
        if progress is not None:
            progress.ended(TASK)
        return tuple(out)

    def _problem(self, rows: Floats, places: Places, space: Space, goal: Goal, margin: float = 0.0) -> Problem:
        rng = np.random.default_rng(self.wish.seed)
        said = self.stands.rows
        return Problem(
            goal=goal,
            space=space,
            before=rows[places],
            places=places,
            said=Answers(said.met[places], said.lead[places], said.output[places]),
            background=self.background,
            neighbourhood=self.neighbourhood,
            rng=rng,
            margin=margin,
            plausible=self.wish.plausible,
        )

    def _chunk(self, rows: Floats, places: Places) -> list[Ways]:
        by_row = self._tried(rows, places, self.stands.quick)
        lost = np.array([i for i, some in enumerate(by_row) if not some], dtype=np.int64)
        if len(lost) and self.stands.quick is not self.stands.goal:
            for i, some in zip(lost, self._tried(rows, places[lost], self.stands.goal), strict=True):
                by_row[i] = some
            lost = np.array([i for i in lost if not by_row[i]], dtype=np.int64)
        blocked = self._blocked(rows, places[lost]) if len(lost) else {}
        return [Ways(tuple(some), blocked.get(int(place))) for some, place in zip(by_row, places, strict=True)]

    def _tried(self, rows: Floats, places: Places, goal: Goal) -> list[list[Counterfactual]]:
        """The counterfactuals of each of the rows, searched for with `goal` and judged by the model's own decision."""
        problem = self._problem(rows, places, self.space, goal)
        found = hunt(problem, self.stands.wanted, self.wish.effort)
        share = self._share(found, places)
        if self.wish.robust:
            found, share = self._sturdier(rows, places, found, share)
        picked = chosen(problem, found, self.neighbourhood.plausible(found.after), count=self.wish.count)
        kept = found.take(picked)
        judge = Judge(self.stands.goal, self.space, self.neighbourhood)
        robustness = self._robustness(None if share is None else share[picked])
        records = judge.appraise(problem.before[kept.row], kept.after, places[kept.row], robustness=robustness)
        by_row: list[list[Counterfactual]] = [[] for _ in places]
        for row, record in zip(kept.row, records, strict=True):
            if record.valid and not record.violated:
                by_row[row].append(record)
        return by_row

    def _robustness(self, share: Floats | None) -> Robustness:
        if share is None and self.wish.retrained is not None and self.wish.retrained.reason is not None:
            return Robustness(reason=self.wish.retrained.reason)
        return Robustness(share)

    def _share(self, found: Pool, places: Places) -> Floats | None:
        if self.wish.retrained is None or not self.wish.retrained.models:
            return None
        return self.wish.retrained.share(self.stands.goal, found.after, places[found.row])

    def _sturdier(self, rows: Floats, places: Places, found: Pool, share: Floats | None) -> tuple[Pool, Floats]:
        """Robust versions of the rows that have some, looked for further and further beyond the goal."""
        assert share is not None
        unit = 1.0
        if self.stands.goal.target.output is None:
            unit = float(np.std(self.stands.goal.target(self.background))) / 4
        for margin in MARGINS[1:]:
            lacking = np.setdiff1d(np.arange(len(places)), found.row[share >= ROBUST])
            if not len(lacking):
                break
            more = hunt(
                self._problem(rows, places[lacking], self.space, self.stands.quick, margin * unit),
                self.stands.wanted,
                self.wish.effort,
            )
            more = replace(more, row=lacking[more.row])
            agreed = self._share(more, places)
            assert agreed is not None
            share = np.concatenate([share, agreed])
            found = Pool.joined([found, more])
        sturdy = np.isin(found.row, found.row[share >= ROBUST])
        keep = np.flatnonzero(~sturdy | (share >= ROBUST))
        return found.take(keep), share[keep]

    def _blocked(self, rows: Floats, places: Places) -> dict[int, Any]:
        """For rows without a way within the constraints, the version that breaks fewest of them, by place."""
        open_ = relaxed(self.space, self.background)
        problem = replace(self._problem(rows, places, open_, self.stands.quick), plausible=False)
        found = hunt(problem, self.stands.wanted, self.wish.effort)
        before = problem.before[found.row]
        broken = self.space.violations(before, found.after).broken.sum(axis=1)
        order = np.lexsort((self.space.cost(before, found.after), broken, found.row))
        first = order[np.r_[True, np.diff(found.row[order]) != 0]] if len(order) else order
        kept = found.take(first)
        judge = Judge(self.stands.goal, self.space, self.neighbourhood)
        records = judge.appraise(before[first], kept.after, places[kept.row])
        return {int(places[row]): record for row, record in zip(kept.row, records, strict=True) if record.valid}
