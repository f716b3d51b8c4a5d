"""Squared distances between models, in nats², and how sure they are.

Rows of ``Q`` (n_models, n_samples) are centered. With δ = q_i − q_j,
d²_ij = Σ_s δ_s² / n_samples = Var_s(l_i − l_j), and 2 KL ≈ d² (Oyama et al. 2025, arXiv
2502.16173, section 3). Samples of one group (captions of one image) are not independent: errors
sum over the samples of a group before they are squared (Liang & Zeger 1986).
"""

import numpy as np
from scipy import special  # what scipy.stats would ask, half a second sooner

KL_LIMIT = 0.15  # bits per byte; beyond, d²/2 overstates KL by a fifth: docs/uncertainty.md
_CLOSE = 1e-4  # of |q_i|² + |q_j|²; below this, products lost 4 of 16 digits in δ², 8 in δ⁴
_BLOCK = 1024  # models in a block of products
_SMALL_GROUP = 8  # samples; up to there products over all groups are the faster way
_PAIRS = 256  # pairs whose samples are compared at once


def squared_distances(Q, out=None):
    """Squared distance of every pair of models.

    Computed in blocks, so that beside Q and the result only one block is held.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    out : array of shape (n_models, n_models), optional
        Where to write the result, such as a file mapped into memory.

    Returns
    -------
    d2 : array of shape (n_models, n_models)
        nats², symmetric, never negative, the diagonal exactly zero.
    """
    Q = np.asarray(Q, dtype=float)
    d2 = np.empty((len(Q), len(Q))) if out is None else out
    power = np.einsum("is,is->i", Q, Q)
    for rows, columns in _upper_blocks(len(Q)):
        powers = power[rows, None] + power[columns]
        block = powers - 2 * (Q[rows] @ Q[columns].T)
        for i, j in _close_pairs(block <= _CLOSE * powers, rows, columns):
            block[i - rows.start, j - columns.start] = ((Q[i] - Q[j]) ** 2).sum(axis=1)
        if rows == columns:
            upper = np.triu(block, 1)
            block = upper + upper.T
        d2[rows, columns] = block / Q.shape[1]
        d2[columns, rows] = d2[rows, columns].T
    return d2


