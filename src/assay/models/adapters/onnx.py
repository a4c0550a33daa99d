"""ONNX models through onnxruntime, on the CPU with few threads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from assay.core.errors import AssayError
from assay.models import tensors
from assay.models.adapter import MISTAKES, THREADS, Adapter, excerpt
from assay.models.formats import ModelFile
from assay.models.inputs import is_number, is_text, listed, matrix, numbers, select
from assay.models.internals.forms import Inside, reason
from assay.models.internals.onnx_trees import answers_agree, form_of, probes
from assay.models.outputs import Outputs
from assay.models.structure.onnx_graph import read_graph

if TYPE_CHECKING:
    import pyarrow as pa

FEATURES, CLASSES, FORM = "assay.features", "assay.classes", "assay.output"
"""Metadata keys in which `assay model convert` keeps what ONNX has no place for."""

_ERRORS_ONLY = 3
_DTYPES: dict[str, Any] = {
    "float": np.float32,
    "double": np.float64,
    "float16": np.float16,
    "int64": np.int64,
    "int32": np.int32,
    "int16": np.int16,
    "int8": np.int8,
    "uint8": np.uint8,
    "bool": np.bool_,
    "string": np.object_,
}


class OnnxModel(Adapter):
    """A graph with one input for each column, or one matrix of all columns; see `tensors.plan` for its outputs.

    A model of one matrix knows no column names unless `assay model convert` (or whoever) stored them in
    its metadata as the JSON list `assay.features`; then the columns are taken by position.
    """

    def __init__(self, file: ModelFile, /) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        self.failures = tuple(
            kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)
        )
        facts = read_graph(file.data)
        self._data = file.data
        if facts.external:
            raise AssayError(
                f"{file.name} keeps {facts.external} of its weights in another file.",
                code="model-file",
                hint="Save it as one file: onnx.save_model(model, path, save_as_external_data=False).",
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        options.log_severity_level = _ERRORS_ONLY + 1
        try:
            self._session = onnxruntime.InferenceSession(file.data, options, providers=["CPUExecutionProvider"])
            stored = self._session.get_modelmeta().custom_metadata_map
            self._inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        except (*MISTAKES, *self.failures) as error:
            raise AssayError(
                f"onnxruntime cannot open {file.name}: {excerpt(error, limit=200)}.",
                code="model-file",
                hint="Export it again.",
            ) from error
        self._matrix = len(self._inputs) == 1 and (len(self._inputs[0].shape) != 2 or self._inputs[0].shape[1] != 1)
        names = _stored_list(stored, FEATURES) or ([] if self._matrix else [found.name for found in self._inputs])
        form = stored.get(FORM)
        self._reading = tensors.plan(
            [_spec(found) for found in outputs],
            name=file.name,
            task=file.task,
            classes=file.classes,
            stored=_stored_list(stored, CLASSES) or facts.classes,
            form=cast("tensors.Form", form) if form in ("probabilities", "logits", "values") else None,
        )
        super().__init__(
            name=file.name,
            digest=file.digest,
            task=self._reading.task,
            features=names,
            classes=self._reading.classes,
            width=_width(self._inputs[0].shape) if self._matrix else len(self._inputs),
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """One run of the graph."""
        wanted = [item for item in (self._reading.labels, self._reading.scores) if item]
        answers = self._session.run(wanted, self._feed(inputs))
        found = {name: _array(answer) for name, answer in zip(wanted, answers, strict=True)}
        return tensors.read(self._reading, found)

    def look_inside(self) -> Inside:
        """The trees of a graph that is one tree ensemble of one float32 matrix, if they answer as the graph does."""
        unread = Inside(reason=reason("models.inside.part", part="This ONNX graph"))
        if not self._matrix or _dtype(self._inputs[0]) is not np.float32 or not self.width:
            return unread
        form = form_of(self._data, input_name=self._inputs[0].name, width=self.width, classes=len(self.classes))
        if form is None or not answers_agree(form, self.compute(probes(form))):
            return unread
        names = self.features or tuple(f"column {i}" for i in range(form.width))
        return Inside(ensemble=form, names=names, origin=np.arange(form.width))

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """The matrix that the graph gets."""
        return self._feed(inputs)[self._inputs[0].name].astype(np.float64)

    def raw(self, inputs: Any, /) -> np.ndarray:
        """The ensemble's own sum: the runtime gives only what follows the last transformation."""
        form = self.ensemble()
        assert form is not None
        return form.margin(self.encoded(inputs))

    def _feed(self, inputs: Any) -> dict[str, np.ndarray]:
        first = self._inputs[0]
        if isinstance(inputs, list):
            texts = np.array([*inputs, None], dtype=object)[:-1]
            return {first.name: texts if len(first.shape) == 1 else texts[:, None]}
        if isinstance(inputs, np.ndarray) and self._matrix:
            return {first.name: inputs.astype(_dtype(first))}
        table = select(inputs, self.features, width=self.width)
        if not self._matrix:
            return {
                found.name: _column(table, position, _dtype(found)).reshape(-1, *([1] * (len(found.shape) - 1)))
                for position, found in enumerate(self._inputs)
            }
        dtype = _dtype(first)
        if dtype is not np.object_:
            return {first.name: matrix(table).astype(dtype)}
        return {first.name: np.column_stack([_column(table, i, dtype) for i in range(table.num_columns)])}


