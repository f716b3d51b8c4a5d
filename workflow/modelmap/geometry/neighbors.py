"""Who is nearest to whom, how sure that is, and whether families are near themselves.

Distances ``d2`` have shape (n_models, n_models), in nats².
"""

from typing import NamedTuple

import numpy as np
from scipy import special  # what scipy.stats would ask, half a second sooner
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from modelmap.geometry.divergence import by_group

_SURE = 0.9999
_ROWS = 1024  # models whose distances are ranked at once
_PAIRS = 256  # pairs whose samples are compared at once
_CELLS = 10_000_000  # numbers in one block of resamples


class FamilyAccuracy(NamedTuple):
    """How often a model's nearest model outside its lineage is of its family."""

    accuracy: float
    n_models: int  # models asked
    null_mean: float
    p: float
    nearest: (
        np.ndarray
    )  # (n_models,), index of the nearest model outside the lineage; -1: not asked


def nearest(d2, n_neighbors):
    """The nearest models of each model, nearest first.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats²; read in blocks of rows.
    n_neighbors : int
        At most n_models − 1.

    Returns
    -------
    int array of shape (n_models, n_neighbors)
        Of equally near models the first stands first.
    """
    near = np.empty((len(d2), n_neighbors), dtype=int)
    for start in range(0, len(d2) if n_neighbors else 0, _ROWS):
        block = np.array(d2[start : start + _ROWS])
        rows = np.arange(len(block))
        block[rows, start + rows] = np.inf
        found = np.sort(np.argpartition(block, n_neighbors - 1)[:, :n_neighbors], axis=1)
        order = np.take_along_axis(block, found, axis=1).argsort(axis=1, kind="stable")
        near[start + rows] = np.take_along_axis(found, order, axis=1)
    return near


