"""What a model's bytes are, told by their content first and their name second; a pickle is never missed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from assay.core.errors import AssayError
from assay.core.subject import Task

Kind = Literal["skops", "onnx", "xgboost", "lightgbm", "recorded", "text-head", "pickle", "torch", "keras"]

SUFFIXES: dict[str, Kind] = {
    ".skops": "skops",
    ".onnx": "onnx",
    ".json": "xgboost",
    ".ubj": "xgboost",
    ".txt": "lightgbm",
    ".parquet": "recorded",
    ".csv": "recorded",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "pickle",
    ".pt": "torch",
    ".pth": "torch",
    ".pt2": "torch",
    ".keras": "keras",
    ".h5": "keras",
}
"""Suffixes and what they should hold."""

KNOWN = (
    ".skops (scikit-learn), .onnx, .json or .ubj (XGBoost), .json (a text head), .txt (LightGBM), "
    ".parquet or .csv (recorded predictions), or the http(s) address of an Open Inference Protocol V2 endpoint"
)

_PEEK = 1 << 16


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's bytes, read once, and how to open them.

    `digest` is of exactly these bytes. `classes` are names the caller gives where the format stores
    none, `trust` skops types trusted beyond the built-in table, `form` says what a network's last layer
    gives: "logits", "probabilities" or "values".
    """

    name: str
    kind: Kind
    data: bytes = field(repr=False)
    digest: str
    task: Task | None = None
    classes: tuple[str, ...] | None = None
    trust: tuple[str, ...] = ()
    form: str = ""


def kind_of(name: str, data: bytes, /) -> Kind:
    """The kind of a model file. Content decides; a name that says otherwise is an error.

    Anything that is a pickle, also inside zlib, gzip, bz2 or xz, is "pickle" whatever it is called.
    """
    suffix = PurePath(name).suffix.lower()
    by_name = SUFFIXES.get(suffix)
    by_content = _content(data)
    if by_content == "pickle" or by_name == "pickle":
        return "pickle"
    if not data:
        raise AssayError(f"The model file {name!r} is empty.", code="model-file", hint="Save the model again.")
    if by_content is None and by_name in ("recorded", "keras"):
        return by_name
    if by_content is None and by_name is None:
        raise AssayError(
            f"{name!r} is no model file assay knows: the suffix {suffix!r} and the content are both unknown.",
            code="model-file",
            hint=f"Known: {KNOWN}.",
        )
    if by_content == "text-head" and suffix == ".json":
        return by_content
    if by_content is None or (by_name is not None and by_name != by_content):
        found = f"holds a {by_content} file" if by_content else "holds something else, or is broken"
        raise AssayError(
            f"{name!r} should be a {by_name} file by its suffix, but {found}.",
            code="model-file",
            hint=f"Save the model again, under its right suffix. Known: {KNOWN}.",
        )
    return by_content


def _content(data: bytes) -> Kind | None:
    if is_pickle(data):
        return "pickle"
    if data.startswith(b"PK\x03\x04"):
        return _zip_content(data)
    if data.startswith(b"PAR1"):
        return "recorded"
    if data.startswith(b"\x89HDF"):
        return "keras"
    head = data[:_PEEK].lstrip()
    if head.startswith(b"{") and head[1:64].lstrip().startswith(b'"assay_text_head"'):
        return "text-head"
    if head.startswith(b"{") and (b'"learner"' in data or b"learner" in head[:64]):
        return "xgboost"
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm"
    return "onnx" if _is_onnx(data) else None


def _zip_content(data: bytes) -> Kind | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise AssayError(
            "The model file is a zip archive that is broken or cut short.", code="model-file", hint="Save it again."
        ) from error
    last = {PurePath(name).name for name in names}
    if "schema.json" in names:
        return "skops"
    if "data.pkl" in last or "archive_format" in last:
        return "torch"
    return "keras" if "model.weights.h5" in names else None


def _is_onnx(data: bytes) -> bool:
    from assay.models.structure.onnx_graph import read_graph

    try:
        return read_graph(data).nodes > 0
    except AssayError:
        return False


def is_pickle(data: bytes, /) -> bool:
    """True when `data`, unwrapped from any compression joblib writes, is a pickle.

    Protocol 2 and later announce themselves; protocols 0 and 1 are found by disassembling (which runs
    nothing) up to the STOP opcode.
    """
    plain = _unwrapped(data)
    if len(plain) >= 2 and plain[0] == 0x80 and plain[1] <= 9:
        return True
    if plain[:1] not in _OLD_STARTS:
        return False
    try:
        return any(op.name == "STOP" for op, _, _ in pickletools.genops(plain[:_PEEK]))
    except (ValueError, IndexError, OverflowError):
        return False


_OLD_STARTS = frozenset(bytes([code]) for code in b"(])}cgjhlINJKMSTUVXFGL0")
"""Opcodes with which a pickle of protocol 0 or 1 can begin."""


def _unwrapped(data: bytes, depth: int = 0) -> bytes:
    """The first bytes of `data` after removing up to three layers of compression."""
    head = data[:_PEEK]
    try:
        if head.startswith(b"\x1f\x8b"):
            inner = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_PEEK)
        elif head[:1] == b"\x78" and len(head) > 1 and int.from_bytes(head[:2], "big") % 31 == 0:
            inner = zlib.decompressobj().decompress(data, _PEEK)
        elif head.startswith(b"BZh"):
            inner = bz2.BZ2Decompressor().decompress(data, _PEEK)
        elif head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
            inner = lzma.LZMADecompressor().decompress(data, _PEEK)
        else:
            return head
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        return head
    return _unwrapped(inner, depth + 1) if depth < 2 else inner


def refuse_pickle(name: str, /, *, source: str) -> AssayError:
    """The error for a pickle: what to convert to, and the exact command."""
    stem = PurePath(name).stem or "model"
    return AssayError(
        f"{name!r} is a pickle. Opening one runs whatever program it holds, so it is refused.",
        code="pickle",
        hint=f"Convert it once, where you trust it: assay model convert {_quoted(source)} --to skops "
        f"--out {_quoted(stem + '.skops')} --allow-pickle (or --to onnx, lightgbm, xgboost). "
        "Or say --allow-pickle here; every Finding will then say so.",
    )


def refuse_archive(name: str, kind: Kind, /, *, source: str) -> AssayError:
    """The error for a deep-learning archive: it has to be converted first."""
    stem = PurePath(name).stem or "model"
    what = "a torch archive" if kind == "torch" else "a Keras model"
    return AssayError(
        f"{name!r} is {what}, which assay does not run directly.",
        code="model-file",
        hint=f"Convert it: assay model convert {_quoted(source)} --to onnx --out {_quoted(stem + '.onnx')}",
    )


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def known_suffixes() -> Sequence[str]:
    """Suffixes that `load` opens."""
    return [suffix for suffix, kind in SUFFIXES.items() if kind not in ("pickle", "torch", "keras")]
