"""Tables about pairs of models, from their coordinates."""

import numpy as np
import polars as pl

from modelmap.geometry.divergence import (
    KL_LIMIT,
    bits_per_byte,
    intervals_of_pairs,
    squared_distance_intervals,
    squared_distances,
)
from modelmap.geometry.neighbors import (
    candidates,
    nearest,
    nearest_probability,
    same_family_accuracy,
)
from modelmap.geometry.resampling import affordable
from modelmap.metadata import lineage_labels

ALL_PAIRS = 2000  # models; of more, tables hold the nearest ones of each
N_NEAREST = 100
# Of many models fewer: pairs that may be nearest × samples × resamples that are affordable.
RESAMPLES = {"most": 3e11, "least": 100}


def distances_and_neighbors(
    models, Q, samples, *, noise, level, n_bootstrap, weights=None, out=None
):
    """Rows of tables.DISTANCES and of tables.NEIGHBORS.

    Of more than ALL_PAIRS models these are the pairs of each model with its N_NEAREST nearest.

    Parameters
    ----------
    models : list of str, sorted
    Q : ndarray of shape (n_models, n_samples), nats
    samples : DataFrame with group and n_bytes (null: not known) of these samples
    noise : list of the variance of each model's rounding (nats squared; None: not measured)
    level : of the intervals
    n_bootstrap : the most resamples behind the probability to be the nearest, see RESAMPLES
    weights : ndarray of shape (n_samples,), those of the coordinates; None: all alike
    out : ndarray of shape (n_models, n_models), optional, where to write all squared distances

    Returns
    -------
    distances, neighbors : DataFrame
    facts : dict: n_bootstrap (resamples drawn), n_listed (neighbors listed of each model)
    """
    groups, names = samples["group"].to_numpy(), pl.Series(models, dtype=pl.String)
    d2 = squared_distances(Q, out)
    n_listed = len(models) - 1 if len(models) <= ALL_PAIRS else N_NEAREST
    near = nearest(d2, max(n_listed, 0))
    model = np.repeat(np.arange(len(models)), near.shape[1])
    i, j, of = _unordered(model, near.ravel(), len(models))
    if n_listed < len(models) - 1:
        low, high = intervals_of_pairs(Q, groups, i, j, level=level)
    else:
        low, high = (ends[i, j] for ends in squared_distance_intervals(Q, groups, level=level))
    noise = np.array(noise, dtype=float)
    pairs = _pairs(d2[i, j], low, high, noise[i] + noise[j], samples["n_bytes"], weights)
    how = {"level": level, "n_bootstrap": n_bootstrap, "weights": weights}
    p, n_drawn = _p_nearest(Q, groups, near, pairs[of], **how)
    neighbors = pairs[of].select(
        names.gather(model).alias("model"),
        pl.Series("rank", np.tile(np.arange(1, near.shape[1] + 1), len(models)), pl.Int32),
        names.gather(near.ravel()).alias("neighbor"),
        "kl_nats",
        low="kl_nats_low",
        high="kl_nats_high",
        p_nearest=pl.Series(p, dtype=pl.Float64).fill_nan(None),
    )
    distances = pairs.select(
        names.gather(i).alias("model_a"), names.gather(j).alias("model_b"), pl.all()
    )
    return distances, neighbors, {"n_bootstrap": n_drawn, "n_listed": near.shape[1]}


def _unordered(model, neighbor, n_models):
    """Pairs i < j, each once and in order, and which of them each (model, neighbor) is."""
    keys = np.minimum(model, neighbor) * n_models + np.maximum(model, neighbor)
    keys, of = np.unique(keys, return_inverse=True)
    return *np.divmod(keys, max(n_models, 1)), of


def _pairs(d2, low, high, floor, n_bytes, weights):
    """Columns of pairs: distances, intervals, and what noise (NaN: not measured) has in them."""
    columns = {"d2_nats2": d2, "d2_corrected_nats2": np.maximum(d2 - floor, 0), "kl_nats": d2 / 2}
    columns |= {"kl_nats_low": low / 2, "kl_nats_high": high / 2}
    table = pl.DataFrame(columns, dict.fromkeys(columns, pl.Float64)).fill_nan(None)
    known = pl.Series(np.isfinite(floor) & np.isfinite(low), dtype=pl.Boolean)
    below = pl.Series(low <= floor, dtype=pl.Boolean)
    marked = table.with_columns(below_noise_floor=pl.when(known).then(below))
    return marked.with_columns(_per_byte(n_bytes, weights))


