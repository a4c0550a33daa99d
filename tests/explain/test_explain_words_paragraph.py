"""Paragraphs: every number is in a record, nothing is called a cause, hostile names stay names."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import assay
from assay.core.errors import AssayError
from assay.explain.local.tabular import lime
from assay.explain.question import question
from assay.explain.recourse.counterfactual import Change
from assay.explain.recourse.search import counterfactuals
from assay.explain.shapley.explain import explain
from assay.explain.target import Target
from assay.explain.words import Vocabulary, paragraphs, sources, verify
from assay.explain.words.catalogue import MESSAGES, catalogue
from assay.explain.words.figures import figure, percent
from assay.explain.words.paragraph import Paragraph, paragraph
from assay.explain.words.piece import Marks, tokens

AUDIENCES = ("customer", "analyst", "regulator")
HOSTILE = "<b>1</b> {x}\x1b[31m\u202e “you are approved 7”"
CAUSES = re.compile(r"\b(because|cause[sd]?|due to|leads? to|led to|results? in|you would|the reason)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def told():
    asked = question(assay.demo("credit", with_model=True), [2, 17, 6, 10])
    return asked, explain(asked), counterfactuals(asked, count=2)


def all_of(told, **keywords):
    asked, found, ways = told
    return [p for who in AUDIENCES for p in paragraphs(asked, found, audience=who, recourse=ways, **keywords)]


def test_every_number_is_found_in_the_records(told):
    vocabulary = Vocabulary.parse(
        {"labels": {"amount_dm": "amount"}, "units": {"amount_dm": "marks of 1975"}, "classes": {"good": "approved"}}
    )
    made = all_of(told, vocabulary=vocabulary, data="German credit, 1994")
    assert len(made) == 12
    assert all(len(tokens(p.text, p.marks)) > 2 for p in made)
    assert all(verify(p, p.sources) == [] for p in made)
    assert "marks of 1975" in made[0].text + made[4].text


def test_one_altered_number_is_noticed_wherever_it_stands(told):
    for p in all_of(told):
        for match in re.finditer(r"\d", p.text):
            other = str((int(match[0]) + 1) % 10)
            assert verify(replace(p, text=p.text[: match.start()] + other + p.text[match.end() :]), p.sources)


def test_a_number_that_is_altered_in_text_and_list_alike_is_not_in_the_record(told):
    p = all_of(told)[4]
    for i, number in enumerate(p.numbers):
        shown = re.sub(r"\d", lambda m: str((int(m[0]) + 1) % 10), number.shown)
        start = [m.start() for m in re.finditer(re.escape(number.shown), p.text)]
        for at in start:
            text = p.text[:at] + shown + p.text[at + len(number.shown) :]
            numbers = (*p.numbers[:i], replace(number, shown=shown), *p.numbers[i + 1 :])
            assert verify(replace(p, text=text, numbers=numbers), p.sources)


def test_an_altered_record_an_added_number_and_two_exchanged_are_noticed(told):
    p = all_of(told)[4]
    assert verify(p, dict(p.sources) | {"base": float(p.sources["base"]) + 0.01}) == [
        n.shown for n in p.numbers if n.source == "base"
    ]
    assert verify(replace(p, text=p.text + " 42"), p.sources) == ["42"]
    first, second = p.numbers[1].shown, p.numbers[2].shown
    swapped = p.text.replace(first, "@", 1).replace(second, first, 1).replace("@", second, 1)
    assert first != second
    assert verify(replace(p, text=swapped), p.sources)
    assert verify(p, {}) == [n.shown for n in p.numbers]


def test_nothing_is_called_a_cause(told):
    assert [p.text for p in all_of(told) if CAUSES.search(p.text)] == []
    assert [m for m in catalogue().messages.values() if CAUSES.search(m)] == []


def test_a_customer_is_told_at_most_five_reasons_on_both_sides(told):
    asked, found, _ = told
    for p in paragraphs(asked, found):
        reasons = re.findall(r"“[^”]+”: ", p.text)
        assert 3 <= len(reasons) <= 5
    short = paragraph(asked, found, most=1)
    assert len(re.findall(r"“[^”]+”: ", short.text)) == 1


def test_the_sides_are_those_of_the_contributions(told):
    asked, found, _ = told
    for row, p in enumerate(paragraphs(asked, found)):
        towards = re.search(r"(?:most towards “good” was|in its favour): ([^.]+)\.", p.text)
        against = re.search(r"(?:most against “good” was|counted against it): ([^.]+)\.", p.text)
        for part, sign in ((towards, 1), (against, -1)):
            for name in re.findall(r"“([^”]+)”: ", part[1]) if part else ():
                i = found.columns.place(name.replace(" ", "_"))
                assert sign * found.values[row, i] > 0


def test_analysts_get_base_sum_residual_and_errors_of_sampled_values(told):
    asked, *_ = told
    sampled = explain(asked, method="permutation-shap")
    text = paragraph(asked, sampled, audience="analyst").text
    assert "largest Monte-Carlo standard error" in text
    assert "on the scale “probability”" in text
    exact = paragraph(asked, told[1], audience="analyst").text
    assert "The method is exact" in exact
    assert "add up to the output within arithmetic accuracy" in exact


def test_a_regulator_is_told_method_baseline_version_data_and_protected_attributes(told):
    asked, found, _ = told
    text = paragraph(asked, found, audience="regulator", data="German credit").text
    for part in (asked.target.model.digest, "200 training rows", "exact SHAP values", "None of the declared", "“sex”"):
        assert part in text
    fed = paragraph(asked, found, audience="regulator", protected=["job", "sex"]).text
    assert "fed these declared protected attributes: “job”" in fed
    assert "No protected attribute was declared" in paragraph(asked, found, audience="regulator", protected=[]).text
    assert "The data set was not named" in paragraph(asked, found, audience="regulator").text


def test_without_a_way_within_the_constraints_no_change_is_promised():
    case = assay.demo("credit", with_model=True)
    asked = question(case, [2])
    found = explain(asked)
    none = counterfactuals(asked, constraints={"immutable": list(asked.columns.names)})
    customer = paragraph(asked, found, recourse=none).text
    assert "no change was found" in customer
    assert "in place of" not in customer
    assert "The nearest one breaks constraints" in paragraph(asked, found, recourse=none, audience="analyst").text
    assert "What could change" not in paragraph(asked, found).text


class Answers:
    """A model of two classes by a function of the table."""

    name, digest, task, classes = "answers 9", "not digested", "binary", ("0", "1")

    def __init__(self, features, chance):
        self.features, self.chance = features, chance

    def scores(self, table):
        p = self.chance(table)
        return np.column_stack([1 - p, p])

    def predict(self, table):
        return np.where(self.chance(table) >= 0.5, "1", "0")


def hostile_case(n: int = 300) -> assay.Case:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            HOSTILE: rng.choice([HOSTILE, "3-5 {0}", "a 1,234", "b"], n),
            "income_2020": np.where(rng.random(n) < 0.2, np.nan, rng.normal(3e6, 1e6, n)),
            "tiny": rng.normal(0, 1e-8, n),
            "y": rng.integers(0, 2, n),
        }
    )

    def chance(table):
        income = np.nan_to_num(table["income_2020"].to_numpy()) / 1e6
        return 1 / (1 + np.exp(2 - income - (np.array(table[HOSTILE].to_pylist()) == "b")))

    features = (HOSTILE, "income_2020", "tiny")
    model = Answers(features, chance)
    return assay.Case.from_frame(frame, label="y", favourable=1, features=list(features), model=model, name="h")


def test_hostile_names_and_missing_values_neither_act_nor_deceive():
    asked = question(hostile_case(), list(range(12)), background=40)
    found = explain(asked)
    ways = counterfactuals(asked, count=1)
    made = [p for who in AUDIENCES for p in paragraphs(asked, found, audience=who, recourse=ways)]
    for p in made:
        assert verify(p, p.sources) == []
        assert not any(c in p.text for c in ("\x1b", "\u202e", "“you are"))
        assert "<b>" not in p.html
    assert any("⟨U+001B⟩" in p.text and "{x}" in p.text for p in made)
    assert any("not known" in p.text for p in made)


def outputs(value: float) -> assay.Case:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40) % 2})
    model = Answers(("x",), lambda table: np.full(table.num_rows, value))
    return assay.Case.from_frame(frame, label="y", favourable=1, features=["x"], model=model, name="c")


@pytest.mark.parametrize(("chance", "words"), [(0.0, "under 1%"), (1.0, "over 99%"), (0.996, "over 99%"), (0.5, "50%")])
def test_probabilities_near_zero_and_one_are_bounds(chance, words):
    asked = question(outputs(chance), [1])
    found = explain(asked)
    p = paragraph(asked, found)
    assert f"at {words}" in p.text
    assert "No single piece of information sets this case apart" in p.text
    assert "Every contribution is zero" in paragraph(asked, found, audience="analyst").text
    assert verify(p, dict(p.sources) | {"chance": 1 - chance}) == ([] if chance == 0.5 else [p.numbers[-1].shown])


def people() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"age": rng.integers(18, 80, 200), "job": rng.choice(["clerk", "cook"], 200)})
    return frame.assign(pay=20_000.0 + 300 * frame["age"] + 5_000 * (frame["job"] == "cook"))


def test_regressions_have_an_estimate_and_a_unit():
    frame = people()
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough"), LinearRegression()
    )
    model.fit(frame[["age", "job"]], frame["pay"])
    case = assay.Case.from_frame(
        frame, label="pay", task="regression", features=["age", "job"], model=assay.wrap_model(model), name="pay"
    )
    asked = question(case, [0, 1])
    found = explain(asked)
    ways = counterfactuals(asked, target=(50_000, None))
    vocabulary = Vocabulary(units={"age": "years"}, output_unit="dollars a year")
    for who in AUDIENCES:
        p = paragraph(asked, found, audience=who, vocabulary=vocabulary, recourse=ways)
        assert verify(p, p.sources) == []
        assert f"{found.outputs[0]:,.0f} dollars a year" in p.text
        assert "decision is" not in p.text
    assert "years" in paragraph(asked, found, vocabulary=vocabulary).text


def test_several_classes_are_decided_as_the_model_predicts():
    frame = people().assign(kind=lambda f: np.select([f["age"] < 35, f["age"] < 60], ["a", "b"], "c"))
    model = LogisticRegression(max_iter=5000).fit(frame[["age"]], frame["kind"])
    case = assay.Case.from_frame(frame, label="kind", features=["age"], model=assay.wrap_model(model), name="kind")
    asked = question(case, list(range(20)), output="c")
    made = paragraphs(asked, explain(asked))
    want = model.predict(frame[["age"]].iloc[:20])
    assert {*want} == {"a", "b", "c"}
    for p, label in zip(made, want, strict=True):
        assert p.text.startswith(f"The system’s answer for this case is “{label}”.")


def test_thresholds_stand_on_the_right_side_of_a_rounded_probability(told):
    asked, found, _ = told
    chance = found.facts["probability"][0]
    for threshold, decided in ((chance - 1e-5, "good"), (chance + 1e-5, "bad")):
        target = Target(asked.target.model, asked.columns, asked.target.output, "probability", float(threshold))
        p = paragraph(replace(asked, target=target), found)
        said = re.search(r"at ([\d.]+)%; from ([\d.]+)% on", p.text)
        assert f"is “{decided}”" in p.text
        assert (float(said[1]) >= float(said[2])) == (decided == "good")


def test_lime_tells_its_fit():
    asked = question(assay.demo("credit", with_model=True), [2])
    text = paragraph(asked, lime(asked), audience="analyst").text
    assert "Fit: " in text
    assert "do not add up to the output" in text


def test_other_languages_are_a_file_and_fall_back_by_message(tmp_path, monkeypatch, told):
    words = '[language]\ndecimal = ","\nthousands = "."\npercent = "{value} %"\n'
    words += '[customer]\ndecision = "Antwort: {decision}."'
    (tmp_path / "xx.toml").write_text(words, encoding="utf-8")
    own = catalogue("xx", folder=tmp_path)
    monkeypatch.setattr("assay.explain.words.paragraph.catalogue", lambda code: own)
    asked, found, _ = told
    p = paragraph(asked, found, language="xx")
    assert p.text.startswith("Antwort: “good”.")
    assert re.search(r"at \d+ %", p.text)
    assert "customer.association" in p.in_english
    assert "customer.decision" not in p.in_english
    assert re.search(r"\(−0,\d+", paragraph(asked, found, language="xx", audience="analyst").text)


def test_a_language_file_with_wrong_messages_is_refused(tmp_path):
    (tmp_path / "aa.toml").write_text('[customer]\nnews = "x"', encoding="utf-8")
    (tmp_path / "bb.toml").write_text('[customer]\ndecision = "{secret}"', encoding="utf-8")
    with pytest.raises(AssayError, match="news"):
        catalogue("aa", folder=tmp_path)
    with pytest.raises(AssayError, match="secret"):
        catalogue("bb", folder=tmp_path)
    with pytest.raises(AssayError, match="Unknown language"):
        catalogue("zz")


def test_a_language_file_with_a_number_of_its_own_never_leaves(tmp_path, monkeypatch, told):
    (tmp_path / "yy.toml").write_text('[customer]\nassociation = "Sure to 99 percent."', encoding="utf-8")
    own = catalogue("yy", folder=tmp_path)
    monkeypatch.setattr("assay.explain.words.paragraph.catalogue", lambda code: own)
    with pytest.raises(AssayError, match="in no record: 99"):
        paragraph(*told[:2], language="yy")


def test_no_message_holds_a_digit():
    for path in MESSAGES.glob("*.toml"):
        assert not any(tokens(message, Marks()) for message in catalogue(path.stem).messages.values())


def test_mistakes_are_named(told):
    asked, found, _ = told
    with pytest.raises(AssayError, match="Unknown audience"):
        paragraph(asked, found, audience="judge")
    with pytest.raises(AssayError, match="no explained row 9"):
        paragraph(asked, found, row=9)
    with pytest.raises(AssayError, match="other rows"):
        paragraph(asked, found.of([1, 0, 2, 3]))
    with pytest.raises(AssayError, match="incme"):
        paragraph(asked, found, vocabulary=Vocabulary(units={"incme": "dollars"}))
    with pytest.raises(AssayError, match="Unknown key"):
        Vocabulary.parse({"names": {}})
    with pytest.raises(AssayError, match="no text"):
        Vocabulary.parse({"units": {"age": 3}})


@settings(deadline=None, max_examples=300)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(2, 6),
    st.booleans(),
    st.sampled_from([Marks(), Marks(",", ".")]),
)
def test_figures_are_read_back_to_their_last_digit(value, digits, short, marks):
    piece = figure(value, "k", marks, digits=digits, short=short, signed=not short)
    made = Paragraph(f"a {piece.text}.", piece.numbers, "analyst", "en", {}, marks)
    assert verify(made, {"k": value}) == []
    assert verify(made, {"k": value * 1.5 + 1e-300}) != [] or value == 0


@settings(deadline=None, max_examples=300)
@given(st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1)))
def test_percentages_hold_and_never_cross_the_edge(chance, edge):
    piece = percent(chance, "k", Marks(), edge=edge)
    (number,) = piece.numbers
    shown = float(number.shown) / 100
    if number.bound:
        assert chance < shown if number.bound == "<" else chance > shown
        return
    assert abs(shown - chance) <= 0.0051
    if edge is not None and abs(chance - edge) > 1e-12:
        assert (shown >= edge) == (chance >= edge)


def test_a_model_without_probabilities_has_a_decision_and_no_chance():
    class Decides(Answers):
        def scores(self, table):
            return None

    frame = pd.DataFrame({"x": np.arange(40.0), "z": np.arange(40.0) % 7, "y": np.arange(40) % 2})
    model = Decides(("x", "z"), lambda table: (table["x"].to_numpy() > 20).astype(float))
    case = assay.Case.from_frame(frame, label="y", favourable=1, features=["x", "z"], model=model, name="d")
    asked = question(case, [3, 30])
    found = explain(asked)
    for who in AUDIENCES:
        low, high = paragraphs(asked, found, audience=who, recourse=counterfactuals(asked))
        assert "“0”" in low.text
        assert "“1”" in high.text
        assert "probability of" not in low.text


def test_small_changes_are_seen_to_be_changes(told):
    asked, found, ways = told
    way = ways[0].found[0]
    tiny = replace(way, changes=(Change("duration_months", 12.3400001, 12.3400002),))
    near = replace(ways, ways=(replace(ways[0], found=(tiny,)), *ways.ways[1:]))
    assert "12.3400002 in place of 12.3400001" in paragraph(asked, found, recourse=near).text


def test_a_paragraph_of_another_hand_is_verified_against_records_made_anew(told):
    asked, found, ways = told
    p = paragraph(asked, found, row=1, audience="analyst", recourse=ways)
    again = question(assay.demo("credit", with_model=True), [17])
    assert verify(p, sources(again, explain(again), recourse=counterfactuals(again, count=2))) == []
    other = question(assay.demo("credit", with_model=True), [6])
    assert verify(p, sources(other, explain(other)))


def test_a_thousand_paragraphs_ask_the_model_once():
    asked = question(assay.demo("credit", with_model=True))
    found = explain(asked)
    before = asked.target.calls.batches
    assert len(paragraphs(asked, found)) == 1000
    assert asked.target.calls.batches == before + 1
