"""The model inside a mitigation as a file, without pickles, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError
from assay.models.adapter import Adapter
from assay.models.convert.export import SUFFIX, export
from assay.models.live import wrap
from assay.models.load import open_bytes

CLASSES = ("0", "1")


@dataclass(frozen=True, slots=True)
class EstimatorFile:
    """A file name (`estimator` and the suffix of its format) and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that was opened from a file, and that file, so that it can be saved again."""

    model: Adapter
    file: EstimatorFile


def estimator_file(estimator: Any, /, *, to: str = "", sample: Any = None) -> EstimatorFile:
    """The fitted `estimator` in the format `to`: "skops", "onnx", "lightgbm" or "xgboost"; by default its own.

    ONNX needs `sample`, an Arrow table with the columns the estimator takes, of their kinds.
    """
    model = wrap(estimator)
    if not isinstance(model, Adapter):
        raise AssayError(f"A {type(estimator).__name__} has no format to be saved in.", code="model")
    own = {"LightGBMModel": "lightgbm", "XGBoostModel": "xgboost"}.get(type(model).__name__, "skops")
    chosen: Any = to or own
    data = export(model, chosen, sample)
    return EstimatorFile(f"estimator{SUFFIX[chosen][0]}", data)


def open_estimator(
    file: EstimatorFile, /, *, trust: Sequence[str] = (), timeout: float = 30.0, isolate: bool = True
) -> Adapter:
    """The model of a file; formats that keep no class names get 0 and 1."""
    named = file.name.endswith((".txt", ".json", ".ubj"))
    return open_bytes(
        file.data,
        name=file.name,
        trust=trust,
        classes=CLASSES if named else None,
        task="binary",
        timeout=timeout,
        isolate=isolate,
    )
