"""Says numbers, names and values of one row in one language; every number carries the key of its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from assay.explain.words import figures
from assay.explain.words.catalogue import Catalogue
from assay.explain.words.piece import Piece, join, quoted
from assay.explain.words.told import Sources, Told

EXACT = 15
"""Significant digits of a double that are those of the number."""
FEWEST = 6
"""Significant digits of a value that is to change."""


class Change(NamedTuple):
    """A column and its values before and after."""

    name: Piece
    before: Piece
    after: Piece


@dataclass(frozen=True, eq=False)
class Teller:
    """What an audience's sentences are made with. `plain`: names of columns are written without underscores."""

    told: Told
    sources: Sources
    catalogue: Catalogue
    plain: bool = False

    def say(self, id: str, /, **fields: Piece) -> Piece:
        """The message `id`, filled."""
        return self.catalogue.say(id, **fields)

    def number(self, key: str, /, *, digits: int = 3, signed: bool = False) -> Piece:
        """The measured number of a key, to so many significant digits."""
        return figures.figure(self._value(key), key, self.catalogue.marks, digits=digits, signed=signed)

    def under(self, key: str, /) -> Piece:
        """A power of ten that the number of a key is under."""
        return figures.bound_above(self._value(key), key, self.catalogue.marks)

    def given(self, key: str, /, *, digits: int = EXACT) -> Piece:
        """The number of a key as it was given or counted, without zeros at its end."""
        return figures.figure(self._value(key), key, self.catalogue.marks, digits=digits, short=True)

    def text(self, key: str, /) -> Piece:
        """The text of a key as it is: words of the user's own or of assay."""
        return quoted(str(self.sources[key]), key, self.catalogue.marks)

    def quoted(self, key: str, /) -> Piece:
        """The text of a key in quotation marks: words of the judged system."""
        return self.say("language.quote", text=self.text(key))

    def chance(self, key: str, /, *, edge: float | None = None) -> Piece:
        """A probability in percent."""
        number = figures.percent(self._value(key), key, self.catalogue.marks, edge=edge)
        id = {"": "percent", "<": "percent_under", ">": "percent_over"}[number.numbers[0].bound]
        return self.say(f"language.{id}", value=number)

    def share(self, key: str, /) -> Piece:
        """A share or threshold that was set, in percent."""
        return self.say("language.percent", value=figures.exact_percent(self._value(key), key, self.catalogue.marks))

    def label(self, key: str = "label", /) -> Piece:
        """A class by its name."""
        raw = self.told.decision if key == "decision" else self.told.question.target.label
        return self.text(key) if raw in self.told.vocabulary.classes else self.quoted(key)

    def name(self, column: str, /, *, under: str = "name") -> Piece:
        """The name of a column: the user's word for it, else the data's in quotation marks."""
        key = f"{under}.{column}"
        if column in self.told.vocabulary.labels:
            return self.text(key)
        if not self.plain:
            return self.quoted(key)
        spaced = str(self.sources[key]).replace("_", " ")
        return self.say("language.quote", text=Piece(spaced, self.text(key).numbers))

    def change(self, column: str, /, *, under: str) -> Change:
        """A column's values before and after a change, with so many digits that they are seen to differ."""
        ends = [self.sources.get(f"{under}.{end}.{column}") for end in ("before", "after")]
        digits = FEWEST
        numbers = [end for end in ends if isinstance(end, float)]
        while len(numbers) == 2 and digits < EXACT and f"{numbers[0]:.{digits}g}" == f"{numbers[1]:.{digits}g}":
            digits += 1
        return Change(
            self.name(column, under=f"{under}.name"),
            self.value(column, under=f"{under}.before", digits=digits),
            self.value(column, under=f"{under}.after", digits=digits),
        )

    def value(self, column: str, /, *, under: str = "value", digits: int = 4) -> Piece:
        """The value of a column with its unit; a category in quotation marks; what is missing by a word."""
        key = f"{under}.{column}"
        found = self.sources.get(key)
        if found is None:
            return self.say("language.missing")
        if isinstance(found, str):
            named = found in self.told.vocabulary.categories.get(column, {}).values()
            return self.text(key) if named else self.quoted(key)
        number = self.given(key, digits=EXACT if float(found).is_integer() else digits)
        if f"unit.{column}" not in self.sources:
            return number
        return self.say("language.united", value=number, unit=self.text(f"unit.{column}"))

    def output(self, key: str = "output", /) -> Piece:
        """The explained number with the unit of the model's answers."""
        number = self.number(key, digits=4 if self.told.attributions.scale == "value" else 3)
        if self.told.attributions.scale != "value" or not self.sources["output_unit"]:
            return number
        return self.say("language.united", value=number, unit=self.text("output_unit"))

    def row(self) -> Piece:
        """ "row 17", or "this row" where its place is not known."""
        if "row" not in self.sources:
            return self.say("language.this_row")
        return self.say("language.row", row=self.given("row"))

    def list(self, pieces: Iterable[Piece], /) -> Piece:
        """The pieces, one after the other."""
        return join([*pieces], self.catalogue.messages["language.list"])

    def scale(self) -> Piece:
        """The scale of the contributions."""
        return self.say(f"scale.{self.told.attributions.scale}")

    def _value(self, key: str) -> float:
        found = self.sources[key]
        assert not isinstance(found, str), key
        return found
