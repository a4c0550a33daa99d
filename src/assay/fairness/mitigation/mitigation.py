"""The protocol of a mitigation, and how one is declared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.part import Part, part
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.groups import Codes, Groups
from assay.fairness.mitigation.parameters import Parametrised

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
KIND = "mitigation"


class Mitigation(Parametrised, ABC):
    """A binary classifier made fairer between groups; it follows scikit-learn's conventions.

    `y` is 1 for the favourable outcome, 0 otherwise; `protected` has one value a row, or several columns that are
    crossed. `needs_attribute_at_decision` says that `protected` must be given to predict too, which may be unlawful;
    `randomised` that a decision may be drawn, so that `ids` of the subjects must be given.
    Whatever `fit` learns is kept in attributes that end in an underscore and hold JSON types, arrays or lists of
    arrays, so that every mitigation is saved in the same way.
    """

    id: ClassVar[str] = ""
    needs_attribute_at_decision: ClassVar[bool] = False
    randomised: bool = False
    opened: Any = None
    estimator: Any
    estimator_: Any
    draw_: Draw
    groups_: Groups
    features_: list[str]

    @abstractmethod
    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The same object, fitted."""

    @abstractmethod
    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) probabilities of the outcomes 0 and 1."""

    @abstractmethod
    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) decisions: 1 favourable, 0 not."""

    @property
    def classes_(self) -> Ints:
        """The two outcomes, in the order of `predict_proba`."""
        return np.array([0, 1])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "groups_")

    def check_fitted(self) -> None:
        """Raises an error where `fit` was not called."""
        if not self.__sklearn_is_fitted__():
            raise AssayError(f"This {type(self).__name__} is not fitted.", code="not-fitted", hint="Call fit() first.")

    def codes(self, protected: Any, /) -> Codes | None:
        """(rows,) group of each row; None where this method decides without it."""
        self.check_fitted()
        if not self.needs_attribute_at_decision:
            return None
        if protected is None:
            raise AssayError(
                f"{type(self).__name__} needs the protected attribute at decision time.",
                code="protected",
                hint=f"Give protected= ({', '.join(self.groups_.attributes)}), or choose a method that needs none.",
            )
        return self.groups_.code(protected)


def both_columns(favourable: Floats, /) -> Floats:
    """(rows, 2) probabilities from those of the favourable outcome."""
    return np.column_stack([1 - favourable, favourable])


def column_names(x: Any, /) -> list[str]:
    """Names of the columns of a frame or Arrow table; empty for arrays."""
    names = x.column_names if hasattr(x, "column_names") else getattr(x, "columns", ())
    return [str(name) for name in names]


M = TypeVar("M", bound=Mitigation)


def mitigation(id: str, /, *, title: str, promise: str, source: str) -> Callable[[type[M]], Part[type[M]]]:
    """Declare the decorated class as the Part `id`; its statement says the promise, what it needs and the paper."""

    def declare(made: type[M]) -> Part[type[M]]:
        needs = "needs the protected attribute" if made.needs_attribute_at_decision else "no protected attribute"
        drawn = "Randomised: decisions can be drawn, by a keyed hash of the subject." if made.randomised else ""
        made.id = id
        words = [f"{promise}.", f"At decision time: {needs}.", drawn, f"Source: {source}."]
        declared: Part[type[M]] = part(id, kind=KIND, title=title, statement=" ".join(filter(None, words)))(made)
        return declared

    return declare
