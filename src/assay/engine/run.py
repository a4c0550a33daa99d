"""One execution: ask every planned check, judge its Measures, store the Findings as they are made."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from assay.core.canonical import digest
from assay.core.check import Check
from assay.core.errors import AssayError, Message
from assay.core.finding import RANDOM, Finding, Findings, Run
from assay.core.house import Progress, Sink
from assay.core.measure import NOT_RUN, Measure
from assay.core.policy import Policy
from assay.core.subject import Subject
from assay.engine.areas import Registry, registry
from assay.engine.judge import apply, judge
from assay.engine.plan import Plan, Planned, Skipped, plan
from assay.engine.policies import default_policy, known_ids
from assay.engine.predict import with_model_outputs
from assay.engine.record import begin, is_private, jsonable, tool


class Stopped(Exception):
    """The caller's `stop` said yes."""


@dataclass
class _Job:
    """What one Run carries along while it is under way."""

    run: Run
    policy: Policy
    sink: Sink | None
    progress: Progress | None
    stop: Callable[[], bool]
    common: Mapping[str, Any] = field(default_factory=dict)
    private: bool = False
    findings: list[Finding] = field(default_factory=list)

    def keep(self, planned: Planned, measures: Sequence[Measure], inputs: Mapping[str, Any], error: str = "") -> None:
        """Judge and store the Measures of one check."""
        check = planned.check
        rows = int(inputs.get("n", 0))
        judgements = judge(check.id, measures, declared=check.limits, policy=self.policy, rows=rows)
        made = []
        for measure, judgement in zip(measures, judgements, strict=True):
            finding = Finding(
                check=check.id,
                check_version=check.version,
                subject=self.run.subject,
                measure=measure,
                verdict=None,
                params=jsonable(planned.params),
                inputs=dict(inputs) | dict(self.common),
                seed=planned.seed,
                tool=tool(),
                attachments=self._attach(measure),
                error=error,
            )
            made.append(self._named(apply(finding, judgement)))
        self._store(made)

    def _named(self, finding: Finding) -> Finding:
        """`finding` with a random id where it is of a private release: a digest would let a guess be checked."""
        return replace(finding, stored_id=f"{RANDOM}{secrets.token_hex(32)}") if self.private else finding

    def _attach(self, measure: Measure) -> dict[str, str]:
        """Digests of the Measure's attachments by name; a sink keeps the bytes before the Finding that names them."""
        found = dict(sorted(measure.attachments.items()))
        if self.sink is not None:
            for attachment in found.values():
                self.sink.attach(attachment.data, media_type=attachment.media_type)
        return {name: attachment.digest for name, attachment in found.items()}

    def _store(self, made: Sequence[Finding]) -> None:
        self.findings += made
        if self.sink is not None and made:
            self.sink.add(self.run.id, *made)
        if self.progress is not None:
            for finding in made:
                self.progress.found(finding)

    def step(self, done: int, note: str) -> None:
        if self.progress is not None:
            self.progress.advanced("audit", done=done, note=note)
        if self.stop():
            raise Stopped


def run(
    subject: Subject,
    /,
    *,
    checks: Sequence[str] = (),
    params: Mapping[str, Mapping[str, Any]] | None = None,
    policy: Policy | None = None,
    sink: Sink | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    jobs: int = 2,
    stop: Callable[[], bool] = lambda: False,
    known: Registry | None = None,
) -> Run:
    """Ask `checks` (all that are installed, where none are named) of `subject`; the Run with its Findings.

    `params` are keyword arguments by check id. Findings go to `sink` one by one; `stop` (asked between
    checks) or Ctrl-C ends the Run early with status "interrupted" and what is done is kept. `jobs` is the
    number of threads for checks that read rows. A check that fails becomes an unmeasured Finding.
    Of a Subject that is `private` the ids are random, and how long it took is not said.
    """
    known = known or registry()
    policy = policy or default_policy()
    known_ids(policy, params or {}, known.checks)
    started, clock = datetime.now(UTC), time.monotonic()
    if progress is not None:
        progress.started("audit", total=0)
    subject = with_model_outputs(subject, progress=progress)
    wanted = [known.check(id) for id in checks] if checks else list(known.checks.values())
    todo = plan(subject, checks=wanted, params=params or {}, rules=policy.rules, seed=seed)
    job = _Job(
        begin(subject, todo, policy=policy, known=known, started=started),
        policy,
        sink,
        progress,
        stop,
        _pickle_mark(subject),
        private=is_private(subject),
    )
    if sink is not None:
        sink.begin(job.run)
    status = "done"
    try:
        _work(subject, todo, job, jobs)
    except (KeyboardInterrupt, Stopped):
        status = "interrupted"
    seconds = 0.0 if job.private else time.monotonic() - clock
    done = replace(job.run, status=status, seconds=seconds, findings=Findings(job.findings))
    if sink is not None:
        sink.end(done)
    if progress is not None:
        progress.ended("audit", note=status)
    return done


