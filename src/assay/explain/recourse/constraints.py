"""What a person can change, and what it costs: constraints as they are written down, before any data are seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from assay.core.errors import AssayError, unknown
from assay.explain.recourse.rules import Rule

Way = Literal["up", "down"]
Range = tuple[float | None, float | None]


@dataclass(frozen=True, eq=False)
class Constraints:
    """What may change, by names of columns; `assay.explain.recourse.space.Space` applies it to data.

    - `immutable` columns never change. `fillable` ones may be filled where they are missing; nothing becomes missing.
    - `one_way`: "up" may only grow, "down" only shrink. A category needs `orders` for it, its values from low to high.
    - `ranges`: lowest and highest value a number may be changed to; None is the lowest or highest of the background,
      which also holds where no range is given. A row outside its range may stay where it is.
    - `categories`: the values a category may be changed to. `transitions`: from which value to which ones.
    - `one_hot`: a name for columns of which exactly one is 1. The name may stand for the columns in `immutable` and
      `costs`; a move from one to another is one change.
    - `rules` hold between columns. `column == expression` of numbers is kept by computing the column anew.
    - `costs`: of a change by one robust standard deviation of a number, or of one change of a category (1).
    """

    immutable: tuple[str, ...] = ()
    fillable: tuple[str, ...] = ()
    one_way: Mapping[str, Way] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    transitions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    one_hot: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            if any(side is not None and math.isnan(side) for side in (low, high)) or (
                low is not None and high is not None and low > high
            ):
                raise _wrong(f"the range of {name!r} runs from {low} to {high}", "Give the lowest value first.")
        for name, way in self.one_way.items():
            if way not in ("up", "down"):
                raise _wrong(f"{name!r} may go {way!r}", "Ways are up and down.")
        for name, cost in self.costs.items():
            if not (math.isfinite(cost) and cost > 0):
                raise _wrong(f"{name!r} costs {cost}", "A cost is a number above 0; what cannot change is immutable.")
        for name, members in self.one_hot.items():
            if len(set(members)) < 2 or len(set(members)) < len(members):
                raise _wrong(
                    f"the one-hot group {name!r} has the columns {', '.join(members)}", "It needs two or more."
                )
        twice = [
            c for i, a in enumerate(self.one_hot.values()) for b in [*self.one_hot.values()][:i] for c in {*a} & {*b}
        ]
        if twice:
            raise _wrong(f"{twice[0]!r} is in two one-hot groups", "A column belongs to one.")

    @classmethod
    def parse(cls, given: Mapping[str, Any], /) -> Constraints:
        """The Constraints of a mapping, as in a case file or from flags.

        Lists may be texts with commas ("age, sex"); mappings may be lists of "name=value": `one_way = ["age=up"]`,
        `ranges = ["hours=0:60"]` ("0:" for no other end than the data's), `costs = ["age=5"]`, `categories =
        ["job=clerk|nurse"]`; `rules` are texts. Raises AssayError at anything else.
        """
        known = {item.name for item in fields(cls)}
        for name in given:
            if name not in known:
                raise unknown("kind of constraint", name, known, code="constraint")
        made: dict[str, Any] = {name: _names(given[name], name) for name in ("immutable", "fillable") if name in given}
        readers: dict[str, Callable[[Any], Any]] = {
            "one_way": str,
            "ranges": _range,
            "costs": _number,
            "transitions": _transitions,
        }
        readers |= dict.fromkeys(("categories", "orders", "one_hot"), _values)
        for kind, reader in readers.items():
            if kind in given:
                made[kind] = {name: reader(value) for name, value in _pairs(given[kind], kind).items()}
        if "rules" in given:
            rules = [given["rules"]] if isinstance(given["rules"], str | Rule) else given["rules"]
            made["rules"] = tuple(rule if isinstance(rule, Rule) else Rule.read(str(rule)) for rule in rules)
        return cls(**made)

    def to_json(self) -> dict[str, Any]:
        """What was asked for, as JSON types that `parse` reads (rules that are functions by their name only)."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "rules":
                value = [rule.name for rule in value]
            if value:
                out[item.name] = _plain(value)
        return out


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _wrong(what: str, hint: str) -> AssayError:
    return AssayError(f"These constraints cannot be kept: {what}.", code="constraint", hint=hint)


def _names(given: Any, kind: str) -> tuple[str, ...]:
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise _wrong(f"{kind} is {given!r}", "Give names of columns.")
    return tuple(dict.fromkeys(str(name).strip() for name in given if str(name).strip()))


def _pairs(given: Any, kind: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    items = given.split(",") if isinstance(given, str) else list(given)
    wrong = [item for item in items if "=" not in str(item)]
    if wrong:
        raise _wrong(f"{kind} has {wrong[0]!r}", "Write it as name=value.")
    return {name.strip(): value.strip() for name, _, value in (str(item).rpartition("=") for item in items)}


def _values(given: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.split("|")) if isinstance(given, str) else tuple(map(str, given))


def _transitions(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        raise _wrong(f"a transition is {given!r}", 'Write {column = {"from this" = ["to that"]}}.')
    return {str(start): _values(ends) for start, ends in given.items()}


def _range(given: Any) -> Range:
    ends = given.split(":") if isinstance(given, str) else list(given)
    if len(ends) != 2:
        raise _wrong(f"a range is {given!r}", "Give the lowest and the highest value: 0:60.")
    low, high = (None if end is None or str(end).strip() == "" else _number(end) for end in ends)
    return low, high


def _number(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise _wrong(f"{given!r} is not a number", "Write it like 12.5.") from None
