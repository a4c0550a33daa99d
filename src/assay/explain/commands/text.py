"""`assay explain text`: what each word or sentence of a text added to the model's answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.house import House
from assay.core.part import command
from assay.explain.commands.page import write_page
from assay.explain.texts.attribution import TextAttributions
from assay.pictures.wording import clean, escaped

DEMO = "sentiment"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, eq=False)
class TextAnswer:
    """The explained texts, and the page they were written to ("" for none)."""

    model: str
    found: TextAttributions
    written: str = ""

    def text(self) -> str:
        """Each text with its pieces marked, coloured where the terminal shows colours, and its strongest pieces."""
        colour = "NO_COLOR" not in os.environ
        parts = [f"{clean(self.model, longest=100)}, explained by {self.found.method}"]
        parts += [self.found.terminal(i, colour=colour) for i in range(len(self.found))]
        if self.written:
            parts.append(f"Wrote {clean(self.written, longest=500)}")
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The model and the attributions as JSON types."""
        return {"model": self.model, **self.found.to_json()} | ({"written": self.written} if self.written else {})


@command(title="What each word or sentence of a text added to the answer", needs_case=False, positional="texts")
def text(
    house: House,
    /,
    *,
    texts: tuple[str, ...] = (),
    demo: str | None = None,
    model: str | None = None,
    classes: str | None = None,
    method: str = "partition-shap",
    level: str = "token",
    output: str | None = None,
    mask: str | None = None,
    seed: int = 0,
    out: str | None = None,
) -> TextAnswer:
    """Each TEXT is explained for the model of `--demo sentiment` (which needs the extra [text]) or of `--model FILE`: a
    .skops or .onnx pipeline that takes texts, a folder of transformers, or an http address; `--classes A,B` names its
    classes where it has no names.

    `--method` is partition-shap, lime or integrated-gradients (transformers only), `--level` token or sentence,
    `--output` the class that is explained (the last one). A piece that is left out becomes `--mask` (nothing). `--out`
    writes a page with the coloured texts.
    """
    from assay.explain.texts.explain import explain

    if not texts:
        raise AssayError(
            "No text was given.", code="usage", hint='For example: assay explain text --demo sentiment "A dull film."'
        )
    asked = _model(demo, model, classes)
    settings: dict[str, Any] = {} if mask is None else {"mask": mask}
    if mask is not None and method == "integrated-gradients":
        raise AssayError("Integrated gradients leave nothing out.", code="usage", hint="Leave --mask out.")
    known: Any = {"method": method, "level": level, "output": output, "seed": seed, "progress": house.progress}
    found = explain(asked, list(texts), **known, **settings)
    written = write_page(_page(asked.name, found), out) if out else ""
    return TextAnswer(asked.name, found, written)


def _model(demo: str | None, model: str | None, classes: str | None) -> Any:
    from assay.models.load import load

    if (demo is None) == (model is None):
        raise AssayError("Give one model of texts.", code="usage", hint="Say --demo sentiment, or --model FILE.")
    if model is not None:
        return load(model, classes=None if classes is None else classes.split(","))
    if demo != DEMO:
        raise unknown("demo with a model of texts", str(demo), [DEMO], code="demo")
    from assay.data.demo import load as built_in

    head = built_in(DEMO).model
    assert head is not None
    return load(head, isolate=False)


def _page(name: str, found: TextAttributions) -> str:
    title = escaped(f"What the words added: {name}", longest=120)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><title>{title}</title></head><body style="background:#fff;margin:2rem auto;'
        f'max-width:48rem;padding:0 1rem;font-family:system-ui,sans-serif"><h1 style="font-size:1.2rem">{title}</h1>'
        f"{found.html()}</body></html>\n"
    )
