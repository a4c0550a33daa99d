"""The model of a Case trained again on bootstrap samples of its training rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.core.subject import Model
from assay.explain.recourse.robustness import TIMES, Retrained
from assay.models.outputs import class_text
from assay.models.trainers import Fit, Trainer, TrainingRows, by_trainer, refitter

if TYPE_CHECKING:
    from assay.data.case import Case

ROWS = 20_000
"""Most training rows that are read."""
TASK = "explain.retrained_models"


def retrained_models(
    case: Case,
    /,
    *,
    trainer: Trainer | None = None,
    times: int = TIMES,
    rows: int = ROWS,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Retrained:
    """`times` models trained on bootstrap samples of the Case's training rows (all rows, where no split names some).

    By `trainer`, which gets a pandas frame and the labels; else, for a scikit-learn estimator in this process, by a
    clone of it; for a LightGBM or XGBoost booster with the parameters that it holds. Of any other model nobody here
    knows how it was trained: no models, and the reason. At most `rows` rows, a seeded sample: fewer than the model was
    trained on make its retrained versions differ more than they would. Source: Black, Wang & Fredrikson (2022), ICLR,
    on counterfactuals that do not outlive a retraining.
    """
    model = case.model
    if model is None or case.roles.label is None or not case.model_columns:
        return _none("no_label", "the case has no model of a table, or no labels to train it on")
    sample = _sample(case, model, rows, seed)
    if len(sample.codes) < 2 or (model.classes and len(np.unique(sample.codes)) < 2):
        return _none("no_labels", "the training rows hold no two labels that the model knows")
    fit = by_trainer(trainer, model) if trainer is not None else refitter(model)
    if fit is None:
        text = "how {model} was trained is not known here; give a trainer"
        return _none("no_trainer", text, model=model.name)
    draws = [_draw(sample, model, np.random.default_rng([seed, i])) for i in range(times)]
    if progress is not None:
        progress.started(TASK, total=times)
    models = []
    for done, made in enumerate(_parallel(fit, draws, jobs), 1):
        models.append(made)
        if progress is not None:
            progress.advanced(TASK, done=done)
    if progress is not None:
        progress.ended(TASK)
    return Retrained(tuple(models))


def _none(id: str, text: str, **params: str) -> Retrained:
    return Retrained(reason=Message(f"explain.recourse.{id}", text, params))


def _parallel(fit: Fit, draws: list[TrainingRows], jobs: int) -> Iterable[Model]:
    from joblib import Parallel, delayed

    found: Iterable[Model] = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(fit)(draw) for draw in draws
    )
    return found


def _sample(case: Case, model: Model, rows: int, seed: int) -> TrainingRows:
    import pyarrow as pa
    import pyarrow.compute as pc

    case.require_consent("Training again")
    label, split = str(case.roles.label), case.roles.split
    names = list(dict.fromkeys([*case.model_columns, label, *([split] if split else [])]))
    table = case.rows(names, limit=rows if not case.held_out else 4 * rows, seed=seed)
    if split is not None and case.held_out:
        levels = table.column(split).cast(pa.string())
        table = table.filter(pc.and_(pc.is_valid(levels), pc.invert(pc.is_in(levels, pa.array(case.held_out)))))
    table = table.filter(pc.is_valid(table.column(label))).slice(0, rows)
    values = table.column(label).to_pylist()
    if model.classes:
        place = {name: i for i, name in enumerate(model.classes)}
        codes = np.array([place.get(class_text(value), -1) for value in values], dtype=np.int64)
    else:
        codes = np.array(values, dtype=np.float64)
    known = codes >= 0 if model.classes else np.isfinite(codes)
    return TrainingRows(table.select(list(case.model_columns)).filter(pa.array(known)), codes[known])


def _draw(sample: TrainingRows, model: Model, rng: np.random.Generator) -> TrainingRows:
    """A bootstrap sample with every class that the sample has."""
    import pyarrow as pa

    n = len(sample.codes)
    wanted = len(np.unique(sample.codes)) if model.classes else 0
    for _ in range(100):
        chosen = rng.integers(0, n, n)
        if not model.classes or len(np.unique(sample.codes[chosen])) == wanted:
            return TrainingRows(sample.inputs.take(pa.array(chosen)), sample.codes[chosen])
    raise AssayError(
        "A class has so few training rows that bootstrap samples lack it.",
        code="rare-class",
        hint="Give more training rows.",
    )
