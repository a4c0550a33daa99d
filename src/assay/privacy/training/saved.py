"""A private model in a folder: facts as JSON, weights as npz, the promise as JSON beside them; never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError
from assay.models.structure.arrays import read_arrays, write_arrays
from assay.privacy.training.model import PrivateModel, Recorded
from assay.privacy.training.network import Architecture, Network, Output
from assay.privacy.training.tables.encoding import Encoding
from assay.privacy.training.tables.schema import Categorical, Schema, schema_of

FORMAT = 1
FACTS, WEIGHTS, STATEMENT = "private_model.json", "weights.npz", "statement.json"


@dataclass(frozen=True)
class Files:
    """The files of a model by name, ready to be written; `digest` is the SHA-256 of private_model.json.

    That file has the digests of the others, so the one digest stands for all of them.
    """

    contents: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """SHA-256 of private_model.json."""
        return digest_bytes(self.contents[FACTS])

    def write(self, folder: str | Path, /) -> None:
        """The files lie in a new folder; one that is there already is an error."""
        path = Path(folder)
        check_new(path)
        try:
            path.mkdir(parents=True)
            for name, data in self.contents.items():
                (path / name).write_bytes(data)
        except OSError as error:
            raise AssayError(
                f"The folder {str(path)!r} cannot be written: {error.strerror}.", code="model-file"
            ) from error


def check_new(path: Path, /) -> None:
    """Raise where something is at `path` already."""
    if path.exists():
        raise AssayError(
            f"{str(path)!r} is there already.", code="model-file", hint="Choose a path where nothing is yet."
        )


def files_of(model: PrivateModel, /, *, label: str, statement: Mapping[str, Any], promise: str, private: bool) -> Files:
    """The Files of a model: `label` names its column, `statement` is the whole promise, `promise` one line of it."""
    arrays = {f"weight.{i}": value for i, value in enumerate(model.network.weights)}
    arrays |= {f"bias.{i}": value for i, value in enumerate(model.network.biases)}
    files = {
        WEIGHTS: write_arrays(arrays),
        STATEMENT: json.dumps(statement, indent=1, allow_nan=False).encode(),
    }
    shape = model.network.architecture
    facts = {
        "format": FORMAT,
        "architecture": {"hidden": list(shape.hidden), "activation": shape.activation},
        "features": model.encoding.features.to_json(),
        "label": {"name": label} | Schema({"label": model.label}).to_json()["label"],
        "private": private,
        "training": model.recorded.to_json() if model.recorded else None,
        "promise": promise,
        "files": {name: digest_bytes(data) for name, data in sorted(files.items())},
    }
    return Files({FACTS: json.dumps(facts, indent=1, allow_nan=False).encode(), **files})


def architecture_of(
    encoding: Encoding, label: Any, /, *, hidden: tuple[int, ...] = (), activation: Any = "relu"
) -> Architecture:
    """The Architecture for these features and this label: a number, the log-odds of two classes, or of several."""
    if not isinstance(label, Categorical):
        return Architecture(encoding.width, Output.NUMBER, 1, hidden, activation)
    classes = len(label.categories)
    if classes < 2:
        raise AssayError("A label has two categories or more.", code="schema", hint="List all its classes.")
    if classes == 2:
        return Architecture(encoding.width, Output.BINARY, 1, hidden, activation)
    return Architecture(encoding.width, Output.CLASSES, classes, hidden, activation)


def open_folder(folder: str | Path, /) -> PrivateModel:
    """The model that `Files.write` wrote; a file that is missing, changed or does not fit is an error."""
    path = Path(folder)
    text = _read(path, FACTS)
    facts = _facts(text)
    arrays = read_arrays(_checked(path, WEIGHTS, facts))
    _checked(path, STATEMENT, facts)
    try:
        encoding = Encoding(schema_of(facts["features"]))
        label = schema_of({"label": {k: v for k, v in facts["label"].items() if k != "name"}}).columns["label"]
        shape = facts["architecture"]
        hidden = tuple(int(size) for size in shape["hidden"])
        architecture = architecture_of(encoding, label, hidden=hidden, activation=shape["activation"])
        _check_sizes(architecture, arrays)
        network = Network(architecture)
        for place, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            weight[:], bias[:] = arrays[f"weight.{place}"], arrays[f"bias.{place}"]
        notes = (str(facts["promise"])[:500],)
        recorded = Recorded.from_json(facts["training"]) if facts.get("training") else None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _broken(f"{FACTS} and the weights do not fit together") from error
    if not np.isfinite(network.theta).all():
        raise _broken("a weight is not finite")
    return PrivateModel(network, encoding, label, digest=digest_bytes(text), notes=notes, recorded=recorded)


def _check_sizes(architecture: Architecture, arrays: Mapping[str, Any]) -> None:
    """A forged file must not ask for more memory than its weights take."""
    if architecture.parameters != sum(array.size for array in arrays.values()):
        raise ValueError("other sizes")


def _facts(text: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(f"{FACTS} is no JSON") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT or not isinstance(facts.get("files"), dict):
        raise _broken(f"its format is not {FORMAT}")
    return facts


def _checked(path: Path, name: str, facts: Mapping[str, Any]) -> bytes:
    data = _read(path, name)
    if digest_bytes(data) != facts["files"].get(name):
        raise _broken(f"{name} was changed after it was saved")
    return data


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as error:
        raise _broken(f"{name} cannot be read ({error.strerror})") from error


def _broken(why: str) -> AssayError:
    return AssayError(
        f"The folder holds no private model that can be opened: {why}.", code="model-file", hint="Train it again."
    )
