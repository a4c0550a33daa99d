"""XGBoost boosters, from their own JSON or UBJSON or in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.subject import Task
from assay.models.adapter import THREADS, Adapter, agree, excerpt, from_scores, named_classes, sigmoid, softmax, task_of
from assay.models.formats import ModelFile
from assay.models.inputs import category_codes, is_text, listed, matrix, select
from assay.models.internals.estimators import shap_array
from assay.models.internals.forms import Inside, LinearForm
from assay.models.internals.xgboost_trees import form_of
from assay.models.outputs import Outputs, class_text
from assay.models.structure.xgboost_json import XGBoostJSON, read

if TYPE_CHECKING:
    import pyarrow as pa

CLASSES_ATTRIBUTE = "assay.classes"
"""Booster attribute in which `assay model convert` keeps the class names."""

_DAMAGED = "\N{REPLACEMENT CHARACTER}"
_BINARY = frozenset({"binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic"})


class XGBoostModel(Adapter):
    """A booster that gives probabilities (binary and multi objectives) or numbers (all others).

    Text columns are encoded by the categories the file stores (XGBoost 3.1 and later); a value outside
    of them is an error, as it is to XGBoost. The iteration is the best one where training stopped
    early, as in XGBoost's scikit-learn interface. Class names are "0", "1", ... unless given or kept by
    `assay model convert`.
    """

    def __init__(
        self,
        booster: Any,
        facts: XGBoostJSON,
        /,
        *,
        name: str,
        digest: str = "not digested",
        task: Task | None = None,
        classes: Sequence[str] | None = None,
        pickled: bool = False,
    ) -> None:
        import xgboost

        self.failures = (xgboost.core.XGBoostError,)
        self.booster, self.facts = booster, facts
        booster.set_param({"nthread": THREADS})
        found = _classes_of(facts, task)
        stored = json.loads(facts.attributes.get(CLASSES_ATTRIBUTE, "null"))
        if found and isinstance(stored, list) and len(stored) == len(found):
            found = tuple(map(str, stored))
        names = named_classes(found, classes if found else None)
        super().__init__(
            name=name,
            digest=digest,
            task=agree(task_of(names), task, name=name),
            features=facts.features,
            classes=names,
            width=facts.width,
            pickled=pickled,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Probabilities or numbers of the booster."""
        objective = self.facts.objective
        margin = objective in ("multi:softmax", "binary:logitraw", "binary:hinge")
        answers = self._ask(inputs, output_margin=margin)
        if not self.classes:
            return Outputs(values=np.asarray(answers, dtype=np.float64))
        if objective == "binary:hinge":
            return Outputs(codes=(answers > 0).astype(np.int64))
        if margin:
            answers = sigmoid(answers) if answers.ndim == 1 else softmax(answers)
        return from_scores(answers)

    def look_inside(self) -> Inside:
        """The trees or weights, over the columns themselves (categories as codes)."""
        form = form_of(self.booster, self.facts)
        if isinstance(form, Message):
            return Inside(reason=form)
        names = self.features or tuple(f"column {i}" for i in range(form.width))
        return Inside(
            ensemble=None if isinstance(form, LinearForm) else form,
            linear=form if isinstance(form, LinearForm) else None,
            names=names,
            origin=np.arange(form.width),
            contributes=not isinstance(form, LinearForm),
        )

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """The numbers as XGBoost rounds them to float32; to a linear booster, missing is 0."""
        numbers = self._numbers(inputs).astype(np.float64)
        return (
            numbers if self.ensemble() is not None else np.nan_to_num(numbers, nan=0.0, posinf=np.inf, neginf=-np.inf)
        )

    def raw(self, inputs: Any, /) -> np.ndarray:
        """XGBoost's own margin."""
        answers: np.ndarray = self._ask(inputs, output_margin=True)
        return answers

    def contributed(self, inputs: Any, /) -> np.ndarray:
        """XGBoost's `pred_contribs`."""
        form = self.inside().form
        assert form is not None
        return shap_array(self._ask(inputs, pred_contribs=True), form)

    def _numbers(self, inputs: Any) -> np.ndarray:
        table = select(inputs, self.features, width=self.width)
        return matrix(table, dtype=np.float32, codes=self._codes(table))

    def _ask(self, inputs: Any, **what: bool) -> Any:
        """XGBoost's answers up to the best iteration."""
        import xgboost

        data = xgboost.DMatrix(
            self._numbers(inputs),
            feature_names=list(self.facts.features) or None,
            feature_types=list(self.facts.types) or None,
            nthread=THREADS,
            enable_categorical=True,
        )
        best = self.facts.best_iteration
        last = (0, best + 1) if best is not None else (0, 0)
        return self.booster.predict(data, iteration_range=last, **what)

    def _codes(self, table: pa.Table) -> dict[int, np.ndarray]:
        """Codes of the columns that hold category values, by position."""
        found = {}
        for position, field in enumerate(table.schema):
            categories = self.facts.categories[position]
            if not categories:
                continue
            if any(_DAMAGED in str(value) for value in categories):
                if is_text(field.type):
                    raise AssayError(
                        f"The XGBoost file holds damaged category names for column {field.name!r}.",
                        code="features",
                        hint="XGBoost cuts names that are not ASCII when it is trained from pandas: "
                        "give the codes, or train from an Arrow table.",
                    )
                continue
            index = {class_text(value): code for code, value in enumerate(categories)}
            codes = category_codes(table.column(position), index)
            if (codes < 0).any():
                row = int(np.flatnonzero(codes < 0)[0])
                value = class_text(table.column(position)[row].as_py())
                raise AssayError(
                    f"Column {field.name!r} holds {value!r} (row {row}), which was not in the training data.",
                    code="features",
                    hint="XGBoost cannot predict unseen categories: mend the value or make it missing.",
                )
            found[position] = codes
        unknown = [field.name for i, field in enumerate(table.schema) if i not in found and is_text(field.type)]
        if unknown:
            raise AssayError(
                f"These columns are text, and the XGBoost file stores no categories for them: {listed(unknown)}.",
                code="features",
                hint="Give the codes the model was trained on, or save the model with XGBoost 3.1 or later.",
            )
        return found


