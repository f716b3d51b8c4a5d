"""What t-SNE and UMAP minimize, of whole maps and of one point among others that stay.

A point is drawn to the models that are near it in truth (its affinities) and pushed off all others.
Here the losses are computed exactly, over all pairs: it is deterministic, and with some thousand
models no slower than to sample.
"""

import numpy as np
from scipy.optimize import curve_fit
from scipy.spatial.distance import cdist
from scipy.special import xlogy

from modelmap.geometry.divergence import squared_distances

N_NEGATIVE = 5  # umap-learn's negative_sample_rate
CLOSE = 1e-3  # umap-learn's: added to squared distances on the map, lest repulsion be infinite


def tsne_affinities(d2, *, perplexity):
    """Conditional affinities p_j|i of t-SNE (van der Maaten & Hinton 2008, eq. 1).

    Parameters
    ----------
    d2 : array of shape (n_points, n_models)
        Squared distances, in any unit; infinite where a point is the model itself.
    perplexity : float
        Less than the number of other models.

    Returns
    -------
    array of shape (n_points, n_models)
        Rows sum to one; exp of their entropy is the perplexity, as far as equal distances allow.
    """
    d2 = d2 - d2.min(axis=1, keepdims=True)
    finite = np.where(np.isfinite(d2), d2, 0)

    def falls_short(bandwidth):
        weights = np.exp(-d2 / bandwidth)
        total = weights.sum(axis=1)
        moment = np.einsum("ij,ij->i", weights, finite) / bandwidth[:, 0]
        return np.log(total) + moment / total < np.log(perplexity)

    weights = np.exp(-d2 / _bandwidth(d2, falls_short))
    return weights / weights.sum(axis=1, keepdims=True)


def umap_affinities(d2, *, n_neighbors):
    """Membership strengths of UMAP (McInnes et al. 2018, algorithm 3), not yet made symmetric.

    Parameters
    ----------
    d2 : array of shape (n_points, n_models)
        Squared distances, in any unit; infinite where a point is the model itself.
    n_neighbors : int
        As umap-learn counts them: the point itself is one.

    Returns
    -------
    array of shape (n_points, n_models)
        1 for the nearest model, 0 beyond the nearest n_neighbors − 1.
    """
    d, k = np.sqrt(d2), min(n_neighbors - 1, d2.shape[1])
    near = d <= np.partition(d, k - 1, axis=1)[:, k - 1 : k]
    nearest = np.where(d > 0, d, np.inf).min(axis=1, keepdims=True)
    beyond = np.where(near, np.maximum(d - np.where(np.isfinite(nearest), nearest, 0), 0), np.inf)

    def falls_short(bandwidth):
        return np.exp(-beyond / bandwidth).sum(axis=1) < np.log2(n_neighbors)

    return np.exp(-beyond / _bandwidth(beyond, falls_short))


def _bandwidth(x, falls_short):
    """Find by bisection the bandwidth (n_points, 1) from which on rows do not fall short."""
    finite = np.isfinite(x)
    unit = np.where(finite, x, 0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    unit[unit == 0] = 1  # all alike: any bandwidth will do
    low, high = np.full(len(x), -40.0), np.full(len(x), 40.0)
    for _ in range(45):  # to 9 digits
        middle = (low + high) / 2
        short = falls_short((unit * 2**middle)[:, None])
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return (unit * 2**high)[:, None]


def tsne_loss(d2, *, perplexity):
    """Return Kullback-Leibler divergence and gradient as a function of all points (n_models, 2)."""
    p = tsne_affinities(_no_self(d2), perplexity=perplexity)
    P = (p + p.T) / (2 * len(p))
    negative_entropy = xlogy(P, P).sum()

    def loss(Y):
        W = cdist(Y, Y, "sqeuclidean")
        W += 1
        value = negative_entropy + np.vdot(P, np.log(W))
        np.divide(1, W, out=W)
        np.fill_diagonal(W, 0)
        total = W.sum()
        slope = P - W / total
        slope *= W
        return value + np.log(total), _gradient(slope, 4, Y)

    return loss


def tsne_loss_of_one(p, others):
    """The same as a function of one point more, (2,), with affinities `p`, up to a constant."""
    W = 1 / (1 + 2 * squared_distances(others))
    rest, p = W.sum() - len(W), p / (len(p) + 1)

    def loss(y):
        apart = y - others
        w = 1 / (1 + (apart**2).sum(axis=1))
        total = rest + 2 * w.sum()
        return np.log(total) - 2 * (p @ np.log(w)), 4 * ((p - w / total) * w) @ apart

    return loss


def umap_loss(d2, *, n_neighbors, min_dist):
    """Return what UMAP's sampling minimizes, and its gradient, as a function of all points.

    Cross-entropy with the repulsion that negative sampling really exerts on a pair,
    (d_i + d_j) N_NEGATIVE / 2n with d_i the sum of a model's affinities (Damrich & Hamprecht 2021,
    arXiv 2103.14608, theorem 1), in nats per unit of affinity.
    """
    p = umap_affinities(_no_self(d2), n_neighbors=n_neighbors)
    P = p + p.T - p * p.T
    degree, curve = P.sum(axis=1), similarity_curve(min_dist)
    repulsion = (degree[:, None] + degree) * N_NEGATIVE / (2 * len(P))
    np.fill_diagonal(repulsion, 0)

    def loss(Y):
        value, slope = _cross_entropy(P, repulsion, 2 * squared_distances(Y), curve)
        return value.sum() / degree.sum(), _gradient(slope / degree.sum(), 4, Y)

    return loss


def umap_loss_of_one(p, others, *, min_dist):
    """The same as a function of one point more, (2,), with affinities `p`, up to a constant."""
    curve, repulsion = similarity_curve(min_dist), N_NEGATIVE * p.mean()

    def loss(y):
        apart = y - others
        value, slope = _cross_entropy(p, repulsion, (apart**2).sum(axis=1), curve)
        return value.sum() / p.sum(), 2 * slope @ apart / p.sum()

    return loss


def similarity_curve(min_dist):
    """Return a and b of the similarity 1/(1 + a d^2b) on the map, as umap-learn fits them."""
    x = np.linspace(0, 3, 300)
    y = np.where(x < min_dist, 1, np.exp(min_dist - x))
    return curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), x, y)[0]


def _cross_entropy(attraction, repulsion, d2, curve):
    """Values, and slopes by the squared distances d2 on the map, of pairs."""
    a, b = curve
    s = d2 + CLOSE
    further = a * s**b
    far = np.log1p(further)
    value = attraction * far + repulsion * (far - np.log(further))
    near = 1 / (1 + further)
    return value, (attraction * (1 - near) - repulsion * near) * b / s


def _no_self(d2):
    d2 = np.array(d2, dtype=float)
    np.fill_diagonal(d2, np.inf)
    return d2


def _gradient(slope, factor, Y):
    return factor * (slope.sum(axis=1)[:, None] * Y - slope @ Y)
