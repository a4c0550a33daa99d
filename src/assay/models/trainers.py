"""How models like a given one are trained: by a person's own function, by cloning, or by a booster's parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.subject import Model
from assay.models.adapter import Adapter, from_scores
from assay.models.outputs import Outputs, class_text

if TYPE_CHECKING:
    import pyarrow as pa

Trainer = Callable[[Any, Any], Any]
"""Gets a pandas frame of the model's columns (or texts, or an array) and the labels; gives a fitted model of any kind
that `wrap` takes. Labels are the texts of the classes, or whole numbers where every class is one."""

_LIGHTGBM = frozenset(
    {"binary", "multiclass", "regression", "regression_l1", "huber", "poisson", "quantile", "tweedie"}
)
_XGBOOST = ("binary:logistic", "multi:softprob", "reg:")


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a model is trained on: a batch of one modality (a Table of the model's columns, texts, or an array), and the
    labels as (rows,) positions in the classes of the model (or the numbers themselves, for a regression)."""

    inputs: pa.Table | Any
    codes: NDArray[Any]


Fit = Callable[[TrainingRows], Model]


def trainer_named(name: str, /) -> Trainer | None:
    """The function that "module:function" names, None for ""; whoever names it has it run in this process.

    It gets a pandas frame of the model's columns and the labels and gives a fitted model. Raises AssayError where there
    is none.
    """
    if not name:
        return None
    import pkgutil

    module, colon, function = name.partition(":")
    try:
        found = pkgutil.resolve_name(name) if colon and module and function else None
    except (ImportError, AttributeError, ValueError) as error:
        raise AssayError(
            f"There is no trainer {name!r}: {error}.",
            code="trainer",
            hint="Name a function of an installed module as module:function.",
        ) from error
    if not callable(found):
        raise AssayError(f"The trainer {name!r} is no function.", code="trainer", hint="Name one as module:function.")
    trainer: Trainer = found
    return trainer


def by_trainer(trainer: Trainer, model: Model, /) -> Fit:
    """What trains a model with the classes of `model` by a person's own function."""
    from assay.models.inputs import frame
    from assay.models.live import wrap

    names = _labels(model.classes)

    def fit(rows: TrainingRows) -> Model:
        labels = names[rows.codes] if model.classes else rows.codes
        is_table = hasattr(rows.inputs, "column_names")
        made = trainer(frame(rows.inputs) if is_table else rows.inputs, labels)
        plain = callable(made) and not callable(getattr(made, "predict", None))
        return wrap(
            made,
            classes=model.classes if plain and model.classes else None,
            features=rows.inputs.column_names if is_table else (),
            output=getattr(model, "form", "") if plain else "",
        )

    return fit


def _labels(classes: Sequence[str]) -> NDArray[Any]:
    """(classes,) labels as a trainer gets them: whole numbers where every class is one, else texts."""
    whole = all(name.removeprefix("-").isdecimal() and class_text(int(name)) == name for name in classes)
    return np.array([int(name) for name in classes]) if whole else np.array(classes, dtype=object)


def refitter(model: Any, /) -> Fit | None:
    """What trains such a model again, or None where nobody here knows how it was trained.

    A scikit-learn estimator in this process is cloned; LightGBM and XGBoost boosters are trained by the parameters that
    they hold, for as many rounds. Any other model may say itself how it is `trained_again`.
    """
    from assay.models.adapters.sklearn_like import SklearnLike

    kind = type(model).__name__
    if isinstance(model, SklearnLike) and callable(getattr(model.estimator, "get_params", None)):
        return _clones(model)
    if kind == "LightGBMModel" and model.facts.objective in _LIGHTGBM:
        return lambda rows: _Again(model, _lightgbm(model, rows))
    if kind == "XGBoostModel" and model.facts.objective.startswith(_XGBOOST):
        return lambda rows: _Again(model, _xgboost(model, rows))
    own: Fit | None = getattr(model, "trained_again", None)
    return own


def _clones(model: Any) -> Fit:
    from sklearn.base import clone

    from assay.models.adapters.sklearn_like import SklearnLike
    from assay.models.inputs import frame, is_number, matrix, select

    own = getattr(model.estimator, "classes_", None)
    renamed = None if own is None or model.classes == tuple(class_text(v) for v in own) else model.classes

    def batch(inputs: Any) -> Any:
        if isinstance(inputs, list):
            return inputs
        table = select(inputs, model.features, width=model.width)
        named = hasattr(model.estimator, "feature_names_in_")
        plain = not named and all(is_number(field.type) for field in table.schema)
        return matrix(table) if plain else frame(table) if named else frame(table).to_numpy(dtype=object)

    def fit(rows: TrainingRows) -> Model:
        labels = rows.codes if own is None else np.asarray(own)[rows.codes]
        estimator = clone(model.estimator).fit(batch(rows.inputs), labels)
        return SklearnLike(estimator, name=f"{model.name}, again", classes=renamed, features=model.features)

    return fit


class _Again(Adapter):
    """A booster trained on the numbers that `original` reads, answering like it."""

    def __init__(self, original: Any, ask: Callable[[Any], Any], /) -> None:
        self._original, self._ask = original, ask
        super().__init__(
            name=f"{original.name}, again",
            task=original.task,
            features=original.features,
            classes=original.classes,
            width=original.width,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """The booster's answers for the encoded rows."""
        answers = np.asarray(self._ask(_encoded(self._original, inputs)), dtype=np.float64)
        return from_scores(answers) if self.classes else Outputs(values=answers)


def _encoded(model: Any, inputs: Any) -> Any:
    found = model.encode(inputs)
    if found is None:
        raise AssayError(
            f"What {model.name} reads cannot be seen, so it cannot be trained again here.",
            code="trainer",
            hint="Give a trainer.",
        )
    return found.matrix


def _lightgbm(model: Any, rows: TrainingRows) -> Callable[[Any], Any]:
    import lightgbm

    skipped = (
        "num_iterations",
        "metric",
        "categorical_feature",
        "early_stopping_round",
        "saved_feature_importance_type",
    )
    held = {name: value for name, value in model.booster.params.items() if name not in skipped}
    data = lightgbm.Dataset(
        _encoded(model, rows.inputs),
        rows.codes,
        categorical_feature=list(model.facts.categorical),
        params={"verbosity": -1},
    )
    made = lightgbm.train(held | {"verbosity": -1, "num_threads": 1}, data, model.booster.current_iteration())
    return lambda asked: made.predict(asked, num_threads=1)


def _xgboost(model: Any, rows: TrainingRows) -> Callable[[Any], Any]:
    import xgboost

    def matrix(numbers: Any, labels: Any = None) -> Any:
        types = list(model.facts.types) or None
        return xgboost.DMatrix(numbers, label=labels, feature_types=types, enable_categorical=True, nthread=1)

    learner = json.loads(model.booster.save_config())["learner"]
    held = dict(learner["gradient_booster"].get("tree_train_param", {}))
    held = {name: value for name, value in held.items() if value not in ("", "()")}
    held |= {"objective": learner["objective"]["name"], "nthread": 1, "booster": learner["gradient_booster"]["name"]}
    if len(model.classes) > 2:
        held["num_class"] = len(model.classes)
    made = xgboost.train(held, matrix(_encoded(model, rows.inputs), rows.codes), model.booster.num_boosted_rounds())
    return lambda asked: made.predict(matrix(asked))
