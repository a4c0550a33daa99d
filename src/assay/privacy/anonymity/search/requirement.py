"""What every class of a table must meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.anonymity.measures.classes import Classes
from assay.privacy.anonymity.measures.diversity import distinct, entropy, recursive
from assay.privacy.anonymity.measures.summary import distances
from assay.privacy.anonymity.measures.within import Within, within
from assay.privacy.anonymity.table import CodedColumn, Codes

Diversity = Literal["distinct", "entropy", "recursive"]
NEAR = 1e-9
"""Room for rounding when a measured number is held against a bound."""


@dataclass(frozen=True)
class Requirement:
    """At least `k` rows a class; for each sensitive column l-diversity of the kind `diversity`, and t-closeness.

    `c` is that of recursive (c, l)-diversity. `l` and `t` are None where they are not asked for.
    """

    k: int
    l: float | None = None  # noqa: E741 - the field's name
    t: float | None = None
    diversity: Diversity = "distinct"
    c: float = 3.0

    def __post_init__(self) -> None:
        whole = isinstance(self.k, int) and not isinstance(self.k, bool)
        checks = (
            (whole and self.k >= 1, f"k = {self.k!r} is no whole number from 1", "For example k=5."),
            (self.l is None or (math.isfinite(self.l) and self.l >= 1), f"l = {self.l!r} is below 1", "Like l=2."),
            (self.t is None or 0 <= self.t <= 1, f"t = {self.t!r} is not in [0, 1]", "For example t=0.2."),
            (self.c > 0, f"c = {self.c!r} is not above 0", "For example c=3."),
            (self.diversity in ("distinct", "entropy", "recursive"), f"There is no {self.diversity!r} l-diversity",
             "Known: distinct, entropy, recursive."),
            (self.diversity == "entropy" or self.l is None or self.l == int(self.l),
             f"l = {self.l!r} is no whole number", "Only entropy l-diversity takes fractions."),
        )  # fmt: skip
        for good, problem, hint in checks:
            if not good:
                raise AssayError(f"{problem}.", code="requirement", hint=hint)

    @property
    def tells(self) -> bool:
        """True where sensitive columns are looked at."""
        return (self.l is not None and self.l > 1) or self.t is not None

    def meets(
        self,
        classes: Classes,
        sensitive: Sequence[CodedColumn],
        overall: Sequence[Codes | None],
        codes: Sequence[Codes],
        /,
    ) -> NDArray[np.bool_]:
        """(classes,) whether each meets all of it; `codes` are the sensitive columns' codes of the rows in `classes`.

        `overall` are the rows of each code in the table to be close to, None for that of these rows.
        """
        good = np.asarray(classes.sizes >= self.k)
        if self.tells:
            for column, whole, here in zip(sensitive, overall, codes, strict=True):
                good = good & self._tells_little(within(classes, here, overall=whole), column)
        return good

    def _tells_little(self, found: Within, column: CodedColumn) -> NDArray[np.bool_]:
        good = np.ones(len(found.sizes), dtype=bool)
        if self.l is not None and self.diversity == "recursive":
            good &= recursive(found, int(self.l)) < self.c
        elif self.l is not None:
            good &= (distinct(found) if self.diversity == "distinct" else entropy(found)) >= self.l - NEAR
        if self.t is not None:
            far = distances(found, column)
            if far is None:
                raise AssayError(
                    f"Column {column.name!r} has missing values, which have no place in the order that t needs.",
                    code="missing",
                    hint="Leave these rows out or fill them, or make the column text: then all values are equally far.",
                )
            good &= far <= self.t + NEAR
        return good
