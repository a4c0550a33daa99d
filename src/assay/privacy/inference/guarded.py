"""A model behind a defence: what a defence gets, and the models that answer less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from assay.core.errors import unknown
from assay.core.part import Part
from assay.core.subject import Model
from assay.models.adapter import Adapter, from_scores
from assay.models.outputs import Outputs, class_text, codes_of
from assay.models.trainers import Fit, Trainer, TrainingRows, by_trainer, refitter
from assay.privacy.membership.answers import Floats

KIND = "defence"
"""Kind of the parts that defend a model: `make(guarded)` gives a Model."""


@dataclass(frozen=True, eq=False)
class Undefended:
    """A classifier, the rows that it was trained on, and `trainer`, which trains it in another way where one is given.

    `training` is asked only by defences that train again.
    """

    model: Model
    training: Callable[[], TrainingRows]
    trainer: Trainer | None = None


Defence = Callable[[Undefended], Model]


class Guarded(Adapter):
    """A model whose probabilities go through `change`, (rows, classes) to the same, before anyone sees them.

    The label is the most probable class of what is shown. `change` None leaves the labels alone: no probabilities.
    """

    def __init__(self, model: Model, change: Callable[[Floats], Floats] | None, /, *, how: str) -> None:
        self.guarded, self._change, self._how = model, change, how
        super().__init__(
            name=f"{model.name}, {how}",
            digest=model.digest,
            task=model.task,
            features=model.features,
            classes=model.classes,
            width=getattr(model, "width", None),
            pickled=bool(getattr(model, "pickled", False)),
            notes=tuple(getattr(model, "notes", ())),
        )

    def around(self, model: Model, /) -> Guarded:
        """Another model behind the same defence."""
        return Guarded(model, self._change, how=self._how)

    def compute(self, inputs: Any, /) -> Outputs:
        """What is shown of the answers; a model without probabilities shows its labels."""
        scores = None if self._change is None else self.guarded.scores(inputs)
        if self._change is None or scores is None:
            return Outputs(codes=codes_of(np.asarray(self.guarded.predict(inputs), dtype=object), self.classes))
        return from_scores(self._change(np.asarray(scores, dtype=np.float64)))


def trained_alike(model: Model, trainer: Trainer | None, /) -> Trainer | None:
    """What trains shadow models of `model`: behind the same defence, where it stands behind one that changes answers.

    By `trainer`, else as models like the one that is guarded are trained again; None where nobody here knows how.
    """
    if not isinstance(model, Guarded):
        return trainer
    fit = by_trainer(trainer, model.guarded) if trainer is not None else refitter(model.guarded)
    return None if fit is None else partial(_trained, model, fit)


def _trained(model: Guarded, fit: Fit, inputs: Any, labels: Any) -> Model:
    import pandas as pd
    import pyarrow as pa

    table = pa.Table.from_pandas(inputs, preserve_index=False) if isinstance(inputs, pd.DataFrame) else inputs
    where = {name: code for code, name in enumerate(model.classes)}
    codes = np.array([where[class_text(label)] for label in labels], dtype=np.int64)
    return model.around(fit(TrainingRows(table, codes)))


def own_defences() -> Mapping[str, Part[Defence]]:
    """The defences of this area by id."""
    from assay.privacy.defences import noisy_outputs, regularise, round_outputs, top_one

    modules: list[Any] = [round_outputs, noisy_outputs, top_one, regularise]
    return {thing.id: thing for module in modules for thing in vars(module).values() if isinstance(thing, Part)}


def defended(name: str, model: Undefended, /) -> Model:
    """The model behind the defence called `name`; an unknown name is an error that lists the known."""
    known = own_defences()
    if name not in known:
        raise unknown("defence", name, known, code="defence")
    return known[name].make(model)
