"""Limits, minimum n, required checks and who set them, as a versioned TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from assay.core.canonical import digest
from assay.core.errors import AssayError, unknown
from assay.core.measure import Better, Limit, Measure

FORMAT = 1
Action = Literal["allow", "block"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How Measures are judged and what a gate does with the verdicts.

    `judge`: "interval" (the verdict is on the interval) or "point". `min_n`: below it a Measure is
    unmeasured. `min_cell`: smaller cells are suppressed in documents. `multiplicity` controls
    families of tests ("holm", "benjamini-hochberg" or "none") at `alpha`. `forbid_attribute_at_decision`: a model that
    takes a protected attribute when it decides blocks the gate, and mitigations that need one are refused.
    """

    judge: Literal["interval", "point"] = "interval"
    min_n: int = 30
    min_cell: int = 5
    level: float = 0.95
    alpha: float = 0.05
    multiplicity: Literal["holm", "benjamini-hochberg", "none"] = "holm"
    on_warn: Action = "allow"
    on_inconclusive: Action = "block"
    on_unmeasured: Action = "block"
    allow_pickle: bool = False
    forbid_attribute_at_decision: bool = False


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "judge": ("interval", "point"),
    "multiplicity": ("holm", "benjamini-hochberg", "none"),
    "on_warn": ("allow", "block"),
    "on_inconclusive": ("allow", "block"),
    "on_unmeasured": ("allow", "block"),
}


@dataclass(frozen=True, slots=True)
class PolicyLimit:
    """A Limit on a measure of a check, on every slice or on one; who set it, when and why."""

    check: str
    limit: Limit
    slice: Mapping[str, str | None] | None = None
    over: tuple[str, ...] | None = None
    set_by: str = ""
    set_on: str = ""
    why: str = ""

    def covers(self, check: str, measure: Measure, /) -> bool:
        """True when this limit judges `measure` of `check`."""
        return (
            self.check == check
            and self.limit.measure == measure.name
            and (self.slice is None or dict(self.slice) == dict(measure.slice))
            and (self.over is None or self.over == measure.over)
        )


