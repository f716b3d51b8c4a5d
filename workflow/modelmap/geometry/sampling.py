"""Fewer samples for the same distances: groups drawn by how much they tell models apart.

``Q`` has shape (n_models, n_samples), in nats, rows centered. With δ = q_i − q_j, N samples and
G_ij = N d²_ij = Σ_s δ_s², n groups (samples that share an image) are drawn with replacement, group
g with probability π_g, and stand for their like: G̃_ij = Σ_g c_g/(n π_g) Σ_{s in g} δ_s², c_g being
how often g was drawn, has the expectation G_ij (Oyama et al. 2025, arXiv 2505.15428, section 3; for
groups of one sample the formulas here are theirs). Subtracting each row's own weighted mean, which
a new model needs, costs G̃ a share of about 1/n.
"""

import numpy as np

from modelmap.geometry.divergence import by_group

METHODS = ("uniform", "ls", "kl")
_SMALLEST = 1e-3  # of G in τ2, as published
_ROUNDING = 1e-18  # nats² a sample: what is left of models that are equal
_CELLS = 4_000_000  # numbers in one block of pairs


class Alike(ValueError):
    """No two models differ, so no sample tells more than another."""


def probabilities(Q, groups, *, method):
    """Probability of each group to be drawn.

    uniform: alike. ls ("length squared"): π_g ∝ Σ_{s in g} Σ_i Q_is², columns centered. kl: π_g ∝
    √(Σ_ij (Σ_{s in g} δ_s²)²), which makes the sum over pairs of the variances of G̃ the least. For
    a single sample that is √(2K S4 + 6 S2² − 8 S1 S3), S_m = Σ_i Q_is^m, K models.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Rows centered, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group.
    method : {"uniform", "ls", "kl"}

    Returns
    -------
    array of shape (n_groups,)
        In the sorted order of the labels; the sum is one.

    Raises
    ------
    Alike
        If no group tells two models apart, and the method asks for it.
    ValueError
        If the method is unknown.
    """
    order, sizes = by_group(groups, np.shape(Q)[1])
    Q = np.asarray(Q, dtype=float)[:, order]
    Q = Q - Q.sum(axis=0) / max(len(Q), 1)
    if method == "uniform":
        score = np.ones(len(sizes))
    elif method == "ls":
        score = _sums(np.einsum("is,is->s", Q, Q), sizes)
    elif method == "kl":
        score = np.sqrt(np.maximum(_fourth_moments(Q, sizes), 0))
    else:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    if not score.sum() > _ROUNDING * Q.shape[1]:
        raise Alike(f"{method} sampling needs models that differ, and no two of {len(Q)} do")
    return score / score.sum()


def draw(probability, n, rng):
    """Draw n groups with replacement: how often each was drawn, an int array like `probability`."""
    return rng.multinomial(n, probability)


def expected_unique(probability, n, sizes):
    """Expected sum of `sizes` over the groups that are among n draws at least once."""
    return float(sizes @ -np.expm1(n * np.log1p(-np.minimum(probability, 1 - 1e-16))))


def weights(counts, probability):
    """What coordinates are multiplied by: w_g = √(c_g / (n π_g)), n = Σ c; 0 where not drawn.

    w² is the number of groups (or samples of groups) of the whole that one stands for.
    """
    scale = counts.sum() * probability
    return np.sqrt(np.divide(counts, scale, out=np.zeros(len(counts)), where=counts > 0))


def pairs_at(n_models, at):
    """The pairs i < j at some places in the list of all: (0, 1), (0, 2), …, (1, 2), …

    Parameters
    ----------
    n_models : int
    at : int array of shape (n_pairs,), below n_models (n_models − 1)/2

    Returns
    -------
    i, j : int arrays of shape (n_pairs,)
    """
    first = np.cumsum(np.arange(n_models, 0, -1)) - n_models  # the place of (i, i + 1)
    i = np.searchsorted(first, at, side="right") - 1
    return i, at - first[i] + i + 1


