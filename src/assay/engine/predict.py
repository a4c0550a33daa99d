"""A model's outputs as roles of the Case, made in batches where the data hold none."""

from __future__ import annotations

from typing import Any

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.core.subject import Model, Subject


def with_model_outputs(subject: Subject, /, *, progress: Progress | None = None) -> Subject:
    """`subject` with prediction and score, made by its model if it has one and neither is given.

    Binary: score is the probability of the favourable label. A model without probabilities gives only
    the prediction. Recorded predictions are never overwritten.
    """
    model = getattr(subject, "model", None)
    if model is None or subject.has("prediction") or subject.has("score"):
        return subject
    import numpy as np

    case: Any = subject
    labels, scores, done = [], [], 0
    if progress is not None:
        progress.started("predict", total=case.n)
    for batch in case.batches():
        labels.append(np.asarray(model.predict(batch)))
        found = model.scores(batch)
        if found is not None:
            scores.append(np.asarray(found, dtype=float))
        done += len(labels[-1])
        if progress is not None:
            progress.advanced("predict", done=done)
    if not labels:
        raise AssayError("The data have no rows for the model to predict.", code="empty")
    prediction = np.concatenate(labels)
    score = _score(np.concatenate(scores), model, case) if scores else None
    if progress is not None:
        progress.ended("predict")
    made: Subject = case.with_outputs(prediction=prediction, score=score)
    return made


def _score(scores: Any, model: Model, case: Any) -> Any:
    """(rows,) probability of the favourable label for a binary task, (rows, classes) otherwise."""
    if case.task != "binary":
        return scores if case.task == "multiclass" else None
    favourable = case.roles.favourable
    if favourable not in model.classes:
        raise AssayError(
            f"The model's classes are {', '.join(model.classes) or 'unknown'}; "
            f"none is the favourable label {favourable!r}.",
            code="classes",
            hint="Give the classes in the order of the model's output, for example --classes bad,good.",
        )
    return scores[:, model.classes.index(favourable)]
