"""Two dimensions for the eye, and how far to believe them.

scikit-learn's t-SNE (1.9) takes neighbors' distances in the given metric and squares them, for
every metric. Only "euclidean" is therefore t-SNE as van der Maaten and Hinton (2008) have it:
affinities in d², that is in KL. "cosine" here normalizes the rows and stays Euclidean. Published
maps were drawn with "sqeuclidean" and "cosine" as scikit-learn has them, that is on d⁴:
``published`` asks for those. Its learning rate has a floor of 50, at which the early phase throws
a few dozen models so far apart that the descent stalls there; here it is n_models/12 (Belkina et
al. 2019), whatever their number.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn import manifold
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from modelmap.geometry import similarity
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.neighbors import nearest

ROUNDING = 1e-9  # nats: what centering may leave of log-likelihoods that are equal


class TooFewModels(ValueError):
    """The method cannot place so few models."""


class Embedding(NamedTuple):
    """Positions of models, and what made them."""

    coordinates: np.ndarray  # (n_models, 2), float64
    parameters: dict  # as used, plain Python types
    explained_variance: np.ndarray | None  # PCA, MDS: share of each component, largest first


def embed(Q, method, **params):
    """Place models in two dimensions.

    The same input gives the same output. The order of rows is part of the input: sort them by
    name.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    method : {"tsne", "umap", "pca", "mds"}
    **params
        tsne: ``perplexity``, ``metric``, ``max_iter``, ``random_state``; at least 4 models (three
        neighbors for a perplexity of one). The perplexity used is at most (n_models − 1)/3.
        ``init`` is where points start: "pca", or "random", which alone depends on the seed. With
        ``published=True`` scikit-learn's own call, every parameter to the letter: more models than
        the perplexity, and ``metric`` is any of its metrics.
        umap: ``n_neighbors``, ``min_dist``, ``random_state``; at least 3 models. The
        number of neighbors used is at most n_models − 1.
        pca: none; at least 2 models, which lie on the first axis.
        mds: ``noise``, each model's variance of rounding in nats² (None: not measured); at least
        2 models.
        ``metric`` is else "euclidean" or "cosine" (Euclidean between normalized rows; noise for
        models near the centroid).

    Returns
    -------
    Embedding

    Raises
    ------
    TooFewModels
        If the method cannot be done with this number of models.
    ValueError
        If the method or the metric is unknown.
    """
    if method not in _METHODS:
        raise ValueError(f"embedding method is {method!r}, expected one of {', '.join(_METHODS)}")
    title, at_least, function = _METHODS[method]
    if len(Q) < at_least:
        raise TooFewModels(f"{title} needs at least {at_least} models, there are {len(Q)}")
    Q = np.asarray(Q, dtype=float)
    if np.ptp(Q, axis=0).max() < ROUNDING:  # identical models, on which t-SNE's start may crash
        Q = np.zeros(Q.shape)
    coordinates, parameters, explained = function(Q, **params)
    return Embedding(coordinates.astype(float), parameters, explained)


def title(method):
    """A method's name as people write it."""
    return _METHODS[method][0]


def usable_neighbors(n_models, n_neighbors):
    """How many neighbors faithfulness can ask about: fewer than half of the models."""
    return min(int(n_neighbors), (n_models - 1) // 2)


def trustworthiness(d2, coordinates, *, n_neighbors):
    """Penalty-weighted share of neighbors on the map that are neighbors in truth.

    Venna & Kaski 2001, as in scikit-learn.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats².
    coordinates : array of shape (n_models, 2)
    n_neighbors : int
        Less is used where the number of models demands (n_neighbors < n_models / 2).

    Returns
    -------
    float
        At most 1; NaN with fewer than 3 models.
    """
    k = usable_neighbors(len(d2), n_neighbors)
    if k < 1:
        return np.nan
    # only the ranks of the distances count, so d² serves as well as d
    return float(manifold.trustworthiness(d2, coordinates, n_neighbors=k, metric="precomputed"))


def neighbor_overlap(d2, coordinates, *, n_neighbors):
    """Mean share of a model's nearest neighbors that the map keeps among its nearest.

    Parameters and missing values are those of `trustworthiness`; k/(n_models − 1) is chance.

    Returns
    -------
    float
        Between 0 and 1; NaN with fewer than 3 models.
    """
    k = usable_neighbors(len(d2), n_neighbors)
    if k < 1:
        return np.nan
    return similarity.neighbor_overlap(
        similarity.nearest(d2, k), similarity.nearest(squared_distances(coordinates), k)
    )


def _tsne(Q, *, perplexity, metric, max_iter, random_state, init="pca", published=False):
    if published:
        call = {"metric": metric, "perplexity": perplexity, "max_iter": max_iter, "init": init}
        return _published_tsne(Q, call | {"random_state": random_state})
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f"t-SNE metric is {metric!r}, expected 'euclidean' or 'cosine'")
    used = {
        "perplexity": min(float(perplexity), (len(Q) - 1) / 3),
        "learning_rate": len(Q) / 12,
        "max_iter": int(max_iter),
        "init": init if Q.any() else "random",  # identical models have no principal axes
        "random_state": int(random_state),
    }
    tsne = manifold.TSNE(n_components=2, n_jobs=1, **used)
    X = normalize(Q) if metric == "cosine" else Q
    return _on_one_thread(tsne, X), {"metric": metric} | used, None


