"""A fitted mitigation in a folder: facts as JSON, numbers as npz, the model inside in its own safe format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, unknown
from assay.core.part import Part
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.groups import Groups
from assay.fairness.mitigation.mitigation import Mitigation
from assay.fairness.mitigation.saved.estimator import EstimatorFile, Opened, estimator_file, open_estimator
from assay.fairness.mitigation.saved.serving import Serving
from assay.models.structure.arrays import read_arrays, write_arrays
from assay.seal.secret_files import read_secret, write_secret

FORMAT = 1
FACTS, ARRAYS, KEY = "mitigation.json", "state.npz", "draw.key"
OWN = ("estimator_", "groups_", "draw_")
_NAME = re.compile(r"[a-z][a-z0-9_]*_\Z")
_FILE = re.compile(r"estimator\.[a-z]+\Z")


@dataclass(frozen=True)
class Saved:
    """A mitigation that was read back, how it serves, and the SHA-256 of `mitigation.json`."""

    fitted: Mitigation
    serving: Serving
    digest: str


def save(
    fitted: Mitigation, folder: str | Path, /, *, to: str = "", sample: Any = None, serving: Serving | None = None
) -> None:
    """`folder` is a new folder that holds the fitted mitigation, without any pickle.

    `mitigation.json` has the method, its settings, groups and facts, and a digest of every other file; `state.npz` its
    arrays; `estimator.*` the model inside, as `estimator_file` writes it; `draw.key`, where decisions are drawn, the
    secret by which they are, readable by its owner alone. A folder that is there already is an error.
    """
    fitted.check_fitted()
    path = Path(folder)
    state = _state(fitted)
    files = {ARRAYS: write_arrays(state.arrays)}
    inside = _inside(fitted, to, sample)
    if inside:
        files[inside.name] = inside.data
    facts = {
        "format": FORMAT,
        "part": fitted.id,
        "params": _params(fitted),
        "groups": fitted.groups_.to_json(),
        "state": state.plain,
        "lists": state.lists,
        "estimator": inside.name if inside else None,
        "drawn": hasattr(fitted, "draw_"),
        "serving": (serving or Serving()).to_json(),
        "files": {name: digest_bytes(data) for name, data in sorted(files.items())},
    }
    files[FACTS] = json.dumps(facts, indent=1, allow_nan=False).encode()  # unsorted: columns have an order
    try:
        path.mkdir(parents=True)
        if hasattr(fitted, "draw_"):
            write_secret(path / KEY, fitted.draw_.secret())
        for name, data in files.items():
            (path / name).write_bytes(data)
    except OSError as error:
        raise AssayError(
            f"The folder {str(path)!r} cannot be written: {error.strerror}.",
            code="model-file",
            hint="Choose a path where nothing is yet.",
        ) from error


def load(
    folder: str | Path, /, *, parts: Mapping[str, Part[Any]], trust: Sequence[str] = (), isolate: bool = True
) -> Mitigation:
    """The mitigation that `save` wrote, ready to decide; see `open_folder`."""
    return open_folder(folder, parts=parts, trust=trust, isolate=isolate).fitted


def open_folder(
    folder: str | Path,
    /,
    *,
    parts: Mapping[str, Part[Any]],
    trust: Sequence[str] = (),
    timeout: float = 30.0,
    isolate: bool = True,
) -> Saved:
    """What `save` wrote, the mitigation ready to decide; `parts` are the known mitigations by id.

    The model inside is opened in a child process with limits, unless `isolate` is False because its origin is known;
    `trust` names skops types beyond the built-in table. A file that is missing or was changed is an error.
    """
    path = Path(folder)
    text = _read(path, FACTS)
    facts = _facts(text)
    id = facts["part"]
    if id not in parts:
        raise unknown("mitigation", str(id), parts, code="unknown-part")
    files = {name: _file(path, name, digest) for name, digest in facts["files"].items()}
    fitted: Mitigation = parts[id].make(estimator=None, **_known(parts[id], facts["params"]))
    fitted.groups_ = Groups.from_json(facts["groups"])
    _restore(fitted, _State(read_arrays(files[ARRAYS]), facts["state"], facts["lists"]))
    fitted.estimator_ = None
    if facts["estimator"] is not None:
        file = EstimatorFile(facts["estimator"], files[facts["estimator"]])
        opened = Opened(open_estimator(file, trust=trust, timeout=timeout, isolate=isolate), file)
        fitted.estimator_, fitted.opened = opened.model, opened
    if facts["drawn"]:
        fitted.draw_ = Draw(read_secret(path / KEY))
    return Saved(fitted, _serving(facts["serving"]), digest_bytes(text))


@dataclass(frozen=True)
class _State:
    """What was learned: arrays, JSON values, and how many arrays each list holds (its items are `name.0` and so on)."""

    arrays: dict[str, NDArray[Any]]
    plain: dict[str, Any]
    lists: dict[str, int]


def _state(fitted: Mitigation) -> _State:
    found = _State({}, {}, {})
    for name, value in vars(fitted).items():
        if not _NAME.match(name) or name in OWN:
            continue
        if isinstance(value, np.ndarray):
            found.arrays[name] = value
        elif isinstance(value, list) and value and all(isinstance(item, np.ndarray) for item in value):
            found.lists[name] = len(value)
            found.arrays.update({f"{name}.{i}": item for i, item in enumerate(value)})
        else:
            found.plain[name] = value
    return found


def _restore(fitted: Mitigation, state: _State) -> None:
    found = dict(state.plain)
    found |= {name: value for name, value in state.arrays.items() if "." not in name}
    found |= {name: [state.arrays[f"{name}.{i}"] for i in range(size)] for name, size in state.lists.items()}
    for name, value in found.items():
        if not _NAME.match(name) or name in OWN or hasattr(type(fitted), name):
            raise _broken(f"it holds {name[:40]!r}, which is nothing that a mitigation learns")
        setattr(fitted, name, value)


def _inside(fitted: Mitigation, to: str, sample: Any) -> EstimatorFile | None:
    """The file of the model inside; the very bytes, where it was opened from a file."""
    if fitted.estimator_ is None:
        return None
    opened = fitted.opened
    if opened is not None and opened.model is fitted.estimator_:
        kept: EstimatorFile = opened.file
        return kept
    return estimator_file(fitted.estimator_, to=to, sample=sample)


def _params(fitted: Mitigation) -> dict[str, Any]:
    """The settings that are JSON types; nested estimators and secrets are left out."""
    given = fitted.get_params(deep=False)
    kinds = (str, bool, int, float, list, tuple, dict, type(None))
    return {name: value for name, value in given.items() if name != "estimator" and isinstance(value, kinds)}


def _known(part: Part[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    for name in params:
        if name not in part.parameters:
            raise _broken(f"{part.id} has no setting {str(name)[:40]!r}")
    return dict(params)


def _serving(data: dict[str, Any]) -> Serving:
    try:
        return Serving.from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _broken("it does not say how it serves") from error


def _facts(text: bytes) -> dict[str, Any]:
    """The content of `mitigation.json`, with the keys and kinds that `save` writes."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(f"{FACTS} cannot be read ({str(error)[:200]})") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise _broken(f"its format is not {FORMAT}")
    kinds = {"part": str, "params": dict, "groups": dict, "state": dict, "lists": dict, "files": dict, "drawn": bool}
    kinds["serving"] = dict
    wrong = [name for name, kind in kinds.items() if not isinstance(facts.get(name), kind)]
    if wrong:
        raise _broken(f"{FACTS} lacks {', '.join(wrong)}")
    names = {ARRAYS, facts.get("estimator")} - {None}
    if set(facts["files"]) != names or not all(name == ARRAYS or _FILE.match(str(name)) for name in names):
        raise _broken(f"{FACTS} names files that are none of a mitigation")
    return facts


def _file(path: Path, name: str, digest: str) -> bytes:
    data = _read(path, name)
    if digest_bytes(data) != digest:
        raise _broken(f"{name} was changed after it was saved")
    return data


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as error:
        raise _broken(f"{name} cannot be read ({error.strerror})") from error


def _broken(why: str) -> AssayError:
    return AssayError(
        f"The folder holds no mitigation that can be opened: {why}.", code="model-file", hint="Save the model again."
    )
