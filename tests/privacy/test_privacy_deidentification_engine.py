"""Finds that overlap, words near, thresholds; dates read and written again."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.privacy.deidentification.dates import read_date
from assay.privacy.deidentification.find import find
from assay.privacy.deidentification.recognizer import Pattern, Recognizer
from assay.privacy.deidentification.span import Span, disjoint

SPANS = st.lists(
    st.builds(
        lambda start, length, entity, score: Span(start, start + length, entity, score, "r"),
        st.integers(0, 60),
        st.integers(1, 20),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([0.3, 0.6, 0.9]),
    ),
    max_size=12,
)
NINE = Recognizer("nine", "NINE", (Pattern(r"(?<!\w)[0-9]{9}(?!\w)", 0.2),), ("id «123456789»",), context=("id", "né"))


def covered(spans):
    return {at for span in spans for at in range(span.start, span.end)}


@given(SPANS)
def test_nothing_that_was_found_stays_readable_and_nothing_else_is_covered(spans):
    kept = disjoint(spans)
    assert covered(kept) == covered(spans)
    assert all(one.end <= two.start for one, two in pairwise(kept))
    assert disjoint(reversed(spans)) == kept


@given(SPANS)
def test_the_best_find_names_what_overlaps(spans):
    for span in disjoint(spans):
        inside = [each for each in spans if span.start <= each.start and each.end <= span.end]
        best = max(inside, key=lambda each: (each.score, each.end - each.start))
        assert span.score == best.score


def test_a_weak_pattern_needs_a_word_near():
    texts = ["123456789", "his ID is 123456789", "né 123456789", "idiom 123456789", "id" + " x" * 40 + " 123456789"]
    assert [len(spans) for spans in find(texts, recognizers=[NINE])] == [0, 1, 1, 0, 0]
    assert [len(spans) for spans in find(texts, recognizers=[NINE], threshold=0.1)] == [1, 1, 1, 1, 1]


def test_no_texts_and_empty_texts_have_no_finds():
    assert find([], recognizers=[NINE]) == []
    assert find(["", " "], recognizers=[NINE]) == [(), ()]


@pytest.mark.parametrize(
    ("text", "expected", "shifted"),
    [
        ("2021-03-04", date(2021, 3, 4), "2021-03-31"),
        ("04/03/2021", date(2021, 3, 4), "31/03/2021"),
        ("4.3.2021", date(2021, 3, 4), "31.03.2021"),
        ("12/25/2020", date(2020, 12, 25), "01/21/2021"),
        ("4 March 2021", date(2021, 3, 4), "31 March 2021"),
        ("Mar. 4th, 2021", date(2021, 3, 4), "Mar. 31, 2021"),
    ],
)
def test_dates_are_read_and_written_in_their_form(text, expected, shifted):
    written = read_date(text)
    assert written.value == expected
    assert written.rewrite(date.fromordinal(expected.toordinal() + 27)) == shifted


def test_the_order_of_day_and_month_is_stated():
    assert read_date("03/04/2020", order="day-month").value == date(2020, 4, 3)
    assert read_date("03/04/2020", order="month-day").value == date(2020, 3, 4)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_comes_back(value):
    for text in (value.isoformat(), value.strftime("%d.%m.%Y")):
        assert read_date(text).value == value
        assert read_date(text).rewrite(value) == text


@pytest.mark.parametrize("text", ["2021-02-30", "31/02/2021", "4 Foo 2021", "March 2021", "", "1.2", "00/00/0000"])
def test_what_is_no_date_is_none(text):
    assert read_date(text) is None


def test_line_breaks_that_are_escapes_and_quoted_lines_are_white_space():
    for text in (r"x\n123456789 id", ">123456789 id\n", "id\n> 123456789", r"id\t123456789\n"):
        (span,) = find([text], recognizers=[NINE])[0]
        assert text[span.start : span.end] == "123456789"
    (span,) = find([r"a\nb id 123456789"], recognizers=[NINE])[0]
    assert span.start == 8
