"""IP addresses, version 4 and 6."""

from __future__ import annotations

from ipaddress import ip_address as parse

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "ip-address",
    kind=KIND,
    title="IP addresses, version 4 and 6",
    statement="Parsed by the rules of RFC 791 and RFC 4291; a digit is required, so that a::b in code is none.",
)
def ip_address() -> Recognizer:
    """The recogniser of IP_ADDRESS."""
    return Recognizer(
        name="ip-address",
        entity="IP_ADDRESS",
        patterns=(
            Pattern(r"(?<![\w.:])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])", 0.8),
            Pattern(r"(?<![\w.:])[0-9A-Fa-f:]{3,39}(?![\w:])", 0.8),
        ),
        examples=(
            "from «192.168.17.4» at noon",
            "from «10.0.0.1»:8080.",
            "from «2001:db8::8a2e:370:7334» at noon",
        ),
        counterexamples=(
            "version 1.2.3",
            "999.1.1.1 is none",
            "at 10:30:05 today",
            "facade",
        ),
        context=(
            "ip",
            "address",
            "host",
        ),
        valid=_is_address,
    )


def _is_address(text: str) -> bool:
    if "." not in text and (text.count(":") < 2 or not any(character.isdigit() for character in text)):
        return False
    try:
        return not parse(text).is_unspecified
    except ValueError:
        return False
