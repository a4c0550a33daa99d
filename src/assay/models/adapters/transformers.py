"""Text models of the BERT family: probabilities, embeddings, sub-words and gradients (extra [text])."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from assay.core.errors import AssayError, MissingExtra, unknown
from assay.models.adapter import THREADS, Adapter, softmax, task_of
from assay.models.adapters.text_head import TextHead
from assay.models.internals.forms import Inside, reason
from assay.models.outputs import Outputs

BATCH = 64
"""Texts of like length that pass the network together."""
POINTS = 16
"""Points whose gradients are taken together."""
LONGEST = 256
"""Tokens of a text that are read where the folder does not say, and at most 512; the rest is cut off."""
Scale = Literal["probability", "log-odds"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The sub-words of one text: `ids`, `spans` (offsets into the text), and which are `special` (added, not read)."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    special: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """`values` (points,) of one output and its `gradients` (points, tokens, width) by the input embeddings."""

    values: np.ndarray
    gradients: np.ndarray


class TextTransformer(Adapter):
    """An encoder with a linear head over its mean-pooled, unit-length embedding, or a sequence classifier as it is.

    Takes lists of texts. Runs in evaluation mode in float32; texts are sorted by length, so that a batch is padded
    little. `longest` tokens of a text are read, and the rest has no part in the answer.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        head: TextHead | None,
        /,
        *,
        name: str,
        digest: str,
        classes: Sequence[str],
        longest: int = LONGEST,
    ) -> None:
        super().__init__(name=name, digest=digest, task=task_of(classes), classes=classes)
        self.module, self.head, self.longest = module.eval(), head, longest
        self._tokenizer = tokenizer
        self._layer = None if head is None else _layer(head)

    def compute(self, inputs: Any, /) -> Outputs:
        """Probabilities and the most probable class, or one number a text."""
        logits = self._texts(inputs, self._answers, self._columns)
        if not self.classes:
            return Outputs(values=logits[:, 0])
        scores = softmax(logits)
        return Outputs(codes=scores.argmax(axis=1), scores=scores)

    def embeddings(self, texts: Sequence[str], /) -> np.ndarray:
        """(texts, width) float64 mean over the tokens of the last layer, of length 1."""
        return self._texts(texts, self._pooled, int(self.module.config.hidden_size))

    def tokens(self, texts: Sequence[str], /) -> list[Tokens]:
        """The sub-words of each text, as the network reads them."""
        found = self._encoded(list(texts))
        return [
            Tokens(tuple(ids), tuple(tuple(span) for span in spans), tuple(bool(flag) for flag in flags))
            for ids, spans, flags in zip(
                found["input_ids"], found["offset_mapping"], found["special_tokens_mask"], strict=True
            )
        ]

    def look_inside(self) -> Inside:
        """A network has neither trees nor one linear form; it has `embedding_gradients`."""
        return Inside(reason=reason("models.inside.kind", kind=type(self.module).__name__))

    def blank(self, kind: str, /) -> int:
        """The id of the token that stands for nothing: "pad" or "mask"."""
        known = {"pad": self._tokenizer.pad_token_id, "mask": self._tokenizer.mask_token_id}
        have = [name for name, ident in known.items() if ident is not None]
        if kind not in have:
            raise unknown("baseline token of the tokenizer", kind, have, code="baseline")
        return int(known[kind])

    def token_embeddings(self, ids: Sequence[int], /) -> np.ndarray:
        """(tokens, width) float32 rows of the network's table of input embeddings, without positions."""
        torch = torch_library()
        with torch.no_grad():
            found: np.ndarray = self.module.get_input_embeddings()(torch.tensor(list(ids))).numpy()
        return found

    def embedding_gradients(self, embedded: np.ndarray, /, *, output: int, scale: Scale = "probability") -> Slopes:
        """One output and its gradient at each of `embedded` (points, tokens, width), texts of one length.

        The output is the probability of class `output`, its log-odds against all others, or the number of a regression.
        """
        rows = len(embedded)
        found: Slopes = self.attempt(lambda: self._slopes(embedded, output, scale), rows=rows)
        return found

    def _slopes(self, embedded: np.ndarray, output: int, scale: Scale) -> Slopes:
        torch = torch_library()

        def work(points: np.ndarray) -> Slopes:
            with torch.enable_grad():
                batch = torch.tensor(points, dtype=torch.float32, requires_grad=True)
                mask = torch.ones(batch.shape[:2], dtype=torch.long)
                answers = _chosen(torch, self._answers(mask, inputs_embeds=batch), output, scale, bool(self.classes))
                (slope,) = torch.autograd.grad(answers.sum(), batch)
            return Slopes(answers.detach().numpy().astype(np.float64), slope.numpy().astype(np.float64))

        parts = _side_by_side(work, [embedded[start : start + POINTS] for start in range(0, len(embedded), POINTS)])
        return Slopes(
            np.concatenate([part.values for part in parts]), np.concatenate([part.gradients for part in parts])
        )

    @property
    def _columns(self) -> int:
        return max(1, len(self.classes))

    def _answers(self, mask: Any, **inputs: Any) -> Any:
        """(texts, classes) logits; two classes with one number have 0 as the other's."""
        torch = torch_library()
        if self._layer is None:
            logits = self.module(attention_mask=mask, **inputs).logits
        else:
            weight, bias = self._layer
            logits = self._pooled(mask, **inputs) @ weight.T + bias
        if logits.shape[1] == 1 and self.classes:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits

    def _pooled(self, mask: Any, **inputs: Any) -> Any:
        hidden = self._body()(attention_mask=mask, **inputs).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
        return torch_library().nn.functional.normalize(mean, dim=1)

    def _body(self) -> Any:
        return self.module.base_model

    def _encoded(self, texts: list[str]) -> Any:
        # A surrogate that stands alone has no UTF-8; the tokenizer cannot be given one.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return self._tokenizer(
            clean,
            truncation=True,
            max_length=self.longest,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )

    def _texts(self, inputs: Any, ask: Callable[..., Any], width: int) -> np.ndarray:
        """(texts, width) float64 of `ask`, in batches of texts of like length."""
        given = _checked(inputs, self.name)
        texts = list(dict.fromkeys(given))  # perturbed texts repeat each other
        torch = torch_library()
        out = np.empty((len(texts), width))
        ids = self._encoded(texts)["input_ids"] if texts else []
        order = sorted(range(len(texts)), key=lambda place: len(ids[place]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]

        def work(places: list[int]) -> np.ndarray:
            batch, mask = _padded([ids[place] for place in places], self._tokenizer.pad_token_id or 0)
            with torch.no_grad():
                found: np.ndarray = ask(torch.from_numpy(mask), input_ids=torch.from_numpy(batch)).numpy()
            return found

        for places, found in zip(batches, _side_by_side(work, batches), strict=True):
            out[places] = found
        known = {text: place for place, text in enumerate(texts)}
        return out[[known[text] for text in given]]


def _layer(head: TextHead) -> tuple[Any, Any]:
    torch = torch_library()
    weight = torch.tensor(head.coefficients, dtype=torch.float32)
    return weight, torch.tensor(head.intercept, dtype=torch.float32)


def _chosen(torch: Any, logits: Any, output: int, scale: Scale, classes: bool) -> Any:
    if not classes:
        return logits[:, 0]
    if scale == "probability":
        return logits.softmax(dim=1)[:, output]
    others = [column for column in range(logits.shape[1]) if column != output]
    return logits[:, output] - torch.logsumexp(logits[:, others], dim=1)


def _padded(ids: list[list[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    longest = max(1, max(map(len, ids)))
    batch = np.full((len(ids), longest), pad, dtype=np.int64)
    mask = np.zeros((len(ids), longest), dtype=np.int64)
    for row, found in enumerate(ids):
        batch[row, : len(found)], mask[row, : len(found)] = found, 1
    return batch, mask


def _checked(inputs: Any, name: str) -> list[str]:
    if isinstance(inputs, str) or not isinstance(inputs, list | tuple) or not all(isinstance(t, str) for t in inputs):
        raise AssayError(f"{name} takes a list of texts.", code="features", hint="Put a single text in a list.")
    return list(inputs)


def _side_by_side(work: Callable[[Any], Any], batches: Sequence[Any], /) -> list[Any]:
    """What `work` makes of each batch, THREADS of them at a time, each on one thread of its own.

    So the answers are the same to the last digit however many cores there are, and on a busy machine no thread waits
    for another, as those that share one small product of matrices do.
    """
    torch = torch_library()
    before = torch.get_num_threads()

    def alone(batch: Any) -> Any:
        torch.set_num_threads(1)
        return work(batch)

    try:
        if len(batches) < 2 or THREADS < 2:
            return [alone(batch) for batch in batches]
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(alone, batches))
    finally:
        torch.set_num_threads(before)


def torch_library() -> Any:
    """The torch module, or the error that names the extra."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("A text model", extra="text") from error
    return torch
