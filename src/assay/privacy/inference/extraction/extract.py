"""Copies of a model made from its answers, and how often each agrees with it against the queries spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.core.part import Part
from assay.models.inputs import row_count
from assay.models.trainers import TrainingRows
from assay.privacy.inference.encoding import Encoding, encoding_of
from assay.privacy.inference.extraction.copies import (
    MOST_CLASSES,
    Copier,
    Copy,
    Shown,
    by_equations,
    by_labels,
    by_probabilities,
    log_odds,
    telling,
)
from assay.privacy.inference.extraction.queries import Asking, Queries, Strategy, joined
from assay.privacy.inference.victim import Victim
from assay.privacy.membership.answers import Answers, Codes, answers_of, batches, labels_of, take

GROWTH = 3
FIRST = 100
RANDOM, EQUATIONS = "random-rows", "equations"
LINEAR = 1e-3
"""Log-odds of which a linear form may be wrong on queries that it was not solved from: single precision."""


@dataclass(frozen=True, slots=True)
class Point:
    """After `queries` answers the copy agrees with the model on `agreed` of the rows that judge it."""

    queries: int
    agreed: int


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of one strategy and one kind of copy, by queries; or none, and the `reason`.

    `error` is the largest error in log-odds of a solved linear model on the rows that judge.
    """

    strategy: str
    copy: str
    points: tuple[Point, ...] = ()
    reason: Message | None = None
    error: float | None = None


@dataclass(frozen=True, eq=False)
class Extraction:
    """Curves over `rows` rows that judge them, of which a constant answer agrees on `constant`.

    `without` is the agreement of a model fitted on as many true labels of the attacker's rows, which never asks.
    """

    curves: tuple[Curve, ...]
    rows: int
    constant: int
    without: Point | None


def extract(
    victim: Victim, strategies: Mapping[str, Part[Strategy]], /, *, queries: int = 1000, seed: int = 0
) -> Extraction:
    """Copies of the model from up to `queries` answers for rows that the attacker was told of, by each strategy.

    Judged on rows that neither the model nor the copy was fitted on: agreement with the model's own label, also where a
    defence stands before it. Copies of labels are of the model's family where it can be fitted here; copies of
    probabilities are boosted trees on log-odds; the equations of a linear model are solved.
    """
    attack = _Attack(victim, queries, seed)
    curves: list[Curve] = []
    for name, strategy in strategies.items():
        curves.append(attack.curve(name, "labels", strategy.make, attack.labels, attack.no_labels))
        curves.append(attack.curve(name, "probabilities", strategy.make, attack.scores, attack.no_scores))
    curves.append(attack.equations())
    return Extraction(tuple(curves), len(attack.truth), attack.constant, attack.without())


