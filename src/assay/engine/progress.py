"""Progress on a terminal, none in a pipe. Silent for the first two seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from assay.core.finding import Finding

PATIENCE_SECONDS = 2.0


class TerminalProgress:
    """Listens to the engine and draws a bar on standard error when work takes longer than two seconds."""

    def __init__(self, *, shown: bool | None = None) -> None:
        self.shown = sys.stderr.isatty() if shown is None else shown
        self.since = time.monotonic()
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}
        self.totals: dict[str, int] = {}

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def started(self, task: str, /, *, total: int) -> None:
        """`task` begins."""
        self.totals[task] = total

    def advanced(self, task: str, /, *, done: int, note: str = "") -> None:
        """`done` steps are finished."""
        if not self.shown or (self.bar is None and time.monotonic() - self.since < PATIENCE_SECONDS):
            return
        if self.bar is None:
            from rich.console import Console
            from rich.progress import Progress, TimeElapsedColumn

            self.bar = Progress(*Progress.get_default_columns()[:3], TimeElapsedColumn(), console=Console(stderr=True))
            self.bar.start()
        if task not in self.tasks:
            self.tasks[task] = self.bar.add_task(task, total=self.totals.get(task) or None)
        self.bar.update(self.tasks[task], completed=done, total=self.totals.get(task) or None, description=note or task)

    def found(self, finding: Finding, /) -> None:
        """A Finding was stored; the bar has nothing to add."""

    def ended(self, task: str, /, *, note: str = "") -> None:
        """`task` ended."""
        if self.bar is not None and task in self.tasks:
            self.bar.remove_task(self.tasks.pop(task))
