"""Postal addresses, as far as they have a form."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer

_SUFFIXES = (
    "Alley|Annex|Arcade|Avenue|Ave|Bend|Bluff|Boulevard|Blvd|Branch|Bridge|Brook|Bypass|Canyon|Causeway|Center|Circle|"
    "Cliff|Close|Common|Corner|Course|Court|Ct|Cove|Creek|Crescent|Crest|Crossing|Dale|Dam|Divide|Drive|Dr|Estate|"
    "Expressway|Extension|Falls|Ferry|Field|Flat|Ford|Forest|Forge|Fork|Fort|Freeway|Garden|Gateway|Glen|Green|Grove|"
    "Harbor|Haven|Heights|Highway|Hwy|Hill|Hollow|Inlet|Island|Isle|Junction|Key|Knoll|Lake|Landing|Lane|Ln|Light|Lock|"
    "Lodge|Loop|Manor|Meadow|Mews|Mill|Mission|Motorway|Mount|Mountain|Neck|Orchard|Oval|Overpass|Park|Parkway|Pkwy|"
    "Pass|Passage|Path|Pike|Pine|Place|Pl|Plain|Plaza|Point|Port|Prairie|Ramp|Ranch|Rapid|Rest|Ridge|River|Road|Rd|"
    "Route|Row|Run|Shoal|Shore|Skyway|Spring|Spur|Square|Sq|Station|Stravenue|Stream|Street|St|Summit|Terrace|"
    "Throughway|Trace|Track|Trafficway|Trail|Tunnel|Turnpike|Underpass|Union|Valley|Viaduct|View|Village|Ville|Vista|"
    "Walk|Wall|Way|Well|Burg|Camp|Cape|Club|Curve|Mall|Radial|Rue|Via"
)
"""Words that end a street name: after USPS Publication 28, appendix C1, with those usual in Britain."""

_NUMBER_STREET = (
    rf"(?<![\w.-])[0-9]{{1,6}}[A-Za-z]? (?:[A-Z][\w\x27.-]{{0,30}} ){{1,4}}(?:{_SUFFIXES})s?(?!\w)\.?"
    r"(?:,? (?:Apt\.?|Apartment|Suite|Unit|Flat) ?#?[0-9A-Z]{1,6}(?!\w))?"
)
_STREET_NUMBER = (
    r"(?<![\w-])[A-ZÄÖÜ][\wäöüß-]{1,40}(?:[sS]traße|[sS]trasse|[sS]tr\.|[wW]eg|[pP]latz|[aA]llee|[gG]asse|[rR]ing|[uU]fer)"
    r" [0-9]{1,4}(?:[/-][0-9]{1,4}| ?[a-z])?(?!\w)"
)


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
            Pattern(_NUMBER_STREET, 0.8),
            Pattern(_STREET_NUMBER, 0.8),
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
            "at «580 Parsons Gateway Apt. 215»",
            "in «Sabina-Franke-Gasse 77/93»",
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
