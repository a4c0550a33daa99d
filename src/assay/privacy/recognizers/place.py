"""Countries by their names."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.countries import COUNTRY
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "place",
    kind=KIND,
    title="Countries by their names",
    statement="The names of countries in English, with a post code after them. Towns are not found.",
)
def place() -> Recognizer:
    """The recogniser of LOCATION."""
    return Recognizer(
        name="place",
        entity="LOCATION",
        patterns=(Pattern(rf"(?<![\w-]){COUNTRY}(?:,? [0-9]{{3,6}}(?:-[0-9]{{2,4}})?)?(?![\w-])", 0.6),),
        examples=(
            "moved here from «Czech Republic».",
            "Reykjavík, «Iceland 49624»",
        ),
        counterexamples=(
            "turkey and china plates",
            "Irelands",
        ),
    )