def squared_distance_intervals(Q, groups, *, level):
    """Confidence interval of every squared distance: Student's t on log d².

    With u_g = Σ_{s in g} (δ_s² − d²) and G groups, the group-robust error is
    SE(d²) = √(G/(G−1) · Σ_g u_g²) / n_samples, and SE(log d²) = SE(d²)/d² (delta method); t has
    G − 1 degrees of freedom. A percentile bootstrap covers less at a few hundred samples. Heavy
    tails still cost coverage where G is small.

    All pairs come from matrix products after expanding u_g, one product for each distance between
    two samples inside a group: m products for groups of m samples. Arrays of n_models² numbers and
    of n_models × n_samples are held, some of each.

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
    order, sizes = by_group(groups, np.shape(Q)[1])
    Q = np.asarray(Q, dtype=float)[:, order]
    d2 = squared_distances(Q)
    if len(sizes) < 2:
        return np.full_like(d2, np.nan), np.full_like(d2, np.nan)
    u2 = _squared_group_errors(Q, sizes, d2)
    power = np.einsum("is,is->i", Q, Q) / Q.shape[1]
    close = d2 <= _CLOSE * (power[:, None] + power)
    for i, j in _close_pairs(close):
        u2[i, j] = u2[j, i] = _direct_group_errors(Q[i] - Q[j], sizes)[1]
    return _log_t_interval(d2, u2, sizes, level)


def intervals_of_pairs(Q, groups, i, j, *, level):
    """Interval of some pairs, as `squared_distance_intervals` has it of all.

    From the samples of each pair: for pairs so many that K × K numbers are too many, yet few of
    them.

    Parameters
    ----------
    Q, groups, level : see `squared_distance_intervals`
    i, j : int arrays of shape (n_pairs,)

    Returns
    -------
    low, high : arrays of shape (n_pairs,), nats²
    """
    order, sizes = by_group(groups, Q.shape[1])
    found = np.full((2, len(i)), np.nan)
    if len(sizes) > 1:
        for start in range(0, len(i), _PAIRS):
            some = slice(start, start + _PAIRS)
            d2, u2 = _direct_group_errors((Q[i[some]] - Q[j[some]])[:, order], sizes)
            found[:, some] = _log_t_interval(d2, u2, sizes, level)
    return found[0], found[1]


def mean_interval(x, groups, *, level, weights=None):
    """Mean of grouped values with its confidence interval: Student's t, group-robust error.

    Parameters
    ----------
    x : array of shape (n_samples,)
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    level : float
        Confidence level, such as 0.95.
    weights : array of shape (n_samples,), or None
        By whose squares the values count (those of `centering.double_center`); None: all alike.

    Returns
    -------
    mean, low, high : float
        In the unit of `x`; the interval is NaN with fewer than two groups.
    """
    order, sizes = by_group(groups, len(x))
    count = np.ones(len(x)) if weights is None else weights**2 / np.mean(weights**2)
    x, count = np.asarray(x, dtype=float)[order], count[order]
    mean = float((x * count).mean())
    if len(sizes) < 2:
        return mean, np.nan, np.nan
    u = np.add.reduceat((x - mean) * count, np.cumsum(sizes) - sizes)
    half = float(_t(level, sizes) * _standard_error(u @ u, sizes))
    return mean, mean - half, mean + half


def by_group(groups, n_samples):
    """How to sort samples so that those of one group stand side by side.

    Parameters
    ----------
    groups : array of shape (n_samples,)
        Label of each sample's group.
    n_samples : int

    Returns
    -------
    order : int array of shape (n_samples,), or slice(None) where they stand so: indexing copies
        nothing then
    sizes : int array of shape (n_groups,)

    Raises
    ------
    ValueError
        If there is not one label a sample.
    """
    _, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if n_samples != len(codes):
        raise ValueError(f"groups has {len(codes)} labels, expected {n_samples}: one a sample")
    order = np.argsort(codes, kind="stable")
    return (slice(None) if (np.diff(order) == 1).all() else order), sizes


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


def _t(level, sizes):
    return special.stdtrit(len(sizes) - 1, (1 + level) / 2)


def _standard_error(u2, sizes):
    n_groups = len(sizes)
    return np.sqrt(n_groups / (n_groups - 1) * u2) / sizes.sum()


def _log_t_interval(d2, u2, sizes, level):
    half = _t(level, sizes) * _standard_error(u2, sizes)
    with np.errstate(over="ignore"):
        factor = np.exp(np.divide(half, d2, out=np.zeros_like(d2), where=d2 > 0))
    return d2 / factor, d2 * factor


def _upper_blocks(n):
    """Yield (rows, columns), slices of blocks on and above the diagonal."""
    starts = range(0, n, _BLOCK)
    for i in starts:
        for j in starts[i // _BLOCK :]:
            yield slice(i, min(i + _BLOCK, n)), slice(j, min(j + _BLOCK, n))


def _close_pairs(close, rows=slice(0, None), columns=slice(0, None)):
    """Yield index arrays (i, j), i < j, of pairs so close that products lose digits."""
    close = np.argwhere(close) + [rows.start, columns.start]
    close = close[close[:, 0] < close[:, 1]]
    for start in range(0, len(close), _PAIRS):
        yield close[start : start + _PAIRS].T


def _direct_group_errors(delta, sizes):
    """d² and Σ_g u_g² of differences δ (n_pairs, n_samples), sorted by group."""
    delta **= 2
    d2 = delta.mean(axis=1)
    delta -= d2[:, None]
    u = np.add.reduceat(delta, np.cumsum(sizes) - sizes, axis=1)
    return d2, np.einsum("pg,pg->p", u, u)


def _squared_group_errors(Q, sizes, d2):
    """Σ_g u_g² of every pair, from D_g = Σ_{s in g} δ_s² = A_ig + A_jg − 2 C_ijg."""
    A = np.add.reduceat(Q**2, np.cumsum(sizes) - sizes, axis=1)
    norms = np.einsum("ig,ig->i", A, A)
    AA, AC = A @ A.T, (Q * np.repeat(A, sizes, axis=1)) @ Q.T
    CC = AA if sizes.max() == 1 else _squared_group_products(Q, sizes)
    D_squared = norms[:, None] + norms + 2 * AA - 4 * (AC + AC.T) + 4 * CC
    if sizes.min() == sizes.max():
        D_weighted = sizes.max() * Q.shape[1] * d2
    else:
        D_weighted = Q.shape[1] * squared_distances(Q * np.sqrt(np.repeat(sizes, sizes)))
    u2 = D_squared - 2 * d2 * D_weighted + d2**2 * (sizes @ sizes)
    return np.maximum(u2, 0)


def _squared_group_products(Q, sizes):
    """Σ_g C_ijg² with C_ijg = Σ_{s in g} q_is q_js.

    Small groups all at once, as Σ_{s, t in g} (q_is q_it)(q_js q_jt); large ones one by one.
    """
    total = np.zeros((len(Q), len(Q)))
    for start, size in zip(np.cumsum(sizes) - sizes, sizes, strict=True):
        if size > _SMALL_GROUP:
            total += (Q[:, start : start + size] @ Q[:, start : start + size].T) ** 2
    small = np.repeat(sizes <= _SMALL_GROUP, sizes)
    Q, group = Q[:, small], np.repeat(np.arange(len(sizes)), sizes)[small]
    for lag in range(sizes[sizes <= _SMALL_GROUP].max(initial=0)):
        s = np.flatnonzero(group[lag:] == group[: len(group) - lag])
        P = Q[:, s] * Q[:, s + lag]
        total += (1 if lag == 0 else 2) * (P @ P.T)  # (s, t) and (t, s)
    return total
