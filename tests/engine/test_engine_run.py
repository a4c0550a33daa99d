"""A Run asks what it can, keeps what it found, and says why the rest is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError
from assay.core.finding import Run
from assay.core.measure import Attachment, Limit, Measure, Verdict
from assay.core.policy import Policy, PolicyLimit
from assay.engine.areas import Registry, load
from assay.engine.judge import rejudge
from assay.engine.run import judged, measures_of, run

FREE = Policy()


def by_check(done: Run) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for finding in done.findings:
        out.setdefault(finding.check, []).append(finding)
    return out


def test_every_check_leaves_findings_whatever_happens(table: Any, known: Registry) -> None:
    table.roles |= {"rows"}
    done = run(table, known=known, policy=FREE, seed=7)
    found = by_check(done)
    assert set(found) == {"toys.share", "toys.broken", "toys.drawn", "toys.far"}
    assert found["toys.share"][0].measure.value == pytest.approx(0.55)
    assert found["toys.share"][1].verdict is Verdict.FAIL
    assert found["toys.share"][0].inputs["counts"] == table.counts.digest
    broken = found["toys.broken"][0]
    assert broken.verdict is Verdict.UNMEASURED
    assert "ZeroDivisionError" in broken.measure.reason.text()
    assert "Traceback" in broken.error
    assert found["toys.drawn"][0].measure.value == 7.0
    assert (found["toys.drawn"][0].seed, found["toys.drawn"][0].inputs) == (7, {"rows": "sha256:rows"})
    assert found["toys.share"][0].seed is None
    assert "regression" in found["toys.far"][0].measure.reason.text()
    assert done.status == "done"
    json.dumps(done.to_json(), allow_nan=False)


def test_counting_checks_share_one_call(table: Any, known: Registry) -> None:
    run(table, known=known, policy=FREE)
    assert len(table.asked) == 1
    assert len(table.asked[0]) == 2


def test_counts_that_cannot_be_made_cost_only_the_checks_that_need_them(table: Any, known: Registry) -> None:
    count = table.count

    def picky(requests: Any) -> Any:
        if any("label" in request.roles for request in requests):
            raise AssayError("Too many cells.", code="cells")
        return count(requests)

    table.count = picky
    found = by_check(run(table, known=known, policy=FREE))
    assert "Too many cells" in found["toys.share"][0].measure.reason.text()
    assert "ZeroDivisionError" in found["toys.broken"][0].measure.reason.text()
    with pytest.raises(AssayError, match="Too many cells"):
        run(table, known=known, policy=FREE, checks=["toys.share"])


def test_without_rows_a_row_check_says_so(table: Any, known: Registry) -> None:
    done = run(table, checks=["toys.drawn"], known=known, policy=FREE)
    assert done.findings[0].measure.reason.id == "no-rows"
    assert "only counts" in done.findings[0].measure.reason.text()


def test_ids_do_not_depend_on_the_run(table: Any, known: Registry) -> None:
    first, second = (run(table, known=known, policy=FREE, checks=["toys.share"]) for _ in range(2))
    assert first.id != second.id
    assert [f.id for f in first.findings] == [f.id for f in second.findings]


def test_parameters_reach_the_check_and_the_finding(table: Any, known: Registry) -> None:
    done = run(table, checks=["toys.share"], params={"toys.share": {"level": 0.8}}, known=known, policy=FREE)
    assert done.findings[1].measure.interval.level == 0.8
    assert done.findings[1].params == {"level": 0.8}


def test_the_level_of_the_policy_is_the_level_of_the_intervals(table: Any, known: Registry) -> None:
    done = run(table, checks=["toys.share"], known=known, policy=Policy.from_toml("[rules]\nlevel = 0.9"))
    assert done.findings[1].measure.interval.level == 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"checks": ["toys.shar"]}, "Did you mean 'toys.share'"),
        ({"params": {"toys.sharee": {}}}, "toys.sharee"),
        ({"params": {"toys.share": {"lvl": 1}}}, "lvl"),
        ({"policy": Policy(required=("toys.none",))}, "toys.none"),
    ],
)
def test_unknown_names_are_errors_before_any_work(
    table: Any, known: Registry, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AssayError, match=words):
        run(table, known=known, **({"policy": FREE} | arguments))
    assert table.asked == []


def test_findings_are_stored_as_they_are_made(table: Any, known: Registry, memory: Any) -> None:
    done = run(table, known=known, policy=FREE, sink=memory)
    kinds = [kind for kind, _ in memory.told]
    assert kinds == ["begin", *["add"] * len(done.findings), "end"]
    assert memory.told[0][1].status == "running"
    assert memory.told[-1][1].status == "done"
    assert [f.id for kind, f in memory.told if kind == "add"] == [f.id for f in done.findings]


def test_a_stopped_run_keeps_what_is_done_and_says_so(table: Any, known: Registry, memory: Any) -> None:
    calls = iter([False, True])
    done = run(table, known=known, policy=FREE, sink=memory, stop=lambda: next(calls))
    assert done.status == "interrupted"
    assert memory.told[-1][1].status == "interrupted"
    assert 0 < len(done.findings) < 5


def test_control_c_keeps_what_is_done(table: Any, known: Registry, memory: Any) -> None:
    class Impatient:
        def started(self, task: str, /, *, total: int) -> None: ...

        def advanced(self, task: str, /, *, done: int, note: str = "") -> None:
            if done == 1:
                raise KeyboardInterrupt

        def found(self, finding: object, /) -> None: ...

        def ended(self, task: str, /, *, note: str = "") -> None: ...

    done = run(table, known=known, policy=FREE, sink=memory, progress=Impatient())
    assert done.status == "interrupted"
    assert len(done.findings) >= 1


def test_progress_hears_every_finding(table: Any, known: Registry) -> None:
    heard: list[str] = []

    class Ear:
        def started(self, task: str, /, *, total: int) -> None:
            heard.append(f"start {total}")

        def advanced(self, task: str, /, *, done: int, note: str = "") -> None:
            heard.append(f"{done}")

        def found(self, finding: object, /) -> None:
            heard.append("found")

        def ended(self, task: str, /, *, note: str = "") -> None:
            heard.append(note)

    done = run(table, known=known, policy=FREE, progress=Ear())
    assert heard[0] == "start 0"
    assert heard.count("found") == len(done.findings)
    assert heard[-1] == "done"


def test_the_run_carries_what_documents_need(table: Any, known: Registry) -> None:
    facts = run(table, known=known, policy=FREE).checks["toys.share"]
    assert facts["title"] == "Share of good"
    assert facts["area_title"] == "Toys"
    assert facts["clauses"] == ["gdpr:22"]
    assert facts["limits"][0]["fail"] == 0.10


def test_measures_of_one_check_without_a_run(table: Any, known: Registry) -> None:
    measures = list(measures_of(known.check("toys.share"), table, level=0.5))
    assert [m.name for m in measures] == ["rate", "gap"]


DRAWN = """
from collections.abc import Iterator
from assay.plugin import Attachment, Limit, Measure, check

