"""From a log-likelihood matrix to coordinates: leave out, clip, double-center, adjust.

``L`` has shape (n_models, n_samples), in nats. The coordinates ``Q`` of the models are ``L`` minus
its row means, minus its column means, plus its grand mean (Oyama et al. 2025, arXiv 2502.16173,
section 3).
"""

from typing import NamedTuple

import numpy as np

_ROUNDING = 1e-18  # nats² a sample: what centering leaves of models that are equal
_CANCELED = 1e-14  # of the power of Q: what is left where its column means are large


class Clipped(NamedTuple):
    """A clipped matrix, and how much of it was clipped."""

    L: np.ndarray  # (n_models, n_samples), nats
    threshold: float  # nats
    share: np.ndarray  # (n_models,), share of a model's cells that lay below the threshold


def complete(L, *, max_missing=0.02):
    """Choose the models and samples that leave no missing cell.

    Models are judged first, so that one failed model does not cost every sample; what is missing
    in a remaining model costs that sample. A cell is missing where it is NaN or infinite.

    Parameters
    ----------
    L : array of shape (n_models, n_samples)
        Log-likelihoods, nats.
    max_missing : float
        Largest share of missing cells with which a model stays.

    Returns
    -------
    models : bool array of shape (n_models,)
    samples : bool array of shape (n_samples,)
        ``L[np.ix_(models, samples)]`` has no missing cell.
    """
    missing = ~np.isfinite(L)
    models = missing.mean(axis=1) <= max_missing
    samples = ~missing[models].any(axis=0)
    return models, samples


def clip(L, *, quantile, threshold=None):
    """Raise the smallest log-likelihoods to one threshold.

    As in the published code of Oyama et al. 2025, the threshold is a quantile over all entries,
    not over each model's. Models added later must reuse it. Clipping breaks the invariance of
    distances to a shift of a model, and hits models unequally: report `share`.

    Parameters
    ----------
    L : array of shape (n_models, n_samples)
        Log-likelihoods, nats, none missing.
    quantile : float
        Between 0 and 1; 0.02 in the paper.
    threshold : float, optional
        That of a frozen map, nats; the quantile is then not asked for.

    Returns
    -------
    Clipped

    Raises
    ------
    ValueError
        If a cell is missing.
    """
    L = _finite(L)
    if threshold is None:
        threshold = float(np.quantile(L, quantile))
    return Clipped(np.maximum(L, threshold), threshold, (threshold > L).mean(axis=1))


def double_center(L, *, weights=None, column_means=None):
    """Subtract row and column means and add the grand mean.

    Parameters
    ----------
    L : array of shape (n_models, n_samples)
        Log-likelihoods, nats, none missing.
    weights : array of shape (n_samples,), optional
        Of samples that stand for more or fewer than themselves (see `sampling`): row means are
        weighted by their squares, and what is left is multiplied by them.
    column_means : array of shape (n_samples,), optional
        Those of a frozen map, which its models keep when others join them. Default: those of `L`.

    Returns
    -------
    Q : float64 array of shape (n_models, n_samples)
        Coordinates, nats; every row, multiplied by the weights, sums to zero, and so does every
        column that was centered with its own mean. With given means a row does not depend on the
        others, to the last bit.

    Raises
    ------
    ValueError
        If a cell is missing.
    """
    L = np.ascontiguousarray(_finite(L))  # which decides how numpy sums a row
    means = L.mean(axis=0) if column_means is None else np.asarray(column_means, dtype=float)
    power = None if weights is None else np.square(weights)
    Q = L - np.average(L, axis=1, weights=power)[:, None]
    Q -= means - np.average(means, weights=power)
    if weights is not None:
        Q *= weights
    return Q


def basis(*columns, weights=None):
    """Directions in the space of samples, to be projected off.

    Parameters
    ----------
    *columns : arrays of shape (n_samples,)
        Such as the bytes of each text, and its mean log-likelihood over models (its difficulty).
    weights : array of shape (n_samples,), or None
        Those of `double_center`; they stand in place of the constant, and multiply the columns.

    Returns
    -------
    array of shape (n_samples, n_directions)
        Orthonormal, each orthogonal to the constant; together they and the constant span what the
        columns and the constant do. A column that does not vary adds none.
    """
    weights = np.ones(len(columns[0])) if weights is None else weights
    centered = np.column_stack([_unit(np.asarray(column), weights) for column in columns])
    directions, length, _ = np.linalg.svd(centered, full_matrices=False)
    return directions[:, length > 1e-9]


def without(Q, directions):
    """Project rows off directions from `basis`.

    Distances between the rows lose what lies along them: what a model has by its own slope on the
    bytes of a text, say. Column means stay zero.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Rows sum to zero.
    directions : array of shape (n_samples, n_directions)

    Returns
    -------
    array of shape (n_models, n_samples)
    """
    return Q - (Q @ directions) @ directions.T


def share_along(Q, directions):
    """Share of the squared distances that lies along directions, and `without` takes away.

    Of a direction that has nothing to do with the models it is 1/(n_samples − 1) on average.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples)
        Rows sum to zero.
    directions : array of shape (n_samples, n_directions)
        From `basis`.

    Returns
    -------
    models : array of shape (n_models,)
        Σ_j |D'(q_i − q_j)|² / Σ_j |q_i − q_j|²: of each model's squared distances to all others.
    pairs : float
        The same over all pairs; NaN, as for every model, where there is no distance but rounding.
    """
    along, whole = _sums_of_distances(Q @ directions), _sums_of_distances(Q)
    rounding = _ROUNDING * len(Q) * Q.shape[1] + _CANCELED * np.vdot(Q, Q)
    if not whole.sum() > len(Q) * rounding:
        return np.full(len(Q), np.nan), np.nan
    return along / whole, float(along.sum() / whole.sum())


def _unit(column, weights):
    centered = (column - np.average(column, weights=weights**2)) * weights
    length = np.linalg.norm(centered)
    # what is left of a constant is rounding
    varies = length > 1e-12 * np.linalg.norm(column * weights)
    return centered / length if varies else np.zeros_like(centered)


def _sums_of_distances(X):
    """Σ_j |x_i − x_j|² of each row, from squared distances to the mean."""
    mean = X.sum(axis=0) / max(len(X), 1)
    power = np.einsum("is,is->i", X, X) - X @ (2 * mean) + mean @ mean
    return len(X) * power + power.sum()


def _finite(L):
    L = np.asarray(L, dtype=float)
    missing = np.argwhere(~np.isfinite(L))
    if len(missing):
        model, sample = missing[0]
        raise ValueError(
            f"L has {len(missing)} missing cells, the first at model {model}, sample {sample}; "
            "expected none: choose models and samples with complete()"
        )
    return L
