"""What the length and difficulty of samples have in distances, and how to take it out."""

import math

import polars as pl

from modelmap.geometry import centering

SCHEMA = {"model": pl.String, "length": pl.Float64, "difficulty": pl.Float64, "both": pl.Float64}
SCHEMA |= {"removed": pl.String, "note": pl.String}
ALL_PAIRS = "(all pairs)"


class UnknownLength(ValueError):
    """Length was to be taken out, and is not known."""


def adjust(models, Q, *, n_bytes, difficulty, off, weights=None):
    """Take length, difficulty or both out of coordinates, and tell their shares in any case.

    Models that differ by b nats per byte get b² Var(n_bytes) in d², which centering leaves: rows
    of Q are projected off span{1, n_bytes, difficulty}.

    Parameters
    ----------
    models : list of str
    Q : ndarray of shape (n_models, n_samples), centered, nats
    n_bytes : ndarray of shape (n_samples,), or None where it is not known
    difficulty : ndarray of shape (n_samples,), mean log-likelihood over models, nats
    off : which of "length" and "difficulty" to take out
    weights : ndarray of shape (n_samples,), those of the coordinates; None: all alike

    Returns
    -------
    Q : ndarray of shape (n_models, n_samples), nats
    shares : DataFrame: model, length, difficulty, both (shares of its squared distances to all
        others, before anything was taken out), removed (one of these names; null: nothing), note
        (why a share is missing); the first row is that of all pairs

    Raises
    ------
    UnknownLength
        If length is to be taken out, and `n_bytes` is None.
    """
    known = {"difficulty": difficulty} | ({} if n_bytes is None else {"length": n_bytes})
    if "length" in off and n_bytes is None:
        raise UnknownLength(
            "map.adjust: found length, but the bytes of the samples are not known; give n_bytes "
            "with the samples, or leave length out"
        )
    wanted = {name: [name] for name in known} | ({"both": list(known)} if len(known) > 1 else {})
    n_rows = 1 + len(models)
    columns = dict.fromkeys(SCHEMA, [None] * n_rows) | {"model": [ALL_PAIRS, *models]}
    for name, parts in wanted.items():
        directions = centering.basis(*map(known.get, parts), weights=weights)
        shares, all_pairs = centering.share_along(Q, directions)
        columns[name] = [all_pairs, *shares.tolist()]
    notes = [
        None if n_bytes is not None else "the bytes of the samples are not known",
        None if math.isfinite(columns["difficulty"][0]) else "no two models differ",
    ]
    columns["note"] = ["; ".join(filter(None, notes)) or None] * n_rows
    columns["removed"] = ["both" if len(off) > 1 else next(iter(off), None)] * n_rows
    if off:
        Q = centering.without(Q, centering.basis(*map(known.get, off), weights=weights))
    return Q, pl.DataFrame(columns, SCHEMA).fill_nan(None)
