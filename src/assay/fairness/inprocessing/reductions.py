"""Fairlearn's reductions to weighted fits, over any estimator and any kind of table."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra, unknown
from assay.fairness.mitigation.estimators import fit_clone, predictions
from assay.fairness.mitigation.mitigation import Ints
from assay.fairness.mitigation.parameters import Parametrised
from assay.fairness.mitigation.rows import Training, take

CONSTRAINTS = {
    "demographic-parity": "DemographicParity",
    "equal-opportunity": "TruePositiveRateParity",
    "fpr-parity": "FalsePositiveRateParity",
    "equalized-odds": "EqualizedOdds",
}


class RowEstimator(Parametrised):
    """An estimator whose X is row numbers of the training rows, so that Fairlearn need not know the table."""

    def __init__(self, estimator: Any = None, rows: Training | None = None) -> None:
        self.estimator = estimator
        self.rows = rows

    def __sklearn_clone__(self) -> RowEstimator:
        """The rows are shared by all copies."""
        return RowEstimator(self.estimator, self.rows)

    def __deepcopy__(self, memo: Any) -> RowEstimator:
        return self.__sklearn_clone__()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RowEstimator:  # noqa: N803
        """A copy of the estimator is fitted on the rows numbered by X."""
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.fitted_ = fit_clone(self.estimator, self._x(X), np.asarray(y, dtype=np.int64).reshape(-1), weight)
        return self

    def predict(self, X: Any) -> Ints:  # noqa: N803
        """(rows,) decisions on the rows numbered by X."""
        return predictions(self.fitted_, self._x(X))

    def _x(self, numbers: Any) -> Any:
        if self.rows is None:
            raise AssayError("There are no training rows.", code="rows")
        places = np.asarray(numbers).reshape(-1).astype(np.int64)
        whole = len(places) == len(self.rows) and bool((places == np.arange(len(places))).all())
        return self.rows.x if whole else take(self.rows.x, places)


def fit_search(search: Any, rows: Training, /) -> None:
    """Fairlearn's `search` is fitted on the rows by their numbers; rows with weights are an error."""
    if rows.weight is not None:
        raise AssayError(
            "Fairlearn's reductions set the weights of rows themselves and take no sample_weight.",
            code="weights",
            hint="Leave sample_weight out, or use reweighing.",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Fairlearn 0.15 uses what pandas 3 deprecates
        search.fit(np.arange(len(rows))[:, None], rows.y, sensitive_features=rows.codes)


def constraint_of(name: str, tolerance: float, /) -> Any:
    """Fairlearn's constraint of that name, with its bound on the difference of a group from all rows."""
    if name not in CONSTRAINTS:
        raise unknown("constraint", name, CONSTRAINTS, code="parameter")
    if not 0 < tolerance < 1:
        raise AssayError(f"tolerance={tolerance} is not between 0 and 1.", code="parameter")
    return getattr(reductions(), CONSTRAINTS[name])(difference_bound=tolerance)


def reductions() -> Any:
    """The module of Fairlearn, or the error that says how to get it."""
    try:
        import fairlearn.reductions as found
    except ImportError as error:
        raise MissingExtra("A reduction to weighted fits", extra="fairness") from error
    return found
