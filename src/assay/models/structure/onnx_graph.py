"""The few facts of an ONNX file that the runtime does not tell, read from its protobuf without the onnx package.

Wire format: https://protobuf.dev/programming-guides/encoding/; field numbers: onnx/onnx.proto (ModelProto,
GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_ATTRIBUTE, _ATTRIBUTE_NAME, _INTS, _STRINGS = 5, 1, 8, 9
_DATA_LOCATION, _EXTERNAL = 14, 1
_INPUT, _OUTPUT, _OP_TYPE, _ONE_STRING, _FLOATS = 1, 2, 4, 4, 7
_CLASS_ATTRIBUTES = (b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints")


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """`nodes` in the main graph, `external` weights in other files, `classes` named by its classifier nodes."""

    nodes: int
    external: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the main graph, with those attributes that are lists of numbers or texts, or one text."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    floats: Mapping[str, np.ndarray]
    ints: Mapping[str, np.ndarray]
    texts: Mapping[str, tuple[str, ...]]
    attributes: frozenset[str]


def read_nodes(data: bytes, /) -> list[Node]:
    """The operations of the main graph, in order; an AssayError when `data` is no ONNX model."""
    graphs = [value for number, value in _fields(memoryview(data)) if number == _GRAPH]
    if len(graphs) != 1:
        raise _broken()
    return [_node(_view(value)) for number, value in _fields(_view(graphs[0])) if number == _NODE]


def _node(node: memoryview) -> Node:
    fields = list(_fields(node))
    floats: dict[str, np.ndarray] = {}
    ints: dict[str, np.ndarray] = {}
    texts: dict[str, tuple[str, ...]] = {}
    names = []
    for number, value in fields:
        if number != _ATTRIBUTE:
            continue
        parts = list(_fields(_view(value)))
        name = _text(next((part for field, part in parts if field == _ATTRIBUTE_NAME), memoryview(b"")))
        names.append(name)
        joined = b"".join(bytes(_view(part)) for field, part in parts if field == _FLOATS)
        if joined:
            floats[name] = np.frombuffer(joined[: len(joined) // 4 * 4], "<f4")
        whole = [one for field, part in parts if field == _INTS for one in _whole(part)]
        if whole:
            ints[name] = np.array(whole, dtype=np.uint64).astype(np.int64)
        words = tuple(_text(part) for field, part in parts if field in (_ONE_STRING, _STRINGS))
        if words:
            texts[name] = words
    inputs, outputs = (tuple(_text(value) for number, value in fields if number == n) for n in (_INPUT, _OUTPUT))
    kind = next((_text(value) for number, value in fields if number == _OP_TYPE), "")
    return Node(kind, inputs, outputs, floats, ints, texts, frozenset(names))


def _whole(part: int | memoryview) -> list[int]:
    return [part] if isinstance(part, int) else list(_varints(part))


def _text(part: int | memoryview) -> str:
    return bytes(_view(part)).decode("utf-8", "replace")


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
