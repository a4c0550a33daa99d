"""LightGBM boosters, from their own text format or in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.subject import Task
from assay.models.adapter import THREADS, Adapter, agree, excerpt, from_scores, named_classes, sigmoid, softmax, task_of
from assay.models.formats import ModelFile
from assay.models.inputs import category_codes, is_number, listed, matrix, select
from assay.models.internals.estimators import shap_array
from assay.models.internals.forms import Inside
from assay.models.internals.lightgbm_trees import LightGBMForm, form_of
from assay.models.outputs import Outputs, class_text
from assay.models.structure.lightgbm_text import LightGBMText, read

if TYPE_CHECKING:
    import pyarrow as pa

_BINARY = frozenset({"binary"})
_ONE_AGAINST_REST = "multiclassova"
_MULTICLASS = frozenset({"multiclass", _ONE_AGAINST_REST})
_PROBABILITY = frozenset({"cross_entropy", "xentropy"})
_CUSTOM = frozenset({"", "none", "custom"})


class LightGBMModel(Adapter):
    """A booster that gives probabilities (binary, multiclass objectives) or numbers (all others).

    Text columns are encoded by the categories that LightGBM's Python package stores at the end of the
    text; a value outside of them is missing to the model, as it is to LightGBM. The format stores no
    class names: they are "0", "1", ... unless given. The objective multiclassova gives labels only: its
    scores are one probability for each class against the rest, which do not sum to 1.
    """

    def __init__(
        self,
        facts: LightGBMText,
        /,
        *,
        name: str,
        digest: str = "not digested",
        task: Task | None = None,
        classes: Sequence[str] | None = None,
        pickled: bool = False,
    ) -> None:
        import lightgbm

        self.failures = (lightgbm.basic.LightGBMError,)
        self.facts = facts
        self._form: LightGBMForm | None = None
        try:
            self.booster = lightgbm.Booster(model_str=facts.text)
        except lightgbm.basic.LightGBMError as error:
            raise AssayError(f"LightGBM cannot read {name}: {error}.", code="model-file") from error
        found, self._raw = _classes_of(facts, task)
        names = named_classes(found, classes if found else None)
        super().__init__(
            name=name,
            digest=digest,
            task=agree(task_of(names), task, name=name),
            features=facts.features,
            classes=names,
            pickled=pickled,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Probabilities or numbers of the booster; its best iteration where it stopped early."""
        answers = self._ask(inputs, raw_score=self._raw)
        if not self.classes:
            return Outputs(values=answers)
        if self.facts.objective == _ONE_AGAINST_REST:
            return Outputs(codes=answers.argmax(axis=1))
        if self._raw:
            answers = sigmoid(answers) if answers.ndim == 1 else softmax(answers)
        return from_scores(answers)

    def look_inside(self) -> Inside:
        """The trees, over the columns themselves (categories as codes)."""
        form = form_of(self.facts, logit=self._raw)
        if isinstance(form, Message):
            return Inside(reason=form)
        self._form = form
        return Inside(
            ensemble=form.ensemble,
            names=self.features,
            origin=np.arange(form.ensemble.width),
            contributes=True,
        )

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """The numbers that LightGBM reads; zeros that are missing to it are NaN."""
        return self._opened().prepare(self._numbers(inputs))

    def raw(self, inputs: Any, /) -> np.ndarray:
        """LightGBM's own raw score, times the slope of its sigmoid and the average of a forest."""
        return self._ask(inputs, raw_score=True) * self._opened().factor

    def contributed(self, inputs: Any, /) -> np.ndarray:
        """LightGBM's `pred_contrib`, on the scale of `raw`."""
        form = self._opened()
        return shap_array(self._ask(inputs, pred_contrib=True), form.ensemble) * form.factor

    def _opened(self) -> LightGBMForm:
        assert self._form is not None
        return self._form

    def _numbers(self, inputs: Any) -> np.ndarray:
        table = select(_aliased(inputs, self.features), self.features)
        codes = {
            position: category_codes(table.column(position), categories)
            for position, categories in self._encoders(table).items()
        }
        codes = {position: np.where(values < 0, np.nan, values) for position, values in codes.items()}
        return matrix(table, codes=codes)

    def _ask(self, inputs: Any, **what: bool) -> np.ndarray:
        numbers = self._numbers(inputs)
        answers = self.booster.predict(numbers, num_threads=THREADS, validate_features=False, **what)
        return np.asarray(answers, dtype=np.float64)

    def _encoders(self, table: pa.Table) -> dict[int, dict[str, int]]:
        """Categories by position of the column they encode.

        LightGBM stores one list for each column that was a pandas category at training, in column order,
        and not which columns these were. They are the features it lists as categorical where these are
        as many; else the columns of the data that are no numbers, where these are.
        """
        lists = self.facts.categories
        texts = [i for i, field in enumerate(table.schema) if not is_number(field.type)]
        positions: Sequence[int] = self.facts.categorical
        if len(positions) != len(lists) or not set(texts) <= set(positions):
            positions = texts
        if len(positions) != len(lists):
            if not texts:
                return {}
            raise AssayError(
                f"{self.name} stores the categories of {len(lists)} columns, but {len(texts)} columns of the data "
                f"are text: {listed([table.column_names[i] for i in texts])}.",
                code="features",
                hint="Give the columns, of the kinds, that the model was trained on.",
            )
        return {
            position: {class_text(value): code for code, value in enumerate(values)}
            for position, values in zip(positions, lists, strict=True)
        }


def _classes_of(facts: LightGBMText, task: Task | None) -> tuple[tuple[str, ...], bool]:
    """The classes' numbers (empty: regression), and whether the booster's own answers are log-odds.

    A custom objective leaves log-odds where the caller says that the task is one of classes.
    """
    if facts.objective in _BINARY:
        return ("0", "1"), False
    if facts.objective in _MULTICLASS:
        return tuple(str(code) for code in range(facts.outputs)), False
    wanted = task in ("binary", "multiclass")
    if wanted and facts.objective in _CUSTOM:
        return (("0", "1") if facts.outputs == 1 else tuple(str(code) for code in range(facts.outputs))), True
    if wanted and facts.objective in _PROBABILITY and facts.outputs == 1:
        return ("0", "1"), False
    if wanted or facts.outputs > 1:
        raise AssayError(
            f"The LightGBM objective {excerpt(facts.objective, limit=60)!r} gives no probabilities of classes.",
            code="task",
            hint="Train with binary or multiclass, or judge the model as a regression with one output.",
        )
    return (), False


def _aliased(inputs: Any, features: Sequence[str]) -> Any:
    """`inputs` with columns renamed as LightGBM renames them at training: white space becomes "_"."""
    names = getattr(inputs, "column_names", None)
    if names is None or set(features) <= set(names):
        return inputs
    wanted = set(features) - set(names)
    renamed = ["_".join(name.split(" ")) for name in names]
    return inputs.rename_columns([new if new in wanted else old for old, new in zip(names, renamed, strict=True)])


def open_file(file: ModelFile, /) -> LightGBMModel:
    """The model of a checked LightGBM text."""
    facts = read(file.data)
    return LightGBMModel(facts, name=file.name, digest=file.digest, task=file.task, classes=file.classes)


def from_booster(
    booster: Any, /, *, name: str, task: Task | None = None, classes: Sequence[str] | None = None
) -> LightGBMModel:
    """The model of a `lightgbm.Booster` in memory."""
    return LightGBMModel(read(booster.model_to_string().encode()), name=name, task=task, classes=classes)