def squared_errors(Q, groups, pairs, drawn):
    """Squared errors of estimated distances, summed over pairs, for many draws at once.

    Each draw estimates G̃_ij = Σ_s w_s² (δ_s − δ̄)², δ̄ being the w²-weighted mean. The relative
    errors of the paper are then τ1 = √(absolute / Σ G²) and τ2 = √(relative / n_pairs).

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Rows centered, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group.
    pairs : (i, j), index arrays of shape (n_pairs,)
    drawn : array of shape (n_draws, n_groups)
        w² of every group in every draw, from `weights`.

    Returns
    -------
    absolute : array of shape (n_draws,)
        Σ_pairs (G̃ − G)², nats⁴.
    relative : array of shape (n_draws,)
        Σ_pairs ((G̃ − G) / max(G, 1e-3))².
    """
    order, sizes = by_group(groups, np.shape(Q)[1])
    paired, pairs = np.unique(pairs, return_inverse=True)  # no other model is asked for
    Q, pairs = np.asarray(Q, dtype=float)[paired][:, order], pairs.reshape(2, -1)
    sums, mass = _sums(Q, sizes) @ drawn.T, sizes @ drawn.T
    absolute, relative = np.zeros((2, len(drawn)))
    for i, j, squares in _squared_differences(Q, sizes, pairs):
        G = squares.sum(axis=1)[:, None]
        off = squares @ drawn.T - (sums[i] - sums[j]) ** 2 / mass - G
        absolute += np.einsum("pr,pr->r", off, off)
        off /= np.maximum(G, _SMALLEST)
        relative += np.einsum("pr,pr->r", off, off)
    return absolute, relative


def expected_squared_errors(Q, groups, pairs, probability):
    """What `squared_errors` are for one draw on average, in closed form; for n draws, by n.

    Var G̃_ij = (Σ_g (Σ_{s in g} δ_s²)²/π_g − G_ij²)/n, each row's mean taken as known.

    Returns
    -------
    absolute, relative : float
        As of `squared_errors`; infinite where a group that tells a pair apart is never drawn.
    size : float
        Σ_pairs G², nats⁴.
    """
    order, sizes = by_group(groups, np.shape(Q)[1])
    Q = np.asarray(Q, dtype=float)[:, order]
    with np.errstate(divide="ignore"):
        each = 1 / probability
    absolute = relative = size = 0.0
    for _, _, squares in _squared_differences(Q, sizes, pairs):
        G = squares.sum(axis=1)
        second = np.zeros_like(squares)
        second = np.multiply(squares**2, each, out=second, where=squares > 0).sum(axis=1)
        variance = np.maximum(second - G**2, 0)
        absolute += variance.sum()
        relative += (variance / np.maximum(G, _SMALLEST) ** 2).sum()
        size += G @ G
    return absolute, relative, size


def _sums(x, sizes):
    """Sums of the last axis over the samples of each group."""
    return np.add.reduceat(x, np.cumsum(sizes) - sizes, axis=-1)


def _fourth_moments(Q, sizes):
    """Σ_ij D_ij² of each group, with D_ij = Σ_{s in g} δ_s² = A_i + A_j − 2 C_ij."""
    A = _sums(Q**2, sizes)
    AC = _sums(np.einsum("is,is->s", Q, np.repeat(A, sizes, axis=1)) * Q.sum(axis=0), sizes)
    C_squared, group = np.zeros(len(sizes)), np.repeat(np.arange(len(sizes)), sizes)
    for lag in range(sizes.max(initial=0)):  # Σ_ij C_ij² = Σ_{s, t in g} (Σ_i q_is q_it)²
        s = np.flatnonzero(group[lag:] == group[: len(group) - lag])
        product = np.einsum("is,is->s", Q[:, s], Q[:, s + lag]) ** 2
        C_squared += (1 if lag == 0 else 2) * np.bincount(group[s], product, len(sizes))
    return 2 * len(Q) * (A**2).sum(axis=0) + 2 * A.sum(axis=0) ** 2 + 4 * C_squared - 8 * AC


def _squared_differences(Q, sizes, pairs):
    """Yield i, j and Σ_{s in g} δ_s² of shape (n_pairs, n_groups), some pairs at a time."""
    i, j = pairs
    step = max(_CELLS // max(Q.shape[1], 1), 1)
    for start in range(0, len(i), step):
        a, b = i[start : start + step], j[start : start + step]
        yield a, b, _sums((Q[a] - Q[b]) ** 2, sizes)
