"""Names are shown so that they neither act nor deceive, whatever they hold."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.coding import OTHER
from assay.documents.escape import (
    Name,
    markdown_code,
    markdown_words,
    short,
    show_html,
    show_markdown,
    show_text,
    visible,
    visible_name,
)
from assay.documents.language import Sentence, language

TEXT = st.text(st.characters(exclude_categories=()), max_size=90)
WORD = language().word


def plain(markup: str) -> str:
    parser = HTMLParser(convert_charrefs=True)
    found: list[str] = []
    parser.handle_data = found.append
    parser.feed(markup)
    parser.close()
    return "".join(found)


@given(TEXT)
def test_nothing_unseen_is_left(text):
    shown = visible(text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    unseen = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\u200c\u200d"}
    assert not unseen
    assert all(c == " " for c in shown if unicodedata.category(c) == "Zs")


@given(TEXT, TEXT)
def test_different_names_are_shown_differently(a, b):
    # A name that spells out an escape, or the sign for a space, can look like another; nothing else can.
    if not set("⟨␣…") & set(a + b):
        assert (visible_name(a) == visible_name(b)) == (a == b)


@pytest.mark.parametrize("name", ["عمر", "می‌خواهم", "हिन्दी", "👩‍👩‍👧", "Ünïcode", "日本"])
def test_names_in_any_script_stay_as_they_are(name):
    assert visible_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("a\u00a0b", "a⟨U+00A0⟩b"),
        ("a\nb", "a⟨U+000A⟩b"),
        (" a", "␣a"),
        ("  ", "␣␣"),
        ("\u3164", "⟨U+3164⟩"),
        ("\uffff", "⟨U+FFFF⟩"),
    ],
)
def test_what_hides_is_spelled_out(name, shown):
    assert visible_name(name) == shown


@given(TEXT)
def test_html_holds_the_name_and_no_markup_of_it(text):
    markup = show_html(Name((text,)), WORD)
    inner = markup.removeprefix("<bdi>").removesuffix("</bdi>") if text not in ("", OTHER) else ""
    assert not set("<>\"'") & set(inner)
    if inner:
        assert plain(inner) == visible_name(text)


@given(TEXT)
def test_markdown_code_is_one_cell_and_one_span(text):
    code = markdown_code(text)
    assert "|" not in code
    assert "\n" not in code
    if code.startswith("`"):
        assert code.count("`") == 2
    else:
        inner = code.removeprefix("<code>").removesuffix("</code>")
        assert plain(inner) == visible_name(text)
        assert not set("<>`|*_[]@\\") & set(inner)


@given(st.text(max_size=60))
def test_markdown_words_hold_no_markup(text):
    shown = markdown_words(text)
    assert plain(shown) == visible(text.replace("\n", " ")) or "\r" in text
    assert not set("`*_[]<>|@\\") & set(shown)


def test_long_names_keep_what_tells_them_apart():
    a, b = "x" * 200, "x" * 199 + "y"
    assert short(a) != short(b)
    assert len(short(a)) == 61
    assert short("x" * 64) == "x" * 64


def test_missing_other_and_empty_are_no_names():
    special = Name((None, OTHER, "", "missing"))
    assert show_text(special, WORD) == "(missing) · (all others) · (empty text) · missing"
    assert (
        show_html(special, WORD) == "<em>missing</em> · <em>all others</em> · <em>empty text</em> · <bdi>missing</bdi>"
    )
    assert show_markdown(special, WORD) == "*missing* · *all others* · *empty text* · `missing`"


def test_names_in_sentences_are_no_templates():
    sentence = Sentence("gate.other", {"text": Name(("{0.__class__} {text}",))})
    assert language().text(sentence) == "{0.__class__} {text}."
    assert language().html(sentence) == "<bdi>{0.__class__} {text}</bdi>."


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0.000"), (-0.0, "0.000"), (0.1234, "0.123"), (-0.5, "−0.500"), (12345.6, "12,346"), (0.00012, "0.00012")],
)
def test_numbers_read_well(value, shown):
    assert language().number(value) == shown


def test_counts_percentages_and_p_values_read_well():
    words = language()
    assert words.count(12400) == "12,400"
    assert words.about(14146) == "14,100"
    assert words.percent(0.3114) == "31.1%"
    assert words.level(0.95) == "95%"
    assert words.p_value(0.0004) == "<0.001"
    assert words.measure("tpr_gap") == "True positive rate, widest gap"
    assert words.measure("my_own_number") == "My own number"
