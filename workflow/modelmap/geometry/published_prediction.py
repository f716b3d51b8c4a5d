"""Benchmark scores predicted by the published protocol, to reproduce its figures.

Oyama et al. 2025 (arXiv 2502.16173, section 5); what the paper leaves open is as in their code.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.model_selection import GroupKFold, KFold

from modelmap.geometry.prediction import Unpredictable, fold_labels
from modelmap.geometry.ridge import DualRidge, lack_of_r2

N_FOLDS = 5
SEEDS = range(5)
ALPHAS = 10.0 ** np.arange(1, 10)
ALPHAS_MEAN = 10.0 ** np.arange(-4, 5)


class Published(NamedTuple):
    """Out-of-fold predictions by the published protocol, their last target mean log-likelihood."""

    predicted: np.ndarray  # (n_models, n_targets), mean over seeds; NaN: model dropped
    pearson: np.ndarray  # (n_seeds, n_targets)
    spearman: np.ndarray  # (n_seeds, n_targets)
    pearson_averaged: np.ndarray  # (n_targets,), of the mean over seeds
    spearman_averaged: np.ndarray  # (n_targets,)


def oyama2025(G, scores, mean_log_likelihood, families, names, *, split):
    """Predict scores as the published code does.

    Models that lack any target are dropped. Outer folds: GroupKFold over families or KFold over
    models, five, shuffled, seeds 0 to 4. RidgeCV with five unshuffled inner folds of rows sorted
    by name, penalties 10 to 10^9; predicted scores are clipped to [0, 100]. Mean log-likelihood is
    a target of its own, with penalties 10^-4 to 10^4, not clipped. The published code splits models
    in the order of its own data file, which KFold depends on: here they are sorted by name.

    Parameters
    ----------
    G : array of shape (n_models, n_models)
        Inner products of the rows of Q, centered or not.
    scores : array of shape (n_models, n_benchmarks)
        NaN where missing.
    mean_log_likelihood : array of shape (n_models,)
    families, names : sequences of str of length n_models
    split : str
        "family" or "model".

    Returns
    -------
    Published

    Raises
    ------
    Unpredictable
        With too few families or models for five folds in five folds.
    """
    Y = np.column_stack([scores, mean_log_likelihood])
    complete = np.flatnonzero(np.isfinite(Y).all(axis=1))
    rows = complete[np.argsort(np.asarray(names)[complete], kind="stable")]
    Y_kept, families = Y[rows], np.asarray(families, dtype=str)[rows]
    splits = [_split(families, split, seed) for seed in SEEDS]
    runs = np.stack([_run(G[np.ix_(rows, rows)], Y_kept, folds) for folds in splits])
    predicted = np.full(Y.shape, np.nan)
    predicted[rows] = runs.mean(axis=0)
    return Published(
        predicted,
        np.array([pearson(Y_kept, run) for run in runs]),
        np.array([spearman(Y_kept, run) for run in runs]),
        pearson(Y_kept, predicted[rows]),
        spearman(Y_kept, predicted[rows]),
    )


def pearson(Y, predicted):
    """Pearson correlation of each column with its own, NaN where one does not vary."""
    varies = (np.ptp(Y, axis=0) > 0) & (np.ptp(predicted, axis=0) > 0)
    Y, predicted = Y - Y.mean(axis=0), predicted - predicted.mean(axis=0)
    power = np.sqrt((Y**2).sum(axis=0) * (predicted**2).sum(axis=0))
    return np.where(varies, (Y * predicted).sum(axis=0) / np.where(varies, power, 1), np.nan)


def spearman(Y, predicted):
    """Spearman correlation of each column with its own, NaN where one does not vary."""
    return pearson(stats.rankdata(Y, axis=0), stats.rankdata(predicted, axis=0))


def _split(families, split, seed):
    n_families = len(np.unique(families))
    if split == "family" and n_families < N_FOLDS:
        raise Unpredictable(f"{n_families} families have all scores; at least {N_FOLDS} needed")
    if len(families) < N_FOLDS:
        raise Unpredictable(f"{len(families)} models have all scores; at least {N_FOLDS} needed")
    kind, groups = (GroupKFold, families) if split == "family" else (KFold, None)
    splitter = kind(N_FOLDS, shuffle=True, random_state=seed)
    folds = fold_labels(splitter, len(families), groups)
    least = len(folds) - np.bincount(folds).max()
    if least < 2 * N_FOLDS:  # R2 of an inner fold needs two
        raise Unpredictable(
            f"{least} models are left to train on in a fold; at least {2 * N_FOLDS} needed"
        )
    return folds


def _run(G, Y, folds):
    predicted = np.empty(Y.shape)
    for fold in range(N_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        ridge, cross = DualRidge(G[np.ix_(train, train)]), G[np.ix_(test, train)]
        inner = fold_labels(KFold(N_FOLDS), len(train))
        fit = ridge.search(Y[train, :-1], ALPHAS, inner, lack_of_r2)
        predicted[test, :-1] = np.clip(ridge.predict(fit, cross), 0, 100)
        fit = ridge.search(Y[train, -1:], ALPHAS_MEAN, inner, lack_of_r2)
        predicted[test, -1:] = ridge.predict(fit, cross)
    return predicted
