"""Four real data sets with their roles, so that an audit can be seen before any file is prepared.

The files beside this module are made by `tools/make_demos.py`; each `NAME.md` says where the rows come
from, what was dropped and the SHA-256 of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assay.core.errors import unknown
from assay.data.inputs import TextInputs

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Demo:
    """One built-in data set.

    `path` is its Parquet file, `roles` the keyword arguments for `Case.from_frame`, `model` a file whose probabilities
    are in the order of `classes`: LightGBM text, or the head of a text encoder (None where the outputs of a vendor are
    judged).
    """

    name: str
    title: str
    path: Path
    roles: Mapping[str, Any]
    model: Path | None
    classes: tuple[str, ...]

    @property
    def provenance(self) -> str:
        """Where the rows come from, under which licence, and what was done to them; Markdown."""
        return self.path.with_suffix(".md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Entry:
    title: str
    classes: tuple[str, ...]
    roles: dict[str, Any]
    model: str = "txt"


_ENTRIES = {
    "credit": _Entry(
        "Credit scoring: German credit, 1,000 applications",
        ("bad", "good"),
        {
            "label": "credit_risk",
            "prediction": "prediction",
            "score": "score",
            "favourable": "good",
            "protected": ("sex", "age_band"),
            "features": (
                "checking_account",
                "duration_months",
                "credit_history",
                "purpose",
                "amount_dm",
                "savings",
                "employed_since",
                "installment_rate",
                "other_debtors",
                "residence_since",
                "property",
                "other_installment_plans",
                "housing",
                "existing_credits",
                "job",
                "dependents",
                "telephone",
            ),
            "split": "split",
        },
    ),
    "income": _Entry(
        "Income over 50,000 dollars: US census 1994, 48,842 adults",
        ("<=50K", ">50K"),
        {
            "label": "income",
            "prediction": "prediction",
            "score": "score",
            "favourable": ">50K",
            "protected": ("sex", "race"),
            "features": (
                "age",
                "workclass",
                "education_number",
                "marital_status",
                "occupation",
                "relationship",
                "capital_gain",
                "capital_loss",
                "hours_per_week",
            ),
            "split": "split",
        },
    ),
    "recidivism": _Entry(
        "Recidivism risk: COMPAS scores in Broward County, 7,214 defendants",
        (),
        {
            "label": "two_year_recid",
            "prediction": "prediction",
            "favourable": "0",
            "protected": ("race", "sex"),
            "features": (
                "age",
                "juvenile_felonies",
                "juvenile_misdemeanors",
                "juvenile_others",
                "priors",
                "charge_degree",
            ),
        },
    ),
    "sentiment": _Entry(
        "Sentiment of texts: 10,605 snippets of movie reviews, scored by people",
        ("negative", "positive"),
        {
            "label": "sentiment",
            "prediction": "prediction",
            "score": "score",
            "favourable": "positive",
            "protected": ("length_band",),
            "features": (),
            "split": "split",
            "inputs": TextInputs("text"),
        },
        model="json",
    ),
}

NAMES: tuple[str, ...] = tuple(_ENTRIES)
"""Names that `load` knows."""


def load(name: str, /) -> Demo:
    """The built-in data set called `name`; the rows themselves are not read."""
    if name not in _ENTRIES:
        raise unknown("demo", name, NAMES)
    entry = _ENTRIES[name]
    return Demo(
        name=name,
        title=entry.title,
        path=_FOLDER / f"{name}.parquet",
        roles=MappingProxyType(entry.roles),
        model=_FOLDER / f"{name}.{entry.model}" if entry.classes else None,
        classes=entry.classes,
    )