def _column(table: pa.Table, position: int, dtype: Any) -> np.ndarray:
    """(rows,) of one column as the graph wants it; text for a number, or the reverse, is an error that names it."""
    import pyarrow as pa

    field, column = table.schema.field(position), table.column(position)
    if (is_text(field.type) if dtype is np.object_ else is_number(field.type)) is False:
        raise AssayError(
            f"Column {field.name!r} is {field.type}, the model takes {'text' if dtype is np.object_ else 'numbers'}.",
            code="features",
            hint="Give the columns, of the kinds, that the model was trained on.",
        )
    if column.null_count and (dtype is np.object_ or np.issubdtype(dtype, np.integer) or dtype is np.bool_):
        raise AssayError(
            f"Column {field.name!r} has {column.null_count} missing values, which the ONNX model cannot take.",
            code="features",
            hint="Fill them as the model was trained, for example with a text of their own.",
        )
    if dtype is np.object_:
        return np.array([*column.cast(pa.string()).to_pylist(), None], dtype=object)[:-1]
    return numbers(column).astype(dtype)


def _dtype(found: Any) -> Any:
    kind = str(found.type).removeprefix("tensor(").removesuffix(")")
    if kind not in _DTYPES:
        raise AssayError(
            f"The ONNX input {found.name!r} is a {found.type}, which no column can be.",
            code="model-file",
            hint=f"Expected one of: {listed(sorted(_DTYPES))}.",
        )
    return _DTYPES[kind]


def _width(shape: Sequence[Any]) -> int | None:
    return int(shape[1]) if len(shape) == 2 and isinstance(shape[1], int) else None


def _spec(found: Any) -> tensors.TensorSpec:
    kind = str(found.type)
    if kind.startswith("seq(map("):
        return tensors.TensorSpec(found.name, "floating", (None, None))
    inner = kind.removeprefix("tensor(").removesuffix(")")
    family: Literal["floating", "integer", "boolean", "text"] = "integer"
    if inner in ("float", "double", "float16", "bfloat16"):
        family = "floating"
    elif inner in ("string", "bool"):
        family = "text" if inner == "string" else "boolean"
    shape = tuple(size if isinstance(size, int) else None for size in (found.shape or ()))
    return tensors.TensorSpec(found.name, family, shape)


def _array(answer: Any) -> np.ndarray:
    """A tensor, or the matrix of a ZipMap's list of {class: probability} in the order of its keys."""
    if isinstance(answer, list):
        keys = list(answer[0]) if answer else []
        return np.array([[row[key] for key in keys] for row in answer], dtype=np.float64)
    return np.asarray(answer)


def _stored_list(stored: Mapping[str, str], key: str) -> list[str]:
    try:
        found = json.loads(stored.get(key, "[]"))
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise AssayError(f"The ONNX metadata {key!r} is no JSON list.", code="model-file", hint="Export it again.")
    return [str(item) for item in found]
