"""The registry of checks, parts and commands: the only place that reaches an area, by entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from assay.core.check import Check
from assay.core.errors import AssayError, unknown
from assay.core.part import AREA_API, Area, Command, Part

GROUP = "assay.areas"


@dataclass(frozen=True)
class Registry:
    """Everything the installed areas bring. Areas are read at once, their catalogues when first asked for."""

    areas: Mapping[str, Area]

    @cached_property
    def _declared(self) -> tuple[dict[str, Check[Any, Any]], dict[tuple[str, str], Part[Any]]]:
        checks: dict[str, Check[Any, Any]] = {}
        parts: dict[tuple[str, str], Part[Any]] = {}
        origin: dict[object, str] = {}
        for area in self.areas.values():
            for module, thing in _declarations(area):
                if isinstance(thing, Check):
                    _once(origin, thing.id, module, kind="check")
                    checks[thing.id] = thing
                else:
                    _once(origin, (thing.kind, thing.id), module, kind=thing.kind)
                    parts[thing.kind, thing.id] = thing
        return dict(sorted(checks.items())), dict(sorted(parts.items()))

    @property
    def checks(self) -> Mapping[str, Check[Any, Any]]:
        """Every check by id."""
        return self._declared[0]

    def check(self, id: str, /) -> Check[Any, Any]:
        """The check called `id`, or an error that lists the known ones."""
        if id not in self.checks:
            raise unknown("check", id, self.checks, code="unknown-check")
        return self.checks[id]

    def parts(self, kind: str, /) -> Mapping[str, Part[Any]]:
        """Parts of one catalogue by id; an unknown catalogue lists the known ones."""
        found = {id: part for (k, id), part in self._declared[1].items() if k == kind}
        kinds = {k for k, _ in self._declared[1]}
        if not found:
            raise unknown("kind of part", kind, kinds, code="unknown-part")
        return found

    @property
    def commands(self) -> Mapping[str, str]:
        """Name of every command of an area -> name of the area; nothing is loaded."""
        return {name: area.name for area in self.areas.values() for name in area.commands}

    def command(self, name: str, /) -> Command:
        """The Command called `name`, loaded now."""
        if name not in self.commands:
            raise unknown("command", name, self.commands, code="unknown-command")
        module, _, attribute = self.areas[self.commands[name]].commands[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, Command):
            raise AssayError(f"{module}:{attribute} is not a Command.", code="area")
        return found


def _once(origin: dict[object, str], key: object, module: str, *, kind: str) -> None:
    if key in origin and origin[key] != module:
        raise AssayError(
            f"Two {kind}s have the id {key!r}: one in {origin[key]}, one in {module}.",
            code="duplicate-id",
            hint="Rename one of them, or uninstall the area that brings it.",
        )
    origin[key] = module


def _declarations(area: Area) -> Iterator[tuple[str, Check[Any, Any] | Part[Any]]]:
    """Checks and parts that the modules of the area's catalogue packages declare, each once."""
    for package_name in area.catalogues:
        package = importlib.import_module(package_name)
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            module = importlib.import_module(f"{package_name}.{info.name}")
            for thing in vars(module).values():
                made_here = getattr(getattr(thing, "function", getattr(thing, "make", None)), "__module__", "")
                if isinstance(thing, Check | Part) and made_here == module.__name__:
                    yield module.__name__, thing


def load(points: Iterator[EntryPoint] | tuple[EntryPoint, ...], /) -> Registry:
    """The Registry of the given entry points; a wrong API number or a name used twice is an error naming both."""
    areas: dict[str, Area] = {}
    origin: dict[object, str] = {}
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        try:
            area = point.load()
        except ImportError as error:
            raise AssayError(
                f"The area {point.name!r} ({point.value}) cannot be loaded: {error}.",
                code="area",
                hint="Reinstall or uninstall the package that brings it.",
            ) from error
        if not isinstance(area, Area):
            raise AssayError(f"The entry point {point.name!r} ({point.value}) is not an Area.", code="area")
        if area.api != AREA_API:
            raise AssayError(
                f"The area {area.name!r} was written for area API {area.api}; this assay has {AREA_API}.",
                code="area-api",
                hint="Install a version of the area made for this assay.",
            )
        _once(origin, area.name, point.value, kind="area")
        areas[area.name] = area
    return Registry(areas)


@cache
def registry() -> Registry:
    """The Registry of the areas installed beside this assay."""
    return load(tuple(entry_points(group=GROUP)))
