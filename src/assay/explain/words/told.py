"""Everything that can be said of one explained row, by key: what every number of a text must be found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.recourse.counterfactual import Counterfactual, Recourse, Value, Ways
from assay.explain.words.vocabulary import Vocabulary
from assay.pictures.wording import clean

LISTED = 8
"""Columns that an analyst is told one by one."""
LONGEST = 160
"""Most letters of a name or category."""
Sources = Mapping[str, float | str]


@dataclass(frozen=True, eq=False)
class Told:
    """The records that one paragraph speaks of: `attributions` of that one row, and what was decided for it.

    `decision` is the class that is decided, None for a regression; `decided`: whether that is the class of the target.
    `ways` are those of the row in `recourse`. `protected` are the declared protected attributes, None where nobody
    said. `data` names the data and their version.
    """

    question: Question
    attributions: Attributions
    decision: str | None
    decided: bool | None
    recourse: Recourse | None = None
    ways: Ways | None = None
    protected: tuple[str, ...] | None = None
    data: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @property
    def values(self) -> Floats:
        """(columns,) what each column added."""
        return np.asarray(self.attributions.values[0])

    @property
    def order(self) -> list[int]:
        """Places of the columns, those that added or took most first."""
        return [int(i) for i in np.argsort(-np.abs(self.values), kind="stable")]

    @property
    def telling(self) -> list[int]:
        """As `order`, without what is under a hundredth of all, or within two Monte-Carlo errors of nothing."""
        size = np.abs(self.values)
        errors = self.attributions.errors
        doubt = np.zeros_like(size) if errors is None else 2 * errors[0]
        least = np.maximum(0.01 * size.sum(), doubt)
        return [i for i in self.order if size[i] > 0 and size[i] >= least[i]]


def shown(text: str, /) -> str:
    """A text of the judged system in one line that can neither act nor end its quotation marks."""
    return clean(text, longest=LONGEST).replace("“", "'").replace("”", "'").replace('"', "'")


def known(told: Told, /) -> dict[str, float | str]:
    """Key to number or text; nothing in it is rounded. A number that is not finite, or not known, has no key."""
    parts = (_row(told), _answer(told), _columns(told), _origin(told), _ways(told))
    found = {key: value for part in parts for key, value in part.items()}
    return {key: value for key, value in found.items() if isinstance(value, str) or np.isfinite(value)}


def _row(told: Told) -> dict[str, float | str]:
    places = told.attributions.places
    return {"row": float(places[0])} if places else {}


def _answer(told: Told) -> dict[str, float | str]:
    found, target = told.attributions, told.question.target
    out: dict[str, float | str] = {
        "target": shown(found.target),
        "output": float(found.outputs[0]),
        "base": float(found.base[0]),
        "sum": float(found.values[0].sum()),
        "residual": float(found.residual[0]),
        "residual.size": abs(float(found.residual[0])),
    }
    if found.errors is not None:
        out["largest_error"] = float(found.errors[0].max())
    facts = {f"fact.{name}": float(value[0]) for name, value in found.facts.items()}
    if target.threshold is not None:
        out["threshold"] = float(target.threshold)
    if told.decision is not None:
        out["decision"] = _class(told, told.decision)
        out["label"] = _class(told, str(target.label))
    if target.scale == "probability":
        chances = found.outputs if found.scale == "probability" else found.facts.get("probability")
        if chances is not None:
            out["chance"] = float(chances[0])
    return out | facts


def _class(told: Told, label: str) -> str:
    return shown(told.vocabulary.classes.get(label, label))


def _columns(told: Told) -> dict[str, float | str]:
    found, words = told.attributions, told.vocabulary
    out: dict[str, float | str] = {"columns": float(len(found.columns))}
    for i, column in enumerate(found.columns.columns):
        name, value = column.name, float(found.rows[0, i])
        out[f"name.{name}"] = shown(words.labels.get(name, name))
        out[f"added.{name}"] = float(told.values[i])
        if found.errors is not None:
            out[f"error.{name}"] = float(found.errors[0, i])
        if column.kind != "category":
            out[f"value.{name}"] = value
        elif not np.isnan(value):
            out[f"value.{name}"] = _category(told, name, column.show(value))
        if name in words.units:
            out[f"unit.{name}"] = shown(words.units[name])
    rest = told.order[LISTED:]
    return out | {"others.count": float(len(rest)), "others.added": float(told.values[rest].sum())}


def _category(told: Told, column: str, level: str) -> str:
    return shown(told.vocabulary.categories.get(column, {}).get(level, level))


def _origin(told: Told) -> dict[str, float | str]:
    found, model = told.attributions, told.question.target.model
    out: dict[str, float | str] = {
        "method": shown(found.method),
        "origin": shown(found.origin),
        "background": float(found.settings.get("background", len(told.question.background))),
        "seed": float(told.question.seed),
        "model.name": shown(model.name),
        "model.digest": shown(model.digest),
        "version": _version(),
        "data": shown(told.data),
        "output_unit": shown(told.vocabulary.output_unit),
    }
    return out | {f"protected.{name}": shown(told.vocabulary.labels.get(name, name)) for name in told.protected or ()}


@cache
def _version() -> str:
    try:
        return version("assay")
    except PackageNotFoundError:
        return "not installed"


def _ways(told: Told) -> dict[str, float | str]:
    ways, recourse = told.ways, told.recourse
    if ways is None or recourse is None:
        return {}
    out: dict[str, float | str] = {"ways.count": float(len(ways.found)), "ways.goal": shown(recourse.goal)}
    out |= {"ways.method": shown(recourse.method), "ways.target": shown(recourse.target)}
    for where, way in (("way", ways.found[0] if ways.found else None), ("blocked", ways.blocked)):
        if way is not None:
            out |= _way(told, where, way)
    return out


def _way(told: Told, where: str, way: Counterfactual) -> dict[str, float | str]:
    out: dict[str, float | str] = {
        f"{where}.cost": float(way.cost),
        f"{where}.changes": float(len(way.changes)),
        f"{where}.output": float(way.output_after),
    }
    if way.robust_share is not None:
        out[f"{where}.robust"] = float(way.robust_share)
    for k, broken in enumerate(way.violated):
        out[f"{where}.violated.{k}"] = shown(broken)
    for change in way.changes:
        out[f"{where}.name.{change.column}"] = shown(told.vocabulary.labels.get(change.column, change.column))
        out |= _valued(told, f"{where}.before.{change.column}", change.column, change.before)
        out |= _valued(told, f"{where}.after.{change.column}", change.column, change.after)
    return out


def _valued(told: Told, key: str, column: str, value: Value) -> dict[str, float | str]:
    if value is None:
        return {}
    return {key: _category(told, column, value) if isinstance(value, str) else float(value)}


def check(question: Question, attributions: Attributions, recourse: Recourse | None, /) -> None:
    """Raises AssayError where the records are not about the rows of the question."""
    pairs = {"attributions": attributions.rows} | ({} if recourse is None else {"counterfactuals": recourse.rows})
    for what, rows in pairs.items():
        if rows.shape != question.rows.shape or not np.array_equal(rows, question.rows, equal_nan=True):
            raise AssayError(
                f"The {what} are of other rows than the question.",
                code="rows",
                hint="Explain the rows of this question, and give the question that was explained.",
            )
