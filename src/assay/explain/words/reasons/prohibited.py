"""Reasons that may not be given: protected attributes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay.core.errors import AssayError
from assay.explain.columns import Columns
from assay.explain.words.reasons.codes import CodeTable

PROHIBITED = frozenset(
    {
        "race",
        "ethnicity",
        "color",
        "colour",
        "religion",
        "national_origin",
        "nationality",
        "sex",
        "gender",
        "marital_status",
        "age",
        "public_assistance",
    }
)
"""Names of columns that are, or mean, a prohibited basis of the Equal Credit Opportunity Act: 12 CFR 1002.2(z)."""


def check_prohibited(
    table: CodeTable, columns: Columns, /, *, protected: Sequence[str], permitted: Sequence[str]
) -> None:
    """Raises AssayError where a reason could name a protected attribute that is not `permitted`.

    `protected` are the declared attributes; columns that are called as a prohibited basis count as well. A model that
    is fed one is refused as a whole: a factor that was a principal reason may neither be left out (12 CFR 1002,
    comment 9(b)(2)-4) nor named. `permitted` is for what the law allows, as age in a sound scoring system that assigns
    the elderly no negative value (12 CFR 1002.6(b)(2)); whoever permits it answers for it.
    """
    barred = [name for name in protected if name not in permitted]

    def is_barred(name: str) -> bool:
        return name not in permitted and (name in barred or _plain(name) in PROHIBITED)

    fed = [name for name in columns.names if is_barred(name)]
    if fed:
        raise AssayError(
            f"The model is fed {_listed(fed)}, a protected attribute: no reason may name it, and none that counted may "
            "be left out.",
            code="prohibited",
            hint="Leave it out of the model, or permit it by name where the law allows its use.",
        )
    for code in table.codes:
        named = [name for name in code.columns if is_barred(name)]
        spoken = [name for name in barred if re.search(rf"\b{re.escape(_spaced(name))}\b", code.text, re.IGNORECASE)]
        if named or spoken:
            raise AssayError(
                f"Reason {code.code} names the protected attribute {_listed(named or spoken)}.",
                code="prohibited",
                hint="Take it out of the table, or say in other words what the reason is.",
            )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _spaced(name: str) -> str:
    return name.replace("_", " ").strip()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
