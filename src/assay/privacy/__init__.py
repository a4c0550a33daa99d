"""Private answers, anonymity, de-identification and encryption.

In Python: `from assay import privacy`, then `privacy.anonymize("people.parquet", quasi=["age", "zip"], k=5)`.
"""

from __future__ import annotations

from typing import Any

from assay.core.part import Area
from assay.privacy.deep.adaptive import AdaptiveClipping
from assay.privacy.deep.face import dp_training, fixed, head_only, lora, merged
from assay.privacy.face import (
    anonymize,
    attack,
    attack_membership,
    deidentify,
    gradient_leakage,
    measure_anonymity,
    query,
    reidentify,
    tradeoff,
)
from assay.privacy.spending.calls import Ledger

__all__ = [
    "AdaptiveClipping",
    "Ledger",
    "anonymize",
    "area",
    "attack",
    "attack_membership",
    "deidentify",
    "dp_training",
    "fixed",
    "gradient_leakage",
    "head_only",
    "lora",
    "measure_anonymity",
    "merged",
    "query",
    "reidentify",
    "tradeoff",
]

area = Area(
    name="privacy",
    title="Privacy of the people in the data",
    catalogues=(
        "assay.privacy.attacks",
        "assay.privacy.checks",
        "assay.privacy.defences",
        "assay.privacy.mechanisms",
        "assay.privacy.formats",
        "assay.privacy.operators",
        "assay.privacy.recognizers",
    ),
    commands={
        "privacy anonymize": "assay.privacy.commands.anonymize:anonymize_table",
        "privacy attack attribute": "assay.privacy.commands.attacks.attribute:attribute",
        "privacy attack extraction": "assay.privacy.commands.attacks.extraction:extraction",
        "privacy attack gradients": "assay.privacy.commands.attacks.gradients:gradients",
        "privacy attack inversion": "assay.privacy.commands.attacks.inversion:inversion",
        "privacy attack membership": "assay.privacy.commands.attacks.membership:membership",
        "privacy deidentify": "assay.privacy.commands.deidentify:deidentify",
        "privacy decrypt": "assay.privacy.commands.encrypt:decrypt",
        "privacy encrypt": "assay.privacy.commands.encrypt:encrypt",
        "privacy keys": "assay.privacy.commands.keys:keys",
        "privacy ledger": "assay.privacy.commands.ledger:ledger",
        "privacy query": "assay.privacy.commands.query:query_data",
        "privacy statement": "assay.privacy.commands.statement:statement_of_training",
        "privacy tune": "assay.privacy.commands.tune:tune",
        "privacy tradeoff": "assay.privacy.commands.tradeoff:tradeoff",
        "privacy train": "assay.privacy.commands.train:train_model",
        "privacy reidentify": "assay.privacy.commands.deidentify:reidentify",
    },
)
"""What the entry point names: every module in the catalogues is a check, mechanism, operator or recogniser."""


def __getattr__(name: str) -> Any:
    """The scikit-learn estimators, which load scikit-learn when they are first asked for."""
    if name in ("GaussianNB", "LinearRegression", "LogisticRegression"):
        from assay.privacy import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'assay.privacy' has no attribute {name!r}")
