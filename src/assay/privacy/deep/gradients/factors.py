"""Gradients of one parameter for each row of a batch: whole, or as the two factors they are products of."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class RowGradient(Protocol):
    """The gradient of one parameter for each row; a row's gradient is the sum of all its RowGradients."""

    def squares(self) -> Tensor:
        """(rows,) squared norm of each row's gradient."""

    def weighted(self, factors: Tensor, /) -> Tensor:
        """The sum over rows of `factors` (rows,) times the gradient, in the shape of the parameter."""

    def whole(self) -> Tensor:
        """(rows, *shape of the parameter)."""

    def without(self, bad: Tensor, /) -> RowGradient:
        """The same with zeros for the rows that `bad` (rows,) flags."""


class Whole:
    """Row gradients that were computed one by one."""

    def __init__(self, rows: Tensor, /) -> None:
        self.rows = rows

    def squares(self) -> Tensor:
        """(rows,) squared norms."""
        found: Tensor = self.rows.flatten(1).square().sum(1)
        return found

    def weighted(self, factors: Tensor, /) -> Tensor:
        """The weighted sum over rows."""
        found: Tensor = torch.tensordot(factors.to(self.rows.dtype), self.rows, dims=1)
        return found

    def whole(self) -> Tensor:
        """The rows themselves."""
        return self.rows

    def without(self, bad: Tensor, /) -> Whole:
        """Zeros where `bad`."""
        return Whole(_zeroed(self.rows, bad))


class LinearFactors:
    """The weight of a linear layer: Σ_t b_t a_tᵀ over the places t of a row, from inputs a and gradients b of outputs.

    `inputs` (rows, …, in), `outputs` (rows, …, out). The squared norm is Σ_ts (a_t·a_s)(b_t·b_s) (Li, Tramèr, Liang &
    Hashimoto 2022, arXiv 2110.05679, section 4), in doubles, because terms cancel; where there are more pairs of places
    than weights, the rows are made whole (Bu, Mao & Xu 2022, arXiv 2205.10683).
    """

    def __init__(self, inputs: Tensor, outputs: Tensor, /) -> None:
        self.inputs = inputs.reshape(len(inputs), -1, inputs.shape[-1]).to(outputs.dtype)
        self.outputs = outputs.reshape(len(outputs), -1, outputs.shape[-1])

    def squares(self) -> Tensor:
        """(rows,) squared norms, of rows that are never made whole where that is cheaper."""
        places = self.inputs.shape[1]
        if places == 1:
            return self.inputs.square().sum((1, 2)) * self.outputs.square().sum((1, 2))
        if places * places > self.inputs.shape[2] * self.outputs.shape[2]:
            return Whole(self.whole()).squares()
        a, b = self.inputs.double(), self.outputs.double()
        found: Tensor = ((a @ a.mT) * (b @ b.mT)).sum((1, 2)).clamp(min=0)
        return found

    def weighted(self, factors: Tensor, /) -> Tensor:
        """(out, in): one matrix product."""
        scaled = self.outputs * factors.to(self.outputs.dtype)[:, None, None]
        return scaled.flatten(0, 1).T @ self.inputs.flatten(0, 1)

    def whole(self) -> Tensor:
        """(rows, out, in)."""
        return self.outputs.mT @ self.inputs

    def without(self, bad: Tensor, /) -> LinearFactors:
        """Zeros where `bad`."""
        return LinearFactors(_zeroed(self.inputs, bad), _zeroed(self.outputs, bad))


class EmbeddingFactors:
    """The table of an embedding: Σ_t e_{i_t} b_tᵀ from the ids i and the gradients b of the vectors looked up.

    `ids` (rows, …), `outputs` (rows, …, width). The squared norm is Σ_ts [i_t = i_s] b_t·b_s.
    """

    def __init__(self, ids: Tensor, outputs: Tensor, /, *, entries: int) -> None:
        self.ids, self.entries = ids.reshape(len(ids), -1), entries
        self.outputs = outputs.reshape(len(outputs), -1, outputs.shape[-1])

    def squares(self) -> Tensor:
        """(rows,) squared norms; a table for each row is never made."""
        b = self.outputs.double()
        same = self.ids[:, :, None] == self.ids[:, None, :]
        return ((b @ b.mT) * same).sum((1, 2)).clamp(min=0)

    def weighted(self, factors: Tensor, /) -> Tensor:
        """(entries, width)."""
        scaled = (self.outputs * factors.to(self.outputs.dtype)[:, None, None]).flatten(0, 1)
        return scaled.new_zeros(self.entries, scaled.shape[1]).index_add_(0, self.ids.flatten(), scaled)

    def whole(self) -> Tensor:
        """(rows, entries, width)."""
        rows, _, width = self.outputs.shape
        index = self.ids[:, :, None].expand(-1, -1, width)
        return self.outputs.new_zeros(rows, self.entries, width).scatter_add_(1, index, self.outputs)

    def without(self, bad: Tensor, /) -> EmbeddingFactors:
        """Zeros where `bad`."""
        return EmbeddingFactors(self.ids, _zeroed(self.outputs, bad), entries=self.entries)


def _zeroed(rows: Tensor, bad: Tensor) -> Tensor:
    # 0 × NaN is NaN: a bad row is replaced, not multiplied away.
    return rows.masked_fill(bad.reshape(-1, *[1] * (rows.dim() - 1)), 0)
