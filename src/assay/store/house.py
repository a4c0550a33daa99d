"""What an area's commands get: auditing, judging, storing, parts and progress behind one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.core.finding import Run
from assay.core.house import Ledger, Ledgers, Progress
from assay.core.measure import Measure
from assay.core.policy import Policy
from assay.core.subject import Subject
from assay.engine.areas import Registry, registry
from assay.engine.policies import default_policy
from assay.engine.run import judged, run
from assay.store.protocol import Store


@dataclass(frozen=True)
class StoreHouse:
    """The House over one store and one policy; `write` puts the documents of a Run where it is told to."""

    store: Store
    progress: Progress
    write: Callable[[Run, str], Sequence[Path]]
    policy: Policy = field(default_factory=default_policy)
    known: Registry = field(default_factory=registry)

    def audit(self, subject: Subject, /, *, checks: Sequence[str] = (), seed: int = 0) -> Run:
        """Run checks (all that apply, where none are named) on `subject` and store the Findings."""
        return run(
            subject,
            checks=checks,
            policy=self.policy,
            sink=self.store,
            progress=self.progress,
            seed=seed,
            known=self.known,
        )

    def judge(self, check: str, subject: Subject, measures: Sequence[Measure], /, *, params: Mapping[str, Any]) -> Run:
        """Turn Measures that an area's command made with `params` into the stored Run of the check `check`."""
        return judged(
            check,
            subject,
            measures,
            params=params,
            policy=self.policy,
            sink=self.store,
            progress=self.progress,
            known=self.known,
        )

    def attach(self, data: bytes, /, *, media_type: str) -> str:
        """Store an attachment; its digest."""
        return self.store.attach(data, media_type=media_type)

    def report(self, run: Run, path: str, /) -> Sequence[str]:
        """Write the documents of `run` to a file or folder; the files written."""
        return [str(file) for file in self.write(run, path)]

    @property
    def ledgers(self) -> Ledgers:
        """The Ledgers of the store, to create one and to list them."""
        return self.store.ledgers

    def ledger(self, name: str, /) -> Ledger:
        """The Ledger called `name`, or an error that lists the known."""
        return self.store.ledgers.open(name)

    def parts(self, kind: str, /) -> Mapping[str, Any]:
        """Parts of a catalogue by id, from every area."""
        return self.known.parts(kind)
