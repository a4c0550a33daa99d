"""Methods that are chosen by name, and the area that brings checks, parts and commands."""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from assay.core.check import Parameter, parameters_of

AREA_API = 1
"""Number of the contract between the engine and an area; checked when an area is loaded."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Part(Generic[F]):
    """An attack, explainer, mitigation, mechanism, guard or strategy, chosen by `id`.

    `kind` is the catalogue it belongs to, `statement` what it promises (with its source).
    """

    id: str
    kind: str
    title: str
    make: F
    statement: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def part(id: str, /, *, kind: str, title: str, statement: str = "") -> Callable[[F], Part[F]]:
    """Declare the decorated callable as a Part; it is found by itself in its area's catalogue folder."""

    def declare(make: F) -> Part[F]:
        return Part(id, kind, title, make, statement, parameters_of(make))

    return declare


MODEL_FORMAT = "model-format"
"""Kind of a Part whose `make(folder, opening)` gives the Model that a folder holds, or None for another format's."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a model format is told: `parts` gives a catalogue of the registry, `unit` names the column of the subjects.

    `trust` names skops types beyond the built-in table, `timeout` is in seconds for one batch, and `isolate` False says
    that the origin of the folder is known, so that no child process is needed.
    """

    parts: Callable[[str], Mapping[str, Part[Any]]]
    unit: str | None = None
    trust: tuple[str, ...] = ()
    timeout: float = 30.0
    isolate: bool = True


class Answer(Protocol):
    """What a command gives back: words for a terminal and JSON types for a program."""

    def text(self) -> str:
        """The answer in words, one line a fact."""

    def to_json(self) -> Any:
        """The answer as JSON types."""


def printable(text: object, /) -> str:
    """`text` with control and direction characters written out, so that data cannot steer a terminal."""
    return "".join(
        char if char.isprintable() and unicodedata.category(char) not in ("Cf", "Co", "Cs") else f"\\u{ord(char):04x}"
        for char in str(text)
    )


@dataclass(frozen=True)
class Lines:
    """An Answer of plain `lines`, whose control characters are written out, and of `data` as JSON types."""

    lines: Sequence[str]
    data: Any

    def text(self) -> str:
        """The lines."""
        return "\n".join(map(printable, self.lines))

    def to_json(self) -> Any:
        """The facts."""
        return self.data


@dataclass(frozen=True)
class Command:
    """A command of an area: `function(house, case, /, *, keywords)` where `needs_case`, else without the case.

    The command line makes flags of the keywords, as it does for checks, and opens the case. `needs_model`: a built-in
    case is opened with its model. `positional` names the keyword (a tuple of texts) that is written without a flag.
    """

    title: str
    function: Callable[..., Answer]
    needs_case: bool
    parameters: Mapping[str, Parameter]
    needs_model: bool = False
    positional: str = ""

    @property
    def doc(self) -> str:
        """The docstring of the function, cleaned."""
        return inspect.getdoc(self.function) or ""


def command(
    *, title: str, needs_case: bool = True, needs_model: bool = False, positional: str = ""
) -> Callable[[Callable[..., Answer]], Command]:
    """Declare the decorated function as a Command; the Area names it."""

    def declare(function: Callable[..., Answer]) -> Command:
        return Command(title, function, needs_case, parameters_of(function), needs_model, positional)

    return declare


@dataclass(frozen=True)
class Area:
    """What an entry point of the group `assay.areas` names.

    `catalogues` are packages whose modules declare checks and parts; every module in them is loaded.
    `commands` maps one to three words ("mitigate", "fairness subgroups") to `"package.module:attribute"`, a Command
    that is loaded only when it is called. Of "explain" and "explain text" the first answers where no second word is
    known.
    """

    name: str
    title: str
    catalogues: tuple[str, ...]
    commands: Mapping[str, str] = field(default_factory=dict)
    api: int = AREA_API
