"""Documents on disk: whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from assay.core.errors import AssayError
from assay.core.finding import Run
from assay.core.policy import Policy
from assay.documents.html import html
from assay.documents.junit import junit
from assay.documents.markdown import markdown
from assay.engine.judge import rejudge


def findings_json(run: Run, /) -> str:
    """Everything that is known of `run`, as JSON with sorted keys; `Run.from_json` reads it. Nothing is left out."""
    return json.dumps(run.to_json(), sort_keys=True, indent=1, allow_nan=False) + "\n"


FORMATS: Mapping[str, Callable[[Run], str]] = {
    ".html": html,
    ".json": findings_json,
    ".md": markdown,
    ".xml": junit,
}
"""How each kind of file is made, by its suffix."""

FOLDER = ("report.html", "findings.json", "report.md", "junit.xml")
"""What a folder gets."""


def write(run: Run, path: Path | str, /, *, policy: Policy | None = None) -> tuple[Path, ...]:
    """The documents of `run` are at `path`; the files that were written.

    A path that ends in .html, .json, .md or .xml is one document; a folder, or a path without an ending, gets all
    four. With `policy`, the stored Measures are judged by it first. Every file is written under another name and
    renamed when all are complete, so that a failure leaves what was there before.
    """
    path = Path(path)
    if policy is not None and run.policy.get("digest") != policy.digest:
        run = rejudge(run, policy)
    if path.is_dir() or not path.suffix:
        folder, makers = path, {path / name: FORMATS[Path(name).suffix] for name in FOLDER}
    elif path.suffix.lower() in FORMATS:
        folder, makers = path.parent, {path: FORMATS[path.suffix.lower()]}
    else:
        raise AssayError(
            f"{str(path)!r} ends in {path.suffix!r}, which is no kind of document.",
            code="format",
            hint=f"Known: {', '.join(FORMATS)}, or a folder for all of them.",
        )
    return put(folder, {target: make(run) for target, make in makers.items()})


def put(folder: Path, documents: Mapping[Path, str], /) -> tuple[Path, ...]:
    """The files hold their texts; where that cannot be, an error, and what was there before is still there."""
    try:
        _replace(folder, {target: text.encode("utf-8") for target, text in documents.items()})
    except OSError as error:
        raise AssayError(
            f"The report cannot be written to {str(folder)!r}: {error.strerror or error}.",
            code="write",
            hint="Choose another place with --out, or make room.",
        ) from None
    return tuple(documents)


def _replace(folder: Path, documents: Mapping[Path, bytes]) -> None:
    """Write all, then rename all: whatever fails before the first rename leaves nothing behind."""
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    waiting: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, data in documents.items():
            if target.is_dir():
                raise IsADirectoryError(f"{target.name} is a folder")
            waiting[target] = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
            _write(waiting[target], data)
        for target, part in waiting.items():
            part.replace(target)
    finally:
        for part in waiting.values():
            part.unlink(missing_ok=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def _write(part: Path, data: bytes) -> None:
    with part.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
