"""How far models would move on a map if other samples had been drawn (arXiv 2505.15428, fig. 3).

Each resample draws as many groups of samples as there are, with replacement; the map is drawn anew
from where it is, laid onto itself by Procrustes, and a model's ellipse is the covariance of its
points. Drawn from one start without any chance, maps of the same samples are the same: the spread
of seeds, which that paper's maps have in them, is zero and need not be taken off.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from modelmap.geometry.attraction import tsne_loss
from modelmap.geometry.placing import align

STEPS = 60  # by which t-SNE follows a resample, of L-BFGS
# Steeper than this by n_models, a map is on its way; less, groups without any affinity to each
# other just drift apart, for ever.
FLAT = 5e-4


def covariances(Q, groups, maps, *, n_resamples, random_state, weights=None):
    """Covariance of each model's point over resamples of groups, for several maps at once.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    maps : dict
        Name to (points, redraw): an array (n_models, 2), and what makes such an array of the Gram
        matrix (n_models, n_models) of row-centered Q in nats² and the points to begin at.
    n_resamples : int
        At least 2.
    random_state : int
    weights : array of shape (n_samples,), or None
        Those of `centering.double_center`.

    Returns
    -------
    dict
        Name to an array (n_models, 2, 2) in the map's unit squared, positive semidefinite.

    Raises
    ------
    ValueError
        If there are fewer than two groups, whose resamples are all the same.
    """
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(labels) < 2:
        raise ValueError(f"there are {len(labels)} groups of samples, expected at least 2")
    rng = np.random.default_rng(random_state)
    weights = np.ones(Q.shape[1]) if weights is None else weights
    whole = _gram(Q, np.ones(Q.shape[1]), weights)
    base = {name: align(redraw(whole, points), points) for name, (points, redraw) in maps.items()}
    found = {name: [] for name in maps}
    for _ in range(n_resamples):
        draws = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)))
        gram = _gram(Q, draws[codes], weights)
        for name, (_, redraw) in maps.items():
            found[name].append(align(redraw(gram, base[name]), base[name]))
    return {name: _covariance(np.array(points)) for name, points in found.items()}


def redraw_pca(gram, start):
    """Principal components; `start` has no say."""
    return _two_axes(gram)


def redraw_mds(noise):
    """Return what redraws classical MDS less each model's noise, nats² (None: not measured)."""
    v = np.array([x or 0.0 for x in noise])

    def redraw(gram, start):
        d2 = np.maximum(_squared_distances(gram) - v[:, None] - v, 0)
        np.fill_diagonal(d2, 0)
        return _two_axes(d2 / -2)

    return redraw


def redraw_tsne(*, metric, perplexity, published=False):
    """Return what redraws t-SNE: it goes downhill from where the map is, for some steps.

    `metric` and `published` as for `embedding.embed`: published maps stand on squares of squares.
    """

    def redraw(gram, start):
        if metric == "cosine":
            length = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
            gram = gram / length / length[:, None]
        d2 = _squared_distances(gram)
        loss = tsne_loss(d2**2 if published else d2, perplexity=perplexity)

        def flat(y):
            value, slope = loss(y.reshape(-1, 2))
            return value, slope.ravel()

        options = {"maxiter": STEPS, "gtol": FLAT / len(gram), "ftol": 0}
        found = minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        return found.x.reshape(-1, 2)

    return redraw


def _gram(Q, counts, weights):
    """Gram matrix of rows centered anew, samples counted so often, as a mean over samples."""
    drawn = counts > 0
    Q, counts, weights = Q[:, drawn], counts[drawn], weights[drawn]
    means = Q @ (counts * weights) / (counts @ weights**2)
    scaled = (Q - np.outer(means, weights)) * np.sqrt(counts / counts.sum())
    return scaled @ scaled.T


def _squared_distances(gram):
    power = np.diag(gram)
    return np.maximum(power[:, None] + power - 2 * gram, 0)


def _two_axes(products):
    """Coordinates on the first two principal axes of double-centered products."""
    centered = products - products.mean(axis=0)
    centered = centered - centered.mean(axis=1, keepdims=True)
    n = len(products)
    values, axes = eigh(centered, subset_by_index=[n - 2, n - 1])
    return axes[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))


def _covariance(points):
    """Covariances (n_models, 2, 2) of points (n_resamples, n_models, 2)."""
    moved = points - points.mean(axis=0)
    return np.einsum("rix,riy->ixy", moved, moved) / (len(points) - 1)
