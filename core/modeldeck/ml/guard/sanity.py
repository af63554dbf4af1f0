"""What is checked in a loaded model before it predicts: numbers that compiled code trusts.

skops makes sure that a file holds only listed types, not that their contents make sense: a tree
whose child index points nowhere is loaded, and crashes the process at the first prediction
(scikit-learn pull request 34558). So every tree, neighbour tree, support vector machine, spline,
sparse matrix and random state of a loaded model is looked at here, in plain NumPy. What remains is
caught by loading in a disposable process first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import scipy.interpolate
import scipy.sparse
from sklearn.ensemble import BaseEnsemble
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree._tree import Tree

from modeldeck.ml.guard.archive import refuse

_SAFE_GENERATORS = ("PCG64", "PCG64DXSM", "SFC64")
_STATE_WORDS = 624  # words in the state of a Mersenne twister


def check_model(model: object) -> None:
    """Walk through everything a model holds and check what compiled code would trust.

    Raises
    ------
    InvalidInputError
        Something is out of its bounds; the message names the kind of object.
    """
    seen: set[int] = set()
    stack: list[object] = [model]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | type(None)):
            continue
        seen.add(id(value))
        for kinds, check in _CHECKS:
            if isinstance(value, kinds):
                check(value)
        stack.extend(_inside(value))


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set):
        yield from value
    elif isinstance(value, np.ndarray):
        yield from value.ravel().tolist() if value.dtype.hasobject else ()
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        _check_estimator(value)
        yield from vars(value).values()


def _require(holds: object, what: str) -> None:
    if not holds:
        refuse(f"{what}, which would crash the process that predicts with it")


def _check_tree(tree: Any) -> None:  # noqa: ANN401 -- a compiled class without types
    count = tree.node_count
    _require(0 < count <= tree.capacity, "a decision tree announces more nodes than it has")
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    _require(np.array_equal(inner, right != -1), "a node of a decision tree has one child")
    _check_children(np.arange(count), inner, left=left, right=right)
    used = feature[inner]
    inside = (used >= 0) & (used < tree.n_features)
    _require(inside.all(), "a decision tree asks for a column that is not there")
    depth = int(tree.compute_node_depths().max()) - 1
    _require(depth <= tree.max_depth, "a decision tree is deeper than it says")


def _check_children(
    numbers: np.ndarray[Any, Any],
    inner: np.ndarray[Any, Any],
    *,
    left: np.ndarray[Any, Any],
    right: np.ndarray[Any, Any],
) -> None:
    """Each node but the first is the child of exactly one earlier node."""
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    parents = np.concatenate([numbers[inner], numbers[inner]])
    once = np.array_equal(np.sort(children), numbers[1:])
    _require(once and (children > parents).all(), "a decision tree has a child that is not there")


def _check_predictor(predictor: Any) -> None:  # noqa: ANN401 -- scikit-learn has no types
    nodes = predictor.nodes
    _require(len(nodes) > 0, "a boosted tree has no nodes")
    inner = nodes["is_leaf"] == 0
    _check_children(np.arange(len(nodes)), inner, left=nodes["left"], right=nodes["right"])
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    known = len(predictor.raw_left_cat_bitsets)
    _require((sets < known).all(), "a boosted tree names a set of categories that is not there")


def _check_neighbours(tree: Any) -> None:  # noqa: ANN401 -- a compiled class without types
    data, order, nodes, bounds, *numbers = tree.__getstate__()
    count, n_nodes = len(data), len(nodes)
    _require(numbers[2] == n_nodes and bounds.shape[1] == n_nodes, "a neighbour tree lacks nodes")
    _require(bounds.shape[2] == data.shape[1], "a neighbour tree has bounds of another width")
    _require(
        len(order) == count and np.array_equal(np.sort(order), np.arange(count)),
        "a neighbour tree names rows that are not there",
    )
    start, end = nodes["idx_start"], nodes["idx_end"]
    spans = (start >= 0) & (start <= end) & (end <= count)
    _require(spans.all(), "a neighbour tree names rows that are not there")
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _require((2 * inner + 2 < n_nodes).all(), "a neighbour tree has a child that is not there")


def _check_random_state(state: np.random.RandomState) -> None:
    position = state.get_state(legacy=False)["state"]["pos"]
    _require(0 <= position <= _STATE_WORDS, "a random state stands outside its own numbers")


def _check_generator(generator: np.random.Generator) -> None:
    kind = type(generator.bit_generator).__name__
    _require(kind in _SAFE_GENERATORS, f"a random generator is of kind {kind}")


def _check_sparse(matrix: Any) -> None:  # noqa: ANN401 -- one of several classes
    try:
        matrix.check_format(full_check=True)
    except ValueError:
        _require(holds=False, what="a sparse matrix names cells that are not there")


def _check_spline(spline: Any) -> None:  # noqa: ANN401 -- generic in scipy's types only
    knots, degree = np.asarray(spline.t), int(spline.k)
    fits = 0 <= degree <= 20 and len(spline.c) >= len(knots) - degree - 1 >= degree + 1
    _require(fits and (np.diff(knots) >= 0).all(), "a spline has fewer coefficients than knots")


_CHECKS: tuple[tuple[type | tuple[type, ...], Callable[[Any], None]], ...] = (
    (Tree, _check_tree),
    (TreePredictor, _check_predictor),
    ((KDTree, BallTree), _check_neighbours),
    (np.random.RandomState, _check_random_state),
    (np.random.Generator, _check_generator),
    ((scipy.sparse.csr_matrix, scipy.sparse.csr_array), _check_sparse),
    ((scipy.sparse.csc_matrix, scipy.sparse.csc_array), _check_sparse),
    (scipy.interpolate.BSpline, _check_spline),
)


def _check_estimator(value: object) -> None:
    """Check how the parts of one estimator fit together, found by their attributes' names."""
    state = vars(value)
    width = state.get("n_features_in_")
    if isinstance(state.get("tree_"), Tree):
        _require(_is_at_least(width, state["tree_"].n_features), "a tree is wider than its owner")
    if "_predictors" in state:
        _check_boosting(state, width)
    if isinstance(value, BaseEnsemble) and "estimators_" in state:
        _check_ensemble(state, width)
    if "_n_support" in state:
        _check_vectors(state, width)
    for name in ("cluster_centers_", "_fit_X"):
        if getattr(state.get(name), "ndim", 0) == 2:
            _require(state[name].shape[1] == width, f"{name} has another width than its owner")


