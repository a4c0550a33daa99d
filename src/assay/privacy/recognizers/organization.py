"""Companies by the legal form in their name."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer

_FORMS = (
    r"(?:(?:Co|CO)\. ?,? ?(?:Ltd|LTD)|Inc|INC|Incorporated|Ltd|LTD|Limited|LLC|LLP|LP|L\.P|L\.L\.C|Corp|CORP|"
    r"Corporation|PLC|plc|Plc|P\.L\.C|GmbH|mbH|AG|KGaA|KG|SE|SA|S\.A|SAS|SARL|S\.p\.A|SpA|NV|N\.V|BV|B\.V|AB|ASA|AS|A/S|ApS|Oyj|"
    r"Oy|Pty Ltd|Pvt Ltd|Bhd|KK|Holdings|Bancorp|Foundation)"
)


@part(
    "organization",
    kind=KIND,
    title="Companies by the legal form in their name",
    statement="Up to seven words that begin with a capital or digit, and Inc., Ltd, GmbH, plc or another legal form.",
)
def organization() -> Recognizer:
    """The recogniser of ORGANIZATION."""
    return Recognizer(
        name="organization",
        entity="ORGANIZATION",
        patterns=(
            Pattern(
                rf"(?<![\w.])[A-Z](?:[\w&\x27.’/()-]{{0,30}},? (?:(?:&|and|of|the|de) )?(?=[A-Z0-9(])){{1,7}}{_FORMS}"
                r"(?!\w)\.?",
                0.6,
            ),
        ),
        examples=(
            "works at «Acme Rocket Sledges Inc.»",
            "by «Müller & Söhne GmbH», Köln",
            "for «Green Plains Partners LP», and",
            "«MATSUYA FOODS HOLDINGS CO.LTD.»",
        ),
        counterexamples=(
            "Inc. is a magazine",
            "a limited partnership",
            "made Limited progress",
        ),
    )
