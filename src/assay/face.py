"""The Python face: audit a case in a notebook or a script, look at the result, write the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from assay.core.decision import Decision
from assay.core.errors import AssayError
from assay.core.finding import Findings, Run
from assay.core.house import Ledger
from assay.core.policy import Policy
from assay.core.subject import Model, Subject
from assay.engine.gate import GateResult
from assay.engine.progress import TerminalProgress

if TYPE_CHECKING:
    import pandas as pd

    from assay.data.case import Case
    from assay.store.protocol import Store


class FindingTable(Findings):
    """Findings that can become a DataFrame."""

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """One row a Finding: check, measure, slice, value, low, high, n, verdict, reason, p_value, id."""
        import pandas as pd

        return pd.DataFrame(self.rows())


@dataclass(frozen=True)
class AuditRun(Run):
    """A Run that can show itself: in a notebook, as a frame, as a report."""

    findings: FindingTable

    def report(self, path: str | Path = "report", /) -> tuple[Path, ...]:
        """Write the report; the files written.

        A path ending in .html, .json, .md or .xml writes that one format, a folder all four.
        """
        from assay.documents import write

        return write(self, path)

    def gate(self, policy: Policy | str | Path | None = None, /, *, decisions: Sequence[Decision] = ()) -> GateResult:
        """May this Run pass? By `policy` (a Policy, a file, or the one it was judged by)."""
        from assay.engine.gate import gate

        return gate(self, _policy(policy) or Policy.from_json(self.policy), decisions=decisions)

    def _repr_html_(self) -> str:
        from assay.documents import notebook

        return notebook(self)

    def __repr__(self) -> str:
        verdict = self.verdict.value if self.verdict else "nothing judged"
        return f"<AuditRun {self.id} of {self.subject!r}: {verdict}, {len(self.findings)} findings>"


def audit(
    subject: Subject,
    /,
    *,
    checks: Sequence[str] = (),
    params: Mapping[str, Mapping[str, Any]] | None = None,
    policy: Policy | str | Path | None = None,
    store: Store | str | None = None,
    seed: int = 0,
    jobs: int = 2,
    progress: bool | None = None,
    **private: Unpack[Private],
) -> AuditRun:
    """Run every check that `subject` allows (or only `checks`) and judge the results by `policy`.

    `subject` is a Case, or Counts alone. `params` are keyword arguments by check id. `store` keeps the Run
    (a URL, or an open store); without one nothing is written. Progress is shown on a terminal and in a
    notebook when the work takes longer than two seconds. Raises AssayError for a mistake in the input.

    With `epsilon` (or `rho`) the audit is published with differential privacy, paid for by `ledger` (its name in the
    store, or an open one; `no_ledger=True` says that no budget counts it). The checks then see noisy counts only, and
    intervals include the noise. `public={"keys": {"sex": ["Female", "Male"]}, "score_bins": 10}` says what is not
    learnt from the data: see docs/guide/private-audit.md.
    """
    from assay.engine.run import run

    sink = open_store(store) if isinstance(store, str) else store
    chosen = _policy(policy)
    if private:
        subject = _published(subject, private, sink, checks=checks, params=params, policy=chosen)
    with TerminalProgress(shown=progress) as listener:
        done = run(
            subject,
            checks=checks,
            params=params,
            policy=chosen,
            sink=sink,
            progress=listener,
            seed=seed,
            jobs=jobs,
        )
    return of_run(done)


class Private(TypedDict, total=False):
    """Keywords of an audit that is published privately; amounts are texts ("0.1"), fractions or numbers."""

    epsilon: Any
    delta: Any
    rho: Any
    ledger: Ledger | str
    no_ledger: bool
    adjacency: str
    public: Mapping[str, Any]
    who: str


def _published(subject: Subject, given: Private, store: Store | None, /, **asked: Any) -> Subject:
    """The noisy tables of a Case that the audit needs, paid for."""
    from assay.data.case import Case
    from assay.engine.private.publish import Spending, public_of, publish, roles_of

    if not isinstance(subject, Case):
        raise AssayError("A private audit counts the rows of a Case.", code="usage", hint="Give the Case itself.")
    ledger = given.get("ledger")
    if (ledger is not None) == given.get("no_ledger", False):
        raise AssayError("Which budget pays for this?", code="usage", hint="Give ledger=, or say no_ledger=True.")
    if isinstance(ledger, str):
        ledger = (store or open_store()).ledgers.open(ledger)
    spending = Spending(
        ledger, given.get("who"), given.get("epsilon"), given.get("delta"), given.get("rho"), given.get("adjacency")
    )
    public = public_of(given.get("public", {}))
    model = subject.model is not None
    return publish(subject.name, roles_of(subject), subject, public=public, spending=spending, model=model, **asked)


def of_run(run: Run, /) -> AuditRun:
    """A Run, for example one read from a store, that can show itself."""
    values = {field.name: getattr(run, field.name) for field in fields(Run)}
    return AuditRun(**values | {"findings": FindingTable(run.findings)})


def _policy(policy: Policy | str | Path | None) -> Policy | None:
    return read_policy(policy) if isinstance(policy, str | Path) else policy


def demo(name: str = "credit", /, *, with_model: bool = False) -> Case:
    """A built-in case of real data with held-out predictions: "credit", "income", "recidivism" or "sentiment".

    `with_model` puts the model itself in the place of its recorded predictions (not for "recidivism"; "sentiment" needs
    the extra [text]).
    """
    from assay.engine.casefile import of_demo

    return of_demo(name, with_model=with_model).case()


def read_case(path: str | Path, /) -> Case:
    """The Case that a case.toml describes."""
    from assay.engine.casefile import read

    return read(path).case()


def read_policy(path: str | Path, /) -> Policy:
    """The Policy in a TOML file; "default" is the built-in one."""
    from assay.engine.policies import read_policy as read

    return read(path)


def load_model(path: str | Path, /, **options: Any) -> Model:
    """The model in a safe file, in a folder that `assay mitigate` saved, or behind an http address.

    Options as in `assay.engine.models.open_model`.
    """
    from assay.engine.models import open_model

    return open_model(path, **options)


def wrap_model(estimator: Any, /, **options: Any) -> Model:
    """A fitted estimator in memory (anything with `predict`) as a Model; options as in `assay.models.wrap`."""
    from assay.models import wrap

    return wrap(estimator, **options)


def open_store(url: str | None = None, /) -> Store:
    """The store at `url`, else at ASSAY_STORE, else under .assay/ in this folder."""
    from assay.store import open_store as open_

    return open_(url)


def checks() -> tuple[str, ...]:
    """Ids of every check that is installed."""
    from assay.engine.areas import registry

    return tuple(registry().checks)
