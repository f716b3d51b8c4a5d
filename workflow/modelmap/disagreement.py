"""The samples on which a model differs most from its nearest."""

import numpy as np
import polars as pl

N_SAMPLES = 5
_ROWS = 64  # models at a time, so that no second Q is there


def nearest(models, neighbors):
    """The number of each model's nearest.

    Parameters
    ----------
    models : list of str, sorted
    neighbors : DataFrame of tables.NEIGHBORS

    Returns
    -------
    int array of shape (n_models,); empty of a single model, which has none
    """
    number = {model: i for i, model in enumerate(models)}
    first = neighbors.filter(pl.col("rank") == 1).sort("model")
    return np.array([number[name] for name in first["neighbor"]], dtype=int)


def most(Q, nearest, n=N_SAMPLES):
    """The samples that make up most of each model's squared distance to its nearest.

    Parameters
    ----------
    Q : ndarray of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    nearest : int array, as `nearest` returns it
    n : int

    Returns
    -------
    samples : int array of shape (len(nearest), at most n)
        Largest difference first.
    differences : array of the same shape
        The model's value less its nearest's, nats.
    shares : array of the same shape
        Of the squared distance; 0 where that is 0.
    """
    n = min(n, Q.shape[1])
    samples = np.empty((len(nearest), n), dtype=int)
    differences, shares = np.empty((2, *samples.shape))
    for start in range(0, len(nearest) if n else 0, _ROWS):
        some = slice(start, start + _ROWS)
        difference = Q[some] - Q[nearest[some]]
        squares = difference**2
        top = np.argpartition(-squares, n - 1, axis=1)[:, :n]
        # lexsort's last key counts most; equal differences stand in the samples' order
        order = np.lexsort((top, -np.take_along_axis(squares, top, axis=1)), axis=1)
        samples[some] = np.take_along_axis(top, order, axis=1)
        differences[some] = np.take_along_axis(difference, samples[some], axis=1)
        total = squares.sum(axis=1, keepdims=True)
        shares[some] = differences[some] ** 2 / np.where(total > 0, total, 1)
    return samples, differences, shares


def table(models, nearest, found, L, ids):
    """What two models say of the samples that `most` found.

    Parameters
    ----------
    models : list of str
    nearest : int array, as `nearest` returns it
    found : what `most` returns
    L : ndarray of shape (n_models, n_samples)
        Log-likelihoods (of a map of mutual information: that), nats.
    ids : Series of str, the samples

    Returns
    -------
    DataFrame: model, neighbor, sample_id, own, other, difference (nats; of the centered values,
        whose sign need not be that of own - other), share (of the squared distance)
    """
    samples, differences, shares = found
    rows = np.repeat(np.arange(len(nearest)), samples.shape[1])
    others, columns = nearest[rows], samples.ravel()
    names = pl.Series(models, dtype=pl.String)
    return pl.DataFrame(
        {
            "model": names.gather(rows),
            "neighbor": names.gather(others),
            "sample_id": ids.gather(columns),
            "own": L[rows, columns],
            "other": L[others, columns],
            "difference": differences.ravel(),
            "share": shares.ravel(),
        }
    )


def groups(found, samples):
    """The groups of the samples in a table of `table`, those in most rows first.

    Parameters
    ----------
    found : DataFrame
    samples : DataFrame with sample_id and group

    Returns
    -------
    list of str
    """
    of = found.join(samples, on="sample_id", how="inner")
    counts = of.group_by("group").len().sort("len", "group", descending=[True, False])
    return counts["group"].to_list()
