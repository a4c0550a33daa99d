"""`assay privacy train`: a model that keeps to a privacy budget, with its promise in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.core.budget.terms import source_identities
from assay.core.errors import AssayError
from assay.core.house import House, Ledger
from assay.core.part import command
from assay.privacy.loss.amount import Amount, written
from assay.privacy.spending.asker import asker
from assay.privacy.spending.release import release
from assay.privacy.spending.subject import spent_run

if TYPE_CHECKING:
    from assay.data.rows.protocol import Rows
    from assay.privacy.training.fitting import Fitted, Settings, Target
    from assay.privacy.training.saved import Files
    from assay.privacy.training.tables.prepared import Table


@dataclass(frozen=True)
class TrainedAnswer:
    """What was trained, what is promised, and where it lies."""

    fitted: Fitted[Any]
    out: str
    digest: str
    ledger: str | None

    def text(self) -> str:
        """The statement, the folder, and what it cost."""
        found = self.fitted
        lines = [found.promise, "Without that:"] if found.trained.not_private else []
        lines += [found.statement.text(), f"Saved: assay audit … --model {self.out}"]
        if self.ledger is not None:
            lines.append(f"Spent from the ledger {self.ledger} before the training began.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "out": self.out,
            "digest": self.digest,
            "ledger": self.ledger,
            "statement": self.fitted.to_json(),
        }


@command(title="Train a model with differential privacy", needs_case=False)
def train_model(
    house: House,
    /,
    *,
    data: str,
    schema: str,
    label: str,
    out: str,
    model: str = "logistic",
    epsilon: float | None = None,
    noise: float | None = None,
    delta: float = 1e-5,
    examples: int | None = None,
    unit_column: str | None = None,
    max_rows: int = 1,
    batch: int | None = None,
    epochs: float | None = None,
    clip: float = 1.0,
    optimizer: Literal["adam", "sgd"] = "adam",
    rate: float | None = None,
    hidden: str = "64",
    activation: Literal["tanh", "relu"] = "tanh",
    accountant: Literal["pld", "rdp"] = "pld",
    ledger: str | None = None,
    who: str | None = None,
    diagnostics: Literal["off", "not-private"] = "off",
    insecure_seed: int | None = None,
) -> TrainedAnswer:
    """Train on DATA (Parquet or CSV) within `--epsilon` at `--delta`, or with the noise multiplier `--noise`; the
    folder OUT is then a `--model` for every other command, with the promise in its statement.json.

    SCHEMA is a TOML file of what is publicly known: `examples = 40000` and, under `[columns]`,
    `age = { bounds = [17, 90] }` or `sex = { categories = ["Female", "Male"] }` for each feature and for the label. A
    number beyond its bounds is moved to them, an unknown category counts as none; neither is reported. Without
    `examples` the rows are counted with noise, for a fiftieth of epsilon.

    `model` is logistic (two classes or more), linear (a label with bounds), mlp (`--hidden 64,32`), or a torch network
    of yours, `package.module:Net`, where Net(inputs, outputs) takes encoded rows and gives log-odds or a number. With
    `--unit-column` whole people are protected, with at most `--max-rows` rows of each; `examples` are then people.
    `--ledger` spends before the training starts. `--diagnostics not-private` keeps losses, `--insecure-seed` makes it
    reproducible: either way nothing is promised any more.
    """
    given = {name: value for name, value in locals().items() if name != "house"}
    job = _opened(given)
    made: list[Fitted[Any]] = []

    def answer() -> Files:
        made.append(job.fit(house))
        return job.files(made[-1])

    if ledger is None:
        files = answer()
    else:
        opened = house.ledger(ledger)
        what = f"private training of a {model} model of {label}"
        files = release(opened, job.price(opened), answer, digest=lambda f: f.digest, who=asker(who), what=what)
        spent_run(house, opened)
    files.write(out)
    return TrainedAnswer(made[-1], out, files.digest, ledger)


def _opened(given: dict[str, Any]) -> _Job:
    """What is to be done; every mistake that is public is found here, before anything is spent.

    `given` holds the keywords of `train_model`.
    """
    from assay.privacy.training.fitting import Target
    from assay.privacy.training.saved import check_new
    from assay.privacy.training.tables.opening import open_training
    from assay.privacy.training.tables.prepared import check_model, read_table
    from assay.privacy.training.tables.schema import read_schema

    check_new(Path(given["out"]))
    if given["ledger"] is not None and (given["diagnostics"] != "off" or given["insecure_seed"] is not None):
        raise AssayError(
            "A training that is not private has no place in a ledger.",
            code="usage",
            hint="Leave --diagnostics and --insecure-seed out, or the ledger.",
        )
    schema, label, unit = read_schema(given["schema"]), given["label"], given["unit_column"] or ""
    examples = given["examples"] if given["examples"] is not None else schema.examples
    target = Target(given["delta"], given["epsilon"], given["noise"], examples)
    settings = settings_of(given)
    check_model(settings.model, schema.column(label))
    rows = open_training(given["data"], schema, label=label, unit=unit)
    table = read_table(rows, schema, label=label, unit=unit)
    shape = table.architecture(hidden=settings.layers, activation=settings.activation)
    if settings.custom:
        from assay.privacy.deep.face import check_network

        check_network(settings.model, shape)
    return _Job(rows, table, settings, label, unit, target, given["diagnostics"], given["insecure_seed"])


@dataclass(frozen=True)
class _Job:
    """All that decides what a training costs and does."""

    rows: Rows
    table: Table
    settings: Settings
    label: str
    unit: str
    target: Target
    diagnostics: str
    insecure_seed: int | None

    def price(self, ledger: Ledger, /) -> Amount:
        """What to reserve; an error where the ledger is for other data, or cannot take such a promise.

        Where the examples are still to be counted, it is the whole target; else the epsilon of the plan, which is not
        above it.
        """
        from assay.privacy.accounting.charge import charge
        from assay.privacy.accounting.plan import ROW, Plan
        from assay.privacy.training.fitting import calibrated

        ledger.terms.require(source_identities(self.rows.identities()))
        want, kind = self.target, self.settings.accountant
        if want.examples is None:
            assert want.epsilon is not None
            trial = Plan(examples=100, batch=1, noise_multiplier=1.0, steps=1, unit=self.unit or ROW)
            charge(trial, ledger.terms, delta=1e-5)
            return Amount(epsilon=written(want.epsilon), delta=written(want.delta))
        plan = self.settings.plan(want.examples, unit=self.unit, noise_multiplier=want.noise or 1.0)
        if want.epsilon is not None:
            plan = calibrated(plan, self.settings, epsilon=want.epsilon, delta=want.delta)
        return charge(plan, ledger.terms, delta=want.delta, accountant=kind)

    def fit(self, house: House, /) -> Fitted[Any]:
        """The training itself, with its progress."""
        from assay.privacy.training.fitting import fit

        task = "private training"
        found = fit(
            self.table,
            self.settings,
            self.target,
            unit=self.unit,
            diagnostics="off" if self.diagnostics == "off" else "not private",
            insecure_seed=self.insecure_seed,
            started=lambda steps: reported(house, task, steps),
        )
        house.progress.ended(task)
        return found

    def files(self, fitted: Fitted[Any]) -> Files:
        """The model as files."""
        if self.settings.custom:
            from assay.privacy.deep.saved import files_of_module

            encoding, column, said = self.table.encoding, self.table.label, fitted.to_json()
            return files_of_module(
                fitted.trained, encoding, column, name=self.label, statement=said, promise=fitted.promise
            )
        from assay.privacy.training.model import PrivateModel, Recorded
        from assay.privacy.training.saved import files_of

        recorded = Recorded(fitted.plan, self.settings.stepping)
        model = PrivateModel(fitted.trained.network, self.table.encoding, self.table.label, recorded=recorded)
        return files_of(
            model,
            label=self.label,
            statement=fitted.to_json(),
            promise=fitted.promise,
            private=not fitted.trained.not_private,
        )


def sizes_of(text: str, /) -> tuple[int, ...]:
    """`64,32` as the sizes of hidden layers."""
    try:
        return tuple(int(size) for size in text.split(",") if size.strip())
    except ValueError:
        raise AssayError(
            f"{text!r} are no sizes of layers.", code="architecture", hint="Like --hidden 64,32."
        ) from None


def settings_of(given: Mapping[str, Any], /) -> Settings:
    """The Settings of keywords as the command line has them."""
    from assay.privacy.training.fitting import Settings, accountant_of

    return Settings(
        model=given["model"],
        hidden=sizes_of(given["hidden"]),
        activation=given["activation"],
        batch=given["batch"],
        epochs=given["epochs"],
        max_grad_norm=given["clip"],
        optimizer=given["optimizer"],
        learning_rate=given["rate"],
        max_rows=given["max_rows"],
        accountant=accountant_of(given["accountant"]),
    )


def reported(house: House, task: str, steps: int, /) -> Callable[[int], None]:
    """Reports each hundredth of the steps; how many there are is public."""
    house.progress.started(task, total=steps)
    every = max(1, steps // 100)

    def advanced(done: int) -> None:
        if done % every == 0 or done == steps:
            house.progress.advanced(task, done=done)

    return advanced