@check("curves.drawn", version=1, title="Draws", needs={"rows"}, limit=Limit("gap", "lower", 0.05, 0.10))
def drawn(case: object, /, *, size: int = 10) -> Iterator[Measure]:
    \"\"\"Has two curves, or one that is too large.\"\"\"
    curves = {"roc": Attachment(b"r" * size, "image/svg+xml", "ROC"), "prc": Attachment(b"p", "image/png")}
    yield Measure("gap", 0.3, 1000, attachments=curves, exact=True)
    yield Measure("plain", 0.3, 10)
"""


@pytest.fixture
def curves(table: Any, make_area: Any) -> Registry:
    table.roles |= {"rows"}
    return load((make_area("curves", DRAWN),))


def test_attachments_are_stored_before_the_finding_that_names_them(table: Any, curves: Registry, memory: Any) -> None:
    done = run(table, known=curves, policy=FREE, sink=memory)
    assert [what for what, _ in memory.told] == ["begin", "attach", "attach", "add", "add", "end"]
    assert [value for what, value in memory.told if what == "attach"] == [
        (b"p", "image/png"),
        (b"r" * 10, "image/svg+xml"),
    ]
    first, second = done.findings
    assert first.attachments == {"prc": digest_bytes(b"p"), "roc": digest_bytes(b"r" * 10)}
    assert (first.measure.attachments["roc"].title, second.attachments) == ("ROC", {})


def test_a_new_judgement_keeps_the_attachments_and_needs_no_sink(table: Any, curves: Registry, memory: Any) -> None:
    done = run(table, known=curves, policy=FREE)
    kept = run(table, known=curves, policy=FREE, sink=memory)
    assert [f.id for f in done] == [f.id for f in kept]
    lenient = Policy(limits=(PolicyLimit("curves.drawn", Limit("gap", "lower", 0.5, 0.6)),))
    again = rejudge(done, lenient).findings[0]
    assert again.verdict is Verdict.PASS
    assert again.attachments == done.findings[0].attachments
    assert again.measure.attachments["roc"].data == b"r" * 10


def test_too_large_an_attachment_is_a_failed_check(table: Any, curves: Registry) -> None:
    (failed,) = run(table, known=curves, policy=FREE, params={"curves.drawn": {"size": 5_000_001}}).findings
    assert "5,000,000 are allowed" in failed.measure.reason.text()


def test_measures_made_by_a_command_have_attachments_too(table: Any, curves: Registry, memory: Any) -> None:
    measures = (Measure("gap", 0.3, 10, attachments={"roc": Attachment(b"r", "image/png")}),)
    done = judged("curves.drawn", table, measures, params={}, policy=FREE, sink=memory, known=curves)
    assert done.findings[0].attachments == {"roc": digest_bytes(b"r")}
    assert ("attach", (b"r", "image/png")) in memory.told
