"""Explanations that are known to be right or wrong, for measures that should tell them apart.

Seeded runs of two kinds. Ordinary: a random function of correlated columns, exact Shapley values by
enumeration against random values and values of other rows. Deceived: a model that answers by a protected column on real
rows and by an innocent one on perturbed rows, which a random forest tells apart (Slack et al. 2020); the exact values
are those of what the model does on real rows, the deceived ones what SHAP finds by perturbing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.ensemble import RandomForestClassifier

from assay.explain.attribution import Attributions
from assay.explain.columns import Columns
from assay.explain.question import Question
from assay.explain.shapley.explain import exact_shap
from assay.explain.target import Target
from assay.explain.trust.faithfulness import faithfulness
from assay.explain.trust.randomisation import compared
from assay.explain.trust.stability import shaken, steadiness
from assay.explain.trust.worth import among_real_rows, replaced

ROWS, COLUMNS, DRAWS = 60, 5, 10


@dataclass(frozen=True)
class Function:
    """A regression whose answer is a function of the matrix."""

    function: Any
    features: tuple[str, ...] = tuple(f"x{i}" for i in range(COLUMNS))
    name: str = "function"
    digest: str = "not digested"
    task: str = "regression"
    classes: tuple[str, ...] = field(default=())

    def predict(self, inputs: Any, /) -> Any:
        return self.function(np.column_stack([inputs[name].to_numpy() for name in self.features]))

    def scores(self, inputs: Any, /) -> None:
        return None


def asked(function: Any, rows: Any, background: Any) -> Question:
    columns = Columns.of(pa.table({f"x{i}": background[:, i] for i in range(COLUMNS)}))
    return Question(Target(Function(function), columns, None, "value"), rows, background, "drawn")


def correlated(rng: np.random.Generator, n: int) -> Any:
    mix = rng.normal(size=(COLUMNS, COLUMNS))
    return rng.multivariate_normal(np.zeros(COLUMNS), 0.6 * mix @ mix.T / COLUMNS + 0.4 * np.eye(COLUMNS), size=n)


@dataclass(frozen=True)
class Trained:
    """What a model answers, and what it does on real rows."""

    model: Any
    truth: Any


@dataclass(frozen=True)
class Run:
    """Rows, a model of them, and the same trained on other rows, and on permuted labels."""

    data: Any
    first: Trained
    again: Trained
    permuted: Trained


def ordinary(rng: np.random.Generator) -> Run:
    """A smooth function of five correlated columns, the same with a little noise, and one of nothing but noise."""

    def function(slopes: Any) -> Any:
        return lambda x: x @ slopes + x[:, 0] * x[:, 1] * slopes[2] + np.sin(2 * x[:, 3]) * slopes[4]

    slopes = rng.normal(size=COLUMNS)
    near, other = slopes + 0.1 * rng.normal(size=COLUMNS), 0.1 * rng.normal(size=COLUMNS)
    first, again, permuted = (Trained(function(each), function(each)) for each in (slopes, near, other))
    return Run(correlated(rng, 400), first, again, permuted)


def deceiving(rng: np.random.Generator) -> Run:
    """A regression that found the protected column x0 and shows the innocent x1 wherever a row is not real."""
    data = correlated(rng, 400)
    data[:, :2] = data[:, :2] > 0
    n = len(data)
    known = rng.random((3 * n, COLUMNS)) < 0.5
    known = known[known.any(axis=1) & ~known.all(axis=1)]
    first, second = rng.integers(0, n, (2, len(known)))
    mixed = np.where(known, data[first], data[second])
    labels = np.concatenate([np.ones(n), np.zeros(len(mixed))])
    forest = RandomForestClassifier(20, random_state=0, class_weight="balanced", min_samples_leaf=2)
    real = forest.fit(np.concatenate([data, mixed]), labels)

    def trained(*, permuted: bool) -> Trained:
        labels = data[:, 0] + 0.3 * rng.normal(size=n)
        labels = rng.permutation(labels) if permuted else labels
        slopes = np.linalg.lstsq(np.c_[data, np.ones(n)], labels, rcond=None)[0]

        def biased(x: Any) -> Any:
            return x @ slopes[:-1] + slopes[-1]

        return Trained(lambda x: np.where(real.predict_proba(x)[:, 1] > 0.5, biased(x), x[:, 1]), biased)

    return Run(data, trained(permuted=False), trained(permuted=False), trained(permuted=True))


Explain = Callable[[Trained, Any], Any]


def explainers(run: Run, rng: np.random.Generator, *, deceived: bool) -> dict[str, Explain]:
    """Explanation -> a function of a model and rows, with one value a row and column."""
    few = run.data[ROWS : ROWS + DRAWS]

    def exact(about: Trained, rows: Any) -> Any:
        return exact_shap(asked(about.truth, rows, few)).values

    made: dict[str, Explain] = {
        "exact": exact,
        "random": lambda _, rows: rng.normal(size=rows.shape),
        "shuffled": lambda about, rows: rng.permutation(exact(about, rows)),
    }
    if deceived:
        made["deceived"] = lambda about, rows: exact_shap(asked(about.model, rows, few)).values
    return made


def faithful(run: Run, made: dict[str, Explain], *, usual: bool = True) -> dict[str, dict[str, float]]:
    """Scores of faithfulness among real rows, and of the `usual` one: measure -> explanation -> score."""
    rows, background = run.data[:ROWS], run.data[ROWS:]
    question = asked(run.first.model, rows, background)
    worths = {
        "faithfulness": among_real_rows(question.columns, question.target(background), rows, background),
    }
    if usual:
        worths["faithfulness_replaced"] = replaced(question.target, rows, background[:DRAWS])
    values = {name: explain(run.first, rows) for name, explain in made.items()}
    return {
        measure: {name: float(np.nanmean(faithfulness(worth, each).score)) for name, each in values.items()}
        for measure, worth in worths.items()
    }


def steady(run: Run, made: dict[str, Explain]) -> dict[str, float]:
    """Stability of each explanation."""
    rows = run.data[:ROWS]
    question = asked(run.first.model, rows, run.data[ROWS:])

    def score(explain: Explain) -> float:
        def attributions(about: Question) -> Attributions:
            values = explain(run.first, about.rows)
            flat = np.zeros(len(values))
            return Attributions("any", about.columns, about.rows, values, flat, flat, target="y", scale="value")

        every = np.arange(ROWS)
        found = steadiness(shaken(question, attributions, moves=2), every, every)
        assert found is not None
        return found.value

    return {name: score(explain) for name, explain in made.items()}


def randomisation_gap(run: Run, made: dict[str, Explain]) -> dict[str, float]:
    """The gap of each explanation between models trained on true labels and on permuted ones."""
    rows = run.data[:ROWS]

    def score(explain: Explain) -> float:
        first, again, permuted = (explain(about, rows) for about in (run.first, run.again, run.permuted))
        farther = compared(first, [permuted]).distance - compared(first, [again]).distance
        return float(farther.mean() / np.abs(first).sum(axis=1).mean())

    return {name: score(explain) for name, explain in made.items()}


def drawn(seed: int, *, deceived: bool) -> tuple[Run, dict[str, Explain]]:
    """A run and the explanations put to the test in it."""
    rng = np.random.default_rng([seed, deceived])
    run = deceiving(rng) if deceived else ordinary(rng)
    return run, explainers(run, rng, deceived=deceived)
