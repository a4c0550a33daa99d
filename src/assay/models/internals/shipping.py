"""What a model shows of its inside, as a JSON description and raw arrays, and back; the reader trusts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.models.internals.forms import Inside, LinearForm, reason
from assay.models.structure.ensemble import TreeEnsemble
from assay.models.structure.trees import broken

_SETTINGS = ("width", "strict", "single", "scale")
_ENSEMBLE: dict[str, list[int | None]] = {
    field.name: [None, None] if field.name == "value" else [None]
    for field in fields(TreeEnsemble)
    if field.name not in _SETTINGS
}
_LINEAR: dict[str, list[int | None]] = {"coefficients": [None, None], "intercept": [None]}
EXPECTED: Mapping[str, list[int | None]] = {**_ENSEMBLE, **_LINEAR, "origin": [None]}
"""Arrays that may come, and their dimensions, of any size."""


def describe(inside: Inside, /) -> tuple[dict[str, Any], dict[str, np.ndarray | None]]:
    """The JSON part and the arrays of `inside`."""
    form = inside.form
    described: dict[str, Any] = {"names": list(inside.names), "contributes": inside.contributes}
    if form is None:
        assert inside.reason is not None
        described["reason"] = [inside.reason.id, dict(inside.reason.params)]
        return described, {}
    described["form"] = {name: getattr(form, name) for name in _SETTINGS if hasattr(form, name)}
    kept = _ENSEMBLE if isinstance(form, TreeEnsemble) else _LINEAR
    arrays = {"origin": inside.origin, **{name: getattr(form, name) for name in kept}}
    return described, {name: array.astype(np.int64) if array.dtype == bool else array for name, array in arrays.items()}


def restore(described: Any, arrays: Mapping[str, np.ndarray], /) -> Inside:
    """What `describe` described, checked as if its origin were unknown; an AssayError when it is impossible."""
    if not isinstance(described, Mapping):
        raise broken("model", "its process describes nothing")
    if "reason" in described:
        ident, params = described["reason"]
        made = reason(str(ident), **{str(key): str(value)[:300] for key, value in params.items()})
        made.text()  # a reason whose parts are missing is refused here
        return Inside(reason=made)
    settings = described["form"]
    if "value" in arrays:
        for name in ("strict", "single"):
            if not isinstance(settings[name], bool):
                raise broken("model", f"{name} is neither true nor false")
        if not isinstance(settings["width"], int):
            raise broken("model", "its width is no whole number")
        parts: dict[str, Any] = {
            **{name: arrays[name] for name in _ENSEMBLE},
            **{name: settings[name] for name in _SETTINGS},
        }
        form: dict[str, Any] = {"ensemble": TreeEnsemble(**parts)}
    else:
        form = {"linear": LinearForm(arrays["coefficients"], arrays["intercept"], settings["scale"])}
    origin = arrays["origin"]
    if origin.dtype.kind not in "iu" or (len(origin) and not 0 <= origin.min() <= origin.max() < 1 << 31):
        raise broken("model", "a column comes from an impossible feature")
    names = tuple(map(str, described["names"]))
    return Inside(**form, names=names, origin=origin, contributes=described["contributes"] is True)


def impossible(name: str, error: Exception, /) -> AssayError:
    """The error for an answer that could not even be taken apart."""
    return AssayError(
        f"The process of the model {name} gave an impossible answer ({type(error).__name__}).",
        code="model-crashed",
        hint="The file is probably damaged or forged, or made by another version of its library.",
    )
