"""Correlation over models that come in families.

Models of one family are not independent: a t-test or a bootstrap over models rejects a true null
about four times too often. The family is the unit of the resampling and of the permutation here.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

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


def correlate(x, y, families, *, n_bootstrap, n_permutations, level, random_state):
    """Correlate two properties of models that come in families.

    Intervals: percentiles of a bootstrap that draws whole families with replacement.

    p values, two-sided: y is split into family means and deviations from them; the means are
    permuted over families of whatever size, the deviations over all models, and added up again.
    With one model a family this is the ordinary permutation test. Laying whole blocks of y over
    the models in a permuted order, which also keeps families together, lets blocks straddle
    families of other sizes: it rejects a true null in 15-30 % of cases at 5 % where family effects
    dominate and sizes differ (simulated); exchanging means keeps the weight of the large families
    and rejects in 3-6 %. Spearman does the same on ranks.

    Parameters
    ----------
    x, y : arrays of shape (n_models,)
        A pair with a NaN is left out.
    families : sequence of length n_models
        Labels.
    n_bootstrap, n_permutations : int
        Number of resamples, of permutations.
    level : float
        Confidence level, such as 0.95.
    random_state : int

    Returns
    -------
    Correlation
        All NaN but the counts with fewer than 4 models or where x or y is constant; intervals and
        p values NaN with fewer than 3 families. ``pearson_within`` correlates deviations from
        family means, ``pearson_between`` the (unweighted) family means; NaN with fewer than three
        degrees of freedom.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    labels, family = np.unique(np.asarray(families)[kept], return_inverse=True)
    counts = {"n_models": len(x), "n_families": len(labels)}
    if len(x) <= _LEAST or _constant(x) or _constant(y):
        return Correlation(**counts)

    x, y = stats.zscore(x), stats.zscore(y)
    pairs = {"pearson": (x, y), "spearman": (stats.rankdata(x), stats.rankdata(y))}
    result = {name: float(_pearson(*pair)) for name, pair in pairs.items()}
    result |= _within_and_between(x, y, family)
    if len(labels) >= 3:
        rng = np.random.default_rng(random_state)
        result |= _intervals(x, y, family, n_bootstrap, level, rng)
        result |= {
            f"p_{name}": _p_value(*pair, family, n_permutations, rng)
            for name, pair in pairs.items()
        }
    return Correlation(**counts, **result)


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


def permute_families(y, family, n_permutations, rng):
    """Permute family means over families, deviations from them over models, and add them up.

    Parameters
    ----------
    y : array of shape (n_models,)
    family : int array of shape (n_models,)
        Codes from 0 on, none left out.
    n_permutations : int
    rng : numpy Generator

    Returns
    -------
    array of shape (n_permutations, n_models)
    """
    means = _family_means(y, family)
    many = (n_permutations, 1)
    permuted = rng.permuted(np.tile(means, many), axis=1)[:, family]
    return permuted + rng.permuted(np.tile(y - means[family], many), axis=1)


def _constant(x):
    return np.ptp(x) <= 1e-12 * np.abs(x).max()


def _pearson(x, y, weights=None):
    """Weighted Pearson correlation along the last axis, NaN where x or y does not vary."""
    weights = np.ones(x.shape[-1]) if weights is None else weights
    weights = weights / weights.sum(axis=-1, keepdims=True)
    x = x - (weights * x).sum(axis=-1, keepdims=True)
    y = y - (weights * y).sum(axis=-1, keepdims=True)
    power = (weights * x**2).sum(axis=-1) * (weights * y**2).sum(axis=-1)
    covariance = (weights * x * y).sum(axis=-1)
    varies = power > 1e-24
    return np.where(varies, covariance / np.sqrt(np.where(varies, power, 1)), np.nan)


def _midranks(x, weights):
    """Ranks of x, less one half, where element k of x occurs weights[..., k] times."""
    below = (x[:, None] < x) + 0.5 * (x[:, None] == x)
    return weights @ below


def _intervals(x, y, family, n_bootstrap, level, rng):
    n = family.max() + 1
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)[:, family].astype(float)
    resampled = {
        "pearson": _pearson(x, y, weights),
        "spearman": _pearson(_midranks(x, weights), _midranks(y, weights), weights),
    }
    ends = {}
    for name, r in resampled.items():
        r = r[np.isfinite(r)]
        low, high = np.quantile(r, [(1 - level) / 2, (1 + level) / 2]) if r.size else [np.nan] * 2
        ends |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return ends


def _p_value(x, y, family, n_permutations, rng):
    null = np.abs(_pearson(x, permute_families(y, family, n_permutations, rng)))
    return float((1 + (null >= abs(_pearson(x, y)) - 1e-12).sum()) / (1 + n_permutations))


def _within_and_between(x, y, family):
    x_means, y_means = _family_means(x, family), _family_means(y, family)
    within, between = np.nan, np.nan
    if len(x) - len(x_means) >= _LEAST:
        within = float(_pearson(x - x_means[family], y - y_means[family]))
    if len(x_means) > _LEAST:
        between = float(_pearson(x_means, y_means))
    return {"pearson_within": within, "pearson_between": between}


def _family_means(x, family):
    return np.bincount(family, x) / np.bincount(family)
