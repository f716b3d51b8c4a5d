"""Models added to a map that stays: new points are placed among old ones, which do not move."""

import numpy as np


def align(X, onto):
    """Lay points onto others: the rotation, reflection and shift that bring them nearest.

    Orthogonal Procrustes (Schönemann 1966), without scaling: distances between the points stay.

    Parameters
    ----------
    X, onto : arrays of shape (n_models, n_dimensions)
        Row i of both is the same model.

    Returns
    -------
    array of shape (n_models, n_dimensions)
        X, moved; the sum of squared distances to `onto` is the least there is.
    """
    return alignment(X, onto)(X)


def alignment(X, onto):
    """Return the function that `align` moves points by, to move others of the same map along."""
    X, onto = np.asarray(X, dtype=float), np.asarray(onto, dtype=float)
    center, target = X.mean(axis=0), onto.mean(axis=0)
    left, _, right = np.linalg.svd((X - center).T @ (onto - target))
    return lambda points: (points - center) @ (left @ right) + target
