"""The map in the plane by every method, each with how far to believe it."""

import json
import traceback

import numpy as np
import polars as pl

from modelmap.geometry import embedding
from modelmap.geometry.divergence import squared_distances

N_NEIGHBORS = 5  # whom a map is asked about: is a model among the nearest ones on it?
# What a library raises of numbers it cannot place; anything else (no memory) fails the job.
FAILURES = (ValueError, ArithmeticError, np.linalg.LinAlgError, RuntimeError)


def embeddings(models, Q, settings, *, noise, released):
    """Embed a map by every method; one that cannot leaves its reason and costs no other.

    Parameters
    ----------
    models : list of str
        In any order: rows are sorted first, so that the order changes nothing.
    Q : ndarray of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    settings : dict
        Method to the keyword arguments of `geometry.embedding.embed`.
    noise : dict
        Model to the variance of its rounding, nats²; None: not measured.
    released : dict
        Model to its date (text), by which rows are sorted where a protocol has them so; undated
        ones come last. Ties, and all rows of an empty dict, are sorted by name.

    Returns
    -------
    dict
        Method to (rows, facts): dicts of model, x and y, sorted by name; what stands in the footer:
        parameters, trustworthiness, neighbor_overlap with the n_neighbors asked about and the
        overlap's chance (of 3 models and more), explained_variance where the method has it; or
        absent, the reason.
    """
    dates = [released.get(name) or "" for name in models]
    order = sorted(range(len(models)), key=lambda i: (not dates[i], dates[i], models[i]))
    names, Q = [models[i] for i in order], Q[order]
    v = [noise.get(name) for name in names]
    d2 = squared_distances(Q)
    made = {}
    for method, how in settings.items():
        extra = {"noise": v} if method == "mds" else {}
        try:
            placed = embedding.embed(Q, method, **how, **extra)
        except embedding.TooFewModels as error:
            made[method] = [], {"absent": str(error)}
        except FAILURES as error:
            traceback.print_exc()  # to the log
            made[method] = [], {"absent": f"{method} failed ({error}); the log of embed says where"}
        else:
            xy = placed.coordinates.tolist()
            rows = [{"model": m, "x": x, "y": y} for m, (x, y) in zip(names, xy, strict=True)]
            made[method] = sorted(rows, key=lambda row: row["model"]), facts(placed, d2)
    return made


def summary(made):
    """Tell all methods side by side.

    Parameters
    ----------
    made : dict, as `embeddings` returns it

    Returns
    -------
    DataFrame: method, n_models, parameters (JSON), trustworthiness, neighbor_overlap, chance (of
        the overlap), n_neighbors, absent (the reason)
    """
    schema = {"method": pl.String, "n_models": pl.Int64, "parameters": pl.String}
    schema |= dict.fromkeys(("trustworthiness", "neighbor_overlap", "chance"), pl.Float64)
    schema |= {"n_neighbors": pl.Int64, "absent": pl.String}
    rows = [
        {"method": method, "n_models": len(rows)}
        | {key: facts.get(key) for key in schema if key not in ("method", "n_models")}
        | {"parameters": json.dumps(facts["parameters"]) if "parameters" in facts else None}
        for method, (rows, facts) in made.items()
    ]
    return pl.DataFrame(rows, schema)


def facts(placed, d2):
    """What the footer says of an `Embedding` whose models have the squared distances d2."""
    k = embedding.usable_neighbors(len(d2), N_NEIGHBORS)
    found = {"parameters": placed.parameters}
    if k:  # of two models each is the other's nearest anywhere
        asked = {"n_neighbors": k}
        found |= asked | {
            "trustworthiness": embedding.trustworthiness(d2, placed.coordinates, **asked),
            "neighbor_overlap": embedding.neighbor_overlap(d2, placed.coordinates, **asked),
            "chance": k / (len(d2) - 1),
        }
    if placed.explained_variance is not None:
        found["explained_variance"] = placed.explained_variance.tolist()
    return found
