"""Which column plays which part, checked against the columns there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from assay.core.errors import AssayError, unknown
from assay.data.rows.columns import EXACT, is_missing
from assay.data.rows.protocol import Rows, named_column

Population = Mapping[str, Mapping[str, float]]
"""Attribute -> group -> share of the population."""
CLASSES = 1024
"""More classes or groups than this are no classes."""
WEIGHTS = ("sampling", "frequency")


class Given(TypedDict, total=False):
    """What a person says about the columns, as keyword arguments of `Case.from_frame`."""

    label: str | None
    prediction: str | None
    score: str | Mapping[str, str] | None
    protected: str | Sequence[str]
    features: str | Sequence[str] | None
    weight: str | None
    weights: str
    time: str | None
    split: str | None
    unit: str | None
    observed: str | None
    randomised: str | None
    consent: str | None
    purpose: str | None
    identifiers: str | Sequence[str]
    quasi_identifiers: str | Sequence[str]
    controls: str | Sequence[str]
    favourable: Any
    threshold: float | None
    reference: Mapping[str, Any] | None
    population: Population | None


@dataclass(frozen=True)
class Roles:
    """The parts that columns play. Names are column names; `features` are in no other role but quasi-identifier.

    `favourable` is the text of the favourable label, `threshold` the score from which a prediction is favourable where
    no prediction is given. `reference` names the group of an attribute that others are held against. `observed` is true
    where the outcome is known (elsewhere the label is ignored), `randomised` in the rows of a randomised slice.
    `consent` says whose rows may be trained on: true or false, or, where `purpose` names one, a list of purposes.
    """

    label: str | None = None
    prediction: str | None = None
    score: str | Mapping[str, str] | None = None
    protected: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    weight: str | None = None
    weights: str = "sampling"
    time: str | None = None
    split: str | None = None
    unit: str | None = None
    observed: str | None = None
    randomised: str | None = None
    consent: str | None = None
    purpose: str | None = None
    identifiers: tuple[str, ...] = ()
    quasi_identifiers: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    favourable: str | None = None
    threshold: float | None = None
    reference: Mapping[str, str] = field(default_factory=dict)
    population: Population | None = None

    @property
    def whole_label(self) -> str | None:
        """The label, or None where it was observed only for some rows: for what would take those for all."""
        return None if self.observed else self.label

    @property
    def scores(self) -> Mapping[str, str]:
        """Class -> column of its score; empty where there is one score or none."""
        return self.score if isinstance(self.score, Mapping) else {}

    def named(self) -> dict[str, tuple[str, ...]]:
        """Role -> its columns, roles without columns left out."""
        score = tuple(self.scores.values()) or ((self.score,) if isinstance(self.score, str) else ())
        single = {name: getattr(self, name) for name in _SINGLE}
        out = {name: (column,) if column else () for name, column in single.items()} | {"score": score}
        out |= {name: getattr(self, name) for name in ("protected", *_MANY)}
        return {name: columns for name, columns in out.items() if columns}


_SINGLE = ("label", "prediction", "weight", "time", "split", "unit", "observed", "randomised", "consent")
_MANY = ("features", "identifiers", "quasi_identifiers", "controls")
_OUTCOMES = ("label", "prediction", "score")


def roles_of(rows: Rows, given: Given, /) -> Roles:
    """The Roles that a person gave; features are all other columns where none are named."""
    for name in given:
        if name not in Given.__annotations__:
            raise unknown("role", name, Given.__annotations__, code="role")
    weights = given.get("weights", "sampling")
    if weights not in WEIGHTS:
        raise unknown("kind of weights", str(weights), WEIGHTS, code="weight")
    score = given.get("score")
    several = {role: _names(given.get(role), role) for role in ("protected", *_MANY)}
    one = {role: _name(given.get(role), role) for role in _SINGLE}
    roles = Roles(
        label=one["label"],
        prediction=one["prediction"],
        weight=one["weight"],
        time=one["time"],
        split=one["split"],
        unit=one["unit"],
        observed=one["observed"],
        randomised=one["randomised"],
        consent=one["consent"],
        purpose=given.get("purpose") or None,
        protected=several["protected"],
        identifiers=several["identifiers"],
        quasi_identifiers=several["quasi_identifiers"],
        controls=several["controls"],
        score={_class(c): _name(n, "score") or "" for c, n in score.items()} if isinstance(score, Mapping) else score,
        weights=weights,
        threshold=given.get("threshold"),
        reference={attribute: str(group) for attribute, group in (given.get("reference") or {}).items()},
        population=given.get("population"),
    )
    taken = {column for role, columns in roles.named().items() if role != "quasi_identifiers" for column in columns}
    leaking = [name for role in _OUTCOMES for name in roles.named().get(role, ()) if name in several["features"]]
    if leaking:
        raise AssayError(
            f"The outcome column {leaking[0]!r} is also named as a feature.",
            code="role",
            hint="Leave it out of features.",
        )
    named = several["features"] if given.get("features") is not None else tuple(rows.columns)
    return replace(roles, features=tuple(name for name in named if name not in taken))


def _class(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(value: object, role: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise AssayError(f"{role} must name one column, not {value!r}.", code="role", hint=f"Write {role}='column'.")


def _names(value: object, role: str) -> tuple[str, ...]:
    """One or several column names as a tuple, none of them twice."""
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else ()
    if not all(isinstance(name, str) for name in found) or (value and not found):
        raise AssayError(f"{role} must name columns, not {value!r}.", code="role", hint=f"Write {role}=['column'].")
    doubled = next((name for name in found if found.count(name) > 1), None)
    if doubled is not None:
        raise AssayError(f"{role} names the column {doubled!r} twice.", code="role", hint="Name it once.")
    return found


def check_roles(rows: Rows, roles: Roles, /) -> None:
    """Raise where a role names no column of the data, two outcomes share one, or a column is missing throughout."""
    for role, columns in roles.named().items():
        for name in columns:
            column = named_column(rows, name, role)
            if column.kind == "other" and role in _GROUPED:
                raise AssayError(
                    f"Column {name!r} of role {role} has values of type {column.type}.",
                    code="type",
                    hint="Give a column of text, numbers, booleans or times.",
                )
            if role in _GROUPED and column.kind != "other":
                _check_present(rows, name, role)
    _check_whole(rows, roles.unit)
    used: dict[str, str] = {}
    for role in ("label", "prediction", "score", "weight"):
        for name in roles.named().get(role, ()):
            if name in used:
                raise AssayError(
                    f"Column {name!r} is given as {used[name]} and as {role}.",
                    code="role",
                    hint="Each of label, prediction, score and weight needs a column of its own.",
                )
            used[name] = role
    _check_threshold(roles)
    _check_reference(roles)
    _check_population(roles)


_GROUPED = ("label", "prediction", "score", "protected", "weight", "time", "split", "unit", "controls")


def _check_present(rows: Rows, name: str, role: str) -> None:
    """Raise where a column is missing throughout; numbers are asked of their extent, which is needed anyway."""
    if role in ("score", "weight"):
        absent = rows.columns[name].kind == "number" and rows.extents([name])[name].present == 0
    else:
        tally = rows.tally(name, most=CLASSES)
        absent = tally is not None and all(is_missing(value) for value in tally.raw)
    if absent:
        raise AssayError(
            f"Column {name!r}, given as {role}, is missing in every row.", code="missing", hint="Give another column."
        )


def _check_whole(rows: Rows, unit: str | None) -> None:
    """Raise where a unit's numbers have been through doubles that cannot tell them apart."""
    if unit is None or rows.columns[unit].fraction != "binary":
        return
    extent = rows.extents([unit])[unit]
    if max(abs(extent.low or 0.0), abs(extent.high or 0.0)) >= EXACT:
        raise AssayError(
            f"Column {unit!r}, given as unit, holds numbers beyond 2**53 as floats, which rounds them together.",
            code="type",
            hint="Read it as whole numbers or text; in pandas, dtype Int64 keeps missing values beside whole numbers.",
        )


def _check_threshold(roles: Roles) -> None:
    if roles.threshold is None:
        return
    threshold = roles.threshold
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise AssayError(
            f"The threshold {threshold!r} is no number from 0 to 1.", code="threshold", hint="For example 0.5."
        )
    if roles.prediction is not None or not isinstance(roles.score, str):
        raise AssayError(
            "A threshold makes predictions from a score where none are given.",
            code="threshold",
            hint="Give a score column and no prediction column, or leave the threshold out.",
        )


def _check_reference(roles: Roles) -> None:
    for attribute in roles.reference:
        if attribute not in roles.protected:
            raise unknown("protected attribute in reference", attribute, roles.protected, code="reference")


def _check_population(roles: Roles) -> None:
    for attribute, shares in (roles.population or {}).items():
        if attribute not in roles.protected:
            raise unknown("protected attribute in population", attribute, roles.protected, code="population")
        if not isinstance(shares, Mapping) or not all(_is_share(share) for share in shares.values()):
            raise AssayError(
                f"The population of {attribute!r} must map groups to shares, numbers above 0.",
                code="population",
                hint="For example population={'sex': {'Female': 0.51, 'Male': 0.49}}.",
            )


def _is_share(share: Any) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and 0 < share < math.inf