def _work(subject: Subject, todo: Plan, job: _Job, jobs: int) -> None:
    """Row checks start in threads; counting checks share their scans meanwhile; Findings keep the plan's order."""
    if job.progress is not None:
        job.progress.started("audit", total=len(todo))
    for skipped in todo.skipped:
        _skip(skipped, job)
    pool = ThreadPoolExecutor(max_workers=max(1, jobs), thread_name_prefix="assay")
    done = 0
    try:
        job.step(done, "counting")
        counts = _count(subject, todo, job)
        pending = [(p, pool.submit(_ask, p, subject)) for p in todo.reading]
        for planned, tables in zip(todo.counting, counts, strict=True):
            if isinstance(tables, _Answer):
                job.keep(planned, tables.measures, {}, tables.error)
            else:
                given = tables if planned.check.counts and planned.check.counts.each else tables[0]
                answer = _ask(planned, given)
                job.keep(planned, answer.measures, _counted_inputs(tables), answer.error)
            done += 1
            job.step(done, planned.check.id)
        for planned, future in pending:
            answer = future.result()
            job.keep(planned, answer.measures, _row_inputs(planned.check, subject), answer.error)
            done += 1
            job.step(done, planned.check.id)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _count(subject: Subject, todo: Plan, job: _Job) -> Sequence[tuple[Any, ...] | _Answer]:
    """The Counts of every counting check; where they cannot all be made, those that can, and why the others cannot."""
    requests = todo.requests
    if not requests:
        return ()
    count: Callable[[Sequence[Any]], Sequence[tuple[Any, ...]]] = getattr(subject, "count")  # noqa: B009
    try:
        return count(requests)
    except AssayError as all_together:
        found: list[tuple[Any, ...] | _Answer] = []
        for request in requests:
            try:
                found.append(count([request])[0])
            except AssayError as error:
                found.append(_failed(error))
        if all(isinstance(one, _Answer) for one in found):
            raise all_together from None
        return found


@dataclass(frozen=True)
class _Answer:
    measures: tuple[Measure, ...]
    error: str = ""


def _ask(planned: Planned, given: Any) -> _Answer:
    """The Measures of one check; a check that fails yields one without a value and with the error as reason."""
    try:
        return _Answer(tuple(planned.check.function(given, **planned.arguments)))
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> _Answer:
    words = error.message if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    reason = Message("check-failed", "the check failed: {error}", {"error": words})
    return _Answer((Measure(NOT_RUN, None, 0, reason=reason),), "".join(traceback.format_exception(error)))


def _skip(skipped: Skipped, job: _Job) -> None:
    planned = Planned(skipped.check, {}, None)
    job.keep(planned, (Measure(NOT_RUN, None, 0, reason=skipped.reason),), {})


def _counted_inputs(tables: tuple[Any, ...]) -> dict[str, Any]:
    """SHA-256 of the canonical Counts (of the list of them, for `each`) and the rows they count."""
    joined = tables[0].digest if len(tables) == 1 else digest([table.digest for table in tables])
    return {"counts": joined, "n": max((table.n for table in tables), default=0)}


def _row_inputs(check: Check[Any, Any], subject: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {"rows": subject.fingerprint()} if "rows" in check.needs else {}
    if hasattr(subject, "n"):
        inputs["n"] = subject.n
    model = getattr(subject, "model", None)
    if "model" in check.needs and model is not None:
        inputs["model"] = model.digest
    return inputs


def _pickle_mark(subject: Subject) -> dict[str, Any]:
    return {"pickle": True} if getattr(getattr(subject, "model", None), "pickled", False) else {}


def judged(
    check: str,
    subject: Subject,
    measures: Sequence[Measure],
    /,
    *,
    params: Mapping[str, Any],
    policy: Policy,
    sink: Sink,
    progress: Progress | None = None,
    known: Registry | None = None,
) -> Run:
    """The stored Run of Measures that an area's command made for `check` with `params`, judged by `policy`."""
    known = known or registry()
    planned = Planned(known.check(check), params, None)
    todo, started = Plan((), (planned,), ()), datetime.now(UTC)
    opening = begin(subject, todo, policy=policy, known=known, started=started)
    job = _Job(opening, policy, sink, progress, lambda: False, _pickle_mark(subject))
    sink.begin(job.run)
    job.keep(planned, measures, _row_inputs(planned.check, subject))
    seconds = (datetime.now(UTC) - started).total_seconds()
    done = replace(job.run, status="done", seconds=seconds, findings=Findings(job.findings))
    sink.end(done)
    return done


def measures_of(check: Check[Any, Any], subject: Subject, /, **params: Any) -> Iterator[Measure]:
    """The Measures of one check, neither judged nor stored: for a notebook, a test, a search."""
    if check.counts is None:
        yield from check.function(subject, **params)
        return
    count: Callable[[Sequence[Any]], Sequence[tuple[Any, ...]]] = getattr(subject, "count")  # noqa: B009
    (tables,) = count([check.counts])
    yield from check.function(tables if check.counts.each else tables[0], **params)
