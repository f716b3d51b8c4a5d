"""Ridge regression with many more samples than models, from the models' Gram matrix alone.

``G = Q @ Q.T`` has shape (n_models, n_models); ``Y`` has shape (n_models, n_targets). Here the
models are the observations of the regression, and the samples its features.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg
from sklearn.metrics import r2_score


class Fit(NamedTuple):
    """Ridge regressions, one per target, each with the penalty that cross-validation chose."""

    alpha: np.ndarray  # (n_targets,)
    C: np.ndarray  # (n_models, n_targets), dual coefficients; Q.T @ C weighs the samples
    mean: np.ndarray  # (n_targets,), of Y


class DualRidge:
    """Ridge regression with an intercept, for every penalty, by one eigendecomposition.

    Columns of Q are centered with the means of these models, by centering G. With
    P = Z (Z'GZ + alpha I)^-1 Z', where the columns of Z are orthonormal and sum to zero, the dual
    coefficients are C = P Y, and what a fit without the models T misses them by is
    P_TT^-1 C_T, exactly: cross-validation refits nothing.

    Parameters
    ----------
    G : array of shape (n_models, n_models), n_models > 1
        Inner products of the rows of Q, centered or not.
    """

    def __init__(self, G):
        self._means = G.mean(axis=0)
        centered = G - self._means - self._means[:, None] + self._means.mean()
        # The constant direction has eigenvalue 0: lifted above all others, it comes last
        top = 2 * np.trace(centered) or 1.0
        values, vectors = linalg.eigh(centered + top / len(G), driver="evd")
        self._values, self._vectors = np.maximum(values[:-1], 0), vectors[:, :-1]

    @property
    def scale(self):
        """Mean squared length of the models' centered rows of Q."""
        return self._values.sum() / len(self._vectors)

    def search(self, Y, alphas, folds, loss):
        """Fit each target with the penalty of least loss on held-out models.

        Parameters
        ----------
        Y : array of shape (n_models, n_targets)
        alphas : sequence of positive float
            Of equally good ones the first is taken.
        folds : int array of shape (n_models,)
            Models of one label are held out together.
        loss : function of Y, residuals (of its shape) and folds, to an array (n_targets,)

        Returns
        -------
        Fit
        """
        projected, alphas = self._vectors.T @ Y, np.asarray(alphas)
        losses = [loss(Y, self._held_out(projected, alpha, folds), folds) for alpha in alphas]
        alpha = alphas[np.argmin(losses, axis=0)]
        C = self._vectors @ (projected / (self._values[:, None] + alpha))
        return Fit(alpha, C, Y.mean(axis=0))

    def predict(self, fit, cross):
        """Predict other models, whose inner products with these are `cross`.

        Parameters
        ----------
        fit : Fit
        cross : array of shape (n_others, n_models)

        Returns
        -------
        array of shape (n_others, n_targets)
        """
        return fit.mean + (cross - self._means) @ fit.C

    def _held_out(self, projected, alpha, folds):
        residuals = np.empty((len(folds), projected.shape[1]))
        for fold in np.unique(folds):
            out = folds == fold
            rows = self._vectors[out]
            shrunk = rows / (self._values + alpha)
            residuals[out] = linalg.solve(shrunk @ rows.T, shrunk @ projected, assume_a="pos")
        return residuals


def squared_error(Y, residuals, folds):
    """Pooled over the folds, which lets a small one count little."""
    return (residuals**2).sum(axis=0)


def lack_of_r2(Y, residuals, folds):
    """Minus the mean over folds of R2 about the fold's own mean, scikit-learn's default."""
    predicted = Y - residuals
    found = [
        r2_score(Y[folds == fold], predicted[folds == fold], multioutput="raw_values")
        for fold in np.unique(folds)
    ]
    return -np.mean(found, axis=0)