def _classes_of(facts: XGBoostJSON, task: Task | None) -> tuple[str, ...]:
    if facts.objective in _BINARY and not (facts.objective == "reg:logistic" and task != "binary"):
        return ("0", "1")
    if facts.objective in ("multi:softprob", "multi:softmax"):
        return tuple(str(code) for code in range(facts.classes))
    if facts.classes > 1 or task in ("binary", "multiclass"):
        raise AssayError(
            f"The XGBoost objective {excerpt(facts.objective, limit=60)!r} gives no probabilities of classes.",
            code="task",
            hint="Train with binary:logistic or multi:softprob, or judge the model as a regression.",
        )
    return ()


def open_file(file: ModelFile, /) -> XGBoostModel:
    """The model of a file; JSON is checked before XGBoost reads it, UBJSON before it predicts."""
    import xgboost

    data = file.data
    is_json = data.lstrip()[1:].lstrip().startswith(b'"')
    facts = read(data) if is_json else None
    booster = xgboost.Booster()
    try:
        with xgboost.config_context(verbosity=0):
            booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise AssayError(
            f"XGBoost cannot read {file.name}: {excerpt(error, limit=160)}.", code="model-file", hint="Save it again."
        ) from error
    checked = facts or read(bytes(booster.save_raw("json")))
    return XGBoostModel(booster, checked, name=file.name, digest=file.digest, task=file.task, classes=file.classes)


def from_booster(
    booster: Any, /, *, name: str, task: Task | None = None, classes: Sequence[str] | None = None
) -> XGBoostModel:
    """The model of an `xgboost.Booster` in memory."""
    facts = read(bytes(booster.save_raw("json")))
    return XGBoostModel(booster, facts, name=name, task=task, classes=classes)
