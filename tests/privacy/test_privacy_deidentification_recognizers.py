"""Every recogniser finds its examples and not its counterexamples, checks digits, and takes linear time."""

import importlib
import pkgutil
import random
import time
from fractions import Fraction

import pytest

import assay.privacy.recognizers as catalogue
from assay.core.errors import AssayError
from assay.core.part import Part
from assay.privacy.deidentification.find import find, recognizers_of

PARTS = {
    thing.id: thing
    for info in pkgutil.iter_modules(catalogue.__path__)
    for thing in vars(importlib.import_module(f"{catalogue.__name__}.{info.name}")).values()
    if isinstance(thing, Part)
}
ALL = {recognizer.name: recognizer for recognizer in recognizers_of(PARTS)}
EXAMPLES = [(name, text) for name, each in ALL.items() for text in each.examples]
COUNTEREXAMPLES = [(name, text) for name, each in ALL.items() for text in each.counterexamples]


def found(text, recognizers):
    return [(text[span.start : span.end], span.entity) for span in find([text], recognizers=recognizers)[0]]


@pytest.mark.parametrize(("name", "marked"), EXAMPLES)
def test_examples_are_found_whole(name, marked):
    identifier = marked[marked.index("«") + 1 : marked.index("»")]
    text = marked.replace("«", "").replace("»", "")
    assert found(text, [ALL[name]]) == [(identifier, ALL[name].entity)]


@pytest.mark.parametrize(("name", "marked"), EXAMPLES)
def test_examples_are_covered_where_all_recognisers_look(name, marked):
    text = marked.replace("«", "").replace("»", "")
    start, end = marked.index("«"), marked.index("»") - 1
    assert any(span.start <= start and end <= span.end for span in find([text], recognizers=list(ALL.values()))[0])


@pytest.mark.parametrize(("name", "text"), COUNTEREXAMPLES)
def test_counterexamples_are_not_found(name, text):
    assert found(text, [ALL[name]]) == []


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_recogniser_is_named_as_its_part_and_says_what_it_relies_on(part):
    assert part.kind == "recognizer"
    assert part.make().name == part.id
    assert part.statement.endswith(".")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("iban", "DE89370400440532013000"),
        ("credit-card", "4111111111111111"),
        ("uk-nhs", "9434765919"),
        ("de-tax-id", "65929970489"),
        ("es-dni", "12345678Z"),
        ("fr-nir", "151024610204325"),
        ("nl-bsn", "111222333"),
        ("pl-pesel", "44051401359"),
        ("se-personnummer", "811228-9874"),
        ("in-aadhaar", "234123412346"),
        ("br-cpf", "52998224725"),
        ("au-tfn", "123456782"),
    ],
)
def test_every_single_wrong_digit_is_noticed(name, number):
    """The sums are made for this; two wrong digits may pass."""
    valid = ALL[name].valid
    assert valid(number)
    for at, character in enumerate(number):
        if character.isdigit():
            wrong = [number[:at] + other + number[at + 1 :] for other in "0123456789" if other != character]
            assert not any(valid(text) for text in wrong), at


def test_few_random_numbers_pass_the_checksums():
    """A sum mod m lets one in m pass."""
    chance = random.Random(20260101)
    for name, length, modulus in (("uk-nhs", 10, 11), ("nl-bsn", 9, 11), ("au-tfn", 9, 11), ("credit-card", 16, 10)):
        passed = sum(ALL[name].valid("".join(chance.choices("0123456789", k=length))) for _ in range(20_000))
        assert abs(Fraction(passed, 20_000) - Fraction(1, modulus)) < Fraction(1, 100)


HOSTILE = [
    *("a", "A", "0", "1", "9", "A1", "1 ", "1-", "1.", "1:", "(", "+1", " ", "a.", "a@", "@", "a@a.", "www.", "www.a."),
    *(
        "http://",
        "http://a.",
        "A ",
        "1 A ",
        "12 Abc ",
        "1 A. ",
        "Aa",
        "AB12",
        "AB12 ",
        "::",
        "f:",
        "P.O.Box ",
        "<",
        "A<",
    ),
    *(
        "4111 ",
        "00 ",
        "1(",
        "1)",
        "+1 (",
        "1990-01-",
        "1/1/",
        "1 January ",
        "January 1 ",
        "dob ",
        "\u00a0",
        "1\u00a0",
        "é",
    ),
]


@pytest.mark.parametrize("name", ALL)
def test_hostile_texts_take_linear_time(name):
    """Repetitions that make patterns with nested or overlapping repetitions take quadratic time, or worse."""
    slow = []
    for piece in HOSTILE:
        for end in ("", "!", "\n", "@x"):
            text = piece * (10_000 // len(piece)) + end
            start = time.perf_counter()
            find([text], recognizers=[ALL[name]])
            if time.perf_counter() - start > 0.5:
                slow.append((piece, end))
    assert slow == []


def test_names_are_chosen_or_refused():
    assert [each.name for each in recognizers_of(PARTS, only=["iban"])] == ["iban"]
    with pytest.raises(AssayError, match="Did you mean 'iban'"):
        recognizers_of(PARTS, only=["ibam"])
    with pytest.raises(AssayError, match="from 0 to 1"):
        find(["x"], recognizers=[], threshold=2.0)


@pytest.mark.parametrize(
    "text",
    [
        "Invoice 20240312-0045, total 1,234,567.89 EUR, reference 12345678901, page 12 of 345.",
        "ISBN 978-3-16-148410-0, chapter 4, section 2.1, version 3.11.4, at 10:45:30, ratio 16:9.",
        "He paid $1,200.50 for 3 items (20% off) in room 1204-B; see table 5-1 and RFC 2119.",
        "The model reached 0.912345678 on 48842 rows, 1e-10 below #3 of 128 GB at 2.4 GHz.",
        "def facade(abc): return abc[1:2:3] + deed::cafe",
        "",
    ],
)
def test_ordinary_text_has_no_finds(text):
    assert found(text, list(ALL.values())) == []


def test_verhoeff_agrees_with_published_numbers():
    """236 has the check digit 3, 12345 has 1 (Verhoeff 1969, as tabulated since)."""
    valid = ALL["in-aadhaar"].valid
    assert [number for number in range(2360, 2370) if valid(str(number))] == [2363]
    assert [number for number in range(123450, 123460) if valid(str(number))] == [123451]


ADDRESSES = [
    "lives at 12 Baker Street, London NW1 6XE",
    "wohnt Alessandro-Koch-Ring 9/4, 78951 Starnberg",
    "habite 428, rue Gillet, 12984 Humbertdan",
    "woont Mathijsring 20, 9965 DD, Stampersgat",
    "abita Contrada Casalodi, 7, 80144, Secondigliano (NA)",
    "vive en Callejón de Matías Cantero 89, Asturias, 48676",
    "mieszka plac Sawickiej 23/60, 62-690 Brodnica",
    "bor Parkgatan 163, 75381 Lidingö",
    "lives at 65/11, Chada Road, Kupwad 415904",
    "mora Largo Aparecida, 28, Melo, 63570-800 Mendonça / GO",
    "lives at 59 Ellis Alley, Carrollbury, VIC, 2665",
    "at 1600 Amphitheatre Parkway, Mountain View, CA 94043",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_nothing_of_an_address_stays_readable(text):
    (span,) = find([text], recognizers=[ALL["street-address"]])[0]
    assert text[: span.start].split() in [["lives", "at"], ["vive", "en"], ["at"], text.split()[:1]]
    assert span.end == len(text)
    assert span.entity == "ADDRESS"
