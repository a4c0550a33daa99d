"""Attention out of plain linear layers, in the place of torch's, whose gradients per example are hidden."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import AssayError


class LinearAttention(nn.Module):
    """What `nn.MultiheadAttention` computes, with its weights, by linear layers that see the rows first.

    Not Opacus' DPMultiheadAttention: with batch_first and more than one head, that of Opacus 1.6 puts the heads of a
    place where other places belong; without, its layers see places first and rows second. No `bias_k` and no
    `add_zero_attn`. `in_proj_bias` and `_qkv_same_embed_dim` tell torch's encoders to take no short cut.
    """

    in_proj_bias = None
    _qkv_same_embed_dim = False

    def __init__(self, given: nn.MultiheadAttention, /) -> None:
        super().__init__()
        if given.bias_k is not None or given.add_zero_attn:
            raise AssayError(
                "Attention with bias_k or add_zero_attn has no replacement.", code="layers", hint="Leave them out."
            )
        self.embed_dim, self.num_heads, self.batch_first = given.embed_dim, given.num_heads, given.batch_first
        self.dropout = nn.Dropout(given.dropout)
        if given.in_proj_weight is not None:
            weights = given.in_proj_weight.detach().chunk(3)
        else:
            weights = (given.q_proj_weight, given.k_proj_weight, given.v_proj_weight)
        biases = (None, None, None) if given.in_proj_bias is None else given.in_proj_bias.detach().chunk(3)
        self.query, self.key, self.value = (_linear(w, b) for w, b in zip(weights, biases, strict=True))
        self.out_proj = _linear(given.out_proj.weight, given.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> Any:
        """The answers, and the attention weights or None, as torch gives them; inputs have three dimensions."""
        if query.dim() != 3:
            raise AssayError("Attention is trained on batches of sequences.", code="layers", hint="Add a dimension.")
        if not self.batch_first:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        rows, places, _ = query.shape
        q, k, v = self._heads(self.query(query)), self._heads(self.key(key)), self._heads(self.value(value))
        scores = q @ k.mT / (q.shape[-1] ** 0.5)
        if attn_mask is not None:
            scores = _masked(scores, attn_mask if attn_mask.dim() == 2 else attn_mask.reshape(scores.shape))
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask[:, None, None, :])
        weights = self.dropout(torch.softmax(scores, -1))
        answers = self.out_proj((weights @ v).transpose(1, 2).reshape(rows, places, self.embed_dim))
        shown = None if not need_weights else weights.mean(1) if average_attn_weights else weights
        return (answers if self.batch_first else answers.transpose(0, 1)), shown

    def _heads(self, given: Tensor) -> Tensor:
        """(rows, places, width) to (rows, heads, places, width of a head)."""
        return given.reshape(*given.shape[:2], self.num_heads, -1).transpose(1, 2)


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(mask, float("-inf")) if mask.dtype == torch.bool else scores + mask


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        made.weight.copy_(weight)
        if bias is not None:
            made.bias.copy_(bias)
    return made
