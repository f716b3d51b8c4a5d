"""Correlation over models that come in families.

Models of one family are not independent: a t-test or a bootstrap over models rejects a true null
about four times too often. The family is the unit of the resampling and of the permutation here.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from modelmap.geometry.permutation import nested, permute

_CELLS = 200_000  # numbers in one block of permutations: little enough for the cache
_LEAST = 3  # degrees of freedom left after the means: four models, or four families


class Correlation(NamedTuple):
    """Pearson and Spearman correlation over models, with family-level intervals and p values."""

    n_models: int
    n_families: int
    pearson: float = np.nan
    pearson_low: float = np.nan
    pearson_high: float = np.nan
    spearman: float = np.nan
    spearman_low: float = np.nan
    spearman_high: float = np.nan
    p_pearson: float = np.nan
    p_spearman: float = np.nan
    pearson_within: float = np.nan
    pearson_between: float = np.nan


def correlate(X, y, families, lineages, *, n_bootstrap, n_permutations, level, random_state):
    """Correlate properties of models that come in families with another one.

    Intervals: percentiles of a bootstrap that draws whole families with replacement. p values,
    two-sided: y, or its ranks, permuted over families and lineages (see `permutation.permute`),
    (1 + #{|null| >= |r|}) / (1 + n_permutations). Resamples and permutations serve all columns
    that the same models have.

    Parameters
    ----------
    X : array of shape (n_models, n_columns)
    y : array of shape (n_models,)
        A pair with a NaN is left out.
    families, lineages : sequences of length n_models
        Labels.
    n_bootstrap, n_permutations : int
        Number of resamples, of permutations.
    level : float
        Confidence level, such as 0.95.
    random_state : int

    Returns
    -------
    list of n_columns Correlation
        All NaN but the counts with fewer than 4 models or where x or y is constant; intervals and
        p values NaN with fewer than 3 families. ``pearson_within`` correlates deviations from
        family means, ``pearson_between`` the (unweighted) family means; NaN with fewer than three
        degrees of freedom.
    """
    how = {"n_bootstrap": n_bootstrap, "n_permutations": n_permutations, "level": level}
    return by_models(X, y, families, lineages, _correlate, how | {"random_state": random_state})


def by_models(X, others, families, lineages, correlate, how):
    """Take together the columns of X that the same models have, and put what is found in order.

    Parameters
    ----------
    X, others : arrays of shape (n_models, n_columns) and (n_models, …)
        A model with a NaN in `others` is left out of all columns.
    families, lineages : sequences of length n_models
        Labels.
    correlate : function of columns of X, others, levels of `permutation.nested`, and how
        To a list, one element a column.
    how : dict

    Returns
    -------
    list of n_columns
    """
    X, others = np.asarray(X, dtype=float), np.asarray(others, dtype=float)
    families, lineages = np.asarray(families), np.asarray(lineages)
    known = np.isfinite(others).all(axis=tuple(range(1, others.ndim)))
    masks = np.isfinite(X) & known[:, None]
    found = [None] * X.shape[1]
    for mask in np.unique(masks, axis=1).T:
        columns = np.flatnonzero((masks == mask[:, None]).all(axis=0))
        levels = nested(families[mask], lineages[mask])
        one = correlate(X[np.ix_(mask, columns)], others[mask], levels, **how)
        for i, value in zip(columns, one, strict=True):
            found[i] = value
    return found


def benjamini_hochberg(p):
    """Adjust p values for the false discovery rate (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : array of p values
        NaN stays NaN and does not count as a test.

    Returns
    -------
    array of the shape of `p`
    """
    p = np.array(p, dtype=float)
    tested = ~np.isnan(p)
    if tested.any():
        p[tested] = stats.false_discovery_control(p[tested], method="bh")
    return p


def p_values(pairs, basis, levels, n_permutations, rng):
    """How often each y, permuted over families and lineages, correlates as much with its X.

    Parameters
    ----------
    pairs : list of (X, y), of shapes (n_models, n_columns) and (n_models,)
        Permuted alike.
    basis : array of shape (n_models, n_directions)
        Orthonormal; projected off all X and y, permuted or not. A constant at least.
    levels : list of int arrays of shape (n_models,)
        From `permutation.nested`.
    n_permutations : int
    rng : numpy Generator

    Returns
    -------
    list of arrays of shape (n_columns,)
    """
    Y = np.stack([y for _, y in pairs], axis=1)
    units = [_unit(X.T, basis) for X, _ in pairs]
    found = [np.abs(x @ _unit(y, basis)) for x, (_, y) in zip(units, pairs, strict=True)]
    above, left = [np.zeros(len(x)) for x in units], n_permutations
    while left:
        n = min(left, max(1, _CELLS // Y.size))
        for i, permuted in enumerate(np.moveaxis(permute(Y, levels, n, rng), 2, 0)):
            null = np.abs(_unit(permuted, basis) @ units[i].T)
            above[i] += (null >= found[i] - 1e-12).sum(axis=0)
        left -= n
    return [(1 + count) / (1 + n_permutations) for count in above]


def draw_families(family, n_bootstrap, rng):
    """How often each model is drawn where families are, with replacement.

    Parameters
    ----------
    family : int array of shape (n_models,)
        Codes from 0 on, none left out.
    n_bootstrap : int
    rng : numpy Generator

    Returns
    -------
    array of shape (n_bootstrap, n_models)
    """
    n = family.max() + 1
    return rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)[:, family].astype(float)


def percentiles(r, level):
    """Both ends of an interval at `level`, NaN left out and where there is nothing else."""
    r = r[np.isfinite(r)]
    return np.quantile(r, [(1 - level) / 2, (1 + level) / 2]) if r.size else np.full(2, np.nan)


def is_constant(x):
    """Whether x does not vary, but for rounding."""
    return np.ptp(x) <= 1e-12 * np.abs(x).max()


def pearson(x, y):
    """Pearson correlation along the last axis, NaN where x or y does not vary."""
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    power = (x**2).sum(axis=-1) * (y**2).sum(axis=-1)
    varies = power > 1e-24
    return np.where(varies, (x * y).sum(axis=-1) / np.sqrt(np.where(varies, power, 1)), np.nan)


def _correlate(X, y, levels, *, n_bootstrap, n_permutations, level, random_state):
    n_families = len(np.unique(levels[0]))
    empty = Correlation(len(y), n_families)
    varies = np.array([len(y) > _LEAST and not is_constant(x) for x in X.T])
    if not varies.any() or is_constant(y):
        return [empty] * X.shape[1]
    X, y = stats.zscore(X[:, varies], axis=0), stats.zscore(y)
    ranks = stats.rankdata(X, axis=0), stats.rankdata(y)
    result = {"pearson": pearson(X.T, y), "spearman": pearson(ranks[0].T, ranks[1])}
    result |= _within_and_between(X, y, levels[0])
    if n_families >= 3:
        rng = np.random.default_rng(random_state)
        result |= _intervals(X, y, draw_families(levels[0], n_bootstrap, rng), level)
        constant = np.full((len(y), 1), len(y) ** -0.5)
        p = p_values([(X, y), ranks], constant, levels, n_permutations, rng)
        result |= dict(zip(("p_pearson", "p_spearman"), p, strict=True))
    found = [
        empty._replace(**dict(zip(result, map(float, column), strict=True)))
        for column in zip(*result.values(), strict=True)
    ]
    place = varies.cumsum() - 1
    return [found[i] if has else empty for i, has in zip(place, varies, strict=True)]


def _unit(rows, basis):
    """Rows off the basis and of length one, zero where nothing is left."""
    rows = rows - (rows @ basis) @ basis.T
    power = np.einsum("...j,...j->...", rows, rows)
    return rows / np.sqrt(np.where(power > 1e-24, power, np.inf))[..., None]


def _weighted_pearson(x, y, weights):
    """Pearson correlation under each row of weights, NaN where x or y does not vary there."""
    total = weights.sum(axis=1)

    def mean(*factors):  # einsum makes no array of the size of weights
        names = ",".join(["...i"] * (1 + len(factors)))
        return np.einsum(f"{names}->...", weights, *factors) / total

    x_mean, y_mean, x_square, y_square = mean(x), mean(y), mean(x, x), mean(y, y)
    x_power, y_power = x_square - x_mean**2, y_square - y_mean**2
    varies = (x_power > 1e-12 * x_square) & (y_power > 1e-12 * y_square)
    power = np.where(varies, x_power * y_power, 1)
    return np.where(varies, (mean(x, y) - x_mean * y_mean) / np.sqrt(power), np.nan)


def _midranks(x, weights):
    """Ranks of x, less one half, where element k of x occurs weights[..., k] times."""
    values, place = np.unique(x, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    return (tied.cumsum(axis=1) - tied / 2)[:, place]


def _intervals(X, y, weights, level):
    ranks = _midranks(y, weights)
    resampled = {
        "pearson": [_weighted_pearson(x, y, weights) for x in X.T],
        "spearman": [_weighted_pearson(_midranks(x, weights), ranks, weights) for x in X.T],
    }
    ends = {}
    for name, found in resampled.items():
        low, high = np.array([percentiles(r, level) for r in found]).reshape(-1, 2).T
        ends |= {f"{name}_low": low, f"{name}_high": high}
    return ends


def _within_and_between(X, y, family):
    X_means, y_means = _family_means(X, family), _family_means(y[:, None], family)[:, 0]
    within = between = np.full(X.shape[1], np.nan)
    if len(y) - len(y_means) >= _LEAST:
        within = pearson((X - X_means[family]).T, y - y_means[family])
    if len(y_means) > _LEAST:
        between = pearson(X_means.T, y_means)
    return {"pearson_within": within, "pearson_between": between}


def _family_means(X, family):
    sums = np.stack([np.bincount(family, x) for x in X.T], axis=1)
    return sums / np.bincount(family)[:, None]
