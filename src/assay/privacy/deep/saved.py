"""A privately trained torch module in a folder: an ONNX graph, facts and the promise as JSON; opened without torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError
from assay.models.adapter import Adapter, task_of
from assay.models.inputs import select
from assay.models.internals.forms import Inside, reason
from assay.models.load import open_bytes
from assay.models.outputs import Outputs
from assay.privacy.training.saved import Files
from assay.privacy.training.tables.encoding import Encoding, unscaled
from assay.privacy.training.tables.schema import Categorical, Column, Schema, schema_of

if TYPE_CHECKING:
    from assay.privacy.deep.modules import TrainedModule

FORMAT = 1
FACTS, NETWORK, STATEMENT = "private_module.json", "network.onnx", "statement.json"
LARGEST = 1 << 20
"""Bytes of the facts, at most."""
TOLERANCE = 1e-4


@dataclass(frozen=True)
class ModuleFiles(Files):
    """The files of a trained module by name; `digest` is that of private_module.json, which has those of the others."""

    @property
    def digest(self) -> str:
        """SHA-256 of private_module.json."""
        return digest_bytes(self.contents[FACTS])


class PrivateModule(Adapter):
    """An ONNX network that reads tables by a public schema and answers in the terms of the label."""

    def __init__(
        self, network: Adapter, encoding: Encoding, label: Column, /, *, digest: str, notes: tuple[str, ...]
    ) -> None:
        self.network, self.encoding, self.label = network, encoding, label
        classes = label.categories if isinstance(label, Categorical) else ()
        super().__init__(
            name="privately trained network",
            digest=digest,
            task=task_of(classes),
            features=tuple(encoding.features.columns),
            classes=classes,
            notes=notes,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Probabilities and the most probable class, or numbers on the scale of the label."""
        found = self.network.answer(self.encoding.matrix(select(inputs, self.features)))
        if isinstance(self.label, Categorical) or found.values is None:
            return found
        return Outputs(values=unscaled(found.values, self.label))

    def look_inside(self) -> Inside:
        """A network has neither trees nor one linear form."""
        return Inside(reason=reason("models.inside.kind", kind="A network"))


def files_of_module(
    trained: TrainedModule,
    encoding: Encoding,
    label: Column,
    /,
    *,
    name: str,
    statement: Mapping[str, Any],
    promise: str,
) -> ModuleFiles:
    """The files of a trained module whose label column is `name`; the graph is held to answer as the module does.

    `statement` is the whole promise, `promise` one line of it. Needs the extra [convert].
    """
    files = {
        NETWORK: _graph(trained, encoding, label),
        STATEMENT: json.dumps(statement, indent=1, allow_nan=False).encode(),
    }
    facts = {
        "format": FORMAT,
        "features": encoding.features.to_json(),
        "label": {"name": name} | Schema({"label": label}).to_json()["label"],
        "private": not trained.not_private,
        "promise": promise,
        "files": {file: digest_bytes(data) for file, data in sorted(files.items())},
    }
    return ModuleFiles({FACTS: json.dumps(facts, indent=1, allow_nan=False).encode(), **files})


def _graph(trained: TrainedModule, encoding: Encoding, label: Column) -> bytes:
    import pyarrow as pa

    from assay.models.adapters.torch import TorchModel
    from assay.models.convert.export import export

    classes = label.categories if isinstance(label, Categorical) else ()
    form = "logits" if classes else "values"
    module = TorchModel(trained.module, name="network", classes=classes, features=encoding.names, form=form)
    made_up = np.random.default_rng(0).uniform(-1, 1, (64, encoding.width)).astype(np.float32)
    sample = pa.table(dict(zip(encoding.names, made_up.T, strict=True)))
    with _hushed():
        data = export(module, "onnx", sample)
    there = open_bytes(data, name=NETWORK, isolate=False).answer(made_up)
    here = module.answer(sample)
    for mine, theirs in ((here.scores, there.scores), (here.values, there.values)):
        alike = mine is None or (theirs is not None and np.allclose(mine, theirs, atol=TOLERANCE, rtol=TOLERANCE))
        if not alike:
            raise AssayError("The saved network does not answer as the trained one.", code="convert")
    return data


@contextmanager
def _hushed() -> Iterator[None]:
    """Without what torch.onnx of torch 2.13 says of its own parts, and of torchvision, which no network here needs."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
            yield
    finally:
        logger.setLevel(before)


def open_module(folder: str | Path, /, *, isolate: bool = True, timeout: float = 30.0) -> PrivateModule:
    """The model that `ModuleFiles.write` wrote; a file that is missing, changed or does not fit is an error."""
    path = Path(folder)
    text = _read(path, FACTS, LARGEST)
    try:
        facts = json.loads(text)
        digests = {name: str(facts["files"][name]) for name in (NETWORK, STATEMENT)}
        encoding = Encoding(schema_of(facts["features"]))
        label = schema_of({"label": {k: v for k, v in facts["label"].items() if k != "name"}}).columns["label"]
        known = facts["format"] == FORMAT
        notes = (str(facts["promise"])[:500],)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _broken(f"{FACTS} cannot be read") from error
    if not known:
        raise _broken(f"its format is not {FORMAT}")
    contents = {name: _read(path, name) for name in digests}
    for name, digest in digests.items():
        if digest_bytes(contents[name]) != digest:
            raise _broken(f"{name} was changed after it was saved")
    network = open_bytes(contents[NETWORK], name=NETWORK, isolate=isolate, timeout=timeout)
    classes = label.categories if isinstance(label, Categorical) else ()
    if network.classes != classes or network.width not in (None, encoding.width):
        raise _broken("the network and the schema do not fit together")
    return PrivateModule(network, encoding, label, digest=digest_bytes(text), notes=notes)


def _read(path: Path, name: str, most: int = -1) -> bytes:
    try:
        with (path / name).open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise _broken(f"{name} cannot be read ({error.strerror})") from error


def _broken(why: str) -> AssayError:
    return AssayError(
        f"The folder holds no private network that can be opened: {why}.", code="model-file", hint="Train it again."
    )
