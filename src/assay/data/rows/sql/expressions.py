"""The canonical form as Ibis expressions: the same rows give the same numbers and groups on every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.data.coding import Bins, Values
from assay.data.counts import FIXED
from assay.data.rows.columns import Column, not_numbers, spellings
from assay.data.rows.protocol import Key, Outcomes
from assay.data.rows.sums import BINARY, CLIP, DOUBTFUL, LOG_EXPONENT, LOG_LOSSES, REGRESSION

LARGEST = 1.7976931348623157e308


def exactly(number: float, /) -> Any:
    """A double literal. As text, because engines read 0.1 as a decimal and round it in ways of their own."""
    import ibis

    return ibis.literal(repr(float(number))).cast("float64")


def case(*branches: tuple[Any, Any], otherwise: Any) -> Any:
    """The value of the first branch whose condition is true (unknown is not true)."""
    import ibis

    return ibis.cases(*branches, else_=otherwise)


def absent(dtype: str, /) -> Any:
    """A missing value."""
    import ibis

    return ibis.null(dtype)


class Expressions:
    """Expressions over `table`, whose columns are called c0, c1, … in the order of `columns`."""

    def __init__(self, table: Any, columns: Mapping[str, Column], /) -> None:
        self.table = table
        self.columns = columns
        self._place = {name: f"c{i}" for i, name in enumerate(columns)}

    def raw(self, name: str, /) -> Any:
        """The column as it is."""
        return self.table[self._place[name]]

    def number(self, name: str, /) -> Any:
        """The column as doubles, missing where NULL or NaN."""
        value = self.double(name)
        if self.columns[name].fraction == "none":
            return value
        return case((value.isnan(), absent("float64")), otherwise=value)

    def double(self, name: str, /) -> Any:
        """The column as doubles, NaN among them."""
        column, value = self.columns[name], self.raw(name)
        if column.kind not in ("number", "boolean"):
            raise not_numbers(column)
        if column.kind == "boolean":
            return value.cast("int32").cast("float64")
        if column.fraction == "binary":
            return self._opaque(name).cast("float64")
        # Digits are read the same everywhere; casts from decimal to double are not.
        return (value.cast("string") if column.fraction == "decimal" else value).cast("float64")

    def _opaque(self, name: str) -> Any:
        """The column as it is, where an engine cannot see that it is only that.

        Parquet's statistics leave NaN out, and DuckDB 2.0 concludes from them that no value is NaN.
        """
        value = self.raw(name)
        return case((value.isnull(), absent(str(value.type()))), otherwise=value)

    def finite(self, name: str, /) -> Any:
        """The column as doubles, missing where NULL, NaN or infinite."""
        value = self.number(name)
        inside = (value >= exactly(-LARGEST)) & (value <= exactly(LARGEST))
        return case((inside, value), otherwise=absent("float64"))

    def known(self, name: str, /) -> Any:
        """The column as it is, with NaN as missing."""
        if self.columns[name].fraction != "binary":
            return self.raw(name)
        value = self._opaque(name)
        return case((value.isnan(), absent(str(value.type()))), otherwise=value)

    def key(self, key: Key, /) -> Any:
        """What to group by for one dimension: raw values, kept texts or a stand-in for others, or numbers of bins."""
        coding = key.dim.coding
        if key.threshold is not None:
            score = self.number(key.column)
            return case((score.isnull(), absent("int32")), (score >= exactly(key.threshold), 1), otherwise=0)
        if key.largest:
            return _largest([self.number(column) for _, column in key.largest])
        if isinstance(coding, Bins):
            missing = self.number(key.column).isnull()
            return case((missing, absent("int32")), otherwise=_bin(self.double(key.column), coding.edges))
        raw = self.raw(key.column)
        if isinstance(coding, Values) and coding.kept is not None:
            if not coding.kept:
                return case((raw.isnull(), 1), otherwise=0)
            forms = spellings(coding.kept)
            return case((raw.isnull(), absent("string")), (raw.isin(list(forms)), raw), otherwise=other_than(forms))
        return raw

    def label(self, outcomes: Outcomes, /) -> Any:
        """The label as a number: itself, or 1 where it is favourable and else 0."""
        name = outcomes.label
        assert name is not None
        if outcomes.regression:
            return self.number(name)
        values, kind = list(outcomes.favourable), self.columns[name].kind
        if kind == "number":
            value: Any = self.number(name)
            good = value.isin([exactly(v) for v in values])
        else:
            value = self.raw(name)
            good = value.isin(values)
        return case((value.isnull(), absent("float64")), (good, exactly(1.0)), otherwise=exactly(0.0))


def other_than(known: Mapping[str, str], /) -> str:
    """A text that is none of `known`, to stand for all the others in a query."""
    name = "other"
    while name in known:
        name += "_"
    return name


def _bin(number: Any, edges: Sequence[float], low: int = 0, high: int | None = None) -> Any:
    """The number of edges that are at most `number`: a binary search as nested cases."""
    import ibis

    high = len(edges) if high is None else high
    if low == high:
        return ibis.literal(low, "int32")
    middle = (low + high + 1) // 2
    above, below = _bin(number, edges, middle, high), _bin(number, edges, low, middle - 1)
    return case((number >= exactly(edges[middle - 1]), above), otherwise=below)


def _largest(numbers: Sequence[Any]) -> Any:
    """The place of the first of the largest numbers; missing where one of them is."""
    absent_one, branches = numbers[0].isnull(), []
    for number in numbers[1:]:
        absent_one = absent_one | number.isnull()
    for place, number in enumerate(numbers[:-1]):
        above = number >= numbers[place + 1]
        for other in numbers[place + 2 :]:
            above = above & (number >= other)
        branches.append((above, place))
    return case((absent_one, absent("int32")), *branches, otherwise=len(numbers) - 1)


def weight_units(weight: Any, /) -> Any:
    """A weight as whole units of 2**-20."""
    return (weight * exactly(FIXED) + exactly(0.5)).floor().cast("int64")


def log_loss_units(stage: Any, /) -> Any:
    """-ln p_y in whole units of 2**-28 before rounding, plus a half; missing where y or p is."""
    chance = case((stage.y == 1, stage.p), (stage.y == 0, exactly(1.0) - stage.p), otherwise=absent("float64"))
    low, high = exactly(CLIP), exactly(1.0 - CLIP)
    kept = case((chance < low, low), (chance > high, high), otherwise=chance)
    return -kept.ln() * exactly(2.0**LOG_EXPONENT) + exactly(0.5)


def doubtful(scaled: Any, /) -> Any:
    """True where the last bits of the engine's logarithm could change the rounding."""
    units = scaled.floor().cast("float64")
    near, far = exactly(DOUBTFUL), exactly(1.0 - DOUBTFUL)
    return (scaled - units < near) | (scaled - units > far)


def addend(name: str, stage: Any, outcomes: Outcomes, /) -> Any:
    """One row's fixed-point addend to a sum; missing where an input is, or where the log-loss is doubtful."""
    if name in LOG_LOSSES:
        loss = case((stage.doubt, absent("float64")), otherwise=stage.units.floor().cast("float64"))
        loss = loss * exactly(2.0**-LOG_EXPONENT)
        value = loss if name == LOG_LOSSES[0] else loss * loss
    else:
        formula = (REGRESSION if outcomes.regression else BINARY)[name]
        value = formula.of(
            stage.y if "label" in formula.inputs else None, stage.p if formula.inputs != {"label"} else None
        )
    if outcomes.weight is not None:
        value = value * (stage.units_of_weight.cast("float64") * exactly(1 / FIXED))
    return (value * exactly(2.0 ** outcomes.exponents[name]) + exactly(0.5)).floor().cast("int64")
