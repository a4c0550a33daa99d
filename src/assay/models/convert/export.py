"""An opened model, written in a safe format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from assay.core.errors import AssayError, MissingExtra, unknown
from assay.models.adapter import UNREADABLE, Adapter, excerpt
from assay.models.adapters.onnx import CLASSES, FEATURES, FORM
from assay.models.inputs import is_number

Target = Literal["skops", "onnx", "xgboost", "lightgbm"]
TARGETS: tuple[Target, ...] = ("skops", "onnx", "xgboost", "lightgbm")
SUFFIX: Mapping[Target, tuple[str, ...]] = {
    "skops": (".skops",),
    "onnx": (".onnx",),
    "xgboost": (".json", ".ubj"),
    "lightgbm": (".txt",),
}
"""Suffixes under which `load` finds the format again."""


def export(model: Adapter, to: str, sample: Any, /) -> bytes:
    """The bytes of `model` in the format `to`; `sample` has the columns, of the kinds, it takes.

    Class names go along where the format has a place for them (all but LightGBM's).
    """
    writers: Mapping[str, Callable[[Adapter, Any], bytes]] = {
        "skops": _skops,
        "onnx": _onnx,
        "xgboost": _xgboost,
        "lightgbm": _lightgbm,
    }
    if to not in writers:
        raise unknown("format", to, TARGETS)
    try:
        return writers[to](model, sample)
    except AssayError:
        raise
    except UNREADABLE as error:
        raise AssayError(
            f"{model.name} cannot be converted to {to}: {type(error).__name__}: {excerpt(error, limit=200)}.",
            code="convert",
            hint=f"Choose another format: {', '.join(name for name in TARGETS if name != to)}.",
        ) from error


def _wrong(model: Adapter, to: str) -> AssayError:
    own = {"XGBoostModel": "xgboost", "LightGBMModel": "lightgbm", "TorchModel": "onnx", "KerasModel": "onnx"}
    fitting = own.get(type(model).__name__, "skops or --to onnx")
    return AssayError(
        f"{model.name} cannot be written as {to}.", code="convert", hint=f"Its own format is --to {fitting}."
    )


def _skops(model: Adapter, sample: Any) -> bytes:
    from assay.models.adapters.sklearn_like import SklearnLike

    if not isinstance(model, SklearnLike):
        raise _wrong(model, "skops")
    import skops.io

    data: bytes = skops.io.dumps(model.estimator)
    return data


def _xgboost(model: Adapter, sample: Any) -> bytes:
    from assay.models.adapters.xgboost import CLASSES_ATTRIBUTE, XGBoostModel

    if not isinstance(model, XGBoostModel):
        raise _wrong(model, "xgboost")
    if model.classes:
        model.booster.set_attr(**{CLASSES_ATTRIBUTE: json.dumps(list(model.classes))})
    return bytes(model.booster.save_raw("json"))


def _lightgbm(model: Adapter, sample: Any) -> bytes:
    from assay.models.adapters.lightgbm import LightGBMModel

    if not isinstance(model, LightGBMModel):
        raise _wrong(model, "lightgbm")
    return model.booster.model_to_string().encode()


def _onnx(model: Adapter, sample: Any) -> bytes:
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("Converting to ONNX", extra="convert") from error
    from assay.models.adapters.sklearn_like import SklearnLike

    kind = type(model).__name__
    stored = {FEATURES: list(model.features) or list(sample.column_names), CLASSES: list(model.classes)}
    form = ""
    if isinstance(model, SklearnLike):
        made = _skl2onnx(model, sample)
    elif kind in ("TorchModel", "KerasModel"):
        from assay.models.convert import deep

        data = deep.torch_to_onnx(model, sample) if kind == "TorchModel" else deep.keras_to_onnx(model)  # type: ignore[arg-type]
        made, form = onnx.load_from_string(data), model.form  # type: ignore[attr-defined]
    else:
        raise _wrong(model, "onnx")
    properties = {key: json.dumps(value) for key, value in stored.items() if value}
    onnx.helper.set_model_props(made, {**properties, **({FORM: form} if form else {})})
    written: bytes = made.SerializeToString()
    return written


def _skl2onnx(model: Any, sample: Any) -> Any:
    """The graph of a scikit-learn estimator: an input a column behind a ColumnTransformer, else one float matrix."""
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    except ImportError as error:
        raise MissingExtra("Converting a scikit-learn model to ONNX", extra="convert") from error
    steps = getattr(model.estimator, "steps", None)
    first = steps[0][1] if steps else model.estimator
    if type(first).__name__ == "ColumnTransformer":
        import pyarrow.types as types

        def kind(field: Any) -> Any:
            if types.is_integer(field.type):
                return Int64TensorType([None, 1])
            return FloatTensorType([None, 1]) if is_number(field.type) else StringTensorType([None, 1])

        inputs = [(field.name, kind(field)) for field in sample.select(list(model.features)).schema]
    else:
        inputs = [("input", FloatTensorType([None, model.width]))]
    options = {id(model.estimator): {"zipmap": False}} if model.classes else {}
    return convert_sklearn(model.estimator, initial_types=inputs, options=options)
