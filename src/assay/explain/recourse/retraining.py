"""The model of a Case trained again on bootstrap samples of its training rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.core.subject import Model
from assay.explain.recourse.robustness import TIMES, Retrained
from assay.models.adapter import Adapter, from_scores
from assay.models.outputs import Outputs, class_text

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.data.case import Case

Trainer = Callable[[Any, Any], Any]
"""Gets a pandas frame of the model's columns and the labels; gives a fitted model of any kind that `wrap` takes."""
ROWS = 20_000
"""Most training rows that are read."""
TASK = "explain.retrained_models"
_LIGHTGBM = frozenset(
    {"binary", "multiclass", "regression", "regression_l1", "huber", "poisson", "quantile", "tweedie"}
)
_XGBOOST = ("binary:logistic", "multi:softprob", "reg:")


@dataclass(frozen=True, eq=False)
class _Sample:
    """Training rows: the model's columns, and the labels as numbers of the classes (or the numbers themselves)."""

    table: pa.Table
    codes: Any


def retrained_models(
    case: Case,
    /,
    *,
    trainer: Trainer | None = None,
    times: int = TIMES,
    rows: int = ROWS,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Retrained:
    """`times` models trained on bootstrap samples of the Case's training rows (all rows, where no split names some).

    By `trainer`, which gets a pandas frame and the labels; else, for a scikit-learn estimator in this process, by a
    clone of it; for a LightGBM or XGBoost booster with the parameters that it holds. Of any other model nobody here
    knows how it was trained: no models, and the reason. At most `rows` rows, a seeded sample: fewer than the model was
    trained on make its retrained versions differ more than they would. Source: Black, Wang & Fredrikson (2022), ICLR,
    on counterfactuals that do not outlive a retraining.
    """
    model = case.model
    if model is None or case.roles.label is None or not case.model_columns:
        return _none("no_label", "the case has no model of a table, or no labels to train it on")
    sample = _sample(case, model, rows, seed)
    if len(sample.codes) < 2 or (model.classes and len(np.unique(sample.codes)) < 2):
        return _none("no_labels", "the training rows hold no two labels that the model knows")
    fit = _by_trainer(trainer, model) if trainer is not None else _fitter(model)
    if isinstance(fit, Message):
        return Retrained(reason=fit)
    draws = [_draw(sample, model, np.random.default_rng([seed, i])) for i in range(times)]
    if progress is not None:
        progress.started(TASK, total=times)
    models = []
    for done, made in enumerate(_parallel(fit, draws, jobs), 1):
        models.append(made)
        if progress is not None:
            progress.advanced(TASK, done=done)
    if progress is not None:
        progress.ended(TASK)
    return Retrained(tuple(models))


def _none(id: str, text: str, **params: str) -> Retrained:
    return Retrained(reason=Message(f"explain.recourse.{id}", text, params))


def _parallel(fit: Callable[[_Sample], Model], draws: list[_Sample], jobs: int) -> Iterable[Model]:
    from joblib import Parallel, delayed

    found: Iterable[Model] = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
        delayed(fit)(draw) for draw in draws
    )
    return found


def _sample(case: Case, model: Model, rows: int, seed: int) -> _Sample:
    import pyarrow as pa
    import pyarrow.compute as pc

    label, split = str(case.roles.label), case.roles.split
    names = list(dict.fromkeys([*case.model_columns, label, *([split] if split else [])]))
    table = case.rows(names, limit=rows if not case.held_out else 4 * rows, seed=seed)
    if split is not None and case.held_out:
        levels = table.column(split).cast(pa.string())
        table = table.filter(pc.and_(pc.is_valid(levels), pc.invert(pc.is_in(levels, pa.array(case.held_out)))))
    table = table.filter(pc.is_valid(table.column(label))).slice(0, rows)
    values = table.column(label).to_pylist()
    if model.classes:
        place = {name: i for i, name in enumerate(model.classes)}
        codes = np.array([place.get(class_text(value), -1) for value in values], dtype=np.int64)
    else:
        codes = np.array(values, dtype=np.float64)
    known = codes >= 0 if model.classes else np.isfinite(codes)
    return _Sample(table.select(list(case.model_columns)).filter(pa.array(known)), codes[known])


