"""Named tensors, as ONNX and the Open Inference Protocol give them, become labels, scores or numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.subject import Task
from assay.models.adapter import agree, from_scores, named_classes, sigmoid, softmax, task_of
from assay.models.outputs import Outputs, codes_of

Form = Literal["probabilities", "logits", "values"]
FORMS: tuple[Form, ...] = ("logits", "probabilities", "values")
"""What a network's last layer gives."""


def known_form(form: str, classes: Sequence[str], /, *, what: str) -> Form:
    """`form` as one of `FORMS` that fits the classes, or the error that says what to give."""
    for known in FORMS:
        if form == known and (form == "values") == (not classes):
            return known
    if form not in FORMS:
        raise unknown("output form", form, FORMS)
    raise AssayError(
        f"{what} with output {form!r} {'takes no classes' if classes else 'needs the names of its classes'}.",
        code="classes",
        hint="Name the classes in the order of its columns; a regression has the output 'values'.",
    )


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One declared tensor: `floating`, `integer`, `boolean` or `text`; unknown dimensions are None."""

    name: str
    kind: Literal["floating", "integer", "boolean", "text"]
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which outputs are read, and as what. `own` are the classes as the model's label output calls them."""

    task: Task
    classes: tuple[str, ...]
    own: tuple[str, ...]
    labels: str = ""
    scores: str = ""
    form: Form = "probabilities"


def plan(
    outputs: Sequence[TensorSpec],
    /,
    *,
    name: str,
    task: Task | None,
    classes: Sequence[str] | None,
    stored: Sequence[str] = (),
    form: Form | None = None,
) -> Reading:
    """How to read `outputs`: the label is text, whole or boolean, the scores are floating.

    A floating output of several columns is one of probabilities; of one column it is a number, unless
    classes are known (`classes` given by the caller, or `stored` in the model). `form` is what the model
    says of its floating output.
    """
    labels = [spec for spec in outputs if spec.kind != "floating" and len(spec.shape) <= 2]
    floats = [spec for spec in outputs if spec.kind == "floating" and len(spec.shape) <= 2]
    if len(floats) > 1:
        likely = [spec for spec in floats if "prob" in spec.name.lower() or "score" in spec.name.lower()]
        floats = likely or floats
    if len(labels) > 1 or len(floats) > 1 or not (labels or floats):
        shown = ", ".join(f"{spec.name!r} ({spec.kind}, {spec.shape})" for spec in outputs[:10]) or "none"
        raise AssayError(
            f"{name}: which outputs hold labels and probabilities is not clear among: {shown}.",
            code="outputs",
            hint="Keep one output of labels and one of probabilities, named 'label' and 'probabilities'.",
        )
    columns = floats[0].shape[1] if floats and len(floats[0].shape) == 2 else None
    count = max(2, columns) if columns is not None and (columns > 1 or stored or classes) else None
    found = tuple(stored) or (tuple(map(str, range(count))) if count and form != "values" else ())
    if not found and labels and classes is None:
        raise AssayError(
            f"{name} does not say which classes it predicts.",
            code="classes",
            hint="Name them in the order of its probabilities, for example --classes bad,good.",
        )
    if not found and classes is None and task in ("binary", "multiclass"):
        found = ("0", "1") if task == "binary" else ()
    names = named_classes(found, classes, count=count)
    # A label that is a number may be renamed by position; one that is text, or a name, speaks for itself.
    renamed = bool(labels) and labels[0].kind != "text" and set(names) != set(found) and len(names) == len(found)
    return Reading(
        agree(task_of(names), task, name=name),
        names,
        found if renamed else names,
        labels[0].name if labels else "",
        floats[0].name if floats else "",
        form or ("probabilities" if names else "values"),
    )


def interpret(answers: np.ndarray, form: Form, /) -> Outputs:
    """Outputs of one floating tensor. A single column of logits or probabilities is that of the second class."""
    array = np.asarray(answers, dtype=np.float64)
    single = array.ndim == 1 or array.shape[1:] == (1,)
    if form == "values":
        return Outputs(values=array[:, 0] if array.ndim == 2 and single else array)
    if form == "logits":
        array = sigmoid(array) if single else softmax(array)
    return from_scores(array)


def read(reading: Reading, tensors: Mapping[str, np.ndarray], /) -> Outputs:
    """The outputs of one batch, as `reading` planned.

    Where a model gives labels and probabilities, a label far from the most probable class shows that
    the classes are named in another order: an error, never a silent guess.
    """
    if not reading.classes:
        return interpret(tensors[reading.scores or reading.labels], "values")
    made = interpret(tensors[reading.scores], reading.form) if reading.scores else Outputs()
    if not reading.labels:
        return made
    codes = codes_of(tensors[reading.labels], reading.own)
    if made.scores is not None and made.scores.shape == (len(codes), len(reading.classes)):
        _check_order(codes, made.scores)
    return Outputs(codes=codes, scores=made.scores)


def _check_order(codes: np.ndarray, scores: np.ndarray) -> None:
    """Labels follow the probabilities: models with thresholds of their own may differ, a permutation cannot hide."""
    less = scores[np.arange(len(codes)), codes] < scores.max(axis=1)
    if len(codes) and less.mean() > 0.5:
        raise AssayError(
            f"The model's label is not its most probable class in {less.mean():.0%} of {len(codes)} rows.",
            code="classes",
            hint="The classes seem to be in another order: name them in the order of the probabilities.",
        )
