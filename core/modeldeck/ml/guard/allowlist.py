"""The types that a model file may hold beyond those that skops trusts by itself.

skops trusts scikit-learn's public estimators, primitives, containers, NumPy's number types and
ufuncs. The names below are what ordinary fitted models hold besides, found by saving every
estimator of scikit-learn 1.9 and reading which types skops asked about. The list is part of the
code on purpose: a file never says what may be trusted in it. Nothing here runs code of the file's
choosing; trees, neighbour trees, sparse matrices and random states can hold numbers that crash
compiled code, so :mod:`modeldeck.ml.guard.sanity` looks at those after loading.
"""

from __future__ import annotations

_METRICS = (
    "BrayCurtisDistance64",
    "CanberraDistance64",
    "ChebyshevDistance64",
    "EuclideanDistance64",
    "ManhattanDistance64",
    "MinkowskiDistance64",
    "SEuclideanDistance64",
)
_KERNELS = (
    "CompoundKernel",
    "ConstantKernel",
    "DotProduct",
    "ExpSineSquared",
    "Exponentiation",
    "Matern",
    "PairwiseKernel",
    "Product",
    "RBF",
    "RationalQuadratic",
    "Sum",
    "WhiteKernel",
)
_SELECTION_SCORES = (
    "_univariate_selection.chi2",
    "_univariate_selection.f_classif",
    "_univariate_selection.f_oneway",
    "_univariate_selection.f_regression",
    "_univariate_selection.r_regression",
    "_mutual_info.mutual_info_classif",
    "_mutual_info.mutual_info_regression",
)
_SPLITTERS = ("GroupKFold", "KFold", "ShuffleSplit", "StratifiedKFold", "StratifiedShuffleSplit")

ALLOWED: tuple[str, ...] = (
    "numpy.dtype",
    "numpy.mean",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.interpolate._interpolate.interp1d",
    "scipy.sparse._csc.csc_array",
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    *(f"sklearn.feature_selection.{name}" for name in _SELECTION_SCORES),
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS),
    "sklearn.metrics._classification.balanced_accuracy_score",
    *(f"sklearn.metrics._dist_metrics.{name}" for name in _METRICS),
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    *(f"sklearn.model_selection._split.{name}" for name in _SPLITTERS),
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)
"""Full names of the types and functions that are allowed in addition to skops' own list."""

LOADERS = frozenset(
    {
        "DTypeNode",
        "DefaultDictNode",
        "DictNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "MaskedArrayNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SetNode",
        "SliceNode",
        "SparseMatrixNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
"""The kinds of node that may stand in a model file; those that call what a file names may not."""
