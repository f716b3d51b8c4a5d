"""How alike two maps of the same models are, from other samples, other data, or drawn otherwise.

Of more samples than models, the RV coefficient, plain CKA and Procrustes on all dimensions are near
1 for pure noise. Here each measure is free of that, or stands beside what unrelated maps have:

- debiased CKA leaves out what a model has in common with itself: unrelated maps have 0;
- of k nearest neighbors among n models unrelated maps share k/(n − 1);
- Procrustes on a few principal components stands beside its mean over permuted models.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

LEAST = 4  # models: fewer leave no degree of freedom once means are taken out
_TIE = 1e-10  # of the mean power of a model: rounding


class Configuration(NamedTuple):
    """What is compared of a map."""

    gram: np.ndarray  # (n_models, n_models), U-centered, of length 1
    near: np.ndarray  # (n_models, n_models), from `nearest`
    components: np.ndarray  # (n_models, n_components), centered, of length 1


def few(n_models, most):
    """How many neighbors, or components, to look at: a quarter of the models at most."""
    return min(most, max(1, n_models // 4))


def moments(Q, weights=None):
    """Products of rows, with a row of weights below: they add up over disjoint sets of samples.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples), nats
    weights : array of shape (n_samples,), or None
        What Q was multiplied by, see `centering.double_center`; None: all are 1.

    Returns
    -------
    array of shape (n_models + 1, n_models + 1)
        Products; in the last row and column sums times weights, and in the corner Σ weights².
    """
    rows = np.vstack([Q, np.ones(Q.shape[1]) if weights is None else weights])
    return rows @ rows.T


def gram(M):
    """Covariances of models over samples, from `moments`: rows are centered here, by weight.

    Parameters
    ----------
    M : array of shape (n_models + 1, n_models + 1)

    Returns
    -------
    array of shape (n_models, n_models), nats²
    """
    sums, n = M[:-1, -1], M[-1, -1]
    return (M[:-1, :-1] - np.outer(sums, sums) / n) / n


def configuration(G, *, n_neighbors, n_components):
    """Prepare a map for comparison.

    Parameters
    ----------
    G : array of shape (n_models, n_models)
        From `gram`, nats²; at least LEAST models.
    n_neighbors, n_components : int
        At most n_models − 1.

    Returns
    -------
    Configuration
        NaN for a map whose models are all equal.
    """
    power = np.diag(G)
    near = nearest(power[:, None] + power - 2 * G, n_neighbors)
    return Configuration(scaled(_u_centered(G)), near, components(G, n_components))


def nearest(d2, n_neighbors):
    """Who belongs to the nearest neighbors of each model.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, of models or of points of a map.
    n_neighbors : int

    Returns
    -------
    float array of shape (n_models, n_models)
        Row i has 1 at the neighbors of i; equally far ones share the last places. Rows sum to
        n_neighbors.
    """
    d2 = d2.copy()
    slack = _TIE * np.abs(d2).mean()
    np.fill_diagonal(d2, np.inf)
    last = np.partition(d2, n_neighbors - 1, axis=1)[:, n_neighbors - 1, None]
    closer, tied = d2 < last - slack, np.abs(d2 - last) <= slack
    left = n_neighbors - closer.sum(axis=1, keepdims=True)
    return closer + tied * (left / tied.sum(axis=1, keepdims=True))


def components(G, n_components):
    """Principal components, from the Gram matrix.

    Parameters
    ----------
    G : array of shape (n_models, n_models)
    n_components : int

    Returns
    -------
    array of shape (n_models, n_components)
        Models by components, centered; all together of length 1, signs arbitrary.
    """
    n = len(G)
    centered = G - G.mean(axis=0)
    centered = centered - centered.mean(axis=1, keepdims=True)
    power, axes = linalg.eigh(centered, subset_by_index=[n - n_components, n - 1])
    return scaled(axes * np.sqrt(np.maximum(power, 0)))


def debiased_cka(a, b):
    """Centered kernel alignment by the unbiased estimator of HSIC.

    Nguyen et al. 2021 (arXiv 2010.15327, eq. 3) with the estimator of Song et al. 2012 (JMLR 13,
    eq. 5), which is the inner product of U-centered matrices (Székely & Rizzo 2014, eq. 2.1).

    Parameters
    ----------
    a, b : Configuration

    Returns
    -------
    float
        1 for maps that differ by rotation, shift and scale; mean 0 for unrelated ones; it may be
        negative.
    """
    return float(np.vdot(a.gram, b.gram))


def neighbor_overlap(a, b):
    """Mean share of nearest neighbors that two maps have in common.

    Parameters
    ----------
    a, b : arrays of shape (n_models, n_models)
        From `nearest`, with the same number of neighbors k.

    Returns
    -------
    float
        Between 0 and 1; k/(n_models − 1) for unrelated maps.
    """
    return float(np.minimum(a, b).sum() / a.sum())


def procrustes(X, Y):
    """Squared Procrustes distance after rotation, reflection, shift and scaling (Gower 1975).

    Parameters
    ----------
    X, Y : arrays of shape (n_models, n_components)
        From `components`.

    Returns
    -------
    float
        1 − (Σ singular values of XᵀY)²: 0 for a rotated map, at most 1; NaN where there is no map.
        Mind `procrustes_null`.
    """
    products = X.T @ Y
    if not np.isfinite(products).all():
        return np.nan
    return float(1 - np.linalg.svd(products, compute_uv=False).sum() ** 2)


def procrustes_null(X, Y, *, n_permutations, random_state):
    """Squared Procrustes distances of maps whose models are unrelated: those of Y permuted.

    Returns
    -------
    array of shape (n_permutations,)
    """
    rng = np.random.default_rng(random_state)
    return np.array([procrustes(X, rng.permutation(Y)) for _ in range(n_permutations)])


def family_p_value(G, H, families, *, n_permutations, random_state):
    """Test whether two maps place families alike, beyond which models are of one family.

    Models of a family are near each other on any map, and permuting single models takes that for
    agreement. Compared are therefore the means of families, by `debiased_cka`, and permuted are
    whole families.

    Parameters
    ----------
    G, H : arrays of shape (n_models, n_models)
        From `gram`.
    families : sequence of length n_models
        Labels.
    n_permutations, random_state : int

    Returns
    -------
    float
        One-sided, (1 + #{null >= observed}) / (1 + n_permutations); NaN with fewer than LEAST
        families. Four families have 6 outcomes, so p is at least about 1/6.
    """
    labels, family = np.unique(np.asarray(families), return_inverse=True)
    if len(labels) < LEAST:
        return np.nan
    mean = (family == np.arange(len(labels))[:, None]) / np.bincount(family)[:, None]
    a, b = (scaled(_u_centered(mean @ M @ mean.T)) for M in (G, H))
    rng = np.random.default_rng(random_state)
    orders = (rng.permutation(len(labels)) for _ in range(n_permutations))
    null = np.array([np.vdot(a, b[order][:, order]) for order in orders])
    return float((1 + (null >= np.vdot(a, b) - 1e-9).sum()) / (1 + n_permutations))


def above_chance(value, chance):
    """A similarity on a scale where unrelated maps have 0 and equal maps 1."""
    return (value - chance) / (1 - chance)


def scaled(x):
    """Numbers scaled to length 1; NaN where all are 0."""
    length = np.linalg.norm(x)
    return x / length if length > 0 else np.full_like(x, np.nan)


def _u_centered(G):
    """Subtract means such that off-diagonal rows sum to zero; the diagonal is zero."""
    n, A = len(G), np.array(G, dtype=float)
    np.fill_diagonal(A, 0)
    rows = A.sum(axis=1)
    A -= (rows[:, None] + rows) / (n - 2) - rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(A, 0)
    return A
