"""A pickle or a deep-learning archive becomes a safe file, if both give the same predictions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, unknown
from assay.core.subject import Task
from assay.models.adapter import Adapter, excerpt
from assay.models.convert.export import SUFFIX, TARGETS, Target
from assay.models.convert.rows import rows_for
from assay.models.formats import ModelFile, kind_of, refuse_pickle
from assay.models.inputs import select
from assay.models.isolation.process import Isolated
from assay.models.load import LABELS, open_bytes, read_file
from assay.models.outputs import Outputs, class_texts

if TYPE_CHECKING:
    import pyarrow as pa

TOLERANCE = 1e-5
"""Largest difference of a probability (or of a number, in units of its standard deviation) that is called equal:
float32 formats round at about 1e-7."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the predictions of a conversion are from the original's on `rows` rows, `generated` of them made up.

    `max_difference` is the largest absolute difference of a probability; of a number, in units of the
    original's standard deviation; None where there are only labels. `equal_labels` is a share, None for regression.
    """

    rows: int
    generated: int
    max_difference: float | None
    equal_labels: float | None
    tolerance: float

    @property
    def holds(self) -> bool:
        """True when nothing differs beyond the tolerance."""
        close = self.max_difference is None or self.max_difference <= self.tolerance
        return close and self.equal_labels in (None, 1.0)


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion: what was read and written, by digest, and the parity of the two."""

    source: str
    source_digest: str
    target: str
    target_digest: str
    format: str
    written: bool
    parity: Parity
    enforced: tuple[str, ...]


def convert(
    source: Path,
    /,
    *,
    out: Path,
    to: str,
    data: pa.Table | None = None,
    allow_pickle: bool = False,
    trust: Sequence[str] = (),
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    form: str = "",
    tolerance: float = TOLERANCE,
    accept_difference: bool = False,
    timeout: float = 300.0,
) -> Conversion:
    """`source` written to `out` in the format `to`, after both predicted at least 1,000 rows alike.

    The original is opened in a child process without network, programs or written files (see
    `assay.models.isolation.sandbox`; `Conversion.enforced` says what holds here); a pickle only with
    `allow_pickle`. Where the predictions differ beyond `tolerance`, nothing is written, unless
    `accept_difference`. The file is written under a temporary name and renamed.
    """
    target = _target(to, out)
    names = class_texts(classes) if classes is not None else None
    file = _original(source, allow_pickle=allow_pickle, trust=trust, task=task, classes=names, form=form)
    with tempfile.TemporaryDirectory() as scratch:
        original = Isolated(file, seconds=timeout, scratch=scratch if file.kind in ("torch", "keras") else "")
        try:
            rows, generated = rows_for(data, original.ranges() if data is None else {}, name=file.name)
            used = select(rows, original.features, width=original.width)
            made = original.export(target, used.slice(0, 100))
            expected = original.outputs(used)
        finally:
            original.close()
    converted = open_bytes(
        made, name=out.name, trust=trust, task=original.task, classes=original.classes or None, timeout=timeout
    )
    parity = _parity(original, expected, converted, used, generated=generated, tolerance=tolerance)
    write = parity.holds or accept_difference
    if write:
        write_renamed(out, made)
    digest = digest_bytes(made)
    return Conversion(str(source), file.digest, str(out), digest, target, write, parity, original.enforced)


def _target(to: str, out: Path) -> Target:
    for target in TARGETS:
        if target == to:
            if out.suffix.lower() not in SUFFIX[target]:
                raise AssayError(
                    f"{out.name!r} would not be found again as a {target} file.",
                    code="convert",
                    hint=f"Name it with {' or '.join(SUFFIX[target])}.",
                )
            return target
    raise unknown("format", to, TARGETS)


def _original(
    source: Path,
    *,
    allow_pickle: bool,
    trust: Sequence[str],
    task: Task | None,
    classes: tuple[str, ...] | None,
    form: str,
) -> ModelFile:
    if (source / "saved_model.pb").is_file():
        from assay.models.convert.deep import pack_folder

        data, kind = pack_folder(source), "keras"
    else:
        data = read_file(source)
        kind = kind_of(source.name, data)
    if kind == "pickle" and not allow_pickle:
        raise refuse_pickle(source.name, source=str(source))
    if kind == "keras" and source.is_file():
        raise AssayError(
            f"{source.name!r} is a Keras file.", code="convert", hint="Export it as a SavedModel: model.export(folder)."
        )
    if kind == "recorded":
        raise AssayError("Recorded predictions are no model to convert.", code="convert")
    name = f"{LABELS[kind]} {excerpt(source.name, limit=80)}"
    return ModelFile(name, kind, data, digest_bytes(data), task, classes, tuple(trust), form)  # type: ignore[arg-type]


def _parity(
    original: Adapter, expected: Outputs, converted: Adapter, rows: pa.Table, *, generated: int, tolerance: float
) -> Parity:
    found = converted.outputs(rows)
    if converted.classes != original.classes:
        raise AssayError(
            f"The conversion has the classes {converted.classes}, the original {original.classes}.", code="convert"
        )
    equal = None
    if expected.codes is not None and found.codes is not None:
        equal = float((expected.codes == found.codes).mean())
    difference = None
    if expected.values is not None and found.values is not None:
        unit = float(expected.values.std()) or 1.0
        difference = float(np.abs(expected.values - found.values).max()) / unit
    elif expected.scores is not None and found.scores is not None:
        difference = float(np.abs(expected.scores - found.scores).max())
    return Parity(rows.num_rows, generated, difference, equal, tolerance)


def write_renamed(path: Path, data: bytes, /) -> None:
    """`path` holds `data`, whole, or is as it was: written beside it, flushed, renamed."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise AssayError(
            f"{str(path)!r} cannot be written: {error.strerror}.", code="write", hint="Nothing was changed."
        ) from error
