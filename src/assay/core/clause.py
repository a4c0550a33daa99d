"""A place in a law, standard or framework that a check gives evidence for."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.errors import AssayError, unknown

SOURCES: dict[str, tuple[str, str]] = {
    "eu-ai-act": ("EU AI Act, Regulation (EU) 2024/1689", "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"),
    "gdpr": ("GDPR, Regulation (EU) 2016/679", "https://eur-lex.europa.eu/eli/reg/2016/679/oj"),
    "nist-ai-rmf": ("NIST AI Risk Management Framework 1.0", "https://doi.org/10.6028/NIST.AI.100-1"),
    "iso-42001": ("ISO/IEC 42001:2023", "https://www.iso.org/standard/81230.html"),
    "29-cfr": (
        "Uniform Guidelines on Employee Selection Procedures, 29 CFR",
        "https://www.ecfr.gov/current/title-29/part-1607",
    ),
    "nyc-ll144": (
        "New York City Local Law 144, 6 RCNY 5-301",
        "https://rules.cityofnewyork.us/rule/automated-employment-decision-tools-2/",
    ),
    "ecoa": (
        "Equal Credit Opportunity Act, Regulation B, 12 CFR 1002",
        "https://www.ecfr.gov/current/title-12/part-1002",
    ),
    "sr-26-2": (
        "Supervisory guidance on model risk management, SR 26-2",
        "https://www.federalreserve.gov/supervisionreg/srletters/srletters.htm",
    ),
}
"""Known sources: short name -> (full name, address). Links are shown, never fetched."""


@dataclass(frozen=True, slots=True, order=True)
class Clause:
    """`source` is one of SOURCES, `place` the article or measure as the source writes it."""

    source: str
    place: str

    @classmethod
    def parse(cls, text: str, /) -> Clause:
        """`"eu-ai-act:10(2)(f)"` as a Clause; an unknown source is an error that lists the known."""
        source, colon, place = text.partition(":")
        if not colon or not place:
            raise AssayError(f"Clause {text!r} is not of the form source:place.", code="clause")
        if source not in SOURCES:
            raise unknown("clause source", source, SOURCES, code="clause")
        return cls(source, place)

    def __str__(self) -> str:
        return f"{self.source}:{self.place}"

    @property
    def title(self) -> str:
        """For a reader: the full name of the source and the place in it."""
        return f"{SOURCES[self.source][0]}, {self.place}"

    @property
    def link(self) -> str:
        """Address of the source."""
        return SOURCES[self.source][1]
