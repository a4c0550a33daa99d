"""How streets are called and addresses are written, as pieces of regular expressions."""

from __future__ import annotations

from assay.privacy.deidentification.countries import COUNTRY

SUFFIXES = (
    "Alley|Annex|Arcade|Avenue|Ave|Bend|Bluff|Boulevard|Blvd|Branch|Bridge|Brook|Bypass|Canyon|Causeway|Center|Circle|"
    "Cliff|Close|Common|Corner|Course|Court|Ct|Cove|Creek|Crescent|Crest|Crossing|Dale|Dam|Divide|Drive|Dr|Estate|"
    "Expressway|Extension|Falls|Ferry|Field|Flat|Ford|Forest|Forge|Fork|Fort|Freeway|Garden|Gateway|Glen|Green|Grove|"
    "Harbor|Haven|Heights|Highway|Hwy|Hill|Hollow|Inlet|Island|Isle|Junction|Key|Knoll|Lake|Landing|Lane|Ln|Light|Lock|"
    "Lodge|Loop|Manor|Meadow|Mews|Mill|Mission|Motorway|Mount|Mountain|Neck|Orchard|Oval|Overpass|Parade|Park|Parkway|"
    "Pkwy|Pass|Passage|Path|Pike|Pine|Place|Pl|Plain|Plaza|Point|Port|Prairie|Ramp|Ranch|Rapid|Rest|Ridge|River|Road|Rd|"
    "Route|Row|Run|Shoal|Shore|Skyway|Spring|Spur|Square|Sq|Station|Stravenue|Stream|Street|Str|St|Summit|Terrace|"
    "Throughway|Trace|Track|Trafficway|Trail|Tunnel|Turnpike|Underpass|Union|Valley|Viaduct|View|Village|Ville|Vista|"
    "Walk|Wall|Way|Well|Burg|Camp|Cape|Club|Curve|Mall|Radial|Rue|Via"
)
"""Words that end a street name: after USPS Publication 28, appendix C1, with those usual in Britain and Australia."""

ENDINGS = (
    "traße|trasse|traat|str\\.|weg|platz|allee|gasse|ring|ufer|damm|laan|plein|kade|gracht|singel|dijk|vej|gade|gata|"
    "gatan|gate|vägen|vegen|veien|katu|tie|gatve|iela|utca|stræti|braut|stien|pad"
)
"""Endings of street names in one word: German, Dutch, the Nordic and Baltic languages, Hungarian."""

KINDS_BEFORE = (
    "Via|Viale|Piazza|Corso|Largo|Rue|Avenue|Boulevard|Allée|Chemin|Place|Impasse|Calle|C/|Avenida|Av\\.|Avda\\.|Ctra\\.|"
    "Paseo|Plaza|Camino|Rua|R|Travessa|Praça|Estrada|Ulica|ul\\.|pl\\.|os\\.|Strada|Str\\.|Im|Am|"
    "An der|Auf der|Zur|plac|aleja|ulica|Contrada|Vicolo|Borgo|Strada|Rotonda|Callejón|Rambla|Glorieta|Ronda|"
    "Alameda|Quai|Cours|Square|Fazenda|Quinta|Praia"
)
"""Kinds of streets that stand before the name: Italian, French, Spanish, Portuguese, Polish, Romanian, German."""

KINDS_AFTER = (
    "utca|út|útja|krt|tér|tere|tee|tn|tänav|pst|puiestee|põik|katu|tie|vej|vei|veien|gate|gata|nám|náměstí|nábřeží|"
    "ulica|cesta|trg|laan|straat|gade|gatan|väg|vägen|Strasse|Straße|Str\\."
)
"""Kinds of streets that stand after the name: Hungarian, Estonian, Finnish, the Nordic languages, Czech, Slovene."""

CAPITAL = r"[^\W\d_a-zà-öø-ÿ]"
"""A letter that is not a small one of Latin-1."""

WORD = rf"{CAPITAL}[\w\x27’.-]{{0,30}}"
PARTICLE = (
    "(?:de|la|le|les|des|du|el|los|las|do|da|dos|das|di|del|della|dei|van|den|der|het|von|am|an|im|in|bei|ob|pod|pri|nad|u|"
    "y|e|i|et|sur|sous|en|upon|by|the|&)"
)
"""Small words within the names of streets and towns."""

NAME = rf"(?:[\x27’][st][ -]|{PARTICLE} )?{WORD}(?:[ -](?:{PARTICLE} ){{0,2}}{WORD}){{0,3}}"
NUMBER = r"[0-9]{1,6}(?:[A-Za-z](?!\w))?(?:[/-][0-9]{1,4})?"
UNIT = r"(?:Apt|APT|Apartment|Suite|Ste|Unit|Flat|Studio|Piso|Piano|Appartamento|App\.)\.? ?#?[0-9A-Z]{1,6}(?!\w)"
POST_CODE = (
    r"(?:[0-9]{4} ?[A-Z]{2}|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}|[0-9]{3,8}(?:-[0-9]{2,4})?|"
    r"[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}|[A-Z][0-9][A-Z] [0-9][A-Z][0-9])(?![\w-])"
)
LINE = r" ?\r?\n {0,6}"
"""The end of a line and the margin of the next."""

APART = rf"(?:,?{LINE}(?:, )?|, ?)"
"""What separates the parts of an address."""

_AFTER_TOWN = rf"(?=,|{LINE}| {POST_CODE}| [A-Z]{{2}} [0-9]|[.?!;)]*(?:\s|$)|-[0-9])"
_PART = (
    rf"(?:{UNIT}|{COUNTRY}(?!\w)(?:,? {POST_CODE})?|[A-Z]{{2,3}}(?!\w)(?: {POST_CODE})?|{POST_CODE}(?:,? {NAME})?|"
    rf"{NAME}{_AFTER_TOWN}(?:[ -]{POST_CODE})?)"
)
TAIL = (
    rf"(?:,? {UNIT})?(?: ?{APART}{_PART}){{0,4}}(?:,? {COUNTRY}(?!\w)|,? [A-Z]{{2}}(?= [0-9]))?(?:,? {POST_CODE})?"
    r"(?: ?[/(] ?[A-Z]{2}(?!\w)\)?)?"
)
"""What may follow the street: flat, town, country or state, post code."""
