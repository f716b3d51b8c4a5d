"""Who is nearest to whom, how sure that is, and whether families are near themselves.

Distances ``d2`` have shape (n_models, n_models), in nats².
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from modelmap.geometry.divergence import squared_distances


class FamilyAccuracy(NamedTuple):
    """How often a model's nearest model outside its lineage is of its family."""

    accuracy: float
    n_models: int  # models asked
    null_mean: float
    p: float
    nearest: (
        np.ndarray
    )  # (n_models,), index of the nearest model outside the lineage; -1: not asked


def nearest_probability(Q, groups, *, n_bootstrap, random_state):
    """Probability that model j is the nearest of model i, from one joint bootstrap over groups.

    Each resample draws as many groups as there are, with replacement, the same for all models.
    Its distances are variances of the differences under the resample's weights, so rows are
    centered anew.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    n_bootstrap : int
        Number of resamples.
    random_state : int

    Returns
    -------
    array of shape (n_models, n_models)
        Rows sum to one, the diagonal is zero; all zero for a single model. Of equally near
        models the first is counted.
    """
    Q = np.asarray(Q, dtype=float)
    rng = np.random.default_rng(random_state)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    models = np.arange(len(Q))
    wins = np.zeros((len(Q), len(Q)))
    if len(Q) < 2:
        return wins
    for _ in range(n_bootstrap):
        draws = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)))
        weights = draws[codes]
        drawn = weights > 0
        d2 = _weighted_squared_distances(Q[:, drawn], weights[drawn])
        np.fill_diagonal(d2, np.inf)
        wins[models, d2.argmin(axis=1)] += 1
    return wins / n_bootstrap


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


def _weighted_squared_distances(Q, weights):
    """Variance of the differences under `weights`, up to one factor common to all pairs."""
    centered = Q - (Q @ weights / weights.sum())[:, None]
    return squared_distances(centered * np.sqrt(weights))


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
