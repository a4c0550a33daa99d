"""Models like the attacked one, each trained on a random half of the rows, and what they say of all rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.core.subject import Model
from assay.models.adapter import THREADS
from assay.models.trainers import Fit, Trainer, TrainingRows, by_trainer, refitter
from assay.privacy.membership.answers import Bools, Floats, Places, logits_of, taken
from assay.privacy.membership.networks import networks_like

USUAL = 16
"""Shadow models that are trained where nobody says how many."""
FEWEST = 4
"""Fewer shadow models than this tell nothing of spread: two that saw a row and two that did not."""
TASK = "privacy.shadow_models"
SHADOWS = "An attack with shadow models"
"""What trains on rows of members and others alike, and needs the consent of all of them."""

NO_SHADOWS = Message(
    "no-shadows",
    "needs shadow models, and none are trained unless that is asked for: the parameter trainer, or shadows",
)


@dataclass(frozen=True, eq=False)
class Shadows:
    """(models, rows) `inside`: whether a model was trained on a row; `logit`: the logit of the probability that it
    gives to the row's label. `how` says how they were trained. Or none, and the `reason`.
    """

    inside: Bools | None = None
    logit: Floats | None = None
    how: str = ""
    reason: Message | None = None

    def only(self, places: Places, /) -> Shadows:
        """What the same models say of the rows at `places`."""
        if self.inside is None or self.logit is None:
            return self
        return Shadows(self.inside[:, places], self.logit[:, places], self.how)


def halves(rows: int, models: int, rng: np.random.Generator, /) -> Bools:
    """(models, rows): the first of two models is trained on a random half, the second on the other half.

    So half of the models saw each row (Carlini et al. 2022, section IV-A).
    """
    inside = np.zeros((models, rows), dtype=np.bool_)
    for first in range(0, models, 2):
        inside[first, rng.permutation(rows)[: rows // 2]] = True
        inside[first + 1] = ~inside[first]
    return inside


def train_shadows(
    model: Model,
    rows: TrainingRows,
    /,
    *,
    count: int = USUAL,
    trainer: Trainer | None = None,
    seed: int = 0,
    jobs: int = THREADS,
    progress: Progress | None = None,
) -> Shadows:
    """`count` (made even) models like `model`, each trained on a random half of `rows`, and their answers for all.

    By `trainer`; else an MLPClassifier of scikit-learn in this process is trained as one batch of networks by the same
    rule (see `networks`), other scikit-learn estimators in this process are cloned and boosters trained by their
    parameters. Of any other model nobody here knows how it was trained: none, and the reason. `jobs` models are trained
    at once, each in a thread of its own: a trainer must not keep state between calls.
    """
    if count < FEWEST:
        raise AssayError(f"{count} shadow models are too few.", code="shadows", hint=f"Give {FEWEST} or more.")
    inside = halves(len(rows.codes), count + count % 2, np.random.default_rng([seed, 1]))
    if progress is not None:
        progress.started(TASK, total=len(inside))
    made = _made(model, rows, inside, trainer=trainer, seed=seed, jobs=jobs, progress=progress)
    if progress is not None:
        progress.ended(TASK)
    return made


def _made(
    model: Model,
    rows: TrainingRows,
    inside: Bools,
    *,
    trainer: Trainer | None,
    seed: int,
    jobs: int,
    progress: Progress | None,
) -> Shadows:
    advanced: Callable[[int], None] = (
        (lambda done: None) if progress is None else (lambda done: progress.advanced(TASK, done=done))
    )
    together = networks_like(model) if trainer is None else None
    if together is not None:
        with _one_thread():
            found = together(rows, inside, np.random.default_rng([seed, 2]))
        advanced(len(inside))
        return Shadows(inside, found, f"{len(inside)} networks trained as one batch")
    fit = by_trainer(trainer, model) if trainer is not None else refitter(model)
    if fit is None:
        text = "needs shadow models, and how {model} was trained is not known here: give a trainer"
        return Shadows(reason=Message("no-trainer", text, {"model": model.name}))
    answers = np.empty(inside.shape)
    for i, row in enumerate(_parallel(fit, model, rows, inside, jobs)):
        if row is None:
            return Shadows(reason=Message("shadow-probabilities", "the shadow models give no probabilities"))
        answers[i] = row
        advanced(i + 1)
    how = "by the trainer" if trainer is not None else "in the way of the attacked model"
    return Shadows(inside, answers, f"{len(inside)} models trained {how}")


def _parallel(fit: Fit, model: Model, rows: TrainingRows, inside: Bools, jobs: int) -> Iterator[Floats | None]:
    """The logits of each shadow model, in order. Only these are kept: a model may be large."""
    from joblib import Parallel, delayed

    def one(mine: Bools) -> Floats | None:
        with _one_thread(api="openmp"):
            return logits_of(fit(taken(rows, np.flatnonzero(mine))), rows, classes=model.classes)

    with _one_thread():
        run: Any = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
        yield from run(delayed(one)(mine) for mine in inside)


@contextmanager
def _one_thread(*, api: str | None = None) -> Iterator[None]:
    """Numerical libraries use one thread meanwhile: several models are trained at once. OpenMP counts by thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch = sys.modules.get("torch") if api is None else None
    before = torch.get_num_threads() if torch is not None else 0
    with threadpool_limits(limits=1, user_api=api):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)
