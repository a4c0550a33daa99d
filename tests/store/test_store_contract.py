"""What every store does, on every backend."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from assay.core.decision import Decision
from assay.core.errors import AssayError, Message
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Interval, Limit, Measure, Verdict
from assay.store import Attachment, open_store, sql

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)


def finding(number: int, **changes: object) -> Finding:
    made = Finding(
        check="fairness.selection_rates",
        check_version=1,
        subject="credit",
        measure=Measure(
            "selection_rate_gap",
            number / 7,
            (40, 60),
            over=("sex", "age"),
            groups=({"sex": "Female", "age": None}, {"sex": "Male", "age": "missing"}),
            interval=Interval(0.0, 1 / 3, 0.95, "Newcombe 10"),
            notes=(Message("small", "only {n} rows", {"n": 40}),),
        ),
        verdict=Verdict.INCONCLUSIVE,
        limit=Limit("selection_rate_gap", "lower", 0.05, 0.1),
        params={"level": 0.95},
        inputs={"counts": "sha256:00"},
        seed=number,
        settles_at=5_000,
        tool={"assay": "0.1.0"},
    )
    return replace(made, **changes)


def run(id: str = "run-1", *, findings: list[Finding] | None = None, **changes: object) -> Run:
    made = Run(
        id=id,
        subject="credit",
        started=NOON,
        seconds=1.25,
        findings=Findings(findings or []),
        sources=({"source": "loans.parquet", "sha256": "00"},),
        policy={"name": "default", "required": ["quality.data"]},
        host={"python": "3.11"},
        subject_facts={"rows": 1000, "groups": {"sex": {"Male": 690, "Female": 310}}},
        checks={"quality.data": {"title": "Z first"}, "fairness.selection_rates": {"title": "A second"}},
    )
    return replace(made, **changes)


def keep(store, made: Run) -> Run:
    store.begin(made)
    for item in made.findings:
        store.add(made.id, item)
    store.end(made)
    return made


def execute(store, statement: str, **values: object) -> None:
    """What somebody else does to the database, past the store."""
    with store._engine.execution_options(write=True).begin() as connection:
        connection.execute(text(statement), values)


@pytest.fixture
def store(store_url):
    with open_store(store_url) as opened:
        yield opened


def test_a_run_comes_back_as_it_was(store):
    made = keep(store, run(findings=[finding(n) for n in (3, 1, 2)]))
    back = store.run("run-1")
    assert json.dumps(back.to_json()) == json.dumps(made.to_json())
    assert [f.measure.value for f in back] == [3 / 7, 1 / 7, 2 / 7]
    assert back.verdict is made.verdict is Verdict.INCONCLUSIVE


def test_it_comes_back_from_another_opening_too(store, store_url):
    made = keep(store, run(findings=[finding(1)]))
    with open_store(store_url) as again:
        assert again.run("run-1").to_json() == made.to_json()


def test_a_run_under_way_can_be_read(store):
    store.begin(run(status="done"))
    assert store.run("run-1").status == "running"
    store.add("run-1", finding(1))
    assert [f.seed for f in store.run("run-1")] == [1]
    (header,) = store.runs()
    assert (header.status, header.findings, header.verdict) == ("running", 1, None)


def test_the_same_finding_twice_is_stored_once(store):
    store.begin(run())
    for number in (1, 2, 1, 1):
        store.add("run-1", finding(number))
    assert [f.seed for f in store.run("run-1")] == [1, 2]
    keep(store, run("run-2", findings=[finding(2), finding(1)]))
    assert [f.seed for f in store.run("run-2")] == [2, 1]


def test_only_a_run_under_way_takes_findings(store):
    with pytest.raises(AssayError, match="Run run-1 is not under way"):
        store.add("run-1", finding(1))
    keep(store, run())
    for late in (lambda: store.add("run-1", finding(1)), lambda: store.end(run())):
        with pytest.raises(AssayError, match="it has ended"):
            late()
    with pytest.raises(AssayError, match="already"):
        store.begin(run())
    assert len(store.run("run-1").findings) == 0


def test_an_interrupted_run_keeps_what_was_done(store):
    store.begin(run())
    store.add("run-1", finding(1))
    store.end(run(status="interrupted", seconds=0.5, findings=[finding(1)]))
    back = store.run("run-1")
    assert (back.status, back.seconds, len(back.findings)) == ("interrupted", 0.5, 1)


def test_runs_are_listed_newest_first_whatever_their_time_zone(store):
    east = timezone(timedelta(hours=9))
    started = {
        "old": NOON,
        "new": NOON.astimezone(east) + timedelta(hours=2),
        "middle": NOON + timedelta(hours=1),
    }
    for id, moment in started.items():
        keep(store, run(id, started=moment, findings=[finding(1), finding(2)]))
    headers = store.runs()
    assert [h.id for h in headers] == ["new", "middle", "old"]
    assert headers[0].started == started["new"]
    assert headers[0].to_json() == {
        "id": "new",
        "subject": "credit",
        "started": "2026-03-01T23:00:00.123456+09:00",
        "seconds": 1.25,
        "status": "done",
        "verdict": "inconclusive",
        "findings": 2,
    }
    assert [h.id for h in store.runs(limit=1)] == ["new"]
    assert store.run("latest").id == "new"


def test_a_run_is_found_by_the_beginning_of_its_id(store):
    for id in ("abc1", "abc2", "abd", "a%c", "ABC1"):
        keep(store, run(id))
    assert store.run("abd").id == "abd"
    assert store.run("abc1").id == "abc1"
    assert store.run("a%").id == "a%c"
    assert store.run("AB").id == "ABC1"
    with pytest.raises(AssayError, match="'abc' begins more than one Run: abc1, abc2"):
        store.run("abc")
    for nobody in ("", "x", "bc1", "'; DROP TABLE runs; --", "\0", "\ud800"):
        with pytest.raises(AssayError, match="There is no Run"):
            store.run(nobody)


def test_an_id_that_begins_another_is_still_its_own(store):
    keep(store, run("abc"))
    keep(store, run("abcd"))
    assert store.run("abc").id == "abc"


def test_an_empty_store_says_so(store):
    assert list(store.runs()) == []
    assert list(store.decisions()) == []
    with pytest.raises(AssayError, match="holds no Run yet"):
        store.run("latest")


def test_a_finding_is_found_by_id(store):
    one = finding(1)
    keep(store, run(findings=[one, finding(2)]))
    assert store.finding(one.id).to_json() == one.to_json()
    assert store.finding(one.id[:20]).id == one.id
    with pytest.raises(AssayError, match="There is no Finding 'sha256:zz'"):
        store.finding("sha256:zz")


@pytest.mark.parametrize(
    ("find", "put", "message"),
    [
        ('"value": 0.14285714285714285', '"value": 0.04', "was changed after it was made"),
        ('"verdict": "inconclusive"', '"verdict": "pass"', "was changed after it was made"),
        ('"check": "fairness', '"chock": "fairness', "cannot be read from the store"),
        ('"format": 1', '"format": 99', "has format 99; this assay reads 1"),
        ("{", "", "cannot be read from the store"),
        ('"id": "sha256:', '"id": "sha256:0', "it says that it is sha256:0"),
        ('"low": 0.0', '"low": 7.0', "cannot be read from the store"),
    ],
)
def test_a_changed_finding_is_not_believed(store, find, put, message):
    one = finding(1)
    keep(store, run(findings=[one]))
    body = json.dumps(one.to_json())
    assert find in body
    execute(store, "UPDATE findings SET body = :body", body=body.replace(find, put, 1))
    for read in (lambda: store.finding(one.id), lambda: store.run("run-1")):
        with pytest.raises(AssayError, match=message):
            read()


def test_a_finding_that_is_not_what_its_id_says_is_not_stored(store):
    store.begin(run())
    with pytest.raises(AssayError, match="was changed after it was made"):
        store.add("run-1", finding(1, stored_id=finding(2).id))
    assert len(store.run("run-1").findings) == 0


def test_a_private_release_has_a_random_id(store):
    release = finding(1, stored_id="random:5f0c7a12e6b84f77a6a7d7cf4d3c0c55")
    keep(store, run(findings=[release]))
    assert store.run("run-1").findings[0].id == release.id
    assert store.finding("random:5f").to_json() == release.to_json()


def test_attachments_come_back_by_digest(store):
    data = bytes(range(256)) * 4000
    digest = store.attach(data, media_type="image/png")
    assert store.attach(data, media_type="text/plain") == digest
    assert store.attachment(digest) == Attachment(data, "image/png")
    assert store.attachment(digest[:15]).data == data
    assert store.attachment(store.attach(b"", media_type="text/plain")).data == b""
    with pytest.raises(AssayError, match="There is no attachment 'sha256:zz'"):
        store.attachment("sha256:zz")


def test_a_changed_attachment_is_not_believed(store):
    digest = store.attach(b"a curve", media_type="text/plain")
    execute(store, "UPDATE attachments SET data = :data", data=b"another")
    with pytest.raises(AssayError, match="was changed after it was stored"):
        store.attachment(digest)


def with_curves(number: int, /, **data: bytes) -> Finding:
    plain = finding(number)
    curves = {name: Attachment(bytes_, "image/png", "a curve") for name, bytes_ in data.items()}
    measure = replace(plain.measure, attachments=curves)
    return replace(plain, measure=measure, attachments={name: curve.digest for name, curve in curves.items()})


def test_the_measures_of_a_run_have_their_attachments_again(store):
    made = [with_curves(1, roc=b"one", prc=b"two"), finding(2), with_curves(3, roc=b"two")]
    for data in (b"one", b"two", b"of no Finding"):
        store.attach(data, media_type="image/png")
    keep(store, run(findings=made))
    back = store.run("run-1")
    assert [{k: v.data for k, v in f.measure.attachments.items()} for f in back] == [
        {"roc": b"one", "prc": b"two"},
        {},
        {"roc": b"two"},
    ]
    assert back.findings[0].measure.attachments["roc"] == Attachment(b"one", "image/png")
    assert [f.to_json() for f in back] == [f.to_json() for f in made]
    assert store.finding(made[2].id).measure.attachments["roc"].data == b"two"


def test_a_run_is_read_where_the_bytes_of_an_attachment_are_elsewhere(store):
    keep(store, run(findings=[with_curves(1, roc=b"one")]))
    (back,) = store.run("run-1")
    assert (back.measure.attachments, list(back.attachments)) == ({}, ["roc"])


def test_more_attachments_than_one_query_takes_come_back(store, monkeypatch):
    monkeypatch.setattr(sql, "AT_ONCE", 2)
    made = [with_curves(n, roc=b"%d" % n) for n in range(5)]
    for item in made:
        store.attach(item.measure.attachments["roc"].data, media_type="image/png")
    keep(store, run(findings=made))
    assert [f.measure.attachments["roc"].data for f in store.run("run-1")] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_changed_attachment_stops_the_reading_of_its_run(store):
    store.attach(b"one", media_type="image/png")
    keep(store, run(findings=[with_curves(1, roc=b"one")]))
    execute(store, "UPDATE attachments SET data = :data", data=b"another")
    with pytest.raises(AssayError, match="was changed after it was stored"):
        store.run("run-1")


def test_an_attachment_that_is_too_large_is_refused(store):
    with pytest.raises(AssayError, match="5,000,000 are allowed"):
        store.attach(bytes(5_000_001), media_type="image/png")


def decision(*findings: str, **changes: object) -> Decision:
    return replace(Decision("Ada Lovelace", "waive", tuple(findings), "the gap is known", NOON, "default 1"), **changes)


def test_decisions_are_kept_oldest_first(store):
    one, two = finding(1), finding(2)
    keep(store, run(findings=[one, two]))
    later = decision(one.id, two.id, at=NOON.astimezone(timezone(timedelta(hours=9))) + timedelta(hours=1))
    earlier = decision(one.id, outcome="approve")
    ids = [store.decide(made) for made in (later, earlier, earlier)]
    assert ids == [made.to_json()["id"] for made in (later, earlier, earlier)]
    assert store.decisions() == [earlier, later]
    assert store.decisions(finding=one.id) == [earlier, later]
    assert store.decisions(finding=two.id) == [later]
    assert store.decisions(finding="sha256:zz") == []


def test_a_decision_is_about_findings_that_are_here(store):
    with pytest.raises(AssayError, match="no Finding 'sha256:zz'"):
        store.decide(decision("sha256:zz"))
    assert store.decisions() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM decisions",
        "UPDATE decisions SET person = 'x'",
        "DELETE FROM decision_findings",
        "UPDATE decision_findings SET finding_id = finding_id",
    ],
)
def test_the_database_itself_keeps_decisions_as_they_are(store, statement):
    one = finding(1)
    keep(store, run(findings=[one]))
    store.decide(decision(one.id))
    with pytest.raises(DBAPIError, match="is append-only"):
        execute(store, statement)
    assert store.decisions(finding=one.id) == [decision(one.id)]


def test_hostile_names_are_names(store):
    hostile = "Robert'); DROP TABLE runs;--\0\ud800 \u202e <script> é 組"
    one = finding(1, subject=hostile, measure=Measure("m", 0.5, 3, slice={hostile: hostile}))
    made = keep(store, run(subject=hostile, findings=[one], subject_facts={hostile: [hostile]}))
    assert store.run("run-1").to_json() == made.to_json()
    assert store.run("run-1").findings[0].measure.slice == {hostile: hostile}


def test_threads_may_share_a_store(store):
    store.begin(run())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.add("run-1", finding(n)), range(80)))
    assert sorted(f.seed for f in store.run("run-1")) == list(range(80))


@pytest.fixture(scope="module")
def memory():
    with open_store(":memory:") as opened:
        yield opened


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    names=st.dictionaries(
        st.text(st.characters(), max_size=8), st.none() | st.text(st.characters(), max_size=8), max_size=3
    ),
    params=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    subject=st.text(st.characters(), max_size=10),
    reason=st.text(st.characters(), max_size=10),
    private=st.booleans(),
)
def test_any_finding_comes_back_as_it_was(memory, value, names, params, subject, reason, private):
    why = Message("why", "{reason}", {"reason": reason})
    measure = Measure("m", value, 3, slice=names, reason=why if value is None else None, notes=(why,))
    one = finding(1, measure=measure, subject=subject, params=params)
    one = replace(one, stored_id=f"random:{one.id}") if private else one
    id = f"run-{len(memory.runs(limit=10_000))}"
    keep(memory, run(id, subject=subject, findings=[one]))
    assert memory.run(id).findings[0].to_json() == one.to_json()


def test_stores_in_memory_are_apart_and_shared_by_threads():
    with open_store("sqlite:///:memory:") as one, open_store("sqlite://") as two:
        keep(one, run(findings=[finding(1)]))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(one.run, "latest").result().id == "run-1"
        assert list(two.runs()) == []
        assert one.label == ":memory:"
