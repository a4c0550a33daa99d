"""The trainings of a trade-off report: several runs at each epsilon and without privacy, each judged on other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.finding import Run
from assay.core.measure import Measure
from assay.core.subject import Subject
from assay.privacy.accounting.plan import Plan
from assay.privacy.membership.scoring import area, needed, tpr_at
from assay.privacy.tradeoffs.people import Bools, Codes, People
from assay.privacy.tradeoffs.runs import Floats
from assay.privacy.training.descent import train, train_without_privacy
from assay.privacy.training.examples import Examples
from assay.privacy.training.fitting import Settings, calibrated
from assay.privacy.training.network import Architecture, Network, Output

BINARY = ("fairness.accuracy", "fairness.selection_rates", "fairness.equalized_odds")
MULTICLASS = ("fairness.accuracy",)
KEPT = ("accuracy", "balanced_accuracy", "accuracy_gap", "selection_rate_gap", "equalized_odds_difference")
"""What is kept of an audit, by group or over the groups of one attribute."""
FPR = 0.01
_ROWS = 1 << 15


class Audit(Protocol):
    """`assay.audit`, or the same of a House."""

    def __call__(self, subject: Subject, /, *, checks: Sequence[str] = ()) -> Run:
        """The Run of `checks` on `subject`."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The runs of one plan: what each was found to be, and (runs, held-out rows) whether its answers are right."""

    plan: Plan | None
    measures: tuple[tuple[Measure, ...], ...]
    right: Bools


@dataclass(frozen=True, eq=False)
class Sweep:
    """What decides all trainings: rows, settings, delta, how many runs, and the seed they follow from."""

    people: People
    settings: Settings
    delta: float
    runs: int
    seed: int
    level: float

    def __post_init__(self) -> None:
        if self.runs < 5:
            raise AssayError(f"{self.runs} runs are too few.", code="runs", hint="Five or more: training is random.")
        if self.settings.custom or self.settings.model == "linear":
            raise AssayError(
                f"The report does not train the model {self.settings.model!r}.",
                code="model",
                hint="Use logistic or mlp.",
            )

    @property
    def architecture(self) -> Architecture:
        """Of every model."""
        return self.people.table.architecture(hidden=self.settings.layers, activation=self.settings.activation)

    @property
    def examples(self) -> Examples:
        """The rows that every run is trained on."""
        return self.people.table.examples(self.architecture, chosen=self.people.train)

    def plan(self, epsilon: float, /) -> Plan:
        """The Plan of a training within `epsilon`, for as many examples as there are rows to train on."""
        return calibrated(self.blank, self.settings, epsilon=epsilon, delta=self.delta)

    @property
    def blank(self) -> Plan:
        """The same steps and batches, its noise not yet chosen."""
        return self.settings.plan(int(self.people.train.sum()))

    def outcomes(
        self, epsilon: float | None, place: int, /, *, audit: Audit, told: Callable[[], None] = lambda: None
    ) -> Outcomes:
        """The runs at `epsilon` (None: without noise and clipping), the `place`-th of the sweep; `told` after each.

        The noise comes from seeds, so that the report can be made again: the models are no private release, and are
        thrown away.
        """
        plan = None if epsilon is None else self.plan(epsilon)
        data, shape = self.examples, self.architecture
        measures, right = [], []
        for run in range(self.runs):
            seed = int(np.random.SeedSequence((self.seed, place, run)).generate_state(1)[0])
            network = self._network(data, shape, plan, seed)
            logs = log_probabilities(network, self.people)
            predicted = logs.predicted[~self.people.train]
            words = "without privacy" if epsilon is None else f"at epsilon {epsilon:g}"
            case = self.people.case(predicted, name=f"{self.people.name}, trained {words}, run {run + 1}")
            found = audit(case, checks=checks_for(self.people))
            measures.append((*kept(found), *membership(logs.true, self.people.train, level=self.level)))
            right.append(predicted == self.people.codes[~self.people.train])
            told()
        return Outcomes(plan, tuple(measures), np.array(right))

    def _network(self, data: Examples, shape: Architecture, plan: Plan | None, seed: int) -> Network:
        stepping = self.settings.stepping
        if plan is not None:
            return train(data, shape, plan, stepping=stepping, insecure_seed=seed).network
        steps = self.blank.total_steps
        return train_without_privacy(
            data, shape, batch=self.blank.batch, steps=steps, stepping=stepping, seed=seed
        ).network


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """(rows,) the predicted class code, and the log probability of the true class."""

    predicted: Codes
    true: Floats


def log_probabilities(network: Network, people: People, /) -> Answers:
    """The Answers of a network about all rows, a batch at a time."""
    predicted, true = [], []
    for start in range(0, len(people.codes), _ROWS):
        here = slice(start, start + _ROWS)
        margins, codes = network.margins(people.table.x[here]).astype(np.float64), people.codes[here]
        if network.architecture.output is Output.BINARY:
            predicted.append((margins[:, 0] > 0).astype(np.int64))
            true.append(-np.logaddexp(0, np.where(codes == 1, -1, 1) * margins[:, 0]))
        else:
            predicted.append(margins.argmax(axis=1))
            true.append(margins[np.arange(len(codes)), codes] - np.logaddexp.reduce(margins, axis=1))
    return Answers(np.concatenate(predicted), np.concatenate(true))


def checks_for(people: People, /) -> tuple[str, ...]:
    """What such a label can be audited for."""
    return BINARY if len(people.classes) == 2 else MULTICLASS


def kept(run: Run, /) -> list[Measure]:
    """The Measures of an audit that the report shows: of everyone, of single groups, and over single attributes."""
    measures = [finding.measure for finding in run.findings if finding.measure.name in KEPT]
    plain = [one for one in measures if len(one.slice) <= 1 and len(one.over) <= 1]
    return [replace(one, notes=(), p_value=None, family="") for one in plain]


def membership(logs: Floats, train: Bools, /, *, level: float) -> list[Measure]:
    """How well a small loss tells training rows from held-out ones: AUC, and members found at 1 % false positives.

    The loss threshold of Yeom et al. (2018), arXiv 1709.01604; it fits nothing, so that all rows can score it. It is
    the weakest attack of `assay privacy attack membership`, which with shadow models finds more.
    """
    members, others = logs[train], logs[~train]
    n = (len(members), len(others))
    found = area(members, others, level=level)
    method = "loss threshold, training rows against held-out rows"
    out = [Measure("membership_auc", found.value, n, interval=found.interval, method=method)]
    name = "membership_tpr_at_fpr_1pct"
    if len(others) < needed(FPR):
        words = "members found at 1 % false positives need {needed} held-out rows, and there are {others}"
        reason = Message("too-few-others", words, {"needed": f"{needed(FPR):,}", "others": f"{len(others):,}"})
        return [*out, Measure(name, None, n, reason=reason)]
    rate = tpr_at(members, others, fpr=FPR, level=level)
    return [*out, Measure(name, rate.value, n, interval=rate.interval, method=method)]
