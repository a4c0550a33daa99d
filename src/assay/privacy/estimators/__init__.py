"""scikit-learn estimators that are differentially private; imported only when one is asked for."""

from assay.privacy.estimators.gaussian_nb import GaussianNB
from assay.privacy.estimators.linear_regression import LinearRegression
from assay.privacy.estimators.logistic_regression import LogisticRegression

__all__ = ["GaussianNB", "LinearRegression", "LogisticRegression"]
