"""Pairs of lineages so near each other that one may descend from the other."""

from typing import NamedTuple

import numpy as np


class Suspects(NamedTuple):
    """Pairs of models, one a row, whose lineages are each other's nearest."""

    pairs: np.ndarray  # (n_pairs, 2), indices of the two nearest models of the two lineages
    closer: np.ndarray  # (n_pairs,), d² to anyone else, or usual among siblings, over their own d²
    p: np.ndarray  # (n_pairs,), that any pair stands out so far by chance


def undeclared(d2, lineage, families):
    """Ask of every two lineages that are each other's nearest whether they are strikingly near.

    Of independent points in ν dimensions, whatever their density, the ratio μ of a point's second
    nearest distance to its nearest has P(μ > x) = x^−ν: log μ is exponential (Facco et al. 2017,
    doi 10.1038/s41598-017-11873-y). Here lineages are the points, at the distance of their nearest
    models. The scale is the median of log μ over all other lineages, which a few other pairs
    cannot move; an exponential over the m-th smallest of n has the tail Π_{k<m} (n−k)/(n−k+c).

    Families have few members, some but two: siblings would stand out. So the second nearest counts
    as no farther than lineages usually lie from the nearest lineage of their own family (median
    over those that have one). Both lineages of a pair must stand out; p is the larger one, times
    the largest number of pairs (Bonferroni).

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats².
    lineage : array of shape (n_models,)
        Labels from `neighbors.lineages`.
    families : sequence of length n_models
        Labels.

    Returns
    -------
    Suspects
        Empty with fewer than 3 lineages.
    """
    lineage = np.unique(np.asarray(lineage), return_inverse=True)[1]
    family = np.unique(np.asarray(families), return_inverse=True)[1]
    n = lineage.max(initial=-1) + 1
    if n < 3:
        return Suspects(np.empty((0, 2), dtype=int), np.empty(0), np.empty(0))
    foreign = np.where(lineage[:, None] == lineage, np.inf, d2)
    D = _least(foreign, lineage)
    nearest, (first, second) = D.argmin(axis=1), np.sort(D, axis=1)[:, :2].T
    siblings = _least(np.where(family[:, None] == family, foreign, np.inf), lineage).min(axis=1)
    log_mu = _log_ratio(second, first)

    pairs, closer, p = [], [], []
    for a in np.flatnonzero(nearest[nearest] == np.arange(n)):
        b = nearest[a]
        if a > b:
            continue
        others = ~np.isin(np.arange(n), (a, b))
        usual = siblings[others & np.isfinite(siblings)]
        farther = np.minimum(second[[a, b]], np.median(usual) if usual.size else np.inf)
        stands_out = np.maximum(_log_ratio(farther, first[a]), 0)
        of_a, of_b = np.flatnonzero(lineage == a), np.flatnonzero(lineage == b)
        i, j = np.divmod(d2[np.ix_(of_a, of_b)].argmin(), len(of_b))
        pairs.append((of_a[i], of_b[j]))
        closer.append(np.exp(stands_out.min()))
        p.append(min(1, n / 2 * _tail(stands_out.min(), log_mu[others])))
    return Suspects(np.array(pairs, dtype=int), np.array(closer), np.array(p))


def closeness(d2, lineage, pairs):
    """How many times nearer two models are to each other than either is to another lineage.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
    lineage : array of shape (n_models,)
    pairs : int array of shape (n_pairs, 2)

    Returns
    -------
    array of shape (n_pairs,)
        Least d² of the two to a model outside their lineages, over their own d²; NaN without any
        such model, inf where the two are the same.
    """
    lineage = np.asarray(lineage)
    found = []
    for a, b in pairs:
        outside = ~np.isin(lineage, lineage[[a, b]])
        far = d2[[a, b]][:, outside].min() if outside.any() else np.nan
        found.append(np.exp(_log_ratio(far, d2[a, b])))
    return np.array(found)


def _least(d2, lineage):
    """The least entry between any two lineages."""
    order = np.argsort(lineage, kind="stable")
    starts = np.searchsorted(lineage[order], np.arange(lineage.max() + 1))
    rows = np.minimum.reduceat(d2[np.ix_(order, order)], starts, axis=0)
    return np.minimum.reduceat(rows, starts, axis=1)


def _log_ratio(far, near):
    """log(far / near); zero where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(far == near, 0.0, np.log(far) - np.log(near))


def _tail(x, others):
    """P(an exponential over the median of n others is at least x over the median seen)."""
    n = len(others)
    m = (n + 1) // 2
    scale = np.sort(others)[m - 1]
    if x <= 0:
        return 1.0
    if scale == 0:
        return 0.0
    steps = n - np.arange(m)
    return float(np.prod(steps / (steps + x / scale)))
