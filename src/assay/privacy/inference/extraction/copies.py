"""Copies of a model, fitted on its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models.adapter import softmax
from assay.models.outputs import codes_of
from assay.models.trainers import Fit, TrainingRows, refitter
from assay.privacy.inference.encoding import Encoding
from assay.privacy.membership.answers import Codes, Floats, batches

EPSILON = 1e-9
"""What probabilities are cut at before their logarithm is taken."""
TELLING = 1e-4
"""Answers in which a class is less probable than this give no equation: in single precision they are noise."""
MOST_CLASSES = 20
"""With more classes than this no copy is fitted on probabilities: each takes a regression."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What was asked of the model and what it showed: (queries,) labels, and probabilities where it gives any."""

    inputs: Any
    labels: Codes
    scores: Floats | None


@dataclass(frozen=True, eq=False)
class Copy:
    """A fitted copy: `chances` gives (rows, classes), the largest of which is its label."""

    chances: Callable[[Any], Floats]

    def labels(self, inputs: Any, /) -> Codes:
        """(rows,) the most probable class."""
        return np.asarray(self.chances(inputs).argmax(axis=1), dtype=np.int64)

    def unsure(self, inputs: Any, /) -> Floats:
        """(rows,) minus the distance between the two largest chances: larger where the copy is less sure."""
        ranked = np.sort(self.chances(inputs), axis=1)
        return np.asarray(ranked[:, -2] - ranked[:, -1])


Copier = Callable[[Shown], Copy | None]
"""Fits a copy; None where too few classes were shown for one."""


def family_of(model: Model, /) -> Fit | None:
    """What fits a model of the same family: the architecture is known to the attacker. None where nobody here can."""
    return refitter(getattr(model, "guarded", model))


def by_labels(model: Model, encoding: Encoding | None, /, *, seed: int) -> Copier | None:
    """A copy of the same family, or boosted trees where that is not known; None for inputs that are no columns."""
    fit, classes = family_of(model), len(model.classes)
    if fit is None and encoding is None:
        return None

    def copier(shown: Shown) -> Copy | None:
        present = np.unique(shown.labels)
        if len(present) < 2:
            return _constant(int(present[0]), classes)
        if fit is None:
            assert encoding is not None
            return _trees(shown, encoding, classes, seed=seed)
        try:
            return _adapted(fit(TrainingRows(shown.inputs, shown.labels)), model.classes)
        except AssayError as error:
            if error.code == "classes" and len(present) < classes:
                return None  # classes that were renamed by position cannot be named from a few of them
            raise

    return copier


def by_probabilities(encoding: Encoding, classes: int, /, *, seed: int) -> Copier:
    """Boosted trees that are fitted to the log-odds of each class against the first, which tell more than labels."""

    def copier(shown: Shown) -> Copy:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        assert shown.scores is not None
        x, odds = encoding.matrix(shown.inputs), log_odds(shown.scores)
        with threadpool_limits(limits=1):
            models = [
                HistGradientBoostingRegressor(
                    max_iter=60, min_samples_leaf=max(2, min(20, len(x) // 20)), early_stopping=False, random_state=seed
                ).fit(x, odds[:, k])
                for k in range(classes - 1)
            ]

        def chances(inputs: Any) -> Floats:
            matrix = encoding.matrix(inputs)
            with threadpool_limits(limits=1):  # so few rows are not worth waiting for other threads
                found = np.column_stack([model.predict(matrix) for model in models])
            return softmax(np.column_stack([np.zeros(len(found)), found]))

        return Copy(chances)

    return copier


@dataclass(frozen=True, eq=False)
class Solved:
    """The linear form that explains all answers: `copy`, the `equations` that took, and the worst `residual` in
    log-odds on the queries that were not used."""

    copy: Copy
    equations: int
    residual: float


def by_equations(shown: Shown, encoding: Encoding, /) -> Solved | None:
    """The coefficients of a linear model from its probabilities: one equation a query, solved by least squares.

    The first queries that have the rank of all are solved, and the rest say whether the model is linear at all. None
    where fewer than a tenth more are left for that. Source: Tramèr et al. (2016), USENIX Security, section 4.1.
    """
    assert shown.scores is not None
    usable = telling(shown.scores)
    x = np.hstack([encoding.matrix(shown.inputs), np.ones((len(usable), 1))])[usable]
    odds = log_odds(shown.scores)[usable]
    if not len(x):
        return None
    needed = _equations(x)
    if needed is None or len(x) < needed + max(5, needed // 10):
        return None
    solution = np.linalg.lstsq(x[:needed], odds[:needed], rcond=None)[0]
    residual = float(np.abs(x[needed:] @ solution - odds[needed:]).max())

    def chances(inputs: Any) -> Floats:
        matrix = encoding.matrix(inputs)
        margins = np.hstack([matrix, np.ones((len(matrix), 1))]) @ solution
        return softmax(np.column_stack([np.zeros(len(matrix)), margins]))

    return Solved(Copy(chances), needed, residual)


def telling(scores: Floats, /) -> NDArray[np.bool_]:
    """(rows,) whether the log-odds of an answer are known to some digits."""
    return np.asarray(scores.min(axis=1) > TELLING)


def log_odds(scores: Floats, /) -> Floats:
    """(rows, classes − 1) log of the probability of each class over that of the first."""
    logs = np.log(np.maximum(scores, EPSILON))
    return np.asarray(logs[:, 1:] - logs[:, :1])


def _equations(x: Floats) -> int | None:
    """The fewest first rows of `x` that have the rank of all of them."""
    rank = int(np.linalg.matrix_rank(x))
    low, high = rank, len(x)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if np.linalg.matrix_rank(x[:middle]) == rank else (middle + 1, high)
    return low if low <= len(x) else None


def _constant(code: int, classes: int) -> Copy:
    row = np.eye(classes)[code]
    return Copy(lambda inputs: np.tile(row, (inputs.num_rows if hasattr(inputs, "num_rows") else len(inputs), 1)))


def _trees(shown: Shown, encoding: Encoding, classes: int, *, seed: int) -> Copy:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    rows = len(shown.labels)
    model = HistGradientBoostingClassifier(
        max_iter=60, min_samples_leaf=max(2, min(20, rows // 20)), early_stopping=False, random_state=seed
    )
    with threadpool_limits(limits=1):
        model.fit(encoding.matrix(shown.inputs), shown.labels)

    def chances(inputs: Any) -> Floats:
        found = np.zeros((inputs.num_rows if hasattr(inputs, "num_rows") else len(inputs), classes))
        with threadpool_limits(limits=1):
            found[:, model.classes_] = model.predict_proba(encoding.matrix(inputs))
        return found

    return Copy(chances)


def _adapted(copy: Any, classes: tuple[str, ...]) -> Copy:
    """Probabilities of a Model in the order of `classes`; its labels as ones where it gives none."""
    where = [classes.index(name) for name in copy.classes]

    def chances(inputs: Any) -> Floats:
        return np.concatenate([asked(batch) for batch in batches(inputs)])

    def asked(batch: Any) -> Floats:
        scores = copy.scores(batch)
        if scores is None:
            return np.asarray(np.eye(len(classes))[codes_of(np.asarray(copy.predict(batch), dtype=object), classes)])
        out = np.zeros((len(scores), len(classes)))
        out[:, where] = scores
        return out

    return Copy(chances)
