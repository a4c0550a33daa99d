"""Postal addresses, as far as they have a form."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "street-address",
    kind=KIND,
    title="Postal addresses, as far as they have a form",
    statement=(
        "House number and street, street and house number (German), post office box, state and ZIP code, "
        "British post code. Towns alone are not found."
    ),
)
def street_address() -> Recognizer:
    """The recogniser of ADDRESS."""
    return Recognizer(
        name="street-address",
        entity="ADDRESS",
        patterns=(
            Pattern(
                r"(?<![\w.-])[0-9]{1,6}[A-Za-z]? (?:[A-Z][\w\x27.-]{0,30} ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|"
                r"Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|Circle|Close|"
                r"Crescent|Gardens|Highway|Hwy)(?!\w)\.?(?:,? (?:Apt\.?|Apartment|Suite|Unit|"
                r"Flat) ?#?[0-9A-Z]{1,6}(?!\w))?",
                0.8,
            ),
            Pattern(
                r"(?<!\w)[A-ZÄÖÜ][\wäöüß-]{1,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|"
                r"ufer) [0-9]{1,4} ?[a-z]?(?!\w)",
                0.8,
            ),
            Pattern(r"(?<!\w)P\.? ?O\.? Box [0-9]{1,8}(?!\w)", 0.9),
            Pattern(
                r"(?<!\w)(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|"
                r"S[CD]|T[NX]|UT|V[AT]|W[AIVY]) [0-9]{5}(?:-[0-9]{4})?(?![\w-])",
                0.7,
            ),
            Pattern(r"(?<!\w)[A-PR-UWYZ][A-HJ-Y]?[0-9][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2}(?!\w)", 0.6),
        ),
        examples=(
            "lives at «221B Baker Street», London",
            "at «1600 Amphitheatre Pkwy, Suite 20»",
            "wohnt «Lindenstraße 12 a»",
            "write to «P.O. Box 1234»",
            "Springfield, «IL 62704»",
            "London «NW1 6XE»",
        ),
        counterexamples=(
            "12 Angry Men",
            "the street was long",
        ),
        context=(
            "address",
            "lives",
            "street",
            "post code",
            "zip",
            "adresse",
            "wohnt",
        ),
    )
