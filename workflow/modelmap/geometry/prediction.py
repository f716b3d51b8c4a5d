"""Benchmark scores from coordinates, and what lies far from its prediction.

``Q`` has shape (n_models, n_samples), nats; ``G = Q @ Q.T``; ``Y`` has shape (n_models, n_targets).
Regressions have an intercept: column centering, of whichever models, changes nothing in them.
"""

import numpy as np
from scipy import stats
from sklearn.model_selection import GroupKFold

from modelmap.geometry.neighbors import lineages
from modelmap.geometry.permutation import nested, permute
from modelmap.geometry.ridge import DualRidge, squared_error

N_FOLDS = 5
ALPHAS = np.logspace(-3, 4, 8)  # times tr(QQ')/K of the models trained on
_LEAST_MODELS, _LEAST_GROUPS = 4, 3


class Unpredictable(ValueError):
    """Why there is nothing to predict from."""


class NestedRidge:
    """Predicts each fold of models from the others; penalties are chosen by those others' folds.

    Everything is done inside the folds: the centering, the scale of the penalties, their choice.

    Parameters
    ----------
    G : array of shape (n_models, n_models)
        Inner products of the rows of Q, centered or not.
    folds : int array of shape (n_models,)
        At least three labels.
    """

    def __init__(self, G, folds):
        self._folds = folds
        splits = [(folds != fold, folds == fold) for fold in np.unique(folds)]
        self._splits = [
            (train, test, DualRidge(G[np.ix_(train, train)]), G[np.ix_(test, train)])
            for train, test in splits
        ]

    def predict(self, Y):
        """Predict (n_models, n_targets) scores Y, each from the models of other folds."""
        predicted = np.empty(Y.shape)
        for train, test, ridge, cross in self._splits:
            fit = _chosen(ridge, Y[train], self._folds[train])
            predicted[test] = ridge.predict(fit, cross)
        return predicted

    def p_values(self, Y, families, lineages, *, n_permutations, random_state):
        """How often scores permuted over families and lineages are predicted as well, by R2.

        Parameters
        ----------
        Y : array of shape (n_models, n_targets)
        families, lineages : sequences of length n_models
            Labels. See `permutation.permute`.
        n_permutations, random_state : int

        Returns
        -------
        array of shape (n_targets,)
            (1 + #{null >= R2}) / (1 + n_permutations); NaN with fewer than 3 families, and where
            all scores are equal.
        """
        levels = nested(families, lineages)
        p = np.full(Y.shape[1], np.nan)
        if levels[0].max(initial=0) < 2:
            return p
        for target, y in enumerate(Y.T):
            # The same permutations for every target, whichever others there are
            rng = np.random.default_rng(random_state)
            permuted = permute(y[:, None], levels, n_permutations, rng)[:, :, 0].T
            null = r2(permuted, self.predict(permuted), self._folds)
            (found,) = r2(y[:, None], self.predict(y[:, None]), self._folds)
            if np.isfinite(found):
                p[target] = (1 + (null >= found - 1e-12).sum()) / (1 + n_permutations)
        return p


def groups_to_hold_out(parents, backbones):
    """Label models by what must not stand in training and test at once.

    Parameters
    ----------
    parents : sequence of sequences of int
        For each model the indices of the models it was made from.
    backbones : sequence of str
        The language model inside.

    Returns
    -------
    int array of shape (n_models,)
        Equal labels: of one lineage, of one backbone, or tied through others.
    """
    codes = np.unique(np.asarray(backbones, dtype=str), return_inverse=True)[1] + len(parents)
    tied = [[*own, code] for own, code in zip(parents, codes, strict=True)]
    backbone_nodes = [[] for _ in np.unique(codes)]
    return lineages(tied + backbone_nodes)[: len(parents)]


def split_groups(groups):
    """Share groups of models out to at most five folds of about equal size.

    Parameters
    ----------
    groups : int array of shape (n_models,)

    Returns
    -------
    int array of shape (n_models,)

    Raises
    ------
    Unpredictable
        With fewer than 4 models or 3 groups (one to predict, one to learn from, one to choose the
        penalty by).
    """
    n_groups = len(np.unique(groups))
    if len(groups) < _LEAST_MODELS:
        raise Unpredictable(f"{len(groups)} models have a score; at least {_LEAST_MODELS} needed")
    if n_groups < _LEAST_GROUPS:
        raise Unpredictable(
            f"the models are of {n_groups} groups by lineage and language backbone; at least "
            f"{_LEAST_GROUPS} needed"
        )
    return fold_labels(GroupKFold(min(N_FOLDS, n_groups)), len(groups), groups)


