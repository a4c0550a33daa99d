"""What is inside a model in another process, asked for piece by piece; arrays alone come back, and are checked."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from assay.models.adapter import MISTAKES, Adapter
from assay.models.inputs import row_count
from assay.models.internals import shipping
from assay.models.internals.forms import Inside
from assay.models.isolation import wire

ROWS_PER_MESSAGE = 65_536
_INSIDE_LIMIT = 1 << 30
_CELLS = 1 << 24
_SHAP_ROWS = 1024
"""SHAP values of a row may take milliseconds: so many rows share one time limit."""


class Asked(Adapter):
    """An adapter whose model another process holds; `_ask` sends one message and returns the answer."""

    @abstractmethod
    def _ask(self, header: Mapping[str, Any], payload: Any, *, rows: int, limit: int) -> tuple[Any, bytearray]: ...

    def look_inside(self) -> Inside:
        """What the child shows: arrays alone, whose structure is checked here again."""
        reply, data = self._ask({"op": "inside"}, b"", rows=0, limit=_INSIDE_LIMIT)
        try:
            arrays = wire.unpack_arrays(reply["arrays"], data, expected=shipping.EXPECTED)
            return shipping.restore(reply["inside"], arrays)
        except MISTAKES as error:
            raise shipping.impossible(self.name, error) from error

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """The child's matrix."""
        return self._numbers("encoded", inputs, (self._width(),))

    def raw(self, inputs: Any, /) -> np.ndarray:
        """The child's margins."""
        return self._numbers("raw", inputs, (self._outputs(),))

    def contributed(self, inputs: Any, /) -> np.ndarray:
        """The child's own SHAP values."""
        return self._numbers("contributed", inputs, (self._width() + 1, self._outputs()), most=_SHAP_ROWS)

    def _width(self) -> int:
        form = self.inside().form
        return form.width if form is not None else 0

    def _outputs(self) -> int:
        form = self.inside().form
        return form.outputs if form is not None else 0

    def _numbers(self, op: str, inputs: Any, shape: tuple[int, ...], *, most: int = ROWS_PER_MESSAGE) -> np.ndarray:
        """(rows, *shape) of the child, in pieces of at most `most` rows and `_CELLS` numbers."""
        parts = []
        for piece in pieces(self._used(inputs), max(1, min(most, _CELLS // max(1, math.prod(shape))))):
            rows = row_count(piece)
            described, payload = wire.pack_inputs(piece)
            size = [rows, *shape]
            limit = 8 * int(np.prod(size, dtype=np.int64))
            reply, data = self._ask({"op": op, **described}, payload, rows=rows, limit=limit)
            try:
                parts.append(wire.unpack_arrays(reply["arrays"], data, expected={"found": size})["found"])
            except MISTAKES as error:
                raise shipping.impossible(self.name, error) from error
        return np.concatenate(parts)

    def _used(self, inputs: Any) -> Any:
        if self.features and hasattr(inputs, "select") and set(self.features) <= set(inputs.column_names):
            return inputs.select(list(self.features))
        return inputs


def pieces(inputs: Any, most: int, /) -> Iterator[Any]:
    """`inputs` in pieces of at most `most` rows; one piece where there are no more."""
    if row_count(inputs) <= most:
        yield inputs
        return
    for start in range(0, row_count(inputs), most):
        yield inputs.slice(start, most) if hasattr(inputs, "num_rows") else inputs[start : start + most]
