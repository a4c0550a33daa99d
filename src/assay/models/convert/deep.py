"""torch archives and Keras models, opened to be converted to ONNX. Only ever run in a child process."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra
from assay.models.adapter import UNREADABLE, Adapter, excerpt, task_of
from assay.models.adapters.torch import TorchModel, torch_library
from assay.models.formats import ModelFile
from assay.models.inputs import matrix, select
from assay.models.outputs import Outputs
from assay.models.tensors import interpret, known_form

OPSET = 18


def open_torch(file: ModelFile, /) -> TorchModel:
    """The module of a TorchScript or torch.export archive; a state dict has no graph and is refused."""
    torch = torch_library()
    torch.set_num_threads(1)
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        names = ["/" + name for name in archive.namelist()]
    exported = any(name.endswith("/archive_format") for name in names)
    if not exported and not any("/code/" in name for name in names):
        raise AssayError(
            f"{file.name} holds weights without a program.",
            code="model-file",
            hint="Save the model with torch.export.save or torch.jit.save, not its state_dict.",
        )
    try:
        program = torch.export.load(io.BytesIO(file.data)) if exported else None
        module = program.module() if program else torch.jit.load(io.BytesIO(file.data), map_location="cpu")
    except UNREADABLE as error:
        raise AssayError(
            f"torch cannot read {file.name}: {excerpt(error, limit=200)}.", code="model-file", hint="Save it again."
        ) from error
    model = TorchModel(module, name=file.name, classes=file.classes or (), form=_form(file))
    model.digest = file.digest
    return model


def _form(file: ModelFile) -> str:
    if not file.form and file.classes:
        raise AssayError(
            f"What the last layer of {file.name} gives is not stored in it.",
            code="output",
            hint="Say it: --output logits, or --output probabilities.",
        )
    return file.form or "values"


def torch_to_onnx(model: TorchModel, sample: Any, /) -> bytes:
    """The ONNX bytes of a torch module, for any number of rows, with `sample`'s columns as one matrix."""
    torch = torch_library()
    array = torch.from_numpy(matrix(sample, dtype=np.float32))
    if isinstance(model.module, torch.jit.ScriptModule):
        written = io.BytesIO()
        names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
        names["dynamic_axes"] = {"input": {0: "rows"}, "output": {0: "rows"}}
        torch.onnx.export(model.module, (array,), written, dynamo=False, opset_version=OPSET, **names)
        return written.getvalue()
    try:
        import onnxscript as _onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtra("Converting a torch.export program", extra="convert") from error
    program = torch.export.export(model.module, (array,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    made = torch.onnx.export(program, (array,), dynamo=True, opset_version=OPSET, verbose=False)
    data: bytes = made.model_proto.SerializeToString()
    return data


class KerasModel(Adapter):
    """The `serving_default` signature of a SavedModel: one float matrix in, one output."""

    def __init__(self, file: ModelFile, /) -> None:
        tensorflow = _tensorflow()
        classes = file.classes or ()
        self.form = known_form(_form(file), classes, what="A Keras model")
        self._folder = tempfile.TemporaryDirectory()
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            archive.extractall(self._folder.name)
        self._loaded = tensorflow.saved_model.load(self._folder.name)
        self.signature = self._loaded.signatures.get("serving_default")
        inputs = list(self.signature.structured_input_signature[1].items()) if self.signature is not None else []
        if len(inputs) != 1 or len(self.signature.structured_outputs) != 1:
            raise AssayError(
                f"{file.name} has no signature 'serving_default' of one input and one output.",
                code="model-file",
                hint="Export it with model.export(path).",
            )
        self.input, self.spec = inputs[0]
        super().__init__(
            name=file.name, digest=file.digest, task=task_of(classes), classes=classes, width=self.spec.shape[-1]
        )

    def call(self, batch: Any, /) -> Any:
        """The one output tensor of the signature."""
        return next(iter(self.signature(**{self.input: batch}).values()))

    def compute(self, inputs: Any, /) -> Outputs:
        """The signature's answers for one batch."""
        array = matrix(select(inputs, self.features, width=self.width), dtype=np.float32)
        tensorflow = _tensorflow()
        answers = self.call(tensorflow.constant(array, dtype=self.spec.dtype))
        return interpret(answers.numpy(), self.form)


def keras_to_onnx(model: KerasModel, /) -> bytes:
    """The ONNX bytes of a SavedModel's signature."""
    try:
        import tf2onnx
    except ImportError as error:
        raise MissingExtra("Converting a Keras model", extra="keras") from error
    function = _tensorflow().function(model.call)
    made, _ = tf2onnx.convert.from_function(function, input_signature=[model.spec], opset=OPSET)
    data: bytes = made.SerializeToString()
    return data


def _tensorflow() -> Any:
    try:
        import tensorflow
    except ImportError as error:
        raise MissingExtra("A Keras model", extra="keras") from error
    return tensorflow


def pack_folder(folder: Path, /) -> bytes:
    """A SavedModel folder as one zip, the same bytes for the same files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
    return written.getvalue()
