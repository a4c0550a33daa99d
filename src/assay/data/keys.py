"""How each dimension of a Case is coded: which column, which coding, frozen before the first count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.core.errors import AssayError, unknown
from assay.data.coding import Bins, Coding, Codings, Dim, Favourable, Values
from assay.data.plan import DimKey
from assay.data.roles.given import CLASSES, Roles
from assay.data.roles.observed import MARKS, true_level
from assay.data.roles.outcome import Resolved
from assay.data.rows.edges import FEATURE_VALUES, TEXTS, feature_coding, score_bins
from assay.data.rows.protocol import Key, Rows

SCORE: DimKey = ("score", "score")


@dataclass
class Keys:
    """The Keys of a Case; codings of scores and features are found when first needed, unless frozen ones are given."""

    rows: Rows
    roles: Roles
    resolved: Resolved
    frozen: Codings = field(default_factory=Codings)

    def __post_init__(self) -> None:
        self._codings: dict[DimKey, Coding] = {}
        for (_, name), coding in self.frozen.columns.items():
            column = self.rows.columns.get(self.resolved.score or name if name == "score" else name)
            if isinstance(coding, Bins) and column is not None and column.kind not in ("number", "boolean"):
                raise AssayError(
                    f"There are frozen bins for {name!r}, which is now of type {column.type}.",
                    code="codings",
                    hint="Cast it to a number, as it was when the bins were frozen.",
                )

    def dims(self) -> dict[str, tuple[str, ...]]:
        """Role -> names of its dimensions, for the counted roles that this Case fills."""
        roles, classes = self.roles, self.resolved.task in ("binary", "multiclass")
        answered = roles.prediction is not None or roles.score is not None
        return {
            "protected": roles.protected,
            "label": ("label",) if classes and roles.label else (),
            "prediction": ("prediction",) if classes and answered else (),
            "score": ("score",) if self.resolved.score else (),
            "feature": roles.features,
            "control": roles.controls,
            "split": ("split",) if roles.split else (),
            "observed": ("observed",) if roles.observed else (),
            "randomised": ("randomised",) if roles.randomised else (),
        }

    def coding(self, dim: DimKey, /) -> Coding:
        """The coding of a score or feature."""
        if dim in self.frozen.columns:
            return self.frozen.columns[dim]
        if dim not in self._codings:
            made = (
                score_bins(self.rows, self.resolved.score or "") if dim == SCORE else feature_coding(self.rows, dim[1])
            )
            self._codings[dim] = made
        return self._codings[dim]

    def all(self) -> dict[DimKey, Coding]:
        """The codings of the score and of every feature."""
        dims = [*([SCORE] if self.resolved.score else ()), *(("feature", name) for name in self.roles.features)]
        return {dim: self.coding(dim) for dim in dims}

    def key(self, dim: DimKey, /) -> Key:
        """The column of a dimension and how its values become levels."""
        role, name = dim
        if role == "label":
            return self._outcome(dim, self.roles.label or "", self.resolved.favourable)
        if role == "prediction":
            return self._prediction(dim)
        if role == "score":
            return Key(Dim(role, name, self.coding(dim), ()), self.resolved.score or "")
        if role == "feature":
            return Key(Dim(role, name, self.coding(dim), ()), name)
        if role in MARKS:
            column = (self.roles.observed if role == "observed" else self.roles.randomised) or ""
            return Key(Dim(role, name, Favourable(true_level(self.rows, column)), ()), column)
        return Key(Dim(role, name, Values(), ()), self.roles.split or "" if role == "split" else name)

    def _outcome(self, dim: DimKey, column: str, favourable: str | None) -> Key:
        binary = self.resolved.task == "binary"
        return Key(Dim(*dim, Favourable(favourable or "") if binary else Values(), ()), column)

    def _prediction(self, dim: DimKey) -> Key:
        if self.roles.prediction is not None:
            return self._outcome(dim, self.roles.prediction, self.resolved.predicted)
        if self.resolved.task == "binary":
            coding = Favourable(self.resolved.favourable or "")
            return Key(Dim(*dim, coding, ()), self.resolved.score or "", threshold=self.roles.threshold)
        classes = tuple((level, self.roles.scores[level]) for level in sorted(self.roles.scores))
        return Key(Dim(*dim, Values(), ()), classes[0][1], largest=classes)

    def size(self, dim: DimKey, /) -> int:
        """At most how many levels a dimension has, missing included."""
        role, name = dim
        if role in ("label", "prediction"):
            return 1 + max(2, len(self.resolved.classes))
        if role not in ("score", "feature"):
            tally = self.rows.tally(self.key(dim).column, most=CLASSES)
            return len(tally.levels) if tally is not None else CLASSES
        coding = self.coding(dim)
        if isinstance(coding, Bins):
            return len(coding.edges) + 2
        if isinstance(coding, Values) and coding.kept is not None:
            return len(coding.kept) + 2
        return 1 + (FEATURE_VALUES if self.rows.columns[name].kind == "number" else TEXTS)


def frozen_codings(bins: Codings | Mapping[str, Sequence[float]] | None, features: Sequence[str], /) -> Codings:
    """Codings as given, or made from edges by column name; "score" is the score."""
    if bins is None or isinstance(bins, Codings):
        return bins or Codings()
    columns: dict[DimKey, Coding] = {}
    for name, edges in bins.items():
        if name != "score" and name not in features:
            raise unknown("column in bins", name, ["score", *features], code="bins")
        numbers = [float(edge) for edge in edges]
        if not numbers or not all(math.isfinite(edge) for edge in numbers):
            raise AssayError(
                f"The bin edges of {name!r} must be finite numbers.", code="edges", hint="Give ascending edges."
            )
        columns[SCORE if name == "score" else ("feature", name)] = Bins(tuple(numbers))
    return Codings(columns)
