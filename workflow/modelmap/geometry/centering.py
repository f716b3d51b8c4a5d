"""From a log-likelihood matrix to coordinates: leave out, clip, double-center.

``L`` has shape (n_models, n_samples), in nats. The coordinates ``Q`` of the models are ``L`` minus
its row means, minus its column means, plus its grand mean (Oyama et al. 2025, arXiv 2502.16173,
section 3).
"""

from typing import NamedTuple

import numpy as np


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


def clip(L, *, quantile):
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

    Returns
    -------
    Clipped

    Raises
    ------
    ValueError
        If a cell is missing.
    """
    L = _finite(L)
    threshold = float(np.quantile(L, quantile))
    return Clipped(np.maximum(L, threshold), threshold, (threshold > L).mean(axis=1))


def double_center(L):
    """Subtract row and column means and add the grand mean.

    Parameters
    ----------
    L : array of shape (n_models, n_samples)
        Log-likelihoods, nats, none missing.

    Returns
    -------
    Q : float64 array of shape (n_models, n_samples)
        Coordinates, nats; every row and every column sums to zero.

    Raises
    ------
    ValueError
        If a cell is missing.
    """
    L = _finite(L)
    rows_centered = L - L.mean(axis=1, keepdims=True)
    return rows_centered - rows_centered.mean(axis=0)


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
