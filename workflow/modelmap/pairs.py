"""Tables about pairs of models, from their coordinates."""

import math

import numpy as np
import polars as pl

from modelmap.geometry.divergence import (
    bits_per_byte,
    squared_distance_intervals,
    squared_distances,
)
from modelmap.geometry.neighbors import (
    lineages,
    nearest_probability,
    same_family_accuracy,
)


def distances_and_neighbors(models, Q, samples, *, noise, level, n_bootstrap):
    """Rows of tables.DISTANCES and of tables.NEIGHBORS.

    Parameters
    ----------
    models : list of str, sorted
    Q : ndarray of shape (n_models, n_samples), nats
    samples : DataFrame with group and n_bytes of these samples
    noise : list of the variance of each model's rounding (nats squared; None: not measured)
    level : of the intervals
    n_bootstrap : resamples behind the probability to be the nearest
    """
    groups = samples["group"].to_numpy()
    d2 = squared_distances(Q)
    low, high = squared_distance_intervals(Q, groups, level=level)
    nearest = nearest_probability(Q, groups, n_bootstrap=n_bootstrap, random_state=0)
    mean_bytes = samples["n_bytes"].to_numpy().mean()  # NaN where one is not known
    a, b = np.triu_indices(len(models), 1)
    distances = [
        {
            "model_a": models[i],
            "model_b": models[j],
            "d2_nats2": d2[i, j],
            "kl_nats": d2[i, j] / 2,
            "kl_bits_per_byte": _or_none(bits_per_byte(d2[i, j] / 2, mean_bytes)),
            "kl_nats_low": _or_none(low[i, j] / 2),
            "kl_nats_high": _or_none(high[i, j] / 2),
            "below_noise_floor": None
            if noise[i] is None or noise[j] is None or math.isnan(low[i, j])
            else bool(low[i, j] <= noise[i] + noise[j]),
        }
        for i, j in zip(a, b, strict=True)
    ]
    neighbors = [
        {
            "model": models[i],
            "rank": rank,
            "neighbor": models[j],
            "kl_nats": d2[i, j] / 2,
            "low": _or_none(low[i, j] / 2),
            "high": _or_none(high[i, j] / 2),
            "p_nearest": nearest[i, j],
        }
        for i in range(len(models))
        for rank, j in enumerate(_ranked(d2[i], i), 1)
    ]
    return distances, neighbors


def square(distances, models):
    """The symmetric (n_models, n_models) array of d2_nats2 from a table of pairs."""
    index = {model: i for i, model in enumerate(models)}
    d2 = np.zeros((len(models), len(models)))
    for a, b, value in distances.select("model_a", "model_b", "d2_nats2").iter_rows():
        d2[index[a], index[b]] = d2[index[b], index[a]] = value
    return d2


def families(distances, metadata, *, n_permutations):
    """Is each model's nearest model outside its own lineage of its own family?

    Parameters
    ----------
    metadata : list of dict: model, family, parent (names, comma-separated)

    Returns
    -------
    rows : DataFrame: model, family, nearest (outside its lineage), nearest_family, same_family;
        of the models whose family has more than one lineage
    summary : dict: accuracy, n_models, null_mean, p
    """
    present = set(distances["model_a"]) | set(distances["model_b"])
    sheet = [row for row in metadata if row["model"] in present]
    names = [row["model"] for row in sheet]
    family = [row["family"] or row["model"] for row in sheet]
    parents = [[names.index(p) for p in row["parent"].split(",") if p in present] for row in sheet]
    schema = dict.fromkeys(("model", "family", "nearest", "nearest_family"), pl.String)
    schema |= {"same_family": pl.Boolean}
    if not sheet:
        nothing = {"accuracy": math.nan, "n_models": 0, "null_mean": math.nan, "p": math.nan}
        return pl.DataFrame(schema=schema), nothing
    found = same_family_accuracy(
        square(distances, names),
        family,
        lineages(parents),
        n_permutations=n_permutations,
        random_state=0,
    )
    rows = [
        {
            "model": names[i],
            "family": family[i],
            "nearest": names[j],
            "nearest_family": family[j],
            "same_family": family[i] == family[j],
        }
        for i, j in enumerate(found.nearest)
        if j >= 0
    ]
    summary = {key: getattr(found, key) for key in ("accuracy", "n_models", "null_mean", "p")}
    return pl.DataFrame(rows, schema), summary


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


def _ranked(row, i):
    order = np.argsort(row, kind="stable")
    return order[order != i]


def _or_none(value):
    return None if math.isnan(value) else float(value)
