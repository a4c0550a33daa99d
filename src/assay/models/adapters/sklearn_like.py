"""scikit-learn estimators and anything with `predict`, from skops files or in memory."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Task
from assay.models.adapter import UNREADABLE, Adapter, agree, excerpt, named_classes, task_of
from assay.models.formats import ModelFile
from assay.models.inputs import frame, is_number, matrix, row_count, select
from assay.models.internals.estimators import Reading, open_estimator, prepared, steps_of
from assay.models.internals.forms import Inside
from assay.models.outputs import Outputs, check, class_texts, codes_of
from assay.models.structure.sklearn_objects import check_estimator
from assay.models.trust import check_types

_FAILURES: tuple[type[Exception], ...] = (*UNREADABLE, zipfile.BadZipFile)


class SklearnLike(Adapter):
    """An estimator with `predict`, and `predict_proba` where it gives probabilities.

    One that knows its column names gets a pandas frame, any other a matrix of the columns in order;
    one without `classes_` is a regression unless `classes` are given, in the order of `predict_proba`.
    Given `classes` also rename classes that are numbers, by position.
    A list of texts is passed on as it is.
    """

    takes_coded_texts = True
    """Columns of `coded_texts` become frames of plain texts, see `assay.models.coded_texts`."""

    def __init__(
        self,
        estimator: Any,
        /,
        *,
        name: str,
        digest: str = "not digested",
        task: Task | None = None,
        classes: Sequence[str] | None = None,
        features: Sequence[str] = (),
        pickled: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        if not callable(getattr(estimator, "predict", None)):
            raise AssayError(
                f"{name} holds a {type(estimator).__name__}, which has no predict().",
                code="model-file",
                hint="Save the fitted estimator or pipeline itself.",
            )
        self.estimator = estimator
        self._probabilities = callable(getattr(estimator, "predict_proba", None))
        self._labels = _classes(estimator, name)
        names = named_classes(self._labels, classes)
        if self._labels and names != self._labels and not all(_is_number(label) for label in self._labels):
            raise AssayError(
                f"{name} names its classes itself: {', '.join(self._labels)}.",
                code="classes",
                hint="Leave the names of the classes out.",
            )
        own = getattr(estimator, "feature_names_in_", None)
        super().__init__(
            name=name,
            digest=digest,
            task=agree(task_of(names), task, name=name),
            features=tuple(map(str, own)) if own is not None else tuple(features),
            classes=names,
            width=getattr(estimator, "n_features_in_", None),
            pickled=pickled,
            notes=notes,
        )
        self._as_frame = own is not None
        self._reading: Reading | None = None

    def compute(self, inputs: Any, /) -> Outputs:
        """`predict` and, where it exists, `predict_proba`; the steps before the last one are taken once for both."""
        batch, estimator = self._batch(inputs), self.estimator
        *before, (_, last) = steps_of(estimator)
        if before and self._probabilities:
            batch, estimator = prepared(estimator, batch), last
        answers = estimator.predict(batch)
        if not self.classes:
            values = np.asarray(answers, dtype=np.float64)
            return Outputs(values=values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values)
        scores = estimator.predict_proba(batch) if self._probabilities else None
        return Outputs(
            codes=codes_of(answers, self._labels or self.classes),
            scores=None if scores is None else np.asarray(scores, np.float64),
        )

    def scores(self, inputs: Any, /) -> np.ndarray | None:
        """(rows, classes) probabilities, by `predict_proba` alone where nobody asked for the labels of this batch."""
        rows = row_count(inputs)
        known = self._last is not None and self._last[0] is inputs
        if known or not (rows and self.classes and self._probabilities):
            return super().scores(inputs)
        found = self.attempt(lambda: self._probable(inputs), rows=rows)
        return check(found, rows=rows, classes=self.classes).scores

    def _probable(self, inputs: Any) -> Outputs:
        scores = np.asarray(self.estimator.predict_proba(self._batch(inputs)), np.float64)
        return Outputs(codes=scores.argmax(axis=-1), scores=scores)

    def look_inside(self) -> Inside:
        """The trees or coefficients of the estimator, or of the last step of a pipeline."""
        opened = open_estimator(self.estimator, self.features)
        self._reading = opened.reading
        return opened.inside

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """What the steps before the last one make of a batch."""
        reading, batch = self._opened(inputs)
        return reading.prepare(batch)

    def raw(self, inputs: Any, /) -> np.ndarray:
        """The last step's own decision function, probabilities or predictions."""
        reading, batch = self._opened(inputs)
        return reading.raw(batch)

    def contributed(self, inputs: Any, /) -> np.ndarray:
        """SHAP values of a booster that is the last step."""
        reading, batch = self._opened(inputs)
        assert reading.contributed is not None
        return reading.contributed(batch)

    def _opened(self, inputs: Any) -> tuple[Reading, Any]:
        assert self._reading is not None
        return self._reading, prepared(self.estimator, self._batch(inputs))

    def _batch(self, inputs: Any) -> Any:
        if isinstance(inputs, list):
            return inputs
        table = select(inputs, self.features, width=self.width)
        if self._as_frame:
            return frame(table)
        if all(is_number(field.type) for field in table.schema):
            return matrix(table)
        return frame(table).to_numpy(dtype=object)


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _classes(estimator: Any, name: str) -> tuple[str, ...]:
    found = getattr(estimator, "classes_", None)
    if found is None:
        return ()
    if np.ndim(found[0]) != 0:
        raise AssayError(
            f"{name} predicts several outputs at once.",
            code="model-file",
            hint="assay judges one target at a time: train or save one model for each.",
        )
    return class_texts(found)


def open_file(file: ModelFile, /) -> SklearnLike:
    """The estimator of a skops file whose types are trusted and whose trees can be followed."""
    import skops.io

    try:
        found = skops.io.get_untrusted_types(data=file.data)
        trusted = check_types(found, file.trust, name=file.name)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = skops.io.loads(file.data, trusted=trusted)
    except AssayError:
        raise
    except _FAILURES as error:
        raise AssayError(
            f"skops cannot read {file.name}: {type(error).__name__}: {excerpt(error, limit=200)}.",
            code="model-file",
            hint="Save it again with skops.io.dump, under the versions installed here.",
        ) from error
    check_estimator(estimator)
    notes = sorted({excerpt(item.message, limit=200) for item in caught})
    return SklearnLike(estimator, name=file.name, digest=file.digest, task=file.task, classes=file.classes, notes=notes)
