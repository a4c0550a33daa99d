"""`assay privacy tune`: the settings of a private training, chosen on rows that are held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.core.budget.terms import source_identities
from assay.core.errors import AssayError
from assay.core.house import House, Ledger
from assay.core.part import command
from assay.privacy.commands.train import reported, settings_of
from assay.privacy.loss.amount import Amount, written
from assay.privacy.spending.asker import asker
from assay.privacy.spending.release import release
from assay.privacy.spending.subject import spent_run

if TYPE_CHECKING:
    from assay.data.rows.protocol import Rows
    from assay.privacy.training.saved import Files
    from assay.privacy.training.tables.prepared import Table
    from assay.privacy.tuning.grid import Candidate
    from assay.privacy.tuning.result import Tuned
    from assay.privacy.tuning.search import Division


@command(title="Choose clip, noise, batch and learning rate of a private training", needs_case=False)
def tune(
    house: House,
    /,
    *,
    data: str,
    schema: str,
    label: str,
    out: str,
    model: str = "logistic",
    epsilon: float | None = None,
    delta: float = 1e-5,
    examples: int | None = None,
    unit_column: str | None = None,
    max_rows: int = 1,
    clips: str | None = None,
    batches: str | None = None,
    rates: str | None = None,
    noises: str | None = None,
    epochs: float | None = None,
    optimizer: Literal["adam", "sgd"] = "adam",
    hidden: str = "64",
    activation: Literal["tanh", "relu"] = "tanh",
    runs: float = 10.0,
    validation: float = 0.2,
    selection: Literal["accounted", "not-private"] = "accounted",
    ledger: str | None = None,
    who: str | None = None,
) -> Tuned:
    """Sweep `--clips`, `--batches`, `--rates` (numbers with commas) and save the best model in the folder OUT.

    A part of the rows (`--validation`) scores the candidates and trains none. With `--selection accounted` a random
    number of candidates (`--runs` on average) is tried, scores are noisy, and only the best leaves: training and choice
    together stay within `--epsilon` (Papernot & Steinke 2022, Rényi accounting). With `not-private` all are tried and
    shown; each training keeps to epsilon, the choice does not, and the winner says so. With `--noises` the noise
    multipliers are swept instead and epsilon is what they come to. Settings and schema as in `assay privacy train`,
    which see; the number of examples must be public.
    """
    given = {name: value for name, value in locals().items() if name != "house"}
    job = _opened(given)
    plan = job.planned()
    made: list[Tuned] = []

    def answer() -> Files:
        made.append(job.run(house, plan))
        return made[-1].files(label, job.table)

    if ledger is None:
        files = answer()
    else:
        opened = house.ledger(ledger)
        what = f"private tuning and training of a {model} model of {label}"
        files = release(opened, job.price(opened, plan), answer, digest=lambda f: f.digest, who=asker(who), what=what)
        spent_run(house, opened)
    files.write(out)
    return replace(made[-1], out=out, digest=files.digest)


def _opened(given: dict[str, Any]) -> _Job:
    """What is to be done; every mistake that is public is found here, before anything is spent."""
    from assay.privacy.accounting.accountants import check_delta
    from assay.privacy.training.saved import check_new
    from assay.privacy.training.tables.opening import open_training
    from assay.privacy.training.tables.prepared import check_model, read_table
    from assay.privacy.training.tables.schema import read_schema
    from assay.privacy.tuning.grid import candidates
    from assay.privacy.tuning.search import divided

    check_new(Path(given["out"]))
    _check(given)
    schema, label, unit = read_schema(given["schema"]), given["label"], given["unit_column"] or ""
    examples = given["examples"] if given["examples"] is not None else schema.examples
    if examples is None:
        raise AssayError(
            "Tuning needs a public number of examples.", code="examples", hint="Write examples = N in the schema."
        )
    settings = settings_of(given | {"batch": None, "clip": 1.0, "rate": None, "accountant": "rdp"})
    check_model(settings.model, schema.column(label))
    check_delta(given["delta"], examples=examples)
    rows = open_training(given["data"], schema, label=label, unit=unit)
    table = read_table(rows, schema, label=label, unit=unit)
    shape = table.architecture(hidden=settings.layers, activation=settings.activation)
    parts = divided(table, shape, examples=examples, max_rows=settings.max_rows, validation=given["validation"])
    found = candidates(
        settings,
        examples=parts.examples,
        unit=unit,
        clips=numbers_of(given["clips"]),
        batches=[int(size) for size in numbers_of(given["batches"])],
        rates=numbers_of(given["rates"]),
        noises=numbers_of(given["noises"]),
    )
    return _Job(rows, table, parts, found, unit, given["epsilon"], given["delta"], given["runs"], given["selection"])


def _check(given: dict[str, Any]) -> None:
    if (given["epsilon"] is None) == (not given["noises"]):
        raise AssayError("Give either epsilon or noises.", code="target", hint="For example --epsilon 3.")
    if given["selection"] not in ("accounted", "not-private"):
        raise AssayError("A selection is accounted or not-private.", code="selection")
    if ":" in given["model"]:
        raise AssayError(
            "Only logistic, linear and mlp are tuned.", code="model", hint="Train it with chosen settings."
        )
    if given["ledger"] is not None and given["selection"] != "accounted":
        raise AssayError(
            "A selection that is not private has no place in a ledger.",
            code="usage",
            hint="Use --selection accounted, or leave the ledger out.",
        )


def numbers_of(text: str | None, /) -> list[float]:
    """`0.3,1,3` as numbers; none where nothing is said."""
    try:
        return [float(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise AssayError(f"{text!r} are no numbers.", code="grid", hint="Like --clips 0.3,1,3.") from None


@dataclass(frozen=True)
class _Job:
    """All that decides what the tuning costs and does."""

    rows: Rows
    table: Table
    parts: Division
    found: list[Candidate]
    unit: str
    epsilon: float | None
    delta: float
    runs: float
    selection: str

    def price(self, ledger: Ledger, plan: Tuned, /) -> Amount:
        """What to reserve; an error where the ledger is for other data or cannot take such a promise."""
        from assay.privacy.accounting.charge import DECIMALS, charge

        ledger.terms.require(source_identities(self.rows.identities()))
        charge(self.found[0].plan, ledger.terms, delta=self.delta, accountant=self.found[0].settings.accountant)
        if self.epsilon is not None:
            whole = written(self.epsilon)
        else:
            whole = Fraction(math.ceil(plan.epsilon * (1 + 1e-9) * 10**DECIMALS), 10**DECIMALS)
        return Amount(epsilon=whole, delta=written(self.delta))

    def planned(self) -> Tuned:
        """The candidates with their noise and the epsilon of all of it, before any training."""
        from assay.privacy.tuning.result import planned

        return planned(
            self.found,
            self.parts,
            epsilon=self.epsilon,
            delta=self.delta,
            mean=self.runs,
            accounted=self.selection == "accounted",
        )

    def run(self, house: House, plan: Tuned, /) -> Tuned:
        """The trainings, with their progress: in hundredths, as the number of runs is not to be told."""
        task = "private tuning"
        advanced = reported(house, task, 100)
        found = plan.run(self.parts, done=lambda share: advanced(round(100 * share)))
        house.progress.ended(task)
        return found
