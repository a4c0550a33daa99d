"""The recognisers and operators of this area, for calls that have no House to ask."""

from __future__ import annotations

import pkgutil
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

from assay.core.part import Part
from assay.privacy import operators, recognizers
from assay.privacy.deidentification.find import recognizers_of
from assay.privacy.deidentification.recognizer import Recognizer


@cache
def own_operators() -> MappingProxyType[str, Part[Any]]:
    """The operators of the folder `operators/` by id; a House knows those of other areas too."""
    return _parts(operators)


@cache
def own_recognizers() -> tuple[Recognizer, ...]:
    """The recognisers of the folder `recognizers/`, by id."""
    return recognizers_of(_parts(recognizers))


def own_recognizer_parts() -> MappingProxyType[str, Part[Any]]:
    """The same as Parts, to choose among."""
    return _parts(recognizers)


@cache
def _parts(package: ModuleType) -> MappingProxyType[str, Part[Any]]:
    modules = [
        pkgutil.resolve_name(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    ]
    found = {thing.id: thing for module in modules for thing in vars(module).values() if isinstance(thing, Part)}
    return MappingProxyType(dict(sorted(found.items())))
