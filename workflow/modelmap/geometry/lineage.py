"""What a recipe does to models: the shift from parent to child, and whether it has a direction.

Shifts have shape (n_shifts, n_samples), nats. All post-training makes models sharper, which moves
them along the samples' difficulty: project that off first.
"""

from typing import NamedTuple

import numpy as np

from modelmap.geometry import centering


class CommonDirection(NamedTuple):
    """How alike the shifts of one recipe are across lineages."""

    n_shifts: int
    n_lineages: int
    cosine: float  # mean over pairs of shifts from different lineages
    null_cosine: float  # its mean over permutations of recipes within lineages
    p: float  # the recipe has a direction of its own
    p_sign: float  # its shifts have any direction in common


def shifts(Q, parents):
    """Subtract parents from children; of several parents (a merge), their mean.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    parents : sequence of sequences of int
        For each model the indices of the models it was made from.

    Returns
    -------
    children : int array of shape (n_shifts,)
    shifts : array of shape (n_shifts, n_samples)
    """
    children = np.array([i for i, made_from in enumerate(parents) if len(made_from)], dtype=int)
    moved = [Q[i] - Q[list(parents[i])].mean(axis=0) for i in children]
    return children, np.array(moved).reshape(len(children), Q.shape[1])


def without(x, direction, weights=None):
    """Project rows off span{1, direction}; of weighted coordinates, off the weights and it.

    Parameters
    ----------
    x : array of shape (n_rows, n_samples)
    direction : array of shape (n_samples,)
        Such as the mean log-likelihood of each sample: its difficulty.
    weights : array of shape (n_samples,), or None
        Those of `centering.double_center`.

    Returns
    -------
    projected : array of shape (n_rows, n_samples)
    share : array of shape (n_rows,)
        Share of a centered row's squared length that lay along the direction.
    """
    constant = np.ones(x.shape[1]) if weights is None else weights
    x = x - np.outer(x @ constant / (constant @ constant), constant)
    along = centering.basis(direction, weights=weights)
    power = np.einsum("is,is->i", x, x)
    lost = ((x @ along) ** 2).sum(axis=1)
    share = np.divide(lost, power, out=np.zeros_like(power), where=power > 0)
    return centering.without(x, along), share


def cosines(x, noise):
    """Cosines of all pairs of shifts, disattenuated for noise.

    Noise of its own makes a shift longer and turns no two shifts alike, so the squared length is
    taken less that of the noise: cos_ij = q_i·q_j / √((|q_i|² − N v_i)(|q_j|² − N v_j)). Such a
    cosine may exceed one.

    Parameters
    ----------
    x : array of shape (n_shifts, n_samples)
    noise : array of shape (n_shifts,)
        v, variance of the noise of each shift, nats²; zero where it was not measured.

    Returns
    -------
    array of shape (n_shifts, n_shifts)
        NaN for a shift that does not stand out of its noise.
    """
    products = x @ x.T
    power = np.diag(products) - x.shape[1] * np.asarray(noise, dtype=float)
    length = np.sqrt(np.where(power > 0, power, np.nan))
    return products / length[:, None] / length


def common_direction(cosine, recipes, lineage, *, n_permutations, random_state):
    """Test each recipe's mean cosine between shifts of different lineages.

    Shifts of one lineage share models, so only pairs from two lineages count. 1/√n_samples is not
    the null: samples are alike, and so is all post-training. ``p`` therefore permutes recipes
    among the shifts of each lineage: it asks whether shifts of this recipe are more alike than
    shifts are. ``p_sign`` turns all shifts of a lineage around or not, at random: it asks whether
    they are alike at all, and serves where a lineage has one recipe only. Both are one-sided,
    (1 + #{null >= cosine}) / (1 + n_permutations); ℓ lineages allow 2^(1−ℓ) at best for the second.

    Parameters
    ----------
    cosine : array of shape (n_shifts, n_shifts)
        From `cosines`; shifts with NaN are left out: a recipe may have none then.
    recipes : sequence of length n_shifts
        Labels.
    lineage : array of shape (n_shifts,)
        Labels from `neighbors.lineages`.
    n_permutations : int
    random_state : int

    Returns
    -------
    dict of recipe to CommonDirection
        In sorted order. Numbers are NaN where a recipe has shifts in one lineage only; p and
        null_cosine also where no lineage has another recipe to exchange it with.
    """
    every, known = np.unique(recipes), np.isfinite(np.diag(cosine))
    cosine = cosine[np.ix_(known, known)]
    recipes, lineage = np.asarray(recipes)[known], np.asarray(lineage)[known]
    lineage = np.unique(lineage, return_inverse=True)[1]
    across = np.where(lineage[:, None] == lineage, 0, cosine)
    rng = np.random.default_rng(random_state)
    return {
        str(recipe): _test(across, recipes == recipe, lineage, n_permutations, rng)
        for recipe in every
    }


def plane(x):
    """The two principal axes of shifts, from the origin, which is the parent.

    Parameters
    ----------
    x : array of shape (n_shifts, n_samples)

    Returns
    -------
    coordinates : array of shape (n_shifts, 2)
        Nats: the length of an arrow is the root mean square of the shift's part in the plane.
    share : array of shape (2,)
        Share of the squared lengths along each axis.
    """
    power, axes = np.linalg.eigh(x @ x.T / x.shape[1])
    power, axes = np.maximum(power[::-1], 0), axes[:, ::-1]
    coordinates = np.zeros((len(x), 2))
    share = np.zeros(2)
    n = min(2, len(x))
    coordinates[:, :n] = axes[:, :n] * np.sqrt(power[:n])
    share[:n] = power[:n] / (power.sum() or 1)
    # most of the way of all shifts is to the right and up
    return coordinates * np.where(coordinates.sum(axis=0) < 0, -1, 1), share


def _test(across, chosen, lineage, n_permutations, rng):
    blocks = [np.flatnonzero(lineage == label) for label in np.unique(lineage[chosen])]
    counts = np.array([chosen[block].sum() for block in blocks])
    n_pairs = (counts.sum() ** 2 - (counts**2).sum()) / 2
    found = CommonDirection(int(counts.sum()), len(blocks), *[np.nan] * 4)
    if not n_pairs:
        return found

    def means(weights):
        """Mean cosine of the pairs that each row of weights chooses."""
        return np.einsum("pi,pi->p", weights @ across, weights) / 2 / n_pairs

    observed = means(chosen[None].astype(float))[0]
    signs = rng.choice([-1.0, 1.0], (n_permutations, len(lineage)))[:, lineage] * chosen
    found = found._replace(cosine=float(observed), p_sign=_p(means(signs), observed))
    if all(chosen[block].all() for block in blocks):
        return found
    permuted = np.zeros((n_permutations, len(lineage)))
    for block in blocks:
        permuted[:, block] = rng.permuted(np.tile(chosen[block], (n_permutations, 1)), axis=1)
    null = means(permuted)
    return found._replace(null_cosine=float(null.mean()), p=_p(null, observed))


def _p(null, observed):
    return float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))
