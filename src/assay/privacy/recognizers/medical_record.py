"""Medical record numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "medical-record",
    kind=KIND,
    title="Medical record numbers",
    statement=(
        "Six to twelve digits, perhaps after letters, with a word such as MRN near: hospitals number as they like."
    ),
)
def medical_record() -> Recognizer:
    """The recogniser of MEDICAL_RECORD."""
    return Recognizer(
        name="medical-record",
        entity="MEDICAL_RECORD",
        patterns=(Pattern(r"(?<![\w.-])[A-Z]{0,3}-?[0-9]{6,12}(?![\w-])", 0.2),),
        examples=(
            "MRN: «00482913»",
            "medical record number «H-4829130»",
        ),
        counterexamples=("order 00482913",),
        context=(
            "mrn",
            "medical record",
            "medical record number",
            "record number",
            "patient id",
            "patient number",
            "chart number",
            "hospital number",
        ),
    )
