"""What belongs to a question besides its text, checked before anything is opened or spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypedDict

from assay.core.budget.terms import Bounds as UnitBounds
from assay.core.errors import AssayError, unknown
from assay.core.house import Ledger
from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Number, positive, probability
from assay.privacy.noise.entropy import Entropy
from assay.privacy.queries.ask import ADDITIVE, Ask
from assay.privacy.queries.bounding.keys import Keys
from assay.privacy.queries.bounding.scan import Missing
from assay.privacy.queries.plan import Loss
from assay.privacy.spending.opening import adjacency_of
from assay.stats.quantiles import check_level

Noise = Literal["laplace", "gaussian"]
MOST_CELLS = 100_000


class Given(TypedDict, total=False):
    """What may be said besides the question and the ledger; see `query.query`."""

    epsilon: Number | None
    delta: Number | None
    rho: Number | None
    noise: Noise | None
    bounds: Mapping[str, str | Sequence[Number]]
    keys: Mapping[str, Keys]
    adjacency: Adjacency | str | None
    unit_column: str | None
    max_rows: int | None
    max_keys: int | None
    max_rows_per_key: int | None
    size: int | None
    missing: Missing
    level: float
    cells: int
    who: str | None
    entropy: Entropy


@dataclass(frozen=True)
class Settings:
    """The same, checked, with what the ledger fixes."""

    loss: Loss
    units: UnitBounds
    adjacency: Adjacency
    missing: Missing
    level: float
    cells: int
    bounds: Mapping[str, str | Sequence[Number]]
    keys: Mapping[str, Keys]


def settings_of(ask: Ask, given: Given, ledger: Ledger | None, /) -> Settings:
    """The Settings of a question; all of them public, so that an error in them shows nothing."""
    for name in given:
        if name not in Given.__annotations__:
            raise unknown("setting of a question", name, Given.__annotations__, code="usage")
    units = units_of(given, ledger)
    keys, missing = given.get("keys") or {}, given.get("missing", "drop")
    one_of(missing, ("drop", "impute"), "missing")
    for name in keys:
        if name not in ask.by:
            raise unknown("key", name, ask.by, code="keys")
    return Settings(
        loss=loss_of(ask, given, grouped_privately=not set(ask.by) <= set(keys)),
        units=units,
        adjacency=adjacency_between(given.get("adjacency"), ledger),
        missing=missing,
        level=check_level(given.get("level", 0.95)),
        cells=cells_of(given.get("cells", 1000)),
        bounds=given.get("bounds") or {},
        keys=keys,
    )


def loss_of(ask: Ask, given: Given, /, *, grouped_privately: bool) -> Loss:
    """The Loss that was asked for; amounts that make no sense for the question are errors."""
    epsilon, rho, noise = given.get("epsilon"), given.get("rho"), given.get("noise")
    delta, size = given.get("delta"), given.get("size")
    if (epsilon is None) == (rho is None):
        raise AssayError("Give one of epsilon and rho.", code="epsilon", hint="For example --epsilon 0.5.")
    spare = None if delta is None else probability(delta, name="delta")
    _check_delta(spare, size)
    if ask.statistic == "contingency" and grouped_privately:
        raise AssayError("A contingency table needs public keys.", code="keys", hint="Give keys for every column.")
    if rho is not None:
        if ask.statistic not in ADDITIVE or grouped_privately or noise == "laplace":
            raise AssayError("This question is not answered with rho.", code="rho", hint="Give epsilon.")
        return Loss("gaussian", delta=spare, rho=positive(rho, name="rho"))
    assert epsilon is not None
    loss = positive(epsilon, name="epsilon")
    plain = grouped_privately or ask.statistic not in ADDITIVE
    chosen = noise or ("gaussian" if spare is not None and not plain else "laplace")
    one_of(chosen, ("laplace", "gaussian"), "noise")
    if grouped_privately and spare is None:
        raise AssayError(
            "Without public keys, a delta is needed for showing those of the data.",
            code="delta",
            hint="Give --keys COLUMN=FILE for each column, or --delta and --size.",
        )
    if chosen == "gaussian" and (plain or spare is None):
        raise AssayError(
            "Gaussian noise needs a delta, public keys and a question of sums.", code="noise", hint="Use Laplace noise."
        )
    if chosen == "laplace" and spare is not None and not grouped_privately:
        raise AssayError("Nothing here takes a delta.", code="delta", hint="Leave delta out.")
    return Loss(chosen, loss, spare)


def _check_delta(delta: Fraction | None, size: int | None) -> None:
    if size is not None and size < 1:
        raise AssayError(f"size must be 1 or more; it is {size}.", code="size", hint="Give a public number of units.")
    if delta is None:
        return
    if size is None:
        raise AssayError(
            "A delta is judged by the number of units, which must be public here.",
            code="size",
            hint="Give --size, the public number of units or an upper bound of it.",
        )
    if delta * size >= 1:
        raise AssayError(
            f"delta {float(delta):g} is too large for {size} units: it allows one of them to be shown.",
            code="delta",
            hint=f"Give a delta far below 1/{size}.",
        )


def units_of(given: Given, ledger: Ledger | None, /) -> UnitBounds:
    """What a unit is and may contribute: as the ledger says, with what it leaves open from the question."""
    own: dict[str, Any] = {
        "unit_column": given.get("unit_column"),
        "max_rows": given.get("max_rows"),
        "max_keys": given.get("max_keys"),
        "max_rows_per_key": given.get("max_rows_per_key"),
    }
    fixed = {} if ledger is None else ledger.terms.bounds.to_json()
    for name, held in fixed.items():
        if own[name] is not None and held is not None and own[name] != held:
            raise AssayError(
                f"The ledger fixes {name} as {held}, not {own[name]}.", code="contribution", hint=f"Leave {name} out."
            )
        if name == "unit_column" and own[name] is not None and held is None:
            raise AssayError(
                "The ledger protects each row, not units.", code="contribution", hint="Leave unit_column out."
            )
    return UnitBounds(**{name: value if fixed.get(name) is None else fixed[name] for name, value in own.items()})


def adjacency_between(given: Adjacency | str | None, ledger: Ledger | None) -> Adjacency:
    own = given if isinstance(given, Adjacency) or given is None else adjacency_of(given)
    if ledger is None:
        if own is None:
            raise AssayError(
                "Without a ledger, say which neighbours the promise compares.",
                code="adjacency",
                hint="Give adjacency add-or-remove, or replace.",
            )
        return own
    fixed = Adjacency(ledger.terms.adjacency)
    if own not in (None, fixed):
        raise AssayError(
            f"The ledger counts losses for neighbours that {fixed}.", code="adjacency", hint="Leave adjacency out."
        )
    return fixed


def one_of(word: str, known: Sequence[str], what: str) -> str:
    if word not in known:
        raise unknown(what, word, known, code=what)
    return word


def cells_of(number: int) -> int:
    if not 2 <= number <= MOST_CELLS:
        raise AssayError(f"cells must be from 2 to {MOST_CELLS}; it is {number}.", code="cells", hint="Give 1000.")
    return number
