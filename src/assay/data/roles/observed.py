"""Selective labels: the outcome is known only for some rows, and what stands in the label of the others is ignored."""

from __future__ import annotations

from assay.core.errors import AssayError
from assay.data.coding import Dim, Values
from assay.data.roles.given import CLASSES, Roles
from assay.data.rows.protocol import Key, Outcomes, Rows, Scan, Tally
from assay.data.rows.sources import where

TRUE, FALSE = ("true", "1", "True", "TRUE"), ("false", "0", "False", "FALSE")
"""What is read as yes and as no: booleans, 1 and 0, and these words as a CSV file has them."""
MARKS = ("observed", "randomised")
"""Roles whose column says true or false of every row."""


def selective(what: str, /) -> AssayError:
    """The error for something that would take the observed labels for all labels."""
    return AssayError(
        f"{what} needs the outcome of every row, and the role observed says that it is known only for some.",
        code="selective-labels",
        hint="The check fairness.selective_labels gives bounds. For the observed rows alone, give data of only those.",
    )


def true_level(rows: Rows, name: str, /) -> str:
    """How the column of a mark writes yes."""
    found = rows.tally(name, most=CLASSES)
    return next((level for level in found.by_level if level in TRUE), TRUE[0]) if found is not None else TRUE[0]


def with_observed_labels(rows: Rows, roles: Roles, /) -> Rows:
    """The rows with the label missing wherever it was not observed; without the role, the rows themselves.

    So a filler there (a 0, a "none", a forecast) takes part in nothing. Raises AssayError where `observed` or
    `randomised` is not true or false in every row, where no label was observed, where a label is missing though it
    was observed, and where a row of the randomised slice was not observed.
    """
    if roles.observed is None:
        if roles.randomised is not None:
            raise AssayError(
                f"randomised={roles.randomised!r} is given without observed.",
                code="role",
                hint="Give observed=, the column that is true where the outcome is known.",
            )
        return rows
    if roles.label is None:
        raise AssayError(
            "observed says where the label is known, and there is no label.", code="role", hint="Give label=."
        )
    known = _true_rows(rows, roles.observed, "observed")
    if known == 0:
        raise AssayError(
            f"Column {roles.observed!r}, given as observed, is true in no row.",
            code="observed",
            hint="Without any outcome leave label and observed out.",
        )
    marks = rows.tally(roles.observed, most=CLASSES)
    masked = where(rows, roles.label, roles.observed, marks.spelled(TRUE) if marks is not None else ())
    absent = known - _present(masked, roles.label)
    if absent:
        raise AssayError(
            f"The label {roles.label!r} is missing in {absent:,} rows where {roles.observed!r} is true.",
            code="observed",
            hint=f"Make {roles.observed!r} false there: an outcome that is not known was not observed.",
        )
    if roles.randomised is not None:
        _check_slice(rows, roles.observed, roles.randomised)
    return masked


def _true_rows(rows: Rows, name: str, role: str) -> int:
    """How many rows a mark is true in."""
    found: Tally | None = rows.tally(name, most=CLASSES)
    by_level = found.by_level if found is not None else {}
    yes = [level for level in by_level if level in TRUE]
    words = f"has {by_level[None]:,} missing values" if None in by_level else ""
    if not by_level or not {*by_level} <= {*TRUE, *FALSE, None} or len(yes) > 1:
        words = f"has values of type {rows.columns[name].type} that are not all true or false, 1 or 0"
    if words:
        raise AssayError(
            f"Column {name!r}, given as {role}, {words}.",
            code=role,
            hint="Give a column of booleans, or of 0 and 1, with a value in every row.",
        )
    return sum(by_level[level] for level in yes)


def _present(rows: Rows, label: str) -> int:
    """Rows that have a label."""
    if rows.columns[label].kind == "number":
        return rows.extents([label])[label].present
    found = rows.tally(label, most=CLASSES)
    if found is None:
        raise AssayError(
            f"The label {label!r} has more than {CLASSES:,} distinct values.", code="levels", hint="Name classes."
        )
    return rows.n - found.by_level.get(None, 0)


def _check_slice(rows: Rows, observed: str, randomised: str) -> None:
    if not _true_rows(rows, randomised, "randomised"):
        raise AssayError(
            f"Column {randomised!r}, given as randomised, is true in no row.",
            code="randomised",
            hint="Leave randomised out.",
        )
    keys = tuple(
        Key(Dim(role, role, Values(), ()), name) for role, name in zip(MARKS, (observed, randomised), strict=True)
    )
    both = rows.count(Scan(keys), Outcomes())
    lost = both.where({"observed": FALSE, "randomised": TRUE}).n
    if lost:
        raise AssayError(
            f"{lost:,} rows of the randomised slice ({randomised!r}) were not observed ({observed!r}).",
            code="randomised",
            hint="The slice stands for the others only if it is whole: wait for its outcomes, or, where it is chance "
            f"which are missing, make {randomised!r} false there.",
        )