def _draw(sample: _Sample, model: Model, rng: np.random.Generator) -> _Sample:
    """A bootstrap sample with every class that the sample has."""
    import pyarrow as pa

    n = len(sample.codes)
    wanted = len(np.unique(sample.codes)) if model.classes else 0
    for _ in range(100):
        chosen = rng.integers(0, n, n)
        if not model.classes or len(np.unique(sample.codes[chosen])) == wanted:
            return _Sample(sample.table.take(pa.array(chosen)), sample.codes[chosen])
    raise AssayError(
        "A class has so few training rows that bootstrap samples lack it.",
        code="rare-class",
        hint="Give more training rows.",
    )


def _by_trainer(trainer: Trainer, model: Model) -> Callable[[_Sample], Model]:
    from assay.models.inputs import frame
    from assay.models.live import wrap

    def fit(sample: _Sample) -> Model:
        labels = np.array(model.classes, dtype=object)[sample.codes] if model.classes else sample.codes
        made = trainer(frame(sample.table), labels)
        plain = callable(made) and not callable(getattr(made, "predict", None))
        return wrap(
            made, classes=model.classes if plain and model.classes else None, features=sample.table.column_names
        )

    return fit


def _fitter(model: Any) -> Callable[[_Sample], Model] | Message:
    """What trains such a model again, or why nobody here can."""
    from assay.models.adapters.sklearn_like import SklearnLike

    kind = type(model).__name__
    if isinstance(model, SklearnLike) and callable(getattr(model.estimator, "get_params", None)):
        return _clones(model)
    if kind == "LightGBMModel" and model.facts.objective in _LIGHTGBM:
        return lambda sample: _Again(model, _lightgbm(model, sample))
    if kind == "XGBoostModel" and model.facts.objective.startswith(_XGBOOST):
        return lambda sample: _Again(model, _xgboost(model, sample))
    text = "how {model} was trained is not known here; give a trainer"
    return Message("explain.recourse.no_trainer", text, {"model": model.name})


def _clones(model: Any) -> Callable[[_Sample], Model]:
    from sklearn.base import clone

    from assay.models.adapters.sklearn_like import SklearnLike
    from assay.models.inputs import frame, is_number, matrix, select

    own = getattr(model.estimator, "classes_", None)
    renamed = None if own is None or model.classes == tuple(class_text(v) for v in own) else model.classes

    def fit(sample: _Sample) -> Model:
        table = select(sample.table, model.features, width=model.width)
        named = hasattr(model.estimator, "feature_names_in_")
        plain = not named and all(is_number(field.type) for field in table.schema)
        rows = matrix(table) if plain else frame(table) if named else frame(table).to_numpy(dtype=object)
        labels = sample.codes if own is None else np.asarray(own)[sample.codes]
        estimator = clone(model.estimator).fit(rows, labels)
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
            code="robust",
            hint="Give a trainer.",
        )
    return found.matrix


def _lightgbm(model: Any, sample: _Sample) -> Callable[[Any], Any]:
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
        _encoded(model, sample.table),
        sample.codes,
        categorical_feature=list(model.facts.categorical),
        params={"verbosity": -1},
    )
    made = lightgbm.train(held | {"verbosity": -1, "num_threads": 1}, data, model.booster.current_iteration())
    return lambda rows: made.predict(rows, num_threads=1)


def _xgboost(model: Any, sample: _Sample) -> Callable[[Any], Any]:
    import xgboost

    def matrix(rows: Any, labels: Any = None) -> Any:
        types = list(model.facts.types) or None
        return xgboost.DMatrix(rows, label=labels, feature_types=types, enable_categorical=True, nthread=1)

    learner = json.loads(model.booster.save_config())["learner"]
    held = dict(learner["gradient_booster"].get("tree_train_param", {}))
    held = {name: value for name, value in held.items() if value not in ("", "()")}
    held |= {"objective": learner["objective"]["name"], "nthread": 1, "booster": learner["gradient_booster"]["name"]}
    if len(model.classes) > 2:
        held["num_class"] = len(model.classes)
    made = xgboost.train(held, matrix(_encoded(model, sample.table), sample.codes), model.booster.num_boosted_rounds())
    return lambda rows: made.predict(matrix(rows))
