"""A small decision tree that says nearly what the model says, and how nearly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, Message
from assay.core.measure import Interval, Share
from assay.explain.columns import Floats
from assay.explain.overall.asked import asked
from assay.explain.overall.inside.meaning import encode, indicators
from assay.explain.overall.inside.rules import rules
from assay.explain.overall.uncertainty import MeanOverRows, mean_over_rows
from assay.explain.question import Question
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

Decisions = NDArray[np.bool_]
ROWS = 4000
DEPTH = 3
LEAST = 20
LEVELS = 20
LOW = 0.7


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One number of how nearly the tree says what the model says, on rows that it was not fitted on."""

    value: float | None
    interval: Interval | None
    n: int
    reason: Message | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A rule in words, what the tree answers there, and the `n` rows (a `share` of all) of the other half it holds for.

    `model` is the model's mean answer on those rows, None where there are none.
    """

    rule: str
    answer: float
    n: int
    share: float
    model: float | None


@dataclass(frozen=True, eq=False)
class Surrogate:
    """The tree's `leaves` (the largest share first), and its fidelity.

    `r_squared` of the answers; `agreement` of the decisions and `balanced`, the mean of the agreement where the model
    decides for the class and where against it: both None for a regression. `low` says that the rules are of the tree
    and should not be taken for the model's.
    """

    leaves: tuple[Leaf, ...]
    r_squared: Fidelity
    agreement: Fidelity | None
    balanced: Fidelity | None
    fitted: int
    target: str

    @property
    def low(self) -> bool:
        """True where less than 70 % of the variance of the model's answers is the tree's too."""
        return self.r_squared.value is None or self.r_squared.value < LOW

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        named = {"r_squared": self.r_squared, "agreement": self.agreement, "balanced": self.balanced}
        return {
            "target": self.target,
            "fitted": self.fitted,
            "fidelity": {
                name: {"value": each.value, "interval": each.interval.to_json() if each.interval else None, "n": each.n}
                for name, each in named.items()
                if each is not None
            },
            "low": self.low,
            "rules": [
                {"rule": leaf.rule, "answer": leaf.answer, "n": leaf.n, "share": leaf.share, "model": leaf.model}
                for leaf in self.leaves
            ],
        }


def surrogate(
    about: Question | Case,
    /,
    *,
    depth: int = DEPTH,
    least: int = LEAST,
    level: float = 0.95,
    limit: int = ROWS,
    seed: int = 0,
) -> Surrogate:
    """The Surrogate: a regression tree of `depth` fitted to the model's answers on one half of the rows.

    Its leaves have at least `least` rows; of a category the 20 most frequent levels can be told apart. Fidelity is
    measured on the other half: R² with a linearised interval over rows, agreement with Wilson's, balanced agreement
    with the two Wilson intervals joined (MOVER). Each leaf decides as most of its fitted rows. A tree of high fidelity
    still says nothing of why: it copies answers. Source: Craven & Shavlik (1996), NIPS 8, for trees that copy models;
    Zou & Donner (2008), Statistics in Medicine 27:1693, for MOVER.
    """
    from sklearn.tree import DecisionTreeRegressor

    from assay.models.internals.sklearn_trees import form_of

    question = asked(about, limit=limit, seed=seed)
    n = len(question.rows)
    if depth < 1 or n < 4 * least:
        raise AssayError(
            f"A tree of depth {depth} with {least} rows a leaf needs at least {4 * least} rows; there are {n}.",
            code="rows",
            hint="Give more rows, a depth from 1, or a smaller `least`.",
        )
    order = np.random.default_rng(seed).permutation(n)
    ours, other = order[: n // 2], order[n // 2 :]
    found = indicators(question.columns, question.rows[ours], most=LEVELS)
    matrix = encode(found, question.rows).astype(np.float32).astype(np.float64)
    answers = question.target(question.rows)
    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=least, random_state=seed)
    ensemble = form_of(tree.fit(matrix[ours], answers[ours]))
    if isinstance(ensemble, Message):
        raise AssayError(ensemble.text(), code="model-structure")
    reached = ensemble.leaves(matrix)[:, 0]
    said = ensemble.margin(matrix[other])[:, 0]
    listed = rules(ensemble, found, question.columns, question.rows)
    base = float(ensemble.base[0])
    leaves = [_leaf(r.text(), float(r.values[0]) + base, answers[other][reached[other] == r.leaf], n) for r in listed]
    decided = _decisions(question, answers)
    same = None if decided is None else (_of_leaf(reached, decided, ours)[other] == decided[other])
    return Surrogate(
        tuple(sorted((leaf for leaf in leaves), key=lambda leaf: -leaf.n)),
        _r_squared(answers[other], said, level),
        None if same is None else _agreement(same, level),
        None if same is None or decided is None else _balanced(same, decided[other], level),
        len(ours),
        question.target.name,
    )


def _leaf(rule: str, answer: float, answers: Floats, n: int) -> Leaf:
    half = n - n // 2
    return Leaf(rule, answer, len(answers), len(answers) / half, float(answers.mean()) if len(answers) else None)


def _decisions(question: Question, answers: Floats) -> Decisions | None:
    """(rows,) True where the model decides for the class; None for a regression."""
    target = question.target
    if target.output is None:
        return None
    if target.scale == "decision":
        return np.asarray(answers == 1)
    return np.asarray(answers >= target.threshold) if target.threshold is not None else target.decides(question.rows)


def _of_leaf(reached: NDArray[np.int32], decided: Decisions, fitted: NDArray[np.int64]) -> Decisions:
    """(rows,) what most fitted rows of the row's leaf are decided as."""
    rows = np.bincount(reached[fitted], minlength=int(reached.max()) + 1)
    hits = np.bincount(reached[fitted], weights=decided[fitted], minlength=len(rows))
    return np.asarray(2 * hits > rows)[reached]


def _r_squared(answers: Floats, said: Floats, level: float) -> Fidelity:
    """1 − Σ e²/Σ (f − mean)², with the interval of a ratio of two means by linearisation."""
    errors, spread = (answers - said) ** 2, (answers - answers.mean()) ** 2
    if spread.mean() <= 1e-24 * max(1.0, float((answers**2).mean())):
        return Fidelity(None, None, len(answers), Message("constant", "the model answers the same to every row"))
    part = float(errors.mean() / spread.mean())
    found: MeanOverRows = mean_over_rows((errors - part * spread) / spread.mean(), level=level)
    if found.interval is None:
        return Fidelity(1 - part, None, len(answers))
    half = found.interval.high - found.value
    return Fidelity(1 - part, Interval(1 - part - half, min(1.0, 1 - part + half), level, "linearised"), len(answers))


def _agreement(same: Decisions, level: float) -> Fidelity:
    n, hits = len(same), float(same.sum())
    return Fidelity(hits / n, wilson(Share(hits, n, n, n), level=level), n)


def _balanced(same: Decisions, decided: Decisions, level: float) -> Fidelity:
    """The mean of the agreement over the model's two decisions."""
    sides = [same[decided], same[~decided]]
    if not all(map(len, sides)):
        return Fidelity(None, None, len(same), Message("one-decision", "the model decides the same for every row"))
    rates = [_agreement(side, level) for side in sides]
    value = sum(each.value or 0.0 for each in rates) / 2
    below = math.hypot(*((each.value or 0.0) - each.interval.low for each in rates if each.interval)) / 2
    above = math.hypot(*(each.interval.high - (each.value or 0.0) for each in rates if each.interval)) / 2
    return Fidelity(value, Interval(max(0.0, value - below), min(1.0, value + above), level, "MOVER Wilson"), len(same))
