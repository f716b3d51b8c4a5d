"""Squared distances between models, in nats², and how sure they are.

Rows of ``Q`` (n_models, n_samples) are centered. With δ = q_i − q_j,
d²_ij = Σ_s δ_s² / n_samples = Var_s(l_i − l_j), and 2 KL ≈ d² (Oyama et al. 2025, arXiv
2502.16173, section 3). Samples of one group (captions of one image) are not independent: errors
sum over the samples of a group before they are squared (Liang & Zeger 1986).
"""

import numpy as np
from scipy import stats

_CLOSE = 1e-4  # of |q_i|² + |q_j|²; below this, products lost 4 of 16 digits in δ², 8 in δ⁴
_BLOCK = 512


def squared_distances(Q):
    """Squared distance of every pair of models.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.

    Returns
    -------
    d2 : array of shape (n_models, n_models)
        nats², symmetric, never negative, the diagonal exactly zero.
    """
    Q = np.asarray(Q, dtype=float)
    d2 = _sums_of_squares(Q) / Q.shape[1]
    for i, j in _close_pairs(Q, d2):
        d2[i, j] = d2[j, i] = np.mean((Q[i] - Q[j]) ** 2, axis=1)
    return d2


def squared_distance_intervals(Q, groups, *, level):
    """Confidence interval of every squared distance: Student's t on log d².

    With u_g = Σ_{s in g} (δ_s² − d²) and G groups, the group-robust error is
    SE(d²) = √(G/(G−1) · Σ_g u_g²) / n_samples, and SE(log d²) = SE(d²)/d² (delta method); t has
    G − 1 degrees of freedom. A percentile bootstrap covers less at a few hundred samples. Heavy
    tails still cost coverage where G is small.

    All pairs come from matrix products after expanding u_g, one product for each distance between
    two samples inside a group: m products for groups of m samples.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    low, high : arrays of shape (n_models, n_models)
        nats². Zero where two models are identical, NaN everywhere with fewer than two groups.
    """
    Q, sizes = _by_group(np.asarray(Q, dtype=float), groups)
    d2 = squared_distances(Q)
    if len(sizes) < 2:
        return np.full_like(d2, np.nan), np.full_like(d2, np.nan)
    u2 = _squared_group_errors(Q, sizes, d2)
    starts = np.cumsum(sizes) - sizes
    for i, j in _close_pairs(Q, d2):
        u = np.add.reduceat((Q[i] - Q[j]) ** 2 - d2[i, j, None], starts, axis=1)
        u2[i, j] = u2[j, i] = (u**2).sum(axis=1)

    half = _t(level, sizes) * _standard_error(u2, sizes)
    with np.errstate(over="ignore"):
        factor = np.exp(np.divide(half, d2, out=np.zeros_like(d2), where=d2 > 0))
    return d2 / factor, d2 * factor


def mean_interval(x, groups, *, level):
    """Mean of grouped values with its confidence interval: Student's t, group-robust error.

    Parameters
    ----------
    x : array of shape (n_samples,)
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    mean, low, high : float
        In the unit of `x`; the interval is NaN with fewer than two groups.
    """
    x, sizes = _by_group(np.asarray(x, dtype=float), groups)
    mean = float(x.mean())
    if len(sizes) < 2:
        return mean, np.nan, np.nan
    u = np.add.reduceat(x - mean, np.cumsum(sizes) - sizes)
    half = float(_t(level, sizes) * _standard_error(u @ u, sizes))
    return mean, mean - half, mean + half


def bits_per_byte(kl, mean_bytes):
    """KL divergence per byte of text (arXiv 2505.15353): KL / (B ln 2).

    Parameters
    ----------
    kl : float or array
        Divergence of a sample's text, nats.
    mean_bytes : float
        B, mean number of UTF-8 bytes of a target.

    Returns
    -------
    float or array
        Bits per byte. A unit only: it does not remove what length does to a distance.
    """
    return kl / (mean_bytes * np.log(2))


def _by_group(x, groups):
    """Sort the last axis so that groups are contiguous; return it and the groups' sizes."""
    _, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if x.shape[-1] != len(codes):
        raise ValueError(f"groups has {len(codes)} labels, expected {x.shape[-1]}: one a sample")
    return x[..., np.argsort(codes, kind="stable")], sizes


def _t(level, sizes):
    return stats.t.ppf((1 + level) / 2, df=len(sizes) - 1)


def _standard_error(u2, sizes):
    n_groups = len(sizes)
    return np.sqrt(n_groups / (n_groups - 1) * u2) / sizes.sum()


def _sums_of_squares(Q, weights=None):
    """Σ_s w_s (q_is − q_js)² of every pair, in blocks of rows."""
    weighted = Q if weights is None else Q * weights
    norms = np.einsum("is,is->i", weighted, Q)
    sums = norms[:, None] + norms
    for start in range(0, len(Q), _BLOCK):
        rows = slice(start, start + _BLOCK)
        sums[rows] -= 2 * (weighted[rows] @ Q.T)
    np.fill_diagonal(sums, 0)
    return np.maximum((sums + sums.T) / 2, 0)


def _close_pairs(Q, d2):
    """Yield index arrays (i, j), i < j, of pairs so close that products lose digits."""
    power = np.einsum("is,is->i", Q, Q) / Q.shape[1]
    close = np.argwhere(np.triu(d2 <= _CLOSE * (power[:, None] + power), k=1))
    for start in range(0, len(close), _BLOCK):
        yield close[start : start + _BLOCK].T


def _squared_group_errors(Q, sizes, d2):
    """Σ_g u_g² of every pair, from D_g = Σ_{s in g} δ_s² = A_ig + A_jg − 2 C_ijg."""
    A = np.add.reduceat(Q**2, np.cumsum(sizes) - sizes, axis=1)
    norms = np.einsum("ig,ig->i", A, A)
    AC = (Q * np.repeat(A, sizes, axis=1)) @ Q.T
    D_squared = norms[:, None] + norms + 2 * (A @ A.T) - 4 * (AC + AC.T)
    D_squared += 4 * _squared_group_products(Q, sizes)
    D_weighted = _sums_of_squares(Q, np.repeat(sizes, sizes))
    u2 = D_squared - 2 * d2 * D_weighted + d2**2 * (sizes @ sizes)
    return np.maximum(u2, 0)


def _squared_group_products(Q, sizes):
    """Σ_g C_ijg² with C_ijg = Σ_{s in g} q_is q_js, as Σ_{s, t in g} (q_is q_it)(q_js q_jt)."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    total = np.zeros((len(Q), len(Q)))
    for lag in range(sizes.max()):
        s = np.flatnonzero(group[lag:] == group[: len(group) - lag])
        P = Q[:, s] * Q[:, s + lag]
        total += (1 if lag == 0 else 2) * (P @ P.T)  # (s, t) and (t, s)
    return total
