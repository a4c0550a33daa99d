"""What a person calls the columns, categories and classes of a model, and the units of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Columns
from assay.explain.target import Target


@dataclass(frozen=True)
class Vocabulary:
    """Words for people: `labels` and `units` of columns, `categories` by column and text, `classes`, `output_unit`.

    Empty as it is: then names and categories are shown as the data have them, in quotation marks. In a case file:

        [explain.labels]
        amount_dm = "amount of the credit"
        [explain.units]
        amount_dm = "German marks"
        [explain.categories.telephone]
        none = "no telephone"
        [explain.classes]
        good = "credit approved"
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    output_unit: str = ""

    @classmethod
    def parse(cls, table: Mapping[str, Any], /) -> Vocabulary:
        """The Vocabulary of a table with the names of the fields as keys; an unknown key is an error."""
        known = ("labels", "units", "categories", "classes", "output_unit")
        for key in table:
            if key not in known:
                raise unknown("key of [explain]", key, known, code="explain")
        unit = table.get("output_unit", "")
        if not isinstance(unit, str):
            raise _not_text("output_unit")
        flat = {key: _texts(table.get(key, {}), key) for key in ("labels", "units", "classes")}
        by_column = table.get("categories", {})
        if not isinstance(by_column, Mapping):
            raise _not_text("categories")
        return cls(
            **flat,
            categories={name: _texts(words, f"categories.{name}") for name, words in by_column.items()},
            output_unit=unit,
        )

    def check(self, target: Target, /, *, also: tuple[str, ...] = ()) -> None:
        """Raises AssayError where a column or class is not one of the model; `also` are further names of columns."""
        columns: Columns = target.columns
        for what, named in (("labels", self.labels), ("units", self.units), ("categories", self.categories)):
            for name in named:
                if name not in columns.names and name not in also:
                    raise unknown(f"column in explain.{what}", name, columns.names, code="explain")
        for name in self.classes:
            if name not in target.model.classes:
                raise unknown("class in explain.classes", name, target.model.classes, code="explain")


def _texts(table: Any, where: str) -> dict[str, str]:
    if not isinstance(table, Mapping) or not all(isinstance(value, str) for value in table.values()):
        raise _not_text(where)
    return {str(name): value for name, value in table.items()}


def _not_text(where: str) -> AssayError:
    return AssayError(
        f"explain.{where} holds something that is no text.",
        code="explain",
        hint='Write texts: income = "dollars a year".',
    )