def candidates(d2, low, *, level, n_groups):
    """Which neighbors of a model may be its nearest in a resample.

    Those whose interval, at a level of 0.9999, begins below the least end of any: of a resample
    another one would be nearest with a probability below one in ten thousand.

    Parameters
    ----------
    d2, low : arrays of shape (n_models, n_neighbors)
        Squared distances to neighbors, and where their intervals begin, nats²; see
        `divergence.squared_distance_intervals`.
    level : float, of the intervals
    n_groups : int

    Returns
    -------
    bool array of shape (n_models, n_neighbors)
        The nearest is always one.
    """
    found = d2 == d2.min(axis=1, keepdims=True, initial=np.inf)
    if n_groups < 2:
        return found
    t_sure, t = special.stdtrit(n_groups - 1, (1 + np.array([_SURE, level])) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_d2 = np.log(d2)
        half = np.where(d2 > 0, log_d2 - np.log(low), 0) * (t_sure / t)
    ends = (log_d2 + half).min(axis=1, keepdims=True, initial=np.inf)
    return found | (log_d2 - half <= ends)


def nearest_probability(Q, groups, model, neighbor, *, n_bootstrap, random_state, weights=None):
    """Probability that a neighbor is the nearest of a model, from one joint bootstrap over groups.

    Each resample draws as many groups as there are, with replacement, the same for all models.
    Its distances are variances of the differences under the resample's weights.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    model, neighbor : int arrays of shape (n_pairs,)
        Who may be the nearest of whom, the models ascending; see `candidates`.
    n_bootstrap : int
        Number of resamples.
    random_state : int
    weights : array of shape (n_samples,), or None
        Those of `centering.double_center`.

    Returns
    -------
    array of shape (n_pairs,)
        Sums to one over a model's pairs; equally near neighbors share.
    """
    if not len(model):
        return np.empty(0)
    rng = np.random.default_rng(random_state)
    n_groups = len(np.unique(groups))
    share = np.full(n_groups, 1 / n_groups)
    keys = np.minimum(model, neighbor) * len(Q) + np.maximum(model, neighbor)
    pairs, of = np.unique(keys, return_inverse=True)
    first, counts = np.unique(model, return_index=True, return_counts=True)[1:]
    probability, block = np.zeros(len(model)), max(1, _CELLS // max(len(model), n_groups))
    for start in range(0, n_bootstrap, block):
        drawn = rng.multinomial(n_groups, share, size=min(block, n_bootstrap - start))
        d2 = _resampled(Q, groups, np.divmod(pairs, len(Q)), drawn.astype(float), weights)[:, of]
        least = np.minimum.reduceat(d2, first, axis=1)
        wins = d2 == np.repeat(least, counts, axis=1)
        ties = np.add.reduceat(wins, first, axis=1, dtype=int)
        probability += (wins / np.repeat(ties, counts, axis=1)).sum(axis=0)
    return probability / n_bootstrap


def lineages(parents):
    """Label models by the connected component of the graph of parents.

    Parameters
    ----------
    parents : sequence of sequences of int
        For each model the indices of the models it was made from.

    Returns
    -------
    int array of shape (n_models,)
        Equal labels: one descends from the other, or both are tied through others.
    """
    child = np.repeat(np.arange(len(parents)), [len(p) for p in parents])
    parent = np.array([i for p in parents for i in p], dtype=int)
    edges = coo_array((np.ones(len(child)), (child, parent)), shape=(len(parents), len(parents)))
    return connected_components(edges, directed=False)[1]


def same_family_accuracy(d2, families, lineage, *, n_permutations, random_state):
    """Ask whether a model's nearest model outside its own lineage is of its own family.

    Asked of every model that has a model of its family outside its lineage; its own lineage is
    left out because a checkpoint and its offspring are near by construction. The null gives the
    family labels of whole lineages to other lineages; where the two differ in size, the giver's
    labels are repeated or cut, which matters only to lineages of more than one family.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats².
    families : sequence of length n_models
        Labels.
    lineage : array of shape (n_models,)
        Labels from `lineages`.
    n_permutations : int
    random_state : int

    Returns
    -------
    FamilyAccuracy
        ``p`` is one-sided, (1 + #{null >= accuracy}) / (1 + #null). Accuracy, null mean and p are
        NaN where no model can be asked.
    """
    family = np.unique(np.asarray(families), return_inverse=True)[1]
    lineage = np.unique(np.asarray(lineage), return_inverse=True)[1]
    outside = np.where(lineage[:, None] == lineage, np.inf, d2)
    nearest = outside.argmin(axis=1)

    asked = _askable(family, lineage)
    accuracy = _accuracy(family, lineage, nearest)
    rng = np.random.default_rng(random_state)
    null = [
        _accuracy(_exchange(family, lineage, rng), lineage, nearest) for _ in range(n_permutations)
    ]
    null = np.array(null)[~np.isnan(null)]
    possible = asked.any() and null.size
    return FamilyAccuracy(
        accuracy=accuracy,
        n_models=int(asked.sum()),
        null_mean=float(null.mean()) if possible else np.nan,
        p=float((1 + (null >= accuracy).sum()) / (1 + null.size)) if possible else np.nan,
        nearest=np.where(asked, nearest, -1),
    )


def _resampled(Q, groups, pairs, drawn, weights):
    """Squared distances (n_resamples, n_pairs) of pairs (i, j), groups drawn so often."""
    order, sizes = by_group(groups, Q.shape[1])
    starts, n = np.cumsum(sizes) - sizes, (drawn @ sizes)[:, None]
    of_sample = np.empty((len(drawn), Q.shape[1]))
    of_sample[:, order] = np.repeat(drawn, sizes, axis=1)
    if weights is None:
        means = of_sample @ Q.T / n
    else:
        means = (of_sample * weights) @ Q.T / np.sqrt(n * (of_sample @ weights**2)[:, None])
    d2 = np.empty((len(drawn), len(pairs[0])))
    for start in range(0, d2.shape[1], _PAIRS):
        some = slice(start, start + _PAIRS)
        i, j = (part[some] for part in pairs)
        squares = np.add.reduceat(((Q[i] - Q[j]) ** 2)[:, order], starts, axis=1)
        d2[:, some] = drawn @ squares.T / n - (means[:, i] - means[:, j]) ** 2
    return d2


def _askable(family, lineage):
    """True for models whose family spans more than one lineage."""
    lowest = np.full(family.max() + 1, lineage.max())
    highest = np.zeros(family.max() + 1, dtype=int)
    np.minimum.at(lowest, family, lineage)
    np.maximum.at(highest, family, lineage)
    return (lowest < highest)[family]


def _accuracy(family, lineage, nearest):
    asked = _askable(family, lineage)
    return float((family[nearest] == family)[asked].mean()) if asked.any() else np.nan


def _exchange(family, lineage, rng):
    """Family labels after every lineage took those of another."""
    order = np.argsort(lineage, kind="stable")
    sizes = np.bincount(lineage)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(lineage), dtype=int)
    place[order] = np.arange(len(lineage)) - np.repeat(starts, sizes)
    giver = rng.permutation(len(sizes))[lineage]
    return family[order[starts[giver] + place % sizes[giver]]]
