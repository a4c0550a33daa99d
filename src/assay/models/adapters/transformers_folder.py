"""Text models of the BERT family opened from a folder, offline and from safetensors only (extra [text])."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, MissingExtra
from assay.models.adapter import UNREADABLE, excerpt
from assay.models.adapters.transformers import LONGEST, TextTransformer, torch_library

if TYPE_CHECKING:
    from assay.models.adapters.text_head import TextHead

FILES = ("config.json", "tokenizer.json", "model.safetensors")


def open_folder(folder: Path, /, *, name: str, head: TextHead | None = None, digest: str = "") -> TextTransformer:
    """The model in a folder of Hugging Face's layout: config.json, tokenizer.json and model.safetensors.

    Nothing is downloaded, no code of the folder runs, and weights in any format but safetensors are not looked at.
    Without a `head` the folder must hold a sequence classifier, whose classes are those of its config. The digest is
    that of its three files, unless one is given. The folder is opened in this process: know where it comes from.
    """
    library = _library()
    files = [_file(folder, file) for file in FILES]
    config = _config(files[0])
    kind = library.AutoModel if head is not None else library.AutoModelForSequenceClassification
    if head is None and not any("ForSequenceClassification" in each for each in config.get("architectures") or ()):
        raise AssayError(
            f"The folder {folder.name!r} holds an encoder without classes.",
            code="model-file",
            hint="Give a sequence classifier, or a text head (JSON) that names its encoder.",
        )
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _quiet(library):
            tokenizer = library.AutoTokenizer.from_pretrained(str(folder), use_fast=True, **safe)
            module = kind.from_pretrained(str(folder), use_safetensors=True, dtype="float32", **safe)
    except UNREADABLE as error:
        raise AssayError(
            f"transformers cannot open {folder.name!r}: {excerpt(error)}", code="model-file", hint="Save it again."
        ) from error
    module.requires_grad_(False)  # gradients are asked for by inputs only
    names = head.classes if head is not None else _classes(module.config)
    longest = min(LONGEST, 512, int(getattr(module.config, "max_position_embeddings", LONGEST)))
    digest = digest or digest_bytes("\n".join(digest_bytes(file.read_bytes()) for file in files).encode())
    return TextTransformer(module, tokenizer, head, name=name, digest=digest, classes=names, longest=longest)


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise AssayError(
            f"The folder {folder.name!r} has no {name}.",
            code="model-file",
            hint=f"A text model is a folder with {', '.join(FILES)}; save weights with save_pretrained().",
        )
    return folder / name


def _config(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AssayError(f"{path.name} is no JSON: {excerpt(error)}.", code="model-file") from error
    if not isinstance(found, dict):
        raise AssayError(f"{path.name} is no JSON object.", code="model-file")
    return found


def _classes(config: Any) -> tuple[str, ...]:
    if getattr(config, "problem_type", None) == "regression" or config.num_labels == 1:
        return ()
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """No bars and no hints from the library inside."""
    level = library.logging.get_verbosity()
    shown = library.logging.is_progress_bar_enabled()
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    try:
        yield
    finally:
        library.logging.set_verbosity(level)
        if shown:
            library.logging.enable_progress_bar()


def _library() -> Any:
    torch_library()
    try:
        import transformers
        import transformers.utils.logging as logging
    except ImportError as error:
        raise MissingExtra("A text model", extra="text") from error
    return _Library(
        transformers.AutoModel,
        transformers.AutoModelForSequenceClassification,
        transformers.AutoTokenizer,
        logging,
    )


@dataclass(frozen=True, slots=True)
class _Library:
    """What is used of transformers, under the names it has there."""

    AutoModel: Any
    AutoModelForSequenceClassification: Any
    AutoTokenizer: Any
    logging: Any
