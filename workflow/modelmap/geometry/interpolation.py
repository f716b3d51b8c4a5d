"""What the map says of models whose weights lie between those of others.

If weights were natural parameters of an exponential family, the model at (a, b), of weights
(1−a−b)θ0 + aθ1 + bθ2, would have the log-likelihood

    l(a, b) = (1−a−b) l0 + a l1 + b l2 − ψ(a, b)

of any text: linear, but for the logarithm ψ of what makes it a distribution again (Oyama et al.
2025, arXiv 2502.16173, section 6.3). To second order ψ is the cumulant that also gives
2 KL ≈ d²: with C the covariance over samples of (l1 − l0, l2 − l0), and w = (a, b),

    −2 ψ(a, b) = w·diag(C) − w C w,    zero at all three models,

so that the mean log-likelihood is expected above the plane through the three.
"""

import numpy as np


def mean_log_likelihood(L, grid):
    """Mean log-likelihood expected between three models.

    Parameters
    ----------
    L : array of shape (3, n_samples)
        Log-likelihoods of the models at (0, 0), (1, 0) and (0, 1), nats.
    grid : array of shape (n_points, 2)
        (a, b) of each point.

    Returns
    -------
    plane, expected : arrays of shape (n_points,)
        nats a sample; `expected` adds −ψ.
    """
    L, w = np.asarray(L, dtype=float), np.asarray(grid, dtype=float)
    means = L.mean(axis=1)
    plane = means[0] + w @ (means[1:] - means[0])
    C = np.cov(L[1:] - L[0], bias=True)
    curved = (w @ np.diag(C) - np.einsum("nk,kl,nl->n", w, C, w)) / 2
    return plane, plane + curved
