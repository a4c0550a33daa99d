"""Methods that are chosen by name, and the area that brings checks, parts and commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

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


@dataclass(frozen=True)
class Area:
    """What an entry point of the group `assay.areas` names.

    `catalogues` are packages whose modules declare checks and parts; every module in them is loaded.
    `commands` maps a command name to `"package.module:attribute"`, loaded only when it is called.
    """

    name: str
    title: str
    catalogues: tuple[str, ...]
    commands: Mapping[str, str] = field(default_factory=dict)
    api: int = AREA_API
