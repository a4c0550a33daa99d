"""`assay privacy query`: a statistic of people, published with noise and paid for from a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.core.errors import AssayError
from assay.core.house import House, Ledger
from assay.core.part import command
from assay.privacy.queries.answer import PrivateAnswer, ReleaseSubject
from assay.privacy.queries.query import query
from assay.privacy.queries.settings import Given
from assay.privacy.spending.subject import spent_run


@dataclass(frozen=True)
class Answered:
    """The answer, and the Runs that keep it and what is spent."""

    answer: PrivateAnswer
    run: str
    spent: str

    def text(self) -> str:
        """The numbers, what they promise, and where they are kept."""
        kept = f"Run {self.run}. See it again with: assay run show {self.run} --all"
        return f"{self.answer.text()}\n{kept}"

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        return self.answer.to_json() | {"run": self.run, "spent_run": self.spent or None}


@command(title="Ask a private question of data, paid for from a ledger", needs_case=False)
def query_data(
    house: House,
    /,
    *,
    data: str,
    ask: str,
    epsilon: str | None = None,
    delta: str | None = None,
    rho: str | None = None,
    noise: Literal["laplace", "gaussian"] | None = None,
    bounds: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    ledger: str | None = None,
    no_ledger: bool = False,
    adjacency: str | None = None,
    unit_column: str | None = None,
    max_rows: int | None = None,
    max_keys: int | None = None,
    max_rows_per_key: int | None = None,
    size: int | None = None,
    missing: Literal["drop", "impute"] = "drop",
    level: float = 0.95,
    cells: int = 1000,
    who: str | None = None,
) -> Answered:
    """Answer ASK of DATA (Parquet or CSV) with noise, after the ledger took the price.

    `--ask` is count, sum(x), mean(x), variance(x), median(x), quantile(x, 0.9), histogram(x, 10) or contingency(a, b),
    perhaps by keys: `"mean(income) by region"`. `--bounds income=0:200000` are public ends, never taken from the data.
    `--keys region=regions.csv` or `--keys sex=Female,Male` lists the public keys; without them `--delta` and
    `--size` show a key of the data only where enough units hold it. `--epsilon` buys Laplace noise, with `--delta`
    Gaussian noise; `--rho` too. `--ledger` names the budget, which fixes data, neighbours and contributions; else
    `--no-ledger` says that nobody counts, and `--adjacency` is needed.
    """
    asked = locals().keys() & Given.__annotations__.keys()
    given: Any = {name: value for name, value in locals().items() if name in asked}
    given["bounds"] = dict(_pair(text, "bounds", "income=0:200000") for text in bounds)
    pairs = dict(_pair(text, "keys", "region=regions.csv") for text in keys)
    given["keys"] = {name: _listed(value) for name, value in pairs.items()}
    opened = _ledger(house, ledger, no_ledger)
    answer = query(data, ask, ledger=opened, **given)
    run = house.audit(ReleaseSubject(answer), checks=("privacy.query",))
    spent = "" if opened is None else spent_run(house, opened).id
    return Answered(answer, run.id, spent)


def _ledger(house: House, name: str | None, no_ledger: bool) -> Ledger | None:
    """The ledger that pays, or None where somebody said that none does."""
    if (name is None) == (not no_ledger):
        raise AssayError(
            "A private question is paid for." if name is None else "Either a ledger counts or none does.",
            code="ledger",
            hint="Give --ledger NAME, or --no-ledger to say that nobody counts.",
        )
    return None if name is None else house.ledger(name)


def _pair(text: str, flag: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise AssayError(f"--{flag} {text!r} is not COLUMN=VALUE.", code="usage", hint=f"Write {example}.")
    return name.strip(), value


def _listed(text: str) -> str | Sequence[str]:
    """`a,b` or `[a,b]` as its values; what ends like a file as the path of one."""
    if text.lower().endswith((".csv", ".txt", ".parquet")):
        return text
    plain = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return [part.strip() for part in plain.split(",")] if plain.strip() else []
