"""One number for each text or image, from any model that takes a batch of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.target import Scale


@dataclass(frozen=True, eq=False)
class BlackBox:
    """`ask` gives (inputs,) numbers for a batch; `name` and `scale` say what they are, as in `target.Target`."""

    ask: Callable[[Any], Floats]
    name: str
    scale: Scale

    def __call__(self, inputs: Any, /, *, batch: int) -> Floats:
        """(inputs,) the numbers, asked for in batches of at most `batch`."""
        if batch < 1:
            raise AssayError("A batch has at least one input.", code="batch", hint="Give a number from 1.")
        parts = [self.ask(inputs[start : start + batch]) for start in range(0, len(inputs), batch)]
        return np.concatenate(parts) if parts else np.zeros(0)


def black_box(model: Any, probe: Any, /, *, output: str | None = None) -> BlackBox:
    """The BlackBox of a Model, or of a function of a batch, for the class called `output` (the last one).

    A function gives (inputs,) numbers, or (inputs, outputs), whose columns are named by their place: "0", "1". `probe`
    is a batch of one, which tells what the model gives.
    """
    if not hasattr(model, "scores"):
        return _of_function(model, probe, output)
    if not model.classes:
        if output is not None:
            raise AssayError(f"A regression has no class {output!r}.", code="class", hint="Leave the class out.")
        return BlackBox(lambda inputs: np.asarray(model.predict(inputs), dtype=np.float64), "prediction", "value")
    label = model.classes[-1] if output is None else output
    if label not in model.classes:
        raise unknown("class of the model", label, model.classes, code="class")
    place = model.classes.index(label)
    if model.scores(probe) is None:
        return BlackBox(
            lambda inputs: np.asarray(np.asarray(model.predict(inputs)).astype(str) == label, dtype=np.float64),
            f"decides {label}",
            "decision",
        )
    return BlackBox(
        lambda inputs: np.asarray(model.scores(inputs)[:, place], dtype=np.float64), f"P({label})", "probability"
    )


def _of_function(function: Any, probe: Any, output: str | None) -> BlackBox:
    if not callable(function):
        raise AssayError(
            f"A {type(function).__name__} is no model.", code="model", hint="Give a Model or a function of a batch."
        )
    shown = np.asarray(function(probe), dtype=np.float64)
    if shown.ndim == 1:
        if output is not None:
            raise AssayError("The function gives one number.", code="class", hint="Leave the output out.")
        return BlackBox(lambda inputs: np.asarray(function(inputs), dtype=np.float64), "prediction", "value")
    if shown.ndim != 2:
        raise AssayError(
            f"The function gives an array of shape {shown.shape} for one input.",
            code="outputs",
            hint="Expected one row for each input: (inputs,) or (inputs, outputs).",
        )
    names = [str(i) for i in range(shown.shape[1])]
    chosen = names[-1] if output is None else output
    if chosen not in names:
        raise unknown("output of the function", chosen, names, code="class")
    sums = bool((shown >= 0).all() and np.abs(shown.sum(axis=1) - 1).max() < 1e-3)
    return BlackBox(
        lambda inputs: np.asarray(function(inputs), dtype=np.float64)[:, int(chosen)],
        f"P({chosen})" if sums else f"output {chosen}",
        "probability" if sums else "value",
    )
