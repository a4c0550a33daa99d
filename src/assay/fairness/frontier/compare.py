"""All methods on one accuracy-fairness frontier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError, Message, unknown
from assay.core.house import Progress
from assay.core.part import Part
from assay.fairness.frontier.classifier import TableClassifier
from assay.fairness.frontier.outcomes import SMALLEST, Judge
from assay.fairness.frontier.record import PLAIN, Entry, Frontier, mark_dominated
from assay.fairness.frontier.rows import Divided, divided
from assay.fairness.mitigation.draw import KEY_BYTES, Draw
from assay.fairness.mitigation.mitigation import Ints, Mitigation

if TYPE_CHECKING:
    from assay.data.case import Case

TASK = "comparing mitigations"


@dataclass(frozen=True, eq=False)
class _Decided:
    """What fitting one method gave: decisions on the held-out rows, or the reason why there are none."""

    decisions: Ints | None
    reason: Message | None = None


def compare(
    case: Case,
    parts: Mapping[str, Part[Any]],
    methods: Sequence[str] = (),
    /,
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    attributes: Sequence[str] = (),
    rate: str = "selection_rate",
    estimator: Any = None,
    level: float = 0.95,
    share: float = 0.3,
    limit: int | None = None,
    smallest: int = SMALLEST,
    seed: int = 0,
    jobs: int = 2,
    forbidden: Message | None = None,
    progress: Progress | None = None,
) -> Frontier:
    """The Frontier of the plain model and of all `methods` (every one of `parts` where none is named).

    Each is fitted on the same rows with copies of `estimator` (logistic regression on the Case's features by default),
    in `jobs` processes, and judged on the same held-out rows: those of the Case's split, or a seeded `share`. A gap is
    the widest difference of `rate` between groups of the crossed `attributes` (the first protected one by default) with
    at least `smallest` held-out rows. `settings` has keywords by method, `limit` takes a sample of rows. A method that
    refuses these rows has the reason in place of numbers. Methods that need the protected attribute at decision time
    have the reason `forbidden`, where that is given, and are not fitted. Randomised methods draw under a key made from
    `seed`, no secret. Dominance is by the points: read it with the intervals, and expect the best of many methods to
    do a little worse on new rows.
    """
    given = settings or {}
    for name in (*methods, *given):
        if name not in parts:
            raise unknown("mitigation", name, parts, code="unknown-part")
    chosen = list(dict.fromkeys(methods)) or sorted(parts)
    rows = divided(case, attributes=attributes, share=share, limit=limit, seed=seed)
    judge = Judge.of(rows.test, rate=rate, level=level, smallest=smallest)
    model = estimator if estimator is not None else TableClassifier(seed=seed)
    made = [_make(parts[name], model, given.get(name, {}), seed) for name in chosen]
    plain = _plain(model, rows)
    allowed = [method for method in made if not (forbidden and method.needs_attribute_at_decision)]
    fitted = dict(zip((method.id for method in allowed), _fitted(allowed, rows, jobs, progress), strict=True))
    entries = [Entry(PLAIN, "The model without mitigation", {}, False, False, judge.outcome(plain))]
    for name, method in zip(chosen, made, strict=True):
        found = fitted.get(name) or _Decided(None, forbidden)
        entry = _entry(parts[name], method, given.get(name, {}), found)
        if found.decisions is not None:
            shrunk = judge.reduction(plain, found.decisions, seed=seed)
            entry = replace(entry, outcome=judge.outcome(found.decisions), reduction=shrunk)
        entries.append(entry)
    facts = {
        "case": case.name,
        **rows.facts(),
        "left_out": [dict(group) for group in judge.left_out],
        "estimator": repr(model)[:500],
        "level": level,
        "seed": seed,
    }
    return Frontier(rate, mark_dominated(entries), facts)


def _make(part: Part[Any], model: Any, settings: Mapping[str, Any], seed: int) -> Mitigation:
    for name in settings:
        if name not in part.parameters or name == "estimator":
            raise unknown(f"setting of {part.id}", name, set(part.parameters) - {"estimator"}, code="parameter")
    inside = None if getattr(part.make, "brings_model", False) else model
    made: Mitigation = part.make(estimator=inside, **settings)
    if "draw" in made.parameter_names():
        made.set_params(draw=Draw(hashlib.blake2b(b"comparison %d" % seed, digest_size=KEY_BYTES).digest()))
    return made


def _plain(model: Any, rows: Divided) -> Ints:
    from assay.fairness.mitigation.estimators import fit_clone, predictions

    return predictions(fit_clone(model, rows.train.x, rows.train.y, None), rows.test.x)


def _fitted(made: Sequence[Mitigation], rows: Divided, jobs: int, progress: Progress | None) -> Iterable[_Decided]:
    """What each method decides, in order, fitted in parallel."""
    from joblib import Parallel, delayed

    if progress:
        progress.started(TASK, total=len(made))
    for done, found in enumerate(
        Parallel(n_jobs=jobs, return_as="generator")(delayed(_decide)(method, rows) for method in made), 1
    ):
        if progress:
            progress.advanced(TASK, done=done, note=made[done - 1].id)
        yield found
    if progress:
        progress.ended(TASK)


def _decide(method: Mitigation, rows: Divided) -> _Decided:
    train, test = rows.train, rows.test
    try:
        method.fit(train.x, train.y, protected=train.protected)
        return _Decided(method.predict(test.x, protected=test.protected, ids=test.ids))
    except AssayError as error:
        return _Decided(None, Message("mitigation-refused", "{why}", {"why": str(error)[:500]}))


def _entry(part: Part[Any], method: Mitigation, settings: Mapping[str, Any], found: _Decided) -> Entry:
    return Entry(
        method=part.id,
        title=part.title,
        settings=dict(settings),
        needs_attribute=method.needs_attribute_at_decision,
        randomised=bool(method.randomised),
        reason=found.reason,
    )