def _per_byte(n_bytes, weights):
    """The divergence in bits per byte, and whether it is still one; null without bytes."""
    if n_bytes.null_count():
        return [
            pl.lit(None, pl.Float64).alias("kl_bits_per_byte"),
            pl.lit(None, pl.Boolean).alias("beyond_kl_limit"),
        ]
    mean_bytes = n_bytes.mean() if weights is None else np.average(n_bytes, weights=weights**2)
    bits = bits_per_byte(pl.col("kl_nats"), mean_bytes)
    return [bits.alias("kl_bits_per_byte"), (bits > KL_LIMIT).alias("beyond_kl_limit")]


def _p_nearest(Q, groups, near, listed, *, level, n_bootstrap, weights):
    """Probability of each listed neighbor to be the nearest, and by how many resamples."""
    n_groups, p = len(np.unique(groups)), np.zeros(near.size)
    if n_groups < 2:
        return np.full(near.size, np.nan), 0
    d2, low = (
        listed[column].to_numpy().reshape(near.shape) for column in ("kl_nats", "kl_nats_low")
    )
    model, rank = np.nonzero(candidates(d2, low, level=level, n_groups=n_groups))
    n_drawn = affordable(n_bootstrap, **RESAMPLES, cost=len(model) * Q.shape[1])
    at = model * near.shape[1] + rank
    how = {"n_bootstrap": n_drawn, "random_state": 0, "weights": weights}
    p[at] = nearest_probability(Q, groups, model, near.ravel()[at], **how)
    return p, n_drawn


def counts(distances):
    """How many pairs are listed, below the floor of noise, and beyond where d²/2 is a divergence.

    Returns
    -------
    dict: n_pairs, n_below_noise_floor, n_beyond_kl_limit (None where no pair is known to be or
        not), kl_limit (bits per byte)
    """
    marks = ("below_noise_floor", "beyond_kl_limit")
    known = {name: distances[name].drop_nulls() for name in marks}
    found = {
        f"n_{name}": int(column.sum()) if len(column) else None for name, column in known.items()
    }
    return {"n_pairs": distances.height, **found, "kl_limit": KL_LIMIT}


def marked(neighbors, distances, n):
    """The n nearest of each model, with what is to be said of their distances.

    Parameters
    ----------
    neighbors, distances : DataFrame of tables.NEIGHBORS and tables.DISTANCES
    n : int

    Returns
    -------
    DataFrame: the columns of neighbors, below_noise_floor, beyond_kl_limit
    """
    marks = ("below_noise_floor", "beyond_kl_limit")
    ends = {"model_a": pl.min_horizontal("model", "neighbor")}
    ends |= {"model_b": pl.max_horizontal("model", "neighbor")}
    near = neighbors.filter(pl.col("rank") <= n).with_columns(**ends)
    pairs = distances.select(*ends, *marks)
    return near.join(pairs, on=[*ends], how="left", maintain_order="left").drop(*ends)


def families(models, d2, sheet):
    """Is each model's nearest model outside its own lineage of its own family?

    How often that is so by chance is told by `labels.labels`.

    Parameters
    ----------
    models : list of str
    d2 : ndarray of shape (n_models, n_models), squared distances, nats²
    sheet : list of dict: model, family, parent (names, comma-separated); of the whole sheet

    Returns
    -------
    DataFrame: model, family, nearest (outside its lineage), nearest_family, same_family; of the
        models whose family has more than one lineage
    """
    schema = dict.fromkeys(("model", "family", "nearest", "nearest_family"), pl.String)
    schema |= {"same_family": pl.Boolean}
    if not models:
        return pl.DataFrame(schema=schema)
    told = {row["model"]: row["family"] or row["model"] for row in sheet}
    family, own = [told[name] for name in models], lineage_labels(models, sheet)
    near = same_family_accuracy(d2, family, own, n_permutations=0, random_state=0).nearest
    rows = [
        (models[i], family[i], models[j], family[j], family[i] == family[j])
        for i, j in enumerate(near)
        if j >= 0
    ]
    return pl.DataFrame(rows, schema, orient="row")


def contrasts(distances, pairs):
    """The distances of named pairs, each with what it shows.

    Parameters
    ----------
    pairs : list of dict: a, b, shows; a pair with a model that is not there is left out
    """
    both = pl.concat(
        [
            distances,
            distances.rename({"model_a": "model_b", "model_b": "model_a"}).select(
                distances.columns
            ),
        ]
    )
    named = pl.DataFrame(pairs, dict.fromkeys(("a", "b", "shows"), pl.String))
    return named.join(
        both.select(
            a="model_a", b="model_b", kl_nats="kl_nats", low="kl_nats_low", high="kl_nats_high"
        ),
        on=["a", "b"],
        how="inner",
        maintain_order="left",
    )
