"""Correlation over models that come in families, given what else is known of them."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from modelmap.geometry.correlation import (
    by_models,
    draw_families,
    is_constant,
    p_values,
    pearson,
    percentiles,
)

_LEAST = 3  # degrees of freedom left after the mean and the covariates


class Partial(NamedTuple):
    """Partial correlation over models, with a family-level interval and p value."""

    n_models: int
    pearson: float = np.nan
    low: float = np.nan
    high: float = np.nan
    spearman: float = np.nan
    p: float = np.nan


def partially_correlate(
    X, y, Z, families, lineages, *, n_bootstrap, n_permutations, level, random_state
):
    """Correlate properties of models with another one, given covariates.

    The correlation of what least squares on the covariates leaves of each; Spearman: the same of
    ranks. Interval: percentiles of a bootstrap that draws whole families with replacement. p of
    Pearson, two-sided: residuals of y on Z are permuted over families and lineages (see
    `permutation.permute`) and regressed on Z again (Freedman & Lane 1983, doi 10.2307/1391660).

    Parameters
    ----------
    X : array of shape (n_models, n_columns)
    y : array of shape (n_models,)
    Z : array of shape (n_models, n_covariates)
        A model with a NaN in y, Z or a column of X is left out of that column.
    families, lineages : sequences of length n_models
        Labels.
    n_bootstrap, n_permutations : int
    level : float
        Confidence level, such as 0.95.
    random_state : int

    Returns
    -------
    list of n_columns Partial
        All NaN but the count with fewer than three degrees of freedom (with two covariates: six
        models) and where x or y is a linear function of the covariates; interval and p NaN with
        fewer than 3 families.
    """
    how = {"n_bootstrap": n_bootstrap, "n_permutations": n_permutations, "level": level}
    others = np.column_stack([y, Z])
    return by_models(
        X, others, families, lineages, _correlate, how | {"random_state": random_state}
    )


def _correlate(X, others, levels, *, n_bootstrap, n_permutations, level, random_state):
    y, Z = others[:, 0], others[:, 1:]
    empty = Partial(len(y))
    Z = Z[:, [not is_constant(z) for z in Z.T]] if len(y) else Z[:, :0]
    if len(y) - 1 - Z.shape[1] < _LEAST:
        return [empty] * X.shape[1]
    Z = stats.zscore(Z, axis=0)
    x, e = _left(X, Z), _left(y[:, None], Z)[:, 0]
    ranked = [stats.rankdata(a, axis=0) for a in (X, y[:, None], Z)]
    rank_x, rank_y = (_left(a, ranked[2]) for a in ranked[:2])
    nothing = np.full(X.shape[1], np.nan)
    result = {"pearson": pearson(x.T, e), "low": nothing, "high": nothing}
    result |= {"spearman": pearson(rank_x.T, rank_y[:, 0]), "p": nothing}
    if levels[0].max() >= 2:
        rng = np.random.default_rng(random_state)
        weights = draw_families(levels[0], n_bootstrap, rng)
        ends = [percentiles(_resampled(column, e, Z, weights), level) for column in x.T]
        result |= dict(zip(("low", "high"), np.array(ends).reshape(-1, 2).T, strict=True))
        (result["p"],) = p_values([(x, e)], _basis(Z), levels, n_permutations, rng)
    known = np.isfinite(result["pearson"])
    return [
        empty._replace(**dict(zip(result, map(float, column), strict=True))) if known[i] else empty
        for i, column in enumerate(zip(*result.values(), strict=True))
    ]


def _basis(Z):
    """An orthonormal basis of a constant and the covariates."""
    U, power, _ = np.linalg.svd(np.column_stack([np.ones(len(Z)), Z]), full_matrices=False)
    return U[:, power > 1e-10 * power[0]]


def _left(A, Z):
    """What least squares on a constant and the covariates leaves, standardized; 0 if rounding."""
    basis = _basis(Z)
    left = A - basis @ (basis.T @ A)
    some = left.std(axis=0) > 1e-10 * np.abs(A).max(axis=0)
    return left * some / np.where(some, left.std(axis=0), 1)


def _resampled(x, y, Z, weights):
    """Partial correlation of x and y under each row of weights: they are regressed anew."""
    A = np.column_stack([x, y, Z])
    n, total = A.shape[1], weights.sum(axis=1)[:, None]
    products = np.einsum("ki,kj->kij", A, A).reshape(len(A), -1)
    means = weights @ A / total
    cov = (weights @ products / total).reshape(-1, n, n) - means[:, :, None] * means[:, None]
    on_z = np.linalg.pinv(cov[:, 2:, 2:], rcond=1e-10, hermitian=True)
    left = cov[:, :2, :2] - cov[:, :2, 2:] @ on_z @ cov[:, 2:, :2]
    power = left[:, 0, 0] * left[:, 1, 1]
    varies = (left[:, 0, 0] > 1e-10) & (left[:, 1, 1] > 1e-10)
    return np.where(varies, left[:, 0, 1] / np.sqrt(np.where(varies, power, 1)), np.nan)
