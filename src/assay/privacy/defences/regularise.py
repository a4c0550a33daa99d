"""The model is trained again with stronger regularisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.core.errors import AssayError
from assay.core.part import part
from assay.core.subject import Model
from assay.models.trainers import by_trainer, refitter
from assay.privacy.inference.guarded import KIND, Undefended

Change = Callable[[Any, float], Any]


def _less(value: Any, strength: float) -> Any:
    return None if value is None else float(value) / strength


def _more(value: Any, strength: float) -> Any:
    return float(value or 0.0) * strength or strength * 1e-4


def _rows(value: Any, strength: float) -> Any:
    """Rows of a leaf, or neighbours: at least `strength` of them."""
    return max(round((value if isinstance(value, int) else 1) * strength), round(strength))


STRONGER: Mapping[str, Change] = {
    "C": _less,
    "alpha": _more,
    "l2_regularization": _more,
    "reg_lambda": _more,
    "min_samples_leaf": _rows,
    "min_child_samples": _rows,
    "min_child_weight": _rows,
    "n_neighbors": _rows,
}
"""Parameters of estimators that bound how well single rows are learned, and what makes each stronger."""


@part(
    "regularise",
    kind=KIND,
    title="The model is trained again, with stronger regularisation",
    statement="A model that fits single rows less remembers them less. "
    "Source: Yeom et al. (2018), CSF, arXiv 1709.01604, on overfitting and membership advantage",
)
def regularise(model: Undefended, /, *, strength: float = 10.0) -> Model:
    """By `trainer`, where one is given: it is the one that trains with stronger regularisation.

    Else a scikit-learn estimator in this process is cloned with its parameters of regularisation (C, alpha, rows of a
    leaf, neighbours ...) made `strength` times as strong, in every step of a pipeline. Raises AssayError "trainer" for
    any other model and for an estimator that has none of them.
    """
    if strength <= 1:
        raise AssayError("Stronger regularisation has a strength above 1.", code="parameter", hint="Give 10.")
    if model.trainer is not None:
        return by_trainer(model.trainer, model.model)(model.training())
    from assay.models.adapters.sklearn_like import SklearnLike

    if not isinstance(model.model, SklearnLike):
        raise _unknown(model.model.name)
    stronger = SklearnLike(
        _strengthened(model.model.estimator, strength, model.model.name),
        name=model.model.name,
        features=model.model.features,
    )
    fit = refitter(stronger)
    if fit is None:
        raise _unknown(model.model.name)
    return fit(model.training())


def _strengthened(estimator: Any, strength: float, name: str) -> Any:
    """A fitted copy of the estimator whose parameters are stronger: its `classes_` are what a refit reads."""
    from copy import deepcopy

    if not callable(getattr(estimator, "get_params", None)):
        raise _unknown(name)
    changed = {
        key: STRONGER[last](value, strength)
        for key, value in estimator.get_params(deep=True).items()
        if (last := key.rpartition("__")[2]) in STRONGER
    }
    if not changed:
        raise _unknown(name)
    return deepcopy(estimator).set_params(**changed)


def _unknown(name: str) -> AssayError:
    return AssayError(
        f"How {name} is trained with stronger regularisation is not known here.",
        code="trainer",
        hint="Give defence_trainer, a function (module:function) that trains it so.",
    )