def _is_at_least(width: object, needed: int) -> bool:
    return isinstance(width, int | np.integer) and int(width) >= needed


def _check_boosting(state: Mapping[str, Any], width: object) -> None:
    categorical = getattr(state.get("_bin_mapper"), "is_categorical_", None)
    for predictor in (one for stage in state["_predictors"] for one in stage):
        nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        used = nodes["feature_idx"]
        top = int(used.max(initial=-1)) + 1
        wide = used.min(initial=0) >= 0 and _is_at_least(width, top)
        _require(wide, "a boosted tree asks for a column that is not there")
        named = used[nodes["is_categorical"] != 0]
        if len(named):
            known = categorical is not None and len(categorical) >= top and categorical[named].all()
            _require(known, "a boosted tree takes a number for a category")


def _check_ensemble(state: Mapping[str, Any], width: object) -> None:
    members = np.asarray(state["estimators_"], dtype=object)
    trees = [one for one in members.ravel() if isinstance(getattr(one, "tree_", None), Tree)]
    columns = state.get("estimators_features_")
    for number, one in enumerate(trees):
        own = vars(one).get("n_features_in_", 0)
        _require(_is_at_least(width, own), "a tree is wider than its ensemble")
        if columns is not None and len(columns) == len(trees):
            chosen = np.asarray(columns[number])
            fits = len(chosen) == own and _is_at_least(width, int(chosen.max(initial=-1)) + 1)
            _require(fits and chosen.min(initial=0) >= 0, "a tree gets other columns than it needs")
        elif columns is not None:
            _require(holds=False, what="an ensemble has other columns than trees")
    if members.ndim == 2:
        stages = state.get("n_trees_per_iteration_")
        _require(members.shape[1] == stages, "a boosted ensemble has trees for other classes")


def _check_vectors(state: Mapping[str, Any], width: object) -> None:
    """Check a support vector machine as libsvm reads it (svm.h, struct svm_model)."""
    vectors, weights = state.get("support_vectors_"), state.get("_dual_coef_")
    if vectors is None or weights is None or scipy.sparse.issparse(vectors):
        _require(vectors is not None and weights is not None, "a vector machine is incomplete")
        return
    classes = len(state["classes_"]) if "classes_" in state else 2
    pairs = classes * (classes - 1) // 2
    counted = classes == 2 or int(np.sum(state["_n_support"])) == len(vectors)
    _require(
        counted
        and len(state["_n_support"]) == classes
        and weights.shape == (classes - 1, len(vectors))
        and len(state.get("support_", ())) == len(vectors)
        and vectors.shape[1] == width
        and len(np.ravel(state.get("_intercept_", ()))) == pairs,
        "a vector machine has other vectors than weights",
    )