class _Attack:
    """One victim with all that its copies share."""

    def __init__(self, victim: Victim, queries: int, seed: int, /) -> None:
        self.victim, self.seed, self.queries = victim, seed, queries
        inputs = victim.rows.inputs
        self.own = take(inputs, victim.told)
        self.judging = take(inputs, victim.others)
        self.truth: Codes = labels_of(getattr(victim.model, "guarded", victim.model), self.judging)
        self.constant = int(np.bincount(self.truth).max())
        textual = isinstance(inputs, list)
        self.encoding: Encoding | None = None if textual else encoding_of(self.own)
        self.labels = by_labels(victim.model, self.encoding, seed=seed)
        self.no_labels = Message(
            "copy-unknown", "how a model of this family is fitted is not known here, nor are texts"
        )
        classes = len(victim.model.classes)
        silent = victim.model.scores(take(inputs, victim.told[:1])) is None
        usable = self.encoding is not None and not silent and classes <= MOST_CLASSES
        self.scores: Copier | None = None
        if usable and self.encoding is not None:
            self.scores = by_probabilities(self.encoding, classes, seed=seed)
        self.no_scores = _why_no_scores(silent, textual, classes)

    def budgets(self) -> list[int]:
        """100, 300, 900 ... and last what is allowed."""
        found = [FIRST]
        while found[-1] * GROWTH < self.queries:
            found.append(found[-1] * GROWTH)
        return [budget for budget in found if budget < self.queries] + [self.queries]

    def shown(self, inputs: Any) -> Shown:
        """What the model shows of these inputs."""
        none = TrainingRows(inputs, np.zeros(row_count(inputs), dtype=np.int64))
        found: Answers = answers_of(self.victim.model, none)
        return Shown(inputs, found.predicted, found.probabilities)

    def point(self, copy: Copy, queries: int) -> Point:
        """How often the copy agrees with the model on the rows that judge."""
        said = np.concatenate([copy.labels(batch) for batch in batches(self.judging)])
        return Point(queries, int((said == self.truth).sum()))

    def curve(self, name: str, kind: str, strategy: Strategy, copier: Copier | None, why: Message) -> Curve:
        """The Points of one strategy, asking more and more."""
        if copier is None:
            return Curve(name, kind, reason=why)
        rng = np.random.default_rng([self.seed, 24])
        asked: list[Queries] = []
        points: list[Point] = []
        copy: Copy | None = None
        for budget in self.budgets():
            spent = sum(row_count(part.inputs) for part in asked)
            used = np.concatenate([np.empty(0, dtype=np.intp), *(part.places for part in asked)])
            unsure = None if copy is None else copy.unsure
            more = strategy(Asking(self.own, used, budget - spent, unsure, rng))
            if not row_count(more.inputs):
                break
            asked.append(more)
            shown = self.shown(joined([part.inputs for part in asked]))
            copy = copier(shown) or copy
            if copy is not None:
                points.append(self.point(copy, row_count(shown.inputs)))
        if not points:
            return Curve(
                name, kind, reason=Message("no-copy", "the strategy asked nothing from which a copy is fitted")
            )
        return Curve(name, kind, tuple(points))

    def without(self) -> Point | None:
        """A model of the family fitted on the attacker's own true labels."""
        if self.labels is None:
            return None
        rng = np.random.default_rng([self.seed, 25])
        places = rng.permutation(self.victim.told)[: self.queries]
        true = np.asarray(self.victim.rows.codes, dtype=np.int64)[places]
        copy = self.labels(Shown(take(self.victim.rows.inputs, places), true, None))
        return None if copy is None else self.point(copy, len(places))

    def equations(self) -> Curve:
        """A linear model solved from its probabilities."""
        if self.scores is None or self.encoding is None:
            return Curve(RANDOM, EQUATIONS, reason=self.no_scores)
        rng = np.random.default_rng([self.seed, 24])
        shown = self.shown(take(self.own, rng.permutation(row_count(self.own))[: self.queries]))
        solved = by_equations(shown, self.encoding)
        if solved is None:
            words = "{queries} answers are too few for a linear model of {unknowns} unknowns, or too sure to tell"
            params = {"queries": row_count(shown.inputs), "unknowns": self.encoding.matrix(self.own[:1]).shape[1] + 1}
            return Curve(RANDOM, EQUATIONS, reason=Message("too-few-equations", words, params))
        if solved.residual > LINEAR:
            words = "the log-odds are no linear function of the columns: the best one is off by {residual}"
            reason = Message("not-linear", words, {"residual": f"{solved.residual:.2g}"})
            return Curve(RANDOM, EQUATIONS, reason=reason)
        own = self.shown(self.judging).scores
        assert own is not None
        errors = np.abs(log_odds(solved.copy.chances(self.judging)) - log_odds(own))[telling(own)]
        points = (self.point(solved.copy, solved.equations),)
        return Curve(RANDOM, EQUATIONS, points, error=float(errors.max(initial=0.0)))


def _why_no_scores(silent: bool, textual: bool, classes: int) -> Message:
    if silent:
        return Message("no-probabilities", "the model gives no probabilities; copies of its labels need none")
    if textual:
        return Message("copy-texts", "texts are no columns on which trees or equations are fitted")
    words = "{classes} classes are more than the {most} of which log-odds are copied"
    return Message("copy-classes", words, {"classes": classes, "most": MOST_CLASSES})
