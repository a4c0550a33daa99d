"""What the checks of this room take from a Case: its rows in classes, and the sensitive columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.core.errors import Message
from assay.privacy.anonymity.measures.classes import Classes, classes_of
from assay.privacy.anonymity.measures.summary import Disclosure, check_parts, disclosure
from assay.privacy.anonymity.measures.within import within
from assay.privacy.anonymity.table import CodedColumn, check_columns, coded

if TYPE_CHECKING:
    from assay.data.case import Case


@dataclass(frozen=True, eq=False)
class CaseClasses:
    """All rows of a Case in classes by its quasi-identifiers; `sensitive` are the columns asked for, or the label."""

    rows: int
    classes: Classes
    sensitive: tuple[CodedColumn, ...]
    notes: tuple[Message, ...]

    def disclosures(self) -> dict[str, Disclosure]:
        """What the classes tell of each sensitive column."""
        return {column.name: disclosure(within(self.classes, column.codes), column) for column in self.sensitive}


NO_SENSITIVE = Message("no-sensitive", "no sensitive column is named, and there is no label: the parameter sensitive")


def case_classes(case: Case, /, *, sensitive: str | None = None) -> CaseClasses:
    """The CaseClasses of `case`; `sensitive` are columns with commas between, "" takes the label, None none."""
    quasi = case.roles.quasi_identifiers
    named = [name.strip() for name in (sensitive or "").split(",") if name.strip()]
    notes = [Message("attacker", "an attacker knows {columns}", {"columns": ", ".join(quasi)})]
    if sensitive == "" and case.roles.whole_label:
        named = [case.roles.whole_label]
        notes.append(Message("sensitive-label", "the label stands for what is sensitive"))
    check_columns(named, case.columns)
    check_parts(quasi, named)
    table = case.rows((*quasi, *named))
    classes = classes_of([coded(table, name) for name in quasi], table.num_rows)
    return CaseClasses(table.num_rows, classes, tuple(coded(table, name) for name in named), tuple(notes))