@dataclass(frozen=True)
class Policy:
    """A versioned set of limits and rules. `required` lists check ids, or `check:measure`.

    Where no PolicyLimit covers a Measure, the limit declared by the check itself applies.
    """

    name: str = "default"
    version: str = "1"
    rules: Rules = field(default_factory=Rules)
    limits: tuple[PolicyLimit, ...] = ()
    required: tuple[str, ...] = ()
    sign_offs: tuple[str, ...] = ()

    def limit_for(self, check: str, measure: Measure, declared: tuple[Limit, ...], /) -> Limit | None:
        """The limit that judges `measure`: the policy's most specific one, else the declared one."""
        covering = [item for item in self.limits if item.covers(check, measure)]
        if covering:
            covering.sort(key=lambda item: (item.slice is not None, item.over is not None))
            return covering[-1].limit
        return next((limit for limit in declared if limit.measure == measure.name), None)

    def to_json(self) -> dict[str, Any]:
        """The Policy as JSON types."""
        return {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "rules": {name: getattr(self.rules, name) for name in Rules.__dataclass_fields__},
            "limits": [_limit_json(item) for item in self.limits],
            "required": list(self.required),
            "sign_offs": list(self.sign_offs),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(self.to_json())

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Policy:
        """The Policy that `to_json` wrote (format 1), for example the one kept with a Run."""
        return cls(
            name=data["name"],
            version=data["version"],
            rules=Rules(**data["rules"]),
            limits=tuple(_limit_from_json(item) for item in data["limits"]),
            required=tuple(data["required"]),
            sign_offs=tuple(data["sign_offs"]),
        )

    @classmethod
    def from_toml(cls, text: str, /, *, where: str = "policy") -> Policy:
        """Read a policy; unknown keys and bad values are errors that list what is known."""
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise AssayError(f"{where} is not valid TOML: {error}.", code="policy") from None
        _known(raw, ("format", "name", "version", "rules", "limit", "required", "sign_offs"), where)
        if raw.get("format", FORMAT) != FORMAT:
            raise AssayError(
                f"{where} has format {raw['format']!r}; this assay reads format {FORMAT}.",
                code="policy",
                hint="A newer format needs a newer assay.",
            )
        return cls(
            name=_text(raw, "name", "unnamed", where),
            version=_text(raw, "version", "1", where),
            rules=_rules(raw.get("rules", {}), where),
            limits=tuple(_policy_limit(item, where) for item in _list(raw, "limit", where, dict)),
            required=tuple(_list(raw, "required", where, str)),
            sign_offs=tuple(_list(raw, "sign_offs", where, str)),
        )


def _limit_json(item: PolicyLimit) -> dict[str, Any]:
    return {
        "check": item.check,
        **item.limit.to_json(),
        "slice": dict(item.slice) if item.slice is not None else None,
        "over": list(item.over) if item.over is not None else None,
        "set_by": item.set_by,
        "set_on": item.set_on,
        "why": item.why,
    }


def _limit_from_json(data: Mapping[str, Any]) -> PolicyLimit:
    return PolicyLimit(
        check=data["check"],
        limit=Limit.from_json(data),
        slice=data["slice"],
        over=tuple(data["over"]) if data["over"] is not None else None,
        set_by=data["set_by"],
        set_on=data["set_on"],
        why=data["why"],
    )


def _known(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise unknown(f"key in {where}", name, known, code="policy")


def _text(table: Mapping[str, Any], name: str, default: str, where: str) -> str:
    value = table.get(name, default)
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str | int | float):
        raise AssayError(f"{where}: {name} must be text, not {value!r}.", code="policy")
    return str(value)


def _list(table: Mapping[str, Any], name: str, where: str, kind: type) -> list[Any]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise AssayError(f"{where}: {name} must be a list of {kind.__name__}.", code="policy")
    return value


def _number(table: Mapping[str, Any], name: str, where: str) -> float:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AssayError(f"{where}: {name} must be a number, not {value!r}.", code="policy")
    return float(value)


def _rules(table: Mapping[str, Any], where: str) -> Rules:
    if not isinstance(table, Mapping):
        raise AssayError(f"{where}: rules must be a table.", code="policy")
    _known(table, tuple(Rules.__dataclass_fields__), f"[rules] of {where}")
    for name, value in table.items():
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise unknown(f"value of {name} in {where}", str(value), _CHOICES[name], code="policy")
        elif name in ("allow_pickle", "forbid_attribute_at_decision"):
            if not isinstance(value, bool):
                raise AssayError(f"{where}: {name} must be true or false.", code="policy")
        elif name in ("min_n", "min_cell"):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise AssayError(f"{where}: {name} must be a whole number from 0.", code="policy")
        elif not 0 < _number(table, name, where) < 1:
            raise AssayError(f"{where}: {name} must lie between 0 and 1.", code="policy")
    return Rules(**table)


_LIMIT_KEYS = ("check", "measure", "slice", "over", "better", "warn", "fail", "set_by", "set_on", "why")


def _policy_limit(table: Mapping[str, Any], where: str) -> PolicyLimit:
    _known(table, _LIMIT_KEYS, f"[[limit]] of {where}")
    for name in ("check", "measure"):
        if name not in table:
            raise AssayError(f"{where}: every [[limit]] needs {name}.", code="policy")
    better = table.get("better", "lower")
    choices: tuple[Better, ...] = ("lower", "higher", "zero")
    if better not in choices:
        raise unknown(f"value of better in {where}", str(better), choices, code="policy")
    fail = _number(table, "fail", where)
    warn = _number(table, "warn", where) if "warn" in table else fail
    try:
        limit = Limit(_text(table, "measure", "", where), better, warn, fail)
    except ValueError as error:
        raise AssayError(f"{where}: {error}.", code="policy") from None
    slice_ = table.get("slice")
    if slice_ is not None and not isinstance(slice_, Mapping):
        raise AssayError(f'{where}: slice must be a table such as {{ sex = "Female" }}.', code="policy")
    return PolicyLimit(
        check=_text(table, "check", "", where),
        limit=limit,
        slice={str(k): str(v) for k, v in slice_.items()} if slice_ is not None else None,
        over=tuple(_list(table, "over", where, str)) if "over" in table else None,
        set_by=_text(table, "set_by", "", where),
        set_on=_text(table, "set_on", "", where),
        why=_text(table, "why", "", where),
    )
