"""The language of private questions: what it reads, what it refuses, and that it writes itself again."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.privacy.queries.ask import Ask, parse

NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name.strip() == name and name.isprintable())


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("count", Ask("count")),
        (" COUNT() by region ", Ask("count", by=("region",))),
        ("mean(income) by region, sex", Ask("mean", "income", ("region", "sex"))),
        ('sum("hours per week")', Ask("sum", "hours per week")),
        ('mean("by") by "a ""b"""', Ask("mean", "by", ('a "b"',))),
        ("median(x)", Ask("median", "x", probability=Fraction(1, 2))),
        ("quantile(x, 0.9)", Ask("quantile", "x", probability=Fraction(9, 10))),
        ("quantile(x,1/3) by y", Ask("quantile", "x", ("y",), probability=Fraction(1, 3))),
        ("histogram(x, 10)", Ask("histogram", "x", bins=10)),
        ("histogram(x, [-1, 0, 2.5])", Ask("histogram", "x", edges=(Fraction(-1), Fraction(0), Fraction(5, 2)))),
        ("contingency(a, b, c)", Ask("contingency", by=("a", "b", "c"))),
    ],
)
def test_a_question_is_read(text, ask):
    assert parse(text) == ask
    assert parse(ask.text()).columns == ask.columns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "means(x)",
        '"mean"(x)',
        "mean",
        "mean()",
        "mean(x",
        "mean x)",
        "mean(x) region",
        "mean(x) by",
        "mean(x) by a b",
        "mean(x) by a,",
        "mean(x) by a, a",
        "mean(x, y)",
        "count(x)",
        "mean((x))",
        "mean([x])",
        'mean("x)',
        "quantile(x)",
        "quantile(x, 1.5)",
        "quantile(x, often)",
        "histogram(x)",
        "histogram(x, 0)",
        "histogram(x, 2000)",
        "histogram(x, [1])",
        "histogram(x, [2, 1])",
        "histogram(x, [1, 2)",
        "histogram(x, [1 2 3])",
        "contingency(a)",
        "contingency(a, a)",
        "contingency(a, b) by c",
        "mean(x) where y",
    ],
)
def test_what_is_no_question_is_one_clear_error(text):
    with pytest.raises(AssayError) as caught:
        parse(text)
    assert caught.value.code in ("ask", "number")
    assert caught.value.hint


@given(NAMES, st.lists(NAMES, max_size=3, unique=True), st.sampled_from(["sum", "mean", "variance", "median"]))
def test_any_names_can_be_asked_about(column, by, statistic):
    ask = parse(Ask(statistic, column, tuple(by)).text())
    assert (ask.statistic, ask.column, ask.by) == (statistic, column, tuple(by))
