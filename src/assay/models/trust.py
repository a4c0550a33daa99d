"""The skops types that are trusted beyond skops' own list, by the estimator that needs them.

Found by saving each fitted estimator with skops 0.16 and scikit-learn 1.9. skops trusts
a type, not its content: what holds indices (trees, predictors, neighbour trees, splines) is checked by
`assay.models.structure.sklearn_objects` after loading. None of these types runs a program, opens a file
or reaches the network when it is made from data.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.core.errors import AssayError
from assay.models.adapter import excerpt

_TREE = ("sklearn.tree._tree.Tree",)
_DTYPE = ("numpy.dtype",)
_CV = ("sklearn.metrics._scorer._PassthroughScorer", "sklearn.model_selection._split.StratifiedKFold")
_NEIGHBOURS = (
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._kd_tree.KDTree64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._ball_tree.BallTree64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
)
_SCORERS = tuple(
    f"sklearn.metrics.{name}"
    for name in (
        "_scorer._Scorer",
        "_scorer._CurveScorer",
        "_classification.accuracy_score",
        "_classification.balanced_accuracy_score",
        "_classification.f1_score",
        "_classification.log_loss",
        "_ranking.roc_auc_score",
        "_ranking.average_precision_score",
        "_regression.mean_squared_error",
        "_regression.r2_score",
    )
)
_KERNELS = tuple(
    f"sklearn.gaussian_process.kernels.{name}"
    for name in ("ConstantKernel", "DotProduct", "Matern", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel")
)
_CALIBRATION = tuple(
    f"sklearn.calibration.{name}" for name in ("_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling")
)

TABLE: dict[str, tuple[str, ...]] = {
    "DecisionTree, ExtraTree, RandomForest, ExtraTrees, GradientBoosting, AdaBoost, Bagging": _TREE,
    "HistGradientBoosting": (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "functools.partial",
        "sklearn.utils.validation.check_array",
        *_DTYPE,
    ),
    "SimpleImputer, OneHotEncoder, OrdinalEncoder, KBinsDiscretizer": _DTYPE,
    "IterativeImputer": (
        "sklearn.impute._iterative.IterativeImputer",
        "sklearn.impute._iterative._ImputerTriplet",
        *_DTYPE,
    ),
    "ColumnTransformer": ("sklearn.compose._column_transformer.make_column_selector",),
    "SplineTransformer": (
        "scipy.interpolate._bsplines.BSpline",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "numpy.asarray",
    ),
    "CalibratedClassifierCV": _CALIBRATION,
    "StackingClassifier, VotingClassifier": ("sklearn.utils._bunch.Bunch",),
    "GridSearchCV, RandomizedSearchCV": (*_CV, "sklearn.model_selection._split.KFold", *_SCORERS),
    "TunedThresholdClassifierCV": (
        *_SCORERS,
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    ),
    "SelectKBest, SelectPercentile": tuple(
        f"sklearn.feature_selection._{name}"
        for name in (
            "univariate_selection.f_classif",
            "univariate_selection.f_regression",
            "univariate_selection.chi2",
            "mutual_info.mutual_info_classif",
        )
    ),
    "MLPClassifier, MLPRegressor": tuple(
        f"sklearn.neural_network._stochastic_optimizers.{name}" for name in ("AdamOptimizer", "SGDOptimizer")
    ),
    "KNeighborsClassifier, RadiusNeighborsClassifier": _NEIGHBOURS,
    "GaussianProcessClassifier": (
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        *_KERNELS,
    ),
    "whatever was fitted on sparse rows": tuple(
        f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("csr", "csc") for form in ("matrix", "array")
    ),
    "TweedieRegressor": ("sklearn._loss.loss.HalfTweedieLoss", "sklearn._loss.loss.HalfTweedieLossIdentity"),
}
"""Types by the estimators whose files hold them."""

TRUSTED: frozenset[str] = frozenset(name for names in TABLE.values() for name in names)


def check_types(found: Iterable[str], trust: Iterable[str], /, *, name: str) -> list[str]:
    """The types of a skops file that are trusted, all of `found`; an unknown one is refused by name."""
    wanted = sorted(found)
    allowed = TRUSTED | set(trust)
    unknown = [item for item in wanted if item not in allowed]
    if unknown:
        flags = " ".join(f"--trust {excerpt(item, limit=80)}" for item in unknown[:10])
        raise AssayError(
            f"{name} holds {len(unknown)} types that assay does not trust: "
            f"{', '.join(excerpt(item, limit=80) for item in unknown[:10])}.",
            code="untrusted-types",
            hint=f"If you know them to be harmless, and where the file is from, say so: {flags}",
        )
    return wanted
