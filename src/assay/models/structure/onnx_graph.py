"""The few facts of an ONNX file that the runtime does not tell, read from its protobuf without the onnx package.

Wire format: https://protobuf.dev/programming-guides/encoding/; field numbers: onnx/onnx.proto (ModelProto,
GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.core.errors import AssayError

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_ATTRIBUTE, _ATTRIBUTE_NAME, _INTS, _STRINGS = 5, 1, 8, 9
_DATA_LOCATION, _EXTERNAL = 14, 1
_CLASS_ATTRIBUTES = (b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints")


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """`nodes` in the main graph, `external` weights in other files, `classes` named by its classifier nodes."""

    nodes: int
    external: int
    classes: tuple[str, ...]


def read_graph(data: bytes, /) -> GraphFacts:
    """Facts of the main graph; an AssayError when `data` is no ONNX model.

    Classes are given only where all classifier nodes of the graph name the same ones.
    """
    view = memoryview(data)
    graphs = [value for number, value in _fields(view) if number == _GRAPH and isinstance(value, memoryview)]
    if len(graphs) != 1:
        raise _broken()
    nodes = external = 0
    named: set[tuple[str, ...]] = set()
    for number, value in _fields(graphs[0]):
        if number == _NODE and isinstance(value, memoryview):
            nodes += 1
            named |= _classes(value)
        elif number == _INITIALIZER and isinstance(value, memoryview):
            external += any(field == _DATA_LOCATION and found == _EXTERNAL for field, found in _fields(value))
    return GraphFacts(nodes, external, named.pop() if len(named) == 1 else ())


def _classes(node: memoryview) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for number, value in _fields(node):
        if number != _ATTRIBUTE or not isinstance(value, memoryview):
            continue
        fields = list(_fields(value))
        if not any(field == _ATTRIBUTE_NAME and bytes(_view(item)) in _CLASS_ATTRIBUTES for field, item in fields):
            continue
        texts = [bytes(_view(item)).decode("utf-8", "replace") for field, item in fields if field == _STRINGS]
        for field, item in fields:
            if field == _INTS:
                packed = [item] if isinstance(item, int) else list(_varints(item))
                texts += [str(number - (1 << 64) if number >> 63 else number) for number in packed]
        if texts:
            found.add(tuple(texts))
    return found


def _view(item: int | memoryview) -> memoryview:
    if isinstance(item, int):
        raise _broken()
    return item


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, varint or bytes) of one message; fixed-width numbers come as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise _broken()
        if at + size > len(data):
            raise _broken()
        yield key >> 3, data[at : at + size]
        at += size


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
        shift += 7
    raise _broken()


def _broken() -> AssayError:
    return AssayError("The file is no ONNX model, or is cut short.", code="model-file", hint="Save the model again.")
