"""How much each piece of a text added to the model's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.target import Scale
from assay.explain.texts.pieces import Spans


@dataclass(frozen=True, eq=False)
class TextAttributions:
    """`values[i]` (pieces,): what each piece of `texts[i]` added to `outputs` (texts,), from `base` (texts,) on.

    `spans[i]` are the pieces: (start, end) offsets into the text, in order, `text[start:end]`. `target`, `scale`,
    `errors`, `additive`, `facts` and `settings` as in `explain.attribution.Attributions`, with one array a text where
    there is one number a piece.
    """

    method: str
    texts: tuple[str, ...]
    spans: tuple[Spans, ...]
    values: tuple[Floats, ...]
    base: Floats
    outputs: Floats
    target: str
    scale: Scale
    errors: tuple[Floats, ...] | None = None
    additive: bool = True
    facts: Mapping[str, Floats] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.texts)
        if not (len(self.spans) == len(self.values) == len(self.base) == len(self.outputs) == n):
            raise ValueError(f"{self.method}: spans, values, base and outputs do not belong to {n} texts")
        for text, spans, values in zip(self.texts, self.spans, self.values, strict=True):
            if len(spans) != len(values) or any(not 0 <= a <= b <= len(text) for a, b in spans):
                raise ValueError(f"{self.method}: pieces and values of a text do not fit")
            if not np.isfinite(values).all():
                raise ValueError(f"{self.method}: a value is not finite")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def residual(self) -> Floats:
        """(texts,) output − base − Σ values: what the explanation leaves unexplained."""
        return np.asarray(self.outputs - self.base - np.array([values.sum() for values in self.values]))

    def pieces(self, text: int = 0, /) -> tuple[str, ...]:
        """The pieces of one text as they stand in it. They are hostile: escape them where they are shown."""
        self._known(text)
        return tuple(self.texts[text][a:b] for a, b in self.spans[text])

    def top(self, text: int = 0, /, *, count: int = 10) -> list[tuple[str, float]]:
        """(piece, what it added) of one text, the largest first."""
        pieces = self.pieces(text)
        order = np.argsort(-np.abs(self.values[text]), kind="stable")[:count]
        return [(pieces[i], float(self.values[text][i])) for i in order]

    def _known(self, text: int) -> None:
        if not 0 <= text < len(self):
            raise AssayError(
                f"There is no explained text {text}.",
                code="text",
                hint=f"They are numbered from 0 to {len(self) - 1}.",
            )

    def html(self) -> str:
        """Every text with its pieces coloured and underlined by sign and size; safe in any page."""
        from assay.explain.texts.html import html

        return html(self)

    def _repr_html_(self) -> str:
        return self.html()

    def terminal(self, text: int = 0, /, *, colour: bool = True) -> str:
        """One text with its pieces marked and a table of the strongest, for a terminal."""
        from assay.explain.texts.terminal import terminal

        self._known(text)
        return terminal(self, text, colour=colour)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "method": self.method,
            "target": self.target,
            "scale": self.scale,
            "texts": [_text_json(self, i) for i in range(len(self))],
            "settings": dict(self.settings),
        }


def _text_json(found: TextAttributions, i: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "text": found.texts[i],
        "spans": [list(span) for span in found.spans[i]],
        "base": float(found.base[i]),
        "output": float(found.outputs[i]),
        "added": found.values[i].tolist(),
        "residual": float(found.residual[i]),
    }
    if found.errors is not None:
        out["standard_errors"] = found.errors[i].tolist()
    return out | {name: float(value[i]) for name, value in found.facts.items()}