def _published_tsne(Q, call):
    """Call scikit-learn as a published map did, or not at all."""
    if len(Q) <= call["perplexity"]:
        raise TooFewModels(
            f"t-SNE as published, of perplexity {call['perplexity']}, needs at least "
            f"{int(call['perplexity']) + 1} models, there are {len(Q)}"
        )
    if not Q.any():
        raise ValueError("the models are identical, and have no principal axes to begin at")
    tsne = manifold.TSNE(n_components=2, **call)
    return _on_one_thread(tsne, Q), call | {"published": True}, None


def _on_one_thread(tsne, Q):
    """Fit: its threads, which `n_jobs` does not bound, wait for each other by spinning.

    Where other processes keep the cores busy a second so becomes minutes.
    """
    with threadpool_limits(1, user_api="openmp"):
        return tsne.fit_transform(Q)


def _umap(Q, *, n_neighbors, min_dist, random_state):
    """UMAP on exact neighbors: to let it look for them takes another 4 s of compilation."""
    from umap import UMAP  # seconds, and only here

    used = {
        "n_neighbors": min(int(n_neighbors), len(Q) - 1),
        "min_dist": float(min_dist),
        # three eigenvectors need four models, which must differ
        "init": "spectral" if len(Q) > 3 and Q.any() else "random",
        "random_state": int(random_state),
    }
    d2 = squared_distances(Q)
    near = np.hstack([np.arange(len(Q))[:, None], nearest(d2, used["n_neighbors"] - 1)])
    far = np.sqrt(Q.shape[1] * np.take_along_axis(d2, near, axis=1))
    known = near.astype(np.int32), far.astype(np.float32)
    umap = UMAP(n_components=2, n_jobs=1, precomputed_knn=known, **used)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "precomputed_knn.*is not an NNDescent", UserWarning)
        return umap.fit_transform(Q), used, None


def _pca(Q):
    """Principal axes from the (n_models, n_models) Gram matrix, which is the smaller one."""
    Q = Q - Q.mean(axis=0)
    variances, axes = np.linalg.eigh(Q @ Q.T / Q.shape[1])
    variances, axes = np.maximum(variances[::-1], 0), axes[:, ::-1]
    coordinates = _oriented(axes[:, :2] * np.sqrt(variances[:2]), Q)
    # centered: one dimension fewer than models
    return coordinates, {}, variances[:-1] / (variances.sum() or 1)


def _mds(Q, *, noise):
    """Classical MDS (Torgerson 1952) of squared distances less the noise that is in them.

    Of the plain d², which are Euclidean, it would be PCA. Noise of variance v_i adds v_i + v_j to
    d²_ij; without it, −1/2 of the double-centered distances is the Gram matrix less the centered
    v_i on its diagonal. So the two maps differ where noise is not small against distances (weights
    in 16 bits or fewer), and what is no longer Euclidean appears as negative eigenvalues.
    """
    v = np.array([x or 0.0 for x in noise])
    d2 = np.maximum(squared_distances(Q) - v[:, None] - v, 0)
    np.fill_diagonal(d2, 0)
    rows_centered = d2 - d2.mean(axis=1, keepdims=True)
    values, axes = np.linalg.eigh((rows_centered - rows_centered.mean(axis=0)) / -2)
    values, axes = values[::-1], axes[:, ::-1]
    negative = -values[values < -1e-12 * np.abs(values).max()]
    positive = np.maximum(values, 0)
    coordinates = _oriented(axes[:, :2] * np.sqrt(positive[:2]), Q)
    parameters = {
        "n_noise_measured": sum(x is not None for x in noise),
        "n_negative_eigenvalues": len(negative),
        "negative_share": float(negative.sum() / (np.abs(values).sum() or 1)),
    }
    return coordinates, parameters, positive[:-1] / (positive.sum() or 1)


def _oriented(coordinates, Q):
    """Let each axis point where its largest loading on a sample is positive, in any order of rows.

    A model's coordinates are projections of its row of Q, so an axis has a direction there.
    """
    loadings = coordinates.T @ (Q - Q.mean(axis=0))
    largest = np.abs(loadings).argmax(axis=1)
    return coordinates * np.where(loadings[[0, 1], largest] < 0, -1, 1)


_METHODS = {  # name: (title, least number of models, function)
    "tsne": ("t-SNE", 4, _tsne),
    "umap": ("UMAP", 3, _umap),
    "pca": ("PCA", 2, _pca),
    "mds": ("MDS", 2, _mds),
}
