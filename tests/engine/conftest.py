"""An area of another package, made on the fly, and Subjects made by hand."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from assay.core.canonical import digest_bytes
from assay.core.finding import Finding, Run
from assay.data.coding import Dim, Favourable, Values
from assay.data.counts import Counts
from assay.engine.areas import Registry, load

CHECKS = """
from collections.abc import Iterator
from assay.plugin import Counts, Interval, Limit, Measure, by, check

@check("{area}.share", version=1, title="Share of good", counts=by("protected", "label"),
       limit=Limit("gap", "lower", 0.05, 0.10), clauses={{"gdpr:22"}})
def share(counts: Counts, /, *, level: float = 0.95) -> Iterator[Measure]:
    \"\"\"Share of label 1 by group.\"\"\"
    found = counts.share({{"label": "1"}})
    yield Measure("rate", found.value, found.rows)
    yield Measure("gap", 0.3, (50, 50), over=("sex",), interval=Interval(0.2, 0.4, level, "made up"))

@check("{area}.broken", version=1, title="Breaks", counts=by("protected"))
def broken(counts: Counts, /) -> Iterator[Measure]:
    \"\"\"Divides by zero.\"\"\"
    yield Measure("x", 1 / 0, 1)

@check("{area}.drawn", version=1, title="Draws", needs={{"rows"}})
def drawn(case: object, /, *, seed: int = 0, times: int = 2) -> Iterator[Measure]:
    \"\"\"Says its seed.\"\"\"
    yield Measure("seed", float(seed), times)

@check("{area}.far", version=1, title="For regression", counts=by("protected"), tasks=("regression",))
def far(counts: Counts, /) -> Iterator[Measure]:
    \"\"\"Never runs on a binary task.\"\"\"
    yield Measure("x", 1.0, 1)
"""


@dataclass
class Table:
    """A Subject with one table of Counts and, if told so, rows."""

    counts: Counts
    name: str = "toy"
    task: str = "binary"
    roles: frozenset[str] = frozenset({"protected", "label"})
    asked: list[Any] = field(default_factory=list)

    def has(self, role: str) -> bool:
        return role in self.roles

    def count(self, requests: Sequence[Any]) -> tuple[tuple[Counts, ...], ...]:
        self.asked.append(tuple(requests))
        return tuple((self.counts.marginal(*r.roles),) for r in requests)

    def fingerprint(self) -> str:
        return "sha256:rows"


@dataclass
class Memory:
    """A Sink that remembers the order of what it was told."""

    told: list[tuple[str, Any]] = field(default_factory=list)

    def begin(self, run: Run, /) -> None:
        self.told.append(("begin", run))

    def add(self, run_id: str, /, *made: Finding) -> None:
        self.told += [("add", finding) for finding in made]

    def attach(self, data: bytes, /, *, media_type: str) -> str:
        self.told.append(("attach", (data, media_type)))
        return digest_bytes(data)

    def end(self, run: Run, /) -> None:
        self.told.append(("end", run))


@pytest.fixture
def table() -> Table:
    dims = [Dim("protected", "sex", Values(), ()), Dim("label", "label", Favourable("yes"), ())]
    cells = [("F", "1"), ("F", "0"), ("M", "1"), ("M", "0")]
    return Table(Counts.from_cells(dims, cells, {"n": [20, 30, 35, 15]}))


@pytest.fixture
def make_area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EntryPoint]]:
    """Writes a package with an area and returns its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(name: str, source: str | None = None, *, area: str = "", api: str = "AREA_API") -> EntryPoint:
        package = tmp_path / name
        (package / "checks").mkdir(parents=True)
        (package / "checks" / "__init__.py").write_text("")
        (package / "checks" / "one.py").write_text(textwrap.dedent(source or CHECKS.format(area=name)))
        (package / "__init__.py").write_text(
            "from assay.plugin import AREA_API, Area\n"
            f"area = Area({area or name!r}, 'Toys', ('{name}.checks',), {{}}, {api})\n"
        )
        made.append(name)
        return EntryPoint(name, f"{name}:area", "assay.areas")

    yield make
    for module in [m for m in sys.modules if m.split(".")[0] in made]:
        del sys.modules[module]


@pytest.fixture
def known(make_area: Callable[..., EntryPoint]) -> Registry:
    return load((make_area("toys"),))


@pytest.fixture
def memory() -> Memory:
    return Memory()
