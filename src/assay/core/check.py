"""A declared, versioned question about a Subject, and the decorator that declares it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from assay.core.clause import Clause
from assay.core.errors import AssayError, Message, unknown
from assay.core.measure import Limit, Measure
from assay.core.subject import Request, Task

S = TypeVar("S")
P = ParamSpec("P")
_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword of a check or part: its name, type as written, default and whether it has one."""

    name: str
    annotation: str
    default: Any
    required: bool


@dataclass(frozen=True)
class Check(Generic[S, P]):
    """A question with everything needed to plan, run, judge, document and repeat it.

    A counting check declares `counts` and receives Counts (a tuple of Counts for `each`); a row or
    model check declares `needs` and receives the Case. Calling the Check calls the function, so mypy
    sees a wrong keyword. `noisy` says of a counting check that its intervals were shown to hold also
    where the counts were released with noise of known variance, as differential privacy does it.
    """

    id: str
    version: int
    title: str
    function: Callable[Concatenate[S, P], Iterator[Measure]]
    counts: Request | None = None
    needs: frozenset[str] = frozenset()
    tasks: frozenset[Task] = frozenset({"binary", "multiclass", "regression", "none"})
    limits: tuple[Limit, ...] = ()
    clauses: tuple[Clause, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    noisy: bool = False

    def __call__(self, subject: S, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Measure]:
        return self.function(subject, *args, **kwargs)

    @property
    def area(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def doc(self) -> str:
        """The docstring of the function, cleaned."""
        return inspect.getdoc(self.function) or ""

    @property
    def message(self) -> Message:
        """The title as a translatable Message."""
        return Message(f"check.{self.id}.title", self.title.replace("{", "{{").replace("}", "}}"))

    @property
    def requires(self) -> frozenset[str]:
        """Every role the Subject must have."""
        return self.needs | frozenset(self.counts.required if self.counts else ())

    def defaults(self) -> dict[str, Any]:
        """Parameters that have a default, with it."""
        return {p.name: p.default for p in self.parameters.values() if not p.required}

    def params(self, given: Mapping[str, Any], /) -> dict[str, Any]:
        """Defaults overlaid with `given`; an unknown or missing parameter is an error."""
        for name in given:
            if name not in self.parameters:
                raise unknown(f"parameter of {self.id}", name, self.parameters, code="parameter")
        params = self.defaults() | dict(given)
        for name in self.parameters:
            if name not in params:
                raise AssayError(f"{self.id} needs the parameter {name!r}.", code="parameter")
        return params


def parameters_of(function: Callable[..., Any], /) -> dict[str, Parameter]:
    """Keyword-only parameters of `function` by name."""
    found = {}
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.KEYWORD_ONLY:
            required = p.default is p.empty
            note = p.annotation if isinstance(p.annotation, str) else getattr(p.annotation, "__name__", "str")
            found[p.name] = Parameter(p.name, note, None if required else p.default, required)
    return found


def check(
    id: str,
    /,
    *,
    version: int,
    title: str,
    counts: Request | None = None,
    needs: Iterable[str] = (),
    tasks: Iterable[Task] = ("binary", "multiclass", "regression", "none"),
    limit: Limit | tuple[Limit, ...] = (),
    clauses: Iterable[str] = (),
    noisy: bool = False,
) -> Callable[[Callable[Concatenate[S, P], Iterator[Measure]]], Check[S, P]]:
    """Declare the decorated generator of Measures as a Check; it is found by itself in its area's `checks/`."""
    if not _ID.match(id):
        raise AssayError(f"Check id {id!r} is not of the form area.name.", code="check")
    if (counts is None) == (not tuple(needs)):
        raise AssayError(f"Check {id!r} must declare either counts= or needs=.", code="check")

    def declare(function: Callable[Concatenate[S, P], Iterator[Measure]]) -> Check[S, P]:
        if not inspect.getdoc(function):
            raise AssayError(f"Check {id!r} has no docstring.", code="check")
        return Check(
            id=id,
            version=version,
            title=title,
            function=function,
            counts=counts,
            needs=frozenset(needs),
            tasks=frozenset(tasks),
            limits=limit if isinstance(limit, tuple) else (limit,),
            clauses=tuple(sorted(Clause.parse(text) for text in clauses)),
            parameters=parameters_of(function),
            noisy=noisy,
        )

    return declare
