"""Settings of a private training become a plan, and a plan a trained model with its promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Generic, Protocol, TypeVar

from assay.core.errors import AssayError, unknown
from assay.privacy.accounting.accountants import Accountant
from assay.privacy.accounting.calibration import noise_for
from assay.privacy.accounting.plan import ROW, Plan
from assay.privacy.accounting.statement import Statement, statement
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.mechanisms.geometric import geometric
from assay.privacy.noise.entropy import Entropy, insecure_seeded
from assay.privacy.training.descent import Diagnostics, Trained, train
from assay.privacy.training.examples import Examples
from assay.privacy.training.network import Activation, Architecture
from assay.privacy.training.optimizers import OptimizerName, Stepping
from assay.privacy.training.tables.prepared import Table
from assay.privacy.training.tables.schema import Consent

ACCOUNTANTS = ("pld", "rdp")
MODELS = ("logistic", "linear", "mlp")
STEPS, LARGEST_BATCH, COUNT_SHARE = 400, 8192, Fraction(1, 50)
RATES = {"adam": {"mlp": 0.01, "logistic": 0.03, "linear": 0.03}, "sgd": {"mlp": 0.2, "logistic": 0.5, "linear": 0.2}}
"""Learning rates where none is given: of private runs on census and digit data; no property of the user's data."""


@dataclass(frozen=True)
class Settings:
    """How to train, all of it public. What is None follows from the public number of examples.

    `batch` is then a tenth of the examples (at most LARGEST_BATCH), `epochs` as many as STEPS steps are. `hidden` and
    `activation` are for the model "mlp"; `max_rows` is the most rows of a unit that are used. A model with a colon, as
    "package.module:Net", is a person's own torch network.
    """

    model: str = "logistic"
    hidden: tuple[int, ...] = (64,)
    activation: Activation = "tanh"
    batch: int | None = None
    epochs: float | None = None
    max_grad_norm: float = 1.0
    optimizer: OptimizerName = "adam"
    learning_rate: float | None = None
    max_rows: int = 1
    accountant: Accountant = Accountant.PLD

    def __post_init__(self) -> None:
        models = MODELS if not self.custom else (self.model,)
        named = {"model": models, "optimizer": tuple(RATES), "activation": ("tanh", "relu")}
        for name, known in named.items():
            if getattr(self, name) not in known:
                raise unknown(name, str(getattr(self, name)), known, code=name)
        if self.max_rows < 1:
            raise AssayError("A unit is used with at least one row.", code="units", hint="Give max_rows from 1.")
        _ = self.stepping  # whose numbers must be possible too

    @property
    def custom(self) -> bool:
        """True where the model names a network of torch."""
        return ":" in self.model

    @property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the hidden layers."""
        return self.hidden if self.model == "mlp" else ()

    @property
    def stepping(self) -> Stepping:
        """Optimizer and learning rate."""
        usual = RATES[self.optimizer]["mlp" if self.custom else self.model]
        return Stepping(self.optimizer, usual if self.learning_rate is None else self.learning_rate)

    def plan(self, examples: int, /, *, unit: str = "", noise_multiplier: float = 1.0) -> Plan:
        """The Plan for a public number of examples (units, where `unit` names their column)."""
        batch = self.batch if self.batch is not None else min(LARGEST_BATCH, max(1, examples // 10))
        return Plan(
            examples=examples,
            batch=batch,
            noise_multiplier=noise_multiplier,
            epochs=self.epochs,
            steps=STEPS if self.epochs is None else None,
            max_grad_norm=self.max_grad_norm,
            unit=unit or ROW,
        )


def rounded_up(epsilon: float, /) -> str:
    """`epsilon` with three decimals, never below itself."""
    return f"{math.ceil(epsilon * 1000 - 1e-9) / 1000:g}"


def accountant_of(name: str, /) -> Accountant:
    """The Accountant called `name`, of those that training is calibrated by."""
    if name not in ACCOUNTANTS:
        raise unknown("accountant", name, ACCOUNTANTS, code="accountant")
    return Accountant(name)


@lru_cache(maxsize=64)
def calibrated(plan: Plan, settings: Settings, /, *, epsilon: float, delta: float) -> Plan:
    """`plan` with the least noise that keeps it within `epsilon` at `delta`."""
    noise = noise_for(plan, target_epsilon=epsilon, delta=delta, accountant=settings.accountant)
    return replace(plan, noise_multiplier=noise)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of examples that was not public and was paid for: noisy, at least 1, and what it cost."""

    examples: int
    epsilon: Fraction


def counted(units: int, /, *, epsilon: Fraction, insecure_seed: int | None = None) -> Counted:
    """The number of units with geometric noise, purely `epsilon`-private: one unit more or less changes it by 1."""
    source = Entropy() if insecure_seed is None else insecure_seeded(insecure_seed)
    found = geometric.make([units], sensitivity=1, epsilon=epsilon, adjacency=Adjacency.ADD_REMOVE, source=source)
    return Counted(max(1, int(found.value)), epsilon)


class Result(Protocol):
    """What training gives."""

    @property
    def not_private(self) -> tuple[str, ...]:
        """Why nothing is promised; empty where it is."""

    @property
    def diagnostics(self) -> Mapping[str, Sequence[float]]:
        """Numbers that are not private, where they were asked for."""


R = TypeVar("R", bound=Result, covariant=True)


