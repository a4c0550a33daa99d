"""Postal addresses, as far as they have a form."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer
from assay.privacy.deidentification.streets import (
    APART,
    CAPITAL,
    ENDINGS,
    KINDS_AFTER,
    KINDS_BEFORE,
    LINE,
    NAME,
    NUMBER,
    PARTICLE,
    POST_CODE,
    SUFFIXES,
    TAIL,
    UNIT,
    WORD,
)

_BEFORE = rf"(?<![\w.-])(?:{UNIT},? )?(?:[0-9]{{1,6}}(?:/[0-9]{{1,4}})?,? ){{0,2}}"
"""Flats, numbers of houses and post codes that stand before."""

_PLAIN = rf"(?:{WORD}|[0-9]{{1,5}}(?:st|nd|rd|th)?(?!\w))"
_BOX = "P\\.? ?O\\.? Box|Postbox|Postfach|Postboks|Apartado|Casella postale"
_ZIP = r"(?<!\w)(?i:zip|zip code|post ?code|postal code|PLZ)(?: is)?:? "

_PATTERNS = (
    Pattern(rf"{_BEFORE}{NUMBER} (?:{WORD} ){{1,4}}(?:{SUFFIXES})s?(?!\w)\.?{TAIL}", 0.8),
    Pattern(rf"{_BEFORE}(?:{WORD} )?{CAPITAL}[\w-]{{1,40}}(?i:{ENDINGS}),? {NUMBER}(?: ?[a-z])?(?!\w){TAIL}", 0.8),
    Pattern(rf"{_BEFORE}(?:{KINDS_BEFORE}) (?:[\w\x27’.-]{{1,30}},? ){{1,5}}?{NUMBER}(?!\w){TAIL}", 0.7),
    Pattern(rf"{_BEFORE}(?:{WORD} ){{1,3}}(?:{KINDS_AFTER}) {NUMBER}(?!\w){TAIL}", 0.7),
    Pattern(rf"{_BEFORE}(?:{WORD} ){{1,4}}{NUMBER}(?!\w){TAIL}", 0.2),
    Pattern(rf"(?<![\w.-]){NUMBER},? (?i:{KINDS_BEFORE})(?: {PARTICLE}){{0,3}} {NAME}{TAIL}", 0.7),
    Pattern(
        rf"(?<![\w.-]){WORD},? (?:{WORD},? |{PARTICLE} ){{0,4}}?{NUMBER}(?!\w)(?: {UNIT})? ?"
        rf"(?:{APART}{NAME},? {POST_CODE}(?:,? {NAME})?|,? {POST_CODE},? {NAME}){TAIL}",
        0.7,
    ),
    Pattern(
        rf"(?<![\w.-])(?i:{KINDS_BEFORE})(?: {PARTICLE}){{0,3}} {NAME}(?: {NUMBER})?(?: {UNIT})? ?"
        rf"{APART}(?:{NAME}{APART})?{POST_CODE}(?:,? {NAME})?{TAIL}",
        0.7,
    ),
    Pattern(rf"{_BEFORE}{NUMBER},? {NAME}(?:{APART}{NAME}){{1,2}}(?:,? |-){POST_CODE}{TAIL}", 0.6),
    Pattern(rf"{_BEFORE}(?:{_BOX}) [0-9]{{1,8}}(?!\w){TAIL}", 0.9),
    Pattern(
        rf"(?<!\w)(?:(?:PSC|CMR|Unit) [0-9]{{1,5}},? Box [0-9]{{1,6}}|US[A-Z]{{1,3}} {WORD})"
        rf"(?:,?{LINE}|,? )[AFD]PO A[AEP] [0-9]{{5}}(?!\w)",
        0.9,
    ),
    Pattern(
        r"(?<![\w.-])(?:Apt|APT|Apartment|Suite)\.? #?[0-9]{1,5}[A-Z]?(?!\w)"
        rf"(?:(?:, ?|{LINE}){WORD}(?: {WORD}){{0,2}})?{TAIL}",
        0.6,
    ),
    Pattern(rf"(?<!\w)[Cc]orner of (?P<found>(?:{_PLAIN} ){{1,6}}and {_PLAIN}(?: {_PLAIN}){{0,4}})", 0.7),
    Pattern(
        r"(?<!\w)(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|"
        r"S[CD]|T[NX]|UT|V[AT]|W[AIVY]) [0-9]{5}(?:-[0-9]{4})?(?![\w-])",
        0.7,
    ),
    Pattern(r"(?<!\w)[A-PR-UWYZ][A-HJ-Y]?[0-9][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2}(?!\w)", 0.6),
    Pattern(r"(?<!\w)[ABCEGHJ-NPRSTVXY][0-9][A-Z] [0-9][A-Z][0-9](?!\w)", 0.5),
    Pattern(
        rf"{_ZIP}(?P<found>[0-9]{{3}} [0-9]{{2}}|[0-9]{{4}} [A-Z]{{2}}|[0-9]{{3,6}}(?:-[0-9]{{2,4}})?)(?![\w-])", 0.6
    ),
)


_EXAMPLES = (
    "lives at «221B Baker Street, London»",
    "at «580 Parsons Gateway Apt. 215»",
    "in «Sabina-Franke-Gasse 77/93»",
    "at «1600 Amphitheatre Pkwy, Suite 20»",
    "at «5 Wolfe Street\\nApt. 12\\nSpringfield\\nUnited States 62704»",
    "wohnt «Lindenstraße 12 a»",
    "wohnt «Wencke-Liebelt-Weg 66, 33918 Bremen»",
    "at «Flat 6, 3 Gillian Lodge, Lake Amelialand, KT4 1AG»",
    "au «558, boulevard de Le Goff, 81254 Duhamel»",
    "in «Viale Casale, 89, 20099, Sesto San Giovanni (MI)»",
    "at «14/99, Lad Chowk, Surendranagar Dudhrej 987961»",
    "in «Via Garibaldi 88»",
    "in «Petőfi utca 4»",
    "her address is «Männi 12».",
    "write to «P.O. Box 1234»",
    "to «PSC 4254, Box 2523\nAPO AE 36323»",
    "at the corner of «Ash Lane and 3rd Avenue», he",
    "Springfield, «IL 62704»",
    "London «NW1 6XE»",
    "ZIP: «1421»",
)


@part(
    "street-address",
    kind=KIND,
    title="Postal addresses, as far as they have a form",
    statement=(
        "Number and street or street and number, as they are written in some twenty languages, with flat, town, "
        "country and post code after them; boxes, military addresses, post codes. Towns alone are not found."
    ),
)
def street_address() -> Recognizer:
    """The recogniser of ADDRESS."""
    return Recognizer(
        name="street-address",
        entity="ADDRESS",
        patterns=_PATTERNS,
        examples=_EXAMPLES,
        counterexamples=(
            "12 Angry Men",
            "the street was long",
            "in May 12",
            "see Table 5",
            "In 2020, he came",
            "on May 3, Tom said",
        ),
        context=(
            *(
                "address",
                "addresses",
                "lives",
                "live",
                "living",
                "lived",
                "located",
                "location",
                "resides",
                "residence",
            ),
            *(
                "office",
                "offices",
                "deliver",
                "delivered",
                "delivery",
                "shipping",
                "taxi",
                "street",
                "station",
                "hotel",
            ),
            *("restaurant", "arrived at", "moved to", "adresse", "wohnt", "domicilio", "indirizzo"),
        ),
    )
