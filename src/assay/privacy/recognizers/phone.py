"""Telephone numbers."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import digits_of
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "phone",
    kind=KIND,
    title="Telephone numbers",
    statement=(
        "International (+), North American and national forms; 7 to 15 digits (ITU-T E.164). Bare digits "
        "need a word near."
    ),
)
def phone() -> Recognizer:
    """The recogniser of PHONE."""
    return Recognizer(
        name="phone",
        entity="PHONE",
        patterns=(
            Pattern(r"(?<![\w+])(?:\+|00)[1-9](?:[ .()/\u00a0-]{0,3}[0-9]){6,14}(?:x[0-9]{1,6})?(?!\w)", 0.7),
            Pattern(
                r"(?<![\w.+-])(?:(?:001|\+?1)[ .-])?(?:\([2-9][0-9]{2}\) ?|"
                r"[2-9][0-9]{2}[ .-])[0-9]{3}[ .-]?[0-9]{4}(?:(?: ?x| ext\.? ?)[0-9]{1,6})?(?!\w|-[0-9])",
                0.6,
            ),
            Pattern(
                r"(?<![\w.+-])(?:\(0[0-9]{1,4}\)[ -]?|0[0-9]{2,4}[ -])[0-9]{3,8}(?:[ -][0-9]{2,4}){0,3}(?!\w|-[0-9])",
                0.5,
            ),
            Pattern(r"(?<![\w.+-])0[0-9]{1,3}-[0-9]{2,4}(?: [0-9]{2,3}){1,2}(?!\w|-[0-9])", 0.6),
            Pattern(r"(?<![\w.+-])[1-9][0-9] 9?[0-9]{4}-[0-9]{4}(?!\w|-[0-9])", 0.5),
            Pattern(r"(?<![\w.+-])\(0[0-9]\)[ .-]?[0-9]{4}[ .-]?[0-9]{4}(?!\w|-[0-9])", 0.6),
            Pattern(r"(?<![\w.+-])0[1-9](?:[ .][0-9]{2}){4}(?!\w|-[0-9])", 0.6),
            Pattern(r"(?<![\w.+-])0[1-9][0-9]{8,9}(?!\w|-[0-9])", 0.5),
            Pattern(r"(?<![\w.+/-])\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,12}(?:x[0-9]{1,6})?(?!\w|[/-][0-9])", 0.2),
        ),
        examples=(
            "ring «+49 (0)30 901820» now",
            "ring «(415) 555-2671» now",
            "ring «415-555-2671x123» now",
            "at «(415)5552671».",
            "at «(022) 7929-466».",
            "at «0739-9433570»-Office",
            "or «08-094 41 29».",
            "or «65 93151-7362».",
            "or «(02).5046.8755».",
            "landline «756 395 371»",
            "at «415.123.2671».",
            "ring «001-415-155-2671x12» now",
            "ring «+44 20 7946 0958».",
            "at «(0117)4960322».",
            "at «01 46 86 56 90».",
            "at «0164613589».",
            "mobile: «07700 900123»",
            "phone: «5552671»",
            "tel. «+14155552671».",
        ),
        counterexamples=(
            "on 2020-01-02 she came",
            "order 123456789 was sent",
            "£1,000,000",
        ),
        context=(
            *("phone", "tel", "telephone", "mobile", "cell", "fax", "call", "ring", "whatsapp", "telefon", "number is"),
            *("contact", "dial", "sms", "text me", "landline", "hotline", "office", "registered"),
        ),
        valid=_has_digits,
    )


def _has_digits(text: str) -> bool:
    return 7 <= len(digits_of(text.lower().partition("x")[0])) <= 15
