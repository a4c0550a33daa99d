"""Attributed texts as HTML and for a terminal: hostile texts do nothing, and signs are seen without colour."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.explain.texts.attribution import TextAttributions
from assay.explain.texts.pieces import spans_of


def attributed(text: str, values: list[float] | None = None, **more) -> TextAttributions:
    spans = spans_of(text, unit="token")
    given = np.linspace(-0.3, 0.4, len(spans)) if values is None else np.array(values)
    output = np.array([0.2 + given.sum()])
    return TextAttributions(
        "partition-shap", (text,), (spans,), (given,), np.array([0.2]), output, "P(up)", "probability", **more
    )


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.text, self.attributes = set(), "", set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@given(st.text(alphabet=st.sampled_from("ab <>&\"'/=\n\x1b\u202e\u2066\x00ש")))
def test_no_text_becomes_markup_or_steers_a_terminal(text):
    found = attributed(text)
    seen = Seen()
    seen.feed(found.html())
    assert seen.tags <= {"section", "p", "strong", "span", "bdi", "sup"}
    assert seen.attributes <= {"style", "title", "dir"}
    assert not set("\x1b\u202e\u2066\x00") & set(found.html())
    plain = found.terminal(colour=False)
    assert not set("\x1b\u202e\u2066\x00") & set(plain)
    assert set(re.findall(r"\x1b\[[0-9;]*m", found.terminal())) <= {
        f"\x1b[{code}m" for code in ("97;44", "34;4", "30;43", "33;4", "0")
    }


def test_signs_are_seen_without_colour():
    found = attributed("bad good so-so", [-0.3, 0.4, 0.0])
    page = found._repr_html_()
    assert re.search(r"border-bottom:4px solid[^>]*><bdi[^>]*><sup[^>]*>\+</sup>good", page)
    assert re.search(r"border-bottom:3px dotted[^>]*><bdi[^>]*><sup[^>]*>−</sup>bad", page)
    assert 'title="+0.400"' in page
    shown = found.terminal(colour=False)
    assert "[-bad] [+good] so-so" in shown
    assert re.search(r"good +\+0\.400 +\+{24}$", shown, re.MULTILINE)
    assert re.search(r"bad +−0\.300 +-{18}$", shown, re.MULTILINE)
    assert "P(up) is 0.300, from 0.200" in shown


def test_errors_and_what_is_unexplained_are_said():
    found = attributed("bad good", [-0.3, 0.4], errors=(np.array([0.1, 0.0]),))
    assert "±" in found.terminal(colour=False)
    off = TextAttributions(
        *("lime", ("a b",), (((0, 1), (2, 3)),), (np.array([0.1, 0.1]),), np.array([0.2]), np.array([0.9])),
        *("P(up)", "probability"),
    )
    assert "Not explained by lime: +0.500" in off.terminal(colour=False)
    assert "Not explained by the method: +0.500" in off.html()
    with pytest.raises(AssayError, match="numbered from 0"):
        off.terminal(1)


def test_a_text_without_pieces_is_shown():
    assert "No piece changed the answer" in attributed("  ").html()
    assert "is 0.2" in attributed("").terminal()
