"""Models that are about as accurate as the best: how far their gaps range, and whose decision flips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.core.measure import Share
from assay.fairness.frontier.classifier import TableClassifier
from assay.fairness.frontier.outcomes import SMALLEST, Judge
from assay.fairness.frontier.rows import Rows, divided
from assay.fairness.frontier.search import Flips, Model, Search
from assay.fairness.frontier.settings import drawn
from assay.fairness.mitigation.estimators import predictions
from assay.fairness.mitigation.mitigation import Ints
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

TASK = "searching for alternatives"
CHOOSING = 0.25
"""Share of the rows to fit on that is set aside to choose by accuracy."""


def alternatives(
    case: Case,
    /,
    *,
    n: int = 50,
    tolerance: float = 0.01,
    attributes: Sequence[str] = (),
    rate: str = "selection_rate",
    level: float = 0.95,
    share: float = 0.3,
    limit: int | None = None,
    smallest: int = SMALLEST,
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Search:
    """The Search over `n` models of drawn settings and seeds; kept are those within `tolerance` of the best accuracy.

    Of the rows to fit on a quarter is set aside: models are kept, and the least gap among them is chosen, on these; all
    that is reported comes from held-out rows that chose nothing. The range of the gap over kept models is of their
    points, and wider than that of the true gaps by chance: each model has its interval, and the `reduction` one for the
    single alternative that was chosen. Other arguments are as for `compare`. Sources: Black, Raghavan & Barocas (2022),
    Model multiplicity, FAccT; Marx, Calmon & Ustun (2020), Predictive multiplicity, definition 3 (ambiguity).
    """
    if n < 2 or not 0 <= tolerance < 1:
        raise AssayError(
            f"A search over n={n} models within tolerance={tolerance} says nothing.",
            code="parameter",
            hint="Give n of at least 2 and a tolerance from 0 to below 1.",
        )
    rows = divided(case, attributes=attributes, share=share, limit=limit, seed=seed)
    aside = np.random.default_rng(seed).random(len(rows.train)) < CHOOSING
    fit, choose = rows.train.only(np.flatnonzero(~aside)), rows.train.only(np.flatnonzero(aside))
    inner = Judge.of(choose, rate=rate, level=level, smallest=smallest)
    judge = Judge.of(rows.test, rate=rate, level=level, smallest=smallest)
    made = drawn(n, rng=np.random.default_rng(seed))
    decided = _decided(made, fit, [choose, rows.test], jobs, progress)
    facts = {
        "case": case.name,
        "rows": {"fitted": len(fit), "set_aside": len(choose), "held_out": len(rows.test)},
        "division": rows.how,
        "attributes": list(rows.test.groups.attributes),
        "left_out": [dict(group) for group in judge.left_out],
        "tolerance": tolerance,
        "level": level,
        "seed": seed,
    }
    return _search(made, decided, inner, judge, facts)


def _search(
    made: Sequence[TableClassifier],
    decided: Sequence[Sequence[Ints]],
    inner: Judge,
    judge: Judge,
    facts: Mapping[str, Any],
) -> Search:
    """The Search from decisions on the rows set aside (judged by `inner`) and on the held-out rows (by `judge`)."""
    accuracy = np.array([float((chosen == inner.rows.y).mean()) for chosen, _ in decided])
    kept = accuracy >= accuracy.max() - facts["tolerance"]
    gaps = [inner.outcome(found[0]).gap.value if keep else np.inf for found, keep in zip(decided, kept, strict=True)]
    best, alternative = int(accuracy.argmax()), int(np.argmin(gaps))
    models = []
    for i, model in enumerate(made):
        outcome = judge.outcome(decided[i][1]) if kept[i] else None
        models.append(
            Model(i, model.kind, model.settings or {}, model.seed, float(accuracy[i]), bool(kept[i]), outcome)
        )
    ends = [model.outcome.gap.value for model in models if model.outcome]
    table = np.stack([found[1] for found, keep in zip(decided, kept, strict=True) if keep])
    return Search(
        rate=judge.rate,
        models=tuple(models),
        lowest=min(ends),
        highest=max(ends),
        flips=_flips(table, judge),
        best=best,
        alternative=alternative,
        reduction=judge.reduction(decided[best][1], decided[alternative][1], seed=facts["seed"]),
        facts=facts,
    )


def _decided(
    made: Sequence[TableClassifier], fit: Rows, asked: Sequence[Rows], jobs: int, progress: Progress | None
) -> list[list[Ints]]:
    """Decisions of each model on each of the asked rows, fitted in parallel."""
    from joblib import Parallel, delayed

    if progress:
        progress.started(TASK, total=len(made))
    out = []
    for found in Parallel(n_jobs=jobs, return_as="generator")(delayed(_decide)(model, fit, asked) for model in made):
        out.append(found)
        if progress:
            progress.advanced(TASK, done=len(out))
    if progress:
        progress.ended(TASK)
    return out


def _decide(model: TableClassifier, fit: Rows, asked: Sequence[Rows]) -> list[Ints]:
    model.fit(fit.x, fit.y)
    return [predictions(model, rows.x) for rows in asked]


def _flips(table: NDArray[np.int64], judge: Judge) -> tuple[Flips, ...]:
    """For all rows and for each group: the share whose column of `table` (models, rows) is not all alike."""
    rows, level = judge.rows, judge.level
    split = table.min(axis=0) != table.max(axis=0)
    slices: list[tuple[Mapping[str, str | None], Any]] = [({}, np.ones(len(rows), bool))]
    slices += [(rows.groups.slice(g), rows.codes == g) for g in range(len(rows.groups))]
    out = []
    for name, there in slices:
        total, hits = int(there.sum()), int(split[there].sum())
        if total:
            out.append(Flips(name, hits / total, wilson(Share(hits, total, total, total), level=level), total))
    return tuple(out)