def fold_labels(splitter, n_models, groups=None):
    """Return the fold of each model, from one of scikit-learn's splitters."""
    folds = np.empty(n_models, dtype=int)
    for fold, (_, test) in enumerate(splitter.split(folds, groups=groups)):
        folds[test] = fold
    return folds


def training_means(Y, folds):
    """Mean score of the models outside each model's fold, of the shape of Y."""
    means = np.empty(Y.shape)
    for fold in np.unique(folds):
        means[folds == fold] = Y[folds != fold].mean(axis=0)
    return means


def r2(Y, predicted, folds):
    """Out-of-fold R2 against the training mean: 0 is no better than it, below 0 worse.

    Returns
    -------
    array of shape (n_targets,)
        NaN where all scores are equal.
    """
    left = ((Y - predicted) ** 2).sum(axis=0)
    whole = ((Y - training_means(Y, folds)) ** 2).sum(axis=0)
    varies = np.ptp(Y, axis=0) > 0
    return np.where(varies, 1 - left / np.where(varies, whole, 1), np.nan)


def predict_from_feature(x, Y, folds):
    """Least squares on one number a model; where it is NaN, the training mean."""
    predicted = training_means(Y, folds)
    known = np.isfinite(x)
    for fold in np.unique(folds):
        train, test = known & (folds != fold), known & (folds == fold)
        if train.any() and np.ptp(x[train]) > 0:
            centered = x[train] - x[train].mean()
            slope = centered @ Y[train] / (centered @ centered)
            predicted[test] = Y[train].mean(axis=0) + np.outer(x[test] - x[train].mean(), slope)
    return predicted


def predict_from_neighbor(G, Y, folds):
    """The scores of the nearest model (by d2) of another fold; of equally near ones, the first."""
    squared = np.diag(G)
    d2 = squared[:, None] + squared - 2 * G
    d2[folds[:, None] == folds] = np.inf
    return Y[d2.argmin(axis=1)]


def sample_weights(Q, Y, folds):
    """Which samples carry a prediction, in a fit to all models.

    Parameters
    ----------
    Q : array of shape (n_models, n_samples), nats
    Y : array of shape (n_models, n_targets)
    folds : int array of shape (n_models,)
        By which the penalty is chosen.

    Returns
    -------
    weights : array of shape (n_samples, n_targets), in units of the score per nat
        w = Q.T @ C, C the dual coefficients.
    shares : array of shape (n_samples, n_targets)
        Of the variance of the fitted scores: w_s cov(Q_s, Q w) / var(Q w), which sums to one over
        samples; NaN where all scores are equal.
    """
    Q = Q - Q.mean(axis=0)
    weights = Q.T @ _chosen(DualRidge(Q @ Q.T), Y, folds).C
    fitted = Q @ weights
    carried = weights * (Q.T @ fitted)
    power = (fitted**2).sum(axis=0)
    return weights, carried / np.where(power > 0, power, np.nan)


def predict_mean_log_likelihood(scores, mean_log_likelihood, folds):
    """Mean log-likelihood as benchmark scores, standardized inside the folds, predict it.

    Parameters
    ----------
    scores : array of shape (n_models, n_benchmarks)
    mean_log_likelihood : array of shape (n_models,)
    folds : int array of shape (n_models,)

    Returns
    -------
    predicted : array of shape (n_models,)
        Each from the models of other folds, so that a model, or a whole lineage, that has seen the
        samples does not explain itself.
    z : array of shape (n_models,)
        What is above the prediction, less its median, over 1.4826 times its median absolute
        deviation: those that stand out do not set the scale. NaN where that is 0.
    """
    predicted = np.empty(len(scores))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        scale = scores[train].std(axis=0)
        X = (scores - scores[train].mean(axis=0)) / np.where(scale > 0, scale, np.inf)
        ridge = DualRidge(X[train] @ X[train].T)
        fit = _chosen(ridge, mean_log_likelihood[train, None], folds[train])
        predicted[test] = ridge.predict(fit, X[test] @ X[train].T)[:, 0]
    above = mean_log_likelihood - predicted
    above -= np.median(above)
    spread = stats.median_abs_deviation(above, scale="normal")
    return predicted, above / spread if spread > 0 else np.full(len(above), np.nan)


def _chosen(ridge, Y, folds):
    return ridge.search(Y, ALPHAS * (ridge.scale or 1.0), folds, squared_error)
