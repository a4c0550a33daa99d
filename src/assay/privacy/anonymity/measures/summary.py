"""Every measure of a table at once: k of its classes, and for each sensitive attribute what the classes tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.anonymity.measures.classes import Classes, classes_of
from assay.privacy.anonymity.measures.closeness import equal_distance, ordered_distance
from assay.privacy.anonymity.measures.diversity import distinct, entropy, recursive
from assay.privacy.anonymity.measures.likeness import alpha, beta_likeness, delta_disclosure, enhanced_beta_likeness
from assay.privacy.anonymity.measures.within import Within, within
from assay.privacy.anonymity.table import CodedColumn, Floats, check_columns, coded, read_table


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the classes tell of one sensitive attribute; for each measure that of the worst class.

    `l` is distinct l-diversity, `entropy_l` entropy l-diversity, `recursive_c` the bound of c in recursive
    (c, l)-diversity at l = max(2, `l`), None where some class has too few values. `t` is None for numbers of which some
    are missing: those have no place in the order. `enhanced_beta` is None where no beta meets it.
    """

    l: int  # noqa: E741 - the field's name
    entropy_l: float
    recursive_c: float | None
    t: float | None
    t_distance: str
    alpha: float
    delta: float
    beta: float
    enhanced_beta: float | None


@dataclass(frozen=True)
class Anonymity:
    """The measures of a table under an attacker who knows the quasi-identifiers of a person in it."""

    rows: int
    classes: int
    k: int
    uniques: int
    quasi: tuple[str, ...]
    sensitive: dict[str, Disclosure]

    def to_json(self) -> dict[str, Any]:
        """The measures as JSON types."""
        return asdict(self)

    def text(self) -> str:
        """The measures in words, one line each."""
        lines = [f"k = {self.k} over {', '.join(self.quasi)}: {self.classes:,} classes, {self.uniques:,} of one row"]
        for name, found in self.sensitive.items():
            t = "unmeasured (missing values)" if found.t is None else f"{found.t:.4g} ({found.t_distance})"
            lines.append(f"{name}: l = {found.l} (entropy {found.entropy_l:.4g}), t = {t}, alpha = {found.alpha:.4g}")
        return "\n".join(lines)


def anonymity(source: Any, /, *, quasi: Sequence[str], sensitive: Sequence[str] = ()) -> Anonymity:
    """The Anonymity of a frame, path, relation or Ibis table, as it is.

    Missing values are values of their own: a quasi-identifier that is missing matches only the missing. Raises
    AssayError for unknown columns, no quasi-identifier, or a sensitive column that is also one.
    """
    check_parts(quasi, sensitive)
    table = read_table(source, columns=[*quasi, *sensitive])
    columns = [coded(table, name) for name in quasi]
    return anonymity_of(classes_of(columns, table.num_rows), [coded(table, name) for name in sensitive], tuple(quasi))


def check_parts(quasi: Sequence[str], sensitive: Sequence[str], /) -> None:
    """Raise where there is no quasi-identifier, or a column plays both parts."""
    if isinstance(quasi, str) or isinstance(sensitive, str) or not quasi:
        raise AssayError(
            "Quasi-identifiers and sensitive attributes are lists of columns, the first with one at least.",
            code="quasi",
            hint="Name what others may know of a person: quasi=['age', 'zip', 'sex'].",
        )
    check_columns([*quasi, *sensitive], [*quasi, *sensitive])


def anonymity_of(classes: Classes, sensitive: Sequence[CodedColumn], quasi: tuple[str, ...], /) -> Anonymity:
    """The Anonymity of rows in `classes` with these sensitive columns."""
    told = {column.name: disclosure(within(classes, column.codes), column) for column in sensitive}
    unique = int((classes.sizes == 1).sum())
    return Anonymity(len(classes.ids), len(classes.sizes), classes.k, unique, quasi, told)


def disclosure(found: Within, column: CodedColumn, /) -> Disclosure:
    """The Disclosure of one sensitive column."""
    l = int(distinct(found).min())  # noqa: E741 - the field's name
    c = float(recursive(found, max(l, 2)).max())
    moved = distances(found, column)
    return Disclosure(
        l=l,
        entropy_l=float(entropy(found).min()),
        recursive_c=c if np.isfinite(c) else None,
        t=None if moved is None else float(moved.max()),
        t_distance="ordered" if column.kind != "category" else "equal",
        alpha=alpha(found),
        delta=delta_disclosure(found),
        beta=beta_likeness(found),
        enhanced_beta=enhanced_beta_likeness(found),
    )


def distances(found: Within, column: CodedColumn, /) -> Floats | None:
    """(classes,) distances for t-closeness: by rank for numbers and times, else equal; None: see Disclosure."""
    if column.kind == "category":
        return equal_distance(found)
    return None if column.missing and column.rows[0] > 0 else ordered_distance(found)
