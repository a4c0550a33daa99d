"""The record's rules hold by construction."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.canonical import canonical_json, digest, rounded
from assay.core.clause import Clause
from assay.core.decision import Decision
from assay.core.errors import AssayError, Message, MissingExtra, unknown
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Attachment, Interval, Limit, Measure, Share, Verdict, attached_table

NOTE = Message("empty", "no rows with {what}", {"what": "label 1"})


def finding(**changes: object) -> Finding:
    base = Finding(
        check="fairness.demo",
        check_version=1,
        subject="credit",
        measure=Measure(
            "gap", 0.1234567890123, (40, 60), over=("sex",), interval=Interval(0.05, 0.2, 0.95, "Newcombe 10")
        ),
        verdict=Verdict.INCONCLUSIVE,
        limit=Limit("gap", "lower", 0.05, 0.1),
        params={"level": 0.95},
        inputs={"counts": "sha256:00"},
    )
    return replace(base, **changes)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_measure_refuses_numbers_that_are_none(bad: float) -> None:
    with pytest.raises(ValueError, match="reason"):
        Measure("x", bad, 10)
    with pytest.raises(ValueError, match="not finite"):
        Interval(0.0, bad, 0.95, "m") if bad > 0 or bad != bad else Interval(bad, 0.0, 0.95, "m")


def test_absence_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Measure("x", None, 0)
    assert Measure("x", None, 0, reason=NOTE).to_json()["reason"] == "no rows with label 1"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Interval(0.3, 0.2, 0.95, "m"),
        lambda: Interval(0.1, 0.2, 1.0, "m"),
        lambda: Measure("x", 0.5, -1),
        lambda: Measure("x", 0.5, 10, p_value=1.2),
        lambda: Limit("x", "lower", 0.2, 0.1),
        lambda: Limit("x", "higher", 0.8, 0.9),
        lambda: Limit("x", "zero", -0.1, 0.1),
        lambda: Limit("x", "lower", 0.1, float("nan")),
    ],
)
def test_impossible_records_cannot_be_made(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


def test_a_share_of_nothing_has_no_value() -> None:
    assert Share(0, 0, 0, 0).value is None
    assert Share(1, 4, 4, 4).value == 0.25


def test_the_id_leaves_out_clock_host_build_and_traceback() -> None:
    a = finding()
    assert a.id == finding(tool={"name": "assay", "version": "9"}, error="Traceback ...").id
    assert a.id != finding(check_version=2).id
    assert a.id != finding(inputs={"counts": "sha256:01"}).id
    assert a.id.startswith("sha256:")
    assert len(a.id) == 71


def test_the_key_joins_runs_whatever_the_number_and_the_extreme_groups() -> None:
    other = replace(finding().measure, value=0.3, n=(41, 59), groups=({"sex": "F"}, {"sex": "M"}))
    assert finding().key == finding(measure=other, verdict=Verdict.FAIL, limit=None).key
    assert finding().key != finding(params={"level": 0.9}).key
    assert finding().key != finding(subject="income").key


def test_bits_below_the_stated_precision_do_not_change_the_id() -> None:
    near = replace(finding().measure, value=0.1234567890124)
    far = replace(finding().measure, value=0.12345678)
    assert finding().id == finding(measure=near).id
    assert finding().id != finding(measure=far).id


def test_the_missing_group_is_not_the_group_called_missing() -> None:
    a, b = ({"race": None}, {"race": "missing"})
    assert digest(a) != digest(b)


def test_a_finding_reads_back_as_it_was_written() -> None:
    measure = Measure("tpr", None, 0, {"sex": None}, reason=NOTE, notes=(Message("n", "a {{brace}}", {}),))
    for item in (finding(), finding(measure=measure, verdict=Verdict.UNMEASURED, settles_at=900, p_adjusted=0.2)):
        text = json.dumps(item.to_json())
        back = Finding.from_json(json.loads(text))
        assert back.to_json() == item.to_json()
        assert replace(back, stored_id="").id == item.id


def test_a_finding_of_a_newer_format_is_refused_with_words() -> None:
    with pytest.raises(AssayError, match="format 2"):
        Finding.from_json(finding().to_json() | {"format": 2})


def test_the_json_of_a_finding_has_the_published_fields() -> None:
    published = {
        *("id", "key", "format", "check", "check_version", "subject", "verdict", "measure", "limit"),
        *("params", "inputs", "seed", "tool", "attachments"),
    }
    out = finding().to_json()
    assert published <= set(out)
    assert {"name", "value", "n", "slice", "interval", "reason"} <= set(out["measure"])
    assert set(out["measure"]["interval"]) == {"low", "high", "level", "method"}


def test_the_verdict_of_a_run_is_the_worst_judged_and_the_unmeasured_count_only_where_required() -> None:
    passed, missing = finding(verdict=Verdict.PASS), finding(check="quality.other", verdict=Verdict.UNMEASURED)
    run = Run("r", "credit", datetime.now(UTC), 1.0, Findings([passed, missing]))
    assert run.verdict is Verdict.PASS
    assert replace(run, policy={"required": ["quality.other"]}).verdict is Verdict.UNMEASURED
    described = run.with_findings([passed, replace(missing, limit=None)])
    assert replace(described, policy={"required": ["quality.other"]}).verdict is Verdict.PASS
    assert run.with_findings([passed, finding(verdict=Verdict.FAIL)]).verdict is Verdict.FAIL
    assert run.with_findings([finding(verdict=None)]).verdict is None


def test_findings_can_be_selected() -> None:
    some = Findings([finding(), finding(check="quality.x", verdict=Verdict.FAIL)])
    assert len(some.select(check="quality.x")) == 1
    assert len(some.select(verdict="fail")) == 1
    assert len(some.select(measure="gap")) == 2


def test_a_run_reads_back() -> None:
    run = Run("r", "credit", datetime(2026, 1, 2, tzinfo=UTC), 1.5, Findings([finding()]), sources=({"kind": "file"},))
    assert Run.from_json(json.loads(json.dumps(run.to_json()))).to_json() == run.to_json()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_is_idempotent_and_close(value: float) -> None:
    once = rounded(value)
    assert rounded(once) == once
    assert once == pytest.approx(value, rel=1e-9)
    assert str(once) != "-0.0"


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none(), st.booleans()), max_size=6))
def test_canonical_json_does_not_depend_on_the_order_of_keys(data: dict[str, object]) -> None:
    backwards = dict(reversed(list(data.items())))
    assert canonical_json(data) == canonical_json(backwards)
    assert json.loads(canonical_json(data).decode("utf-8", "surrogatepass")) == data


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), object(), {1: "a"}, b"bytes"])
def test_what_has_no_canonical_form_is_refused(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(bad)


def test_clauses_name_a_known_source() -> None:
    clause = Clause.parse("eu-ai-act:10(2)(f)")
    assert (str(clause), clause.place) == ("eu-ai-act:10(2)(f)", "10(2)(f)")
    assert "2024/1689" in clause.title
    with pytest.raises(AssayError, match=r"eu-ai-act.*gdpr"):
        Clause.parse("eu-ai-akt:10")
    with pytest.raises(AssayError, match="source:place"):
        Clause.parse("gdpr")


def test_a_decision_names_a_person_a_reason_and_a_time_with_zone() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert Decision("A. Person", "approve", ("sha256:0",), "read it", at).to_json()["id"].startswith("sha256:")
    for person, reason, when in (("", "x", at), ("A", " ", at), ("A", "x", datetime(2026, 1, 2))):
        with pytest.raises(AssayError):
            Decision(person, "approve", (), reason, when)


def test_errors_say_what_was_expected_and_travel_between_processes() -> None:
    error = unknown("check", "fairnes.rates", ["fairness.rates", "quality.data"])
    assert "Did you mean 'fairness.rates'" in error.hint
    assert "quality.data" in error.hint
    back = pickle.loads(pickle.dumps(error))
    assert (back.message, back.code, back.hint) == (error.message, error.code, error.hint)
    extra = pickle.loads(pickle.dumps(MissingExtra("Torch models", extra="deep")))
    assert "assay[deep]" in extra.hint


def test_an_unknown_name_is_guessed_in_the_words_that_a_person_types() -> None:
    kinds = StrEnum("kinds", {"RDP": "rdp", "PLD": "pld"})
    assert unknown("accountant", "gdp", kinds).hint == "Did you mean 'rdp'? Known: pld, rdp."


def test_a_message_can_be_said_in_another_language() -> None:
    assert NOTE.text() == "no rows with label 1"
    assert NOTE.text({"empty": "keine Zeilen mit {what}"}) == "keine Zeilen mit label 1"


def test_attachments_are_beside_the_record_and_not_in_it() -> None:
    plain = Measure("auc", 0.7, 10)
    curve = Attachment(b"<svg/>", "image/svg+xml", "ROC")
    assert curve.digest == "sha256:" + hashlib.sha256(b"<svg/>").hexdigest()
    drawn = replace(plain, attachments={"roc": curve})
    assert drawn == plain
    assert drawn.to_json() == plain.to_json()
    assert "svg" not in repr(drawn)
    assert replace(drawn, value=0.8).attachments == {"roc": curve}


def test_an_attachment_may_be_only_so_large() -> None:
    assert len(Attachment(bytes(5_000_000), "image/png").data) == 5_000_000
    with pytest.raises(AssayError, match=r"\(ROC\) has 5,000,001 bytes; 5,000,000 are allowed"):
        Attachment(bytes(5_000_001), "image/png", "ROC")


def test_a_table_is_canonical_json_of_one_kind() -> None:
    table = attached_table(("score", "rate"), [(0.1 + 0.2, None), ("<b>", 2)], caption="Rates")
    assert (table.media_type, table.title) == ("application/json", "Rates")
    assert json.loads(table.data) == {
        "kind": "table",
        "columns": ["score", "rate"],
        "rows": [[0.3, None], ["<b>", 2]],
        "caption": "Rates",
    }
    assert attached_table(("score", "rate"), [(0.3, None), ("<b>", 2)], caption="Rates").digest == table.digest
    with pytest.raises(AssayError, match="needs the 2 cells"):
        attached_table(("score", "rate"), [(0.1,)])
    with pytest.raises(ValueError, match="no canonical form"):
        attached_table(("score",), [(float("nan"),)])
