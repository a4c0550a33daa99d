"""Estimators in memory as models: anything with `predict`, boosters, torch modules, functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Model, Task
from assay.models.adapter import Adapter, from_scores, task_of
from assay.models.inputs import frame, select
from assay.models.outputs import Outputs, class_texts


class FunctionModel(Adapter):
    """A function of a pandas frame, or of a list of texts, whose answer is (rows, classes) or (rows,)."""

    def __init__(self, function: Callable[[Any], Any], /, *, classes: Sequence[str], features: Sequence[str]) -> None:
        self._function = function
        name = f"function {getattr(function, '__name__', type(function).__name__)}"
        super().__init__(name=name, task=task_of(classes), features=features, classes=classes)

    def compute(self, inputs: Any, /) -> Outputs:
        """The function's answer; one column is the probability of the second of two classes."""
        batch = inputs if isinstance(inputs, list) else frame(select(inputs, self.features))
        answers = np.asarray(self._function(batch), dtype=np.float64)
        return from_scores(answers) if self.classes else Outputs(values=answers)


def wrap(
    model: Any,
    /,
    *,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    features: Sequence[str] = (),
    output: str = "",
) -> Model:
    """`model` as a Model, whatever library it is from. It is trusted: it runs in this process.

    Takes what already is a Model, scikit-learn-likes (`predict`, `predict_proba`), XGBoost and LightGBM
    boosters and their scikit-learn faces, torch modules, and plain functions. `classes` names the
    outputs in order where the model does not (always for functions and torch classifiers). `output`,
    for torch: "logits", "probabilities" or "values".
    """
    names = class_texts(classes) if classes is not None else None
    roots = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    kind = type(model).__name__
    if isinstance(model, Adapter):
        return model
    if "xgboost" in roots or "lightgbm" in roots:
        return _booster(model, roots, names, task)
    if "torch" in roots:
        from assay.models.adapters.torch import TorchModel

        return TorchModel(model, name=f"torch {kind}", features=features, classes=names or (), form=output)
    if callable(getattr(model, "predict", None)):
        if isinstance(model, Model):
            return model
        from assay.models.adapters.sklearn_like import SklearnLike

        return SklearnLike(model, name=f"scikit-learn {kind}", task=task, classes=names, features=features)
    if callable(model):
        if names is None and task != "regression":
            raise AssayError(
                f"What {kind} returns is unknown.",
                code="classes",
                hint="Give classes= in the order of its columns, or task='regression'.",
            )
        return FunctionModel(model, classes=names or (), features=features)
    raise AssayError(
        f"A {kind} is no model.", code="model", hint="Expected an object with predict(), or a function of a frame."
    )


def _booster(model: Any, roots: set[str], classes: Sequence[str] | None, task: Task | None) -> Model:
    """A booster, or the booster inside its scikit-learn face with that one's class names."""
    names = classes
    if names is None and hasattr(model, "classes_"):
        names = class_texts(np.asarray(model.classes_).tolist())
    name = f"{'XGBoost' if 'xgboost' in roots else 'LightGBM'} {type(model).__name__}"
    if "xgboost" in roots:
        from assay.models.adapters import xgboost

        booster = model.get_booster() if hasattr(model, "get_booster") else model
        return xgboost.from_booster(booster, name=name, task=task, classes=names)
    from assay.models.adapters import lightgbm

    booster = model.booster_ if hasattr(model, "booster_") else model
    return lightgbm.from_booster(booster, name=name, task=task, classes=names)