@dataclass(frozen=True, eq=False)
class Fitted(Generic[R]):
    """A network trained by `plan`, and all that its statement says; `count` where the examples had to be counted."""

    trained: R
    plan: Plan
    settings: Settings
    delta: float
    count: Counted | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def statement(self) -> Statement:
        """The whole promise, by every accountant; computed when it is first asked for."""
        found = _stated(self.plan, self.settings, self.delta, self.count)
        return replace(found, notes=(*found.notes, *self.notes))

    @property
    def promise(self) -> str:
        """One line."""
        if self.trained.not_private:
            return f"NOT PRIVATE: {'; '.join(self.trained.not_private)}"
        said = self.statement
        return f"trained with differential privacy: epsilon {rounded_up(said.epsilon)} at delta {said.delta:g}"

    def to_json(self) -> dict[str, Any]:
        """The statement, and whether it holds."""
        return self.statement.to_json() | {
            "private": not self.trained.not_private,
            "not_private": list(self.trained.not_private),
            "diagnostics": self.trained.diagnostics or None,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be promised: `epsilon` at `delta`, or what the noise multiplier `noise` gives.

    `examples` is the public number of rows (or of units). Where it is None they are counted with noise, for
    COUNT_SHARE of epsilon.
    """

    delta: float
    epsilon: float | None = None
    noise: float | None = None
    examples: int | None = None

    def __post_init__(self) -> None:
        if (self.epsilon is None) == (self.noise is None):
            raise AssayError("Give either epsilon or noise.", code="target", hint="For example --epsilon 3.")
        if self.epsilon is not None and not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise AssayError(f"epsilon must be above 0; it is {self.epsilon!r}.", code="target")
        if self.examples is None and self.epsilon is None:
            raise AssayError(
                "With a given noise the number of examples must be public.",
                code="examples",
                hint="Write examples = N in the schema, or give --examples N.",
            )


def fit(
    table: Table,
    settings: Settings,
    target: Target,
    /,
    *,
    unit: str = "",
    diagnostics: Diagnostics = "off",
    insecure_seed: int | None = None,
    started: Callable[[int], Callable[[int], None]] | None = None,
) -> Fitted[Any]:
    """A network trained on `table` that keeps to `target`, and its statement; `unit` names the column of the units.

    Where the examples had to be counted, the statement's epsilon is the sum of both. `started` is told the number of
    steps and gives what is told the finished ones.
    """
    shape = table.architecture(hidden=settings.layers, activation=settings.activation)
    by: Callable[..., Fitted[Any]] = fit_examples
    if settings.custom:
        from assay.privacy.deep.face import fit_module as by
    found = by(
        table.examples(shape, max_rows=settings.max_rows, insecure_seed=insecure_seed),
        shape,
        settings,
        target,
        unit=unit,
        diagnostics=diagnostics,
        insecure_seed=insecure_seed,
        started=started,
    )
    return replace(found, notes=_consented(table.encoding.features.consent))


def _consented(consent: Consent | None) -> tuple[str, ...]:
    if consent is None:
        return ()
    what = f"to {consent.purpose!r}" if consent.purpose else "to it"
    return (f"Only rows whose people agreed {what} (column {consent.column!r}) were trained on.",)


def fit_examples(
    data: Examples,
    shape: Architecture,
    settings: Settings,
    target: Target,
    /,
    *,
    unit: str = "",
    diagnostics: Diagnostics = "off",
    insecure_seed: int | None = None,
    started: Callable[[int], Callable[[int], None]] | None = None,
) -> Fitted[Trained]:
    """The same for Examples that are there already."""
    planned = plan_for(data, settings, target, unit=unit, insecure_seed=insecure_seed)
    plan = planned.plan
    trained = train(
        data,
        shape,
        plan,
        stepping=settings.stepping,
        diagnostics=diagnostics,
        insecure_seed=insecure_seed,
        advanced=started(plan.total_steps) if started else None,
    )
    return Fitted(trained, plan, settings, target.delta, planned.count)


@dataclass(frozen=True, slots=True)
class Planned:
    """A Plan with its noise; `count` where the examples had to be counted."""

    plan: Plan
    count: Counted | None


def plan_for(
    data: Examples, settings: Settings, target: Target, /, *, unit: str, insecure_seed: int | None = None
) -> Planned:
    """The Plan that keeps to `target`, of which a count of the examples takes its share where they are not public."""
    count, examples, left = None, target.examples, target.epsilon
    if examples is None:
        whole = Fraction(target.epsilon or 0)
        count = counted(data.units, epsilon=whole * COUNT_SHARE, insecure_seed=insecure_seed)
        examples, left = count.examples, float(whole * (1 - COUNT_SHARE)) * (1 - 1e-12)
    plan = settings.plan(examples, unit=unit, noise_multiplier=target.noise or 1.0)
    if left is not None:
        plan = calibrated(plan, settings, epsilon=left, delta=target.delta)
    return Planned(plan, count)


def _stated(plan: Plan, settings: Settings, delta: float, count: Counted | None) -> Statement:
    notes = ["Bounds, categories and settings are taken to be public; no seed of the noise was kept."]
    if plan.unit != ROW:
        notes.append(f"Of each value of {plan.unit!r} at most {settings.max_rows:,} rows were used, drawn by chance.")
    if count is None:
        return statement(plan, delta=delta, accountant=settings.accountant, notes=tuple(notes))
    cost = float(count.epsilon)
    notes.append(
        f"The number of examples was not public: it was counted with geometric noise for epsilon {cost:.6g}, which is "
        f"in the epsilon above and not in those by accountant."
    )
    found = statement(plan, delta=delta, accountant=settings.accountant, notes=tuple(notes))
    return replace(found, epsilon=found.epsilon + cost)
