"""The map in the plane by every method, each with how far to believe it."""

import json
import traceback

import numpy as np
import polars as pl

from modelmap.geometry import ellipses, embedding
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.resampling import affordable

N_NEIGHBORS = 5  # whom a map is asked about: is a model among the nearest ones on it?
MOST_WITH_ELLIPSES = 2000  # models: t-SNE goes downhill in all pairs for each resample
# Of many models fewer resamples for ellipses: n_models² times as many are affordable, and at least
# so many (20 s for 1,018 models).
RESAMPLES = {"most": 1e7, "least": 20}
# What a library raises of numbers it cannot place; anything else (no memory) fails the job.
FAILURES = (ValueError, ArithmeticError, np.linalg.LinAlgError, RuntimeError)


def embeddings(models, Q, settings, *, noise, released, groups, n_ellipses, weights=None):
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
    groups : ndarray of shape (n_samples,), labels
    n_ellipses : int
        Resamples of groups behind the ellipses; 0: none. Of many models fewer: see RESAMPLES; of
        more than MOST_WITH_ELLIPSES none.

    Returns
    -------
    dict
        Method to (rows, facts): dicts of model, x, y and, but for UMAP, the ellipse's xx, xy and
        yy, sorted by name; what stands in the footer: parameters, resamples of the ellipses,
        trustworthiness, neighbor_overlap with the n_neighbors asked about and the
        overlap's chance (of 3 models and more), explained_variance where the method has it, and
        no_ellipses, the reason, where there are too many models; or absent, the reason.
    """
    dates = [released.get(name) or "" for name in models]
    order = sorted(range(len(models)), key=lambda i: (not dates[i], dates[i], models[i]))
    names, Q = [models[i] for i in order], Q[order]
    v = [noise.get(name) for name in names]
    d2 = squared_distances(Q)
    made, maps = {}, {}
    for method, how in settings.items():
        print(f"{embedding.title(method)} of {len(Q):,} models")  # minutes of 10,000
        extra = {"noise": v} if method == "mds" else {}
        try:
            placed = embedding.embed(Q, method, **how, **extra)
        except embedding.TooFewModels as error:
            made[method] = [], {"absent": str(error)}
        except FAILURES as error:
            traceback.print_exc()  # to the log
            made[method] = [], {"absent": f"{method} failed ({error}); the log of embed says where"}
        else:
            maps[method] = placed
            made[method] = _rows(names, placed.coordinates), facts(placed, d2)
    if n_ellipses and len(Q) > MOST_WITH_ELLIPSES:
        for method in set(maps) - {"umap"}:
            made[method][1]["no_ellipses"] = (
                f"no ellipses of more than {MOST_WITH_ELLIPSES:,} models"
            )
    elif n_ellipses:
        n_drawn = affordable(n_ellipses, **RESAMPLES, cost=len(Q) ** 2)
        print(f"ellipses of {n_drawn:,} resamples")
        found = _ellipses(Q, groups, maps, v, n_drawn, weights)
        for method, covariance in found.items():
            for row, ((xx, xy), (_, yy)) in zip(made[method][0], covariance.tolist(), strict=True):
                row |= {"ellipse_xx": xx, "ellipse_xy": xy, "ellipse_yy": yy}
            made[method][1]["resamples"] = n_drawn
    for rows, _ in made.values():
        rows.sort(key=lambda row: row["model"])
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


def components(made):
    """Tell what share of the squared distances each principal component has.

    Parameters
    ----------
    made : dict, as `embeddings` returns it

    Returns
    -------
    DataFrame: component (from 1), share, cumulative; no rows where there is no PCA
    """
    _, facts = made["pca"]
    shares = facts.get("explained_variance", [])
    schema = {"component": pl.Int64, "share": pl.Float64, "cumulative": pl.Float64}
    columns = range(1, len(shares) + 1), shares, np.cumsum(shares)
    return pl.DataFrame(dict(zip(schema, columns, strict=True)), schema)


def _rows(names, coordinates):
    at = zip(names, coordinates.tolist(), strict=True)
    return [{"model": model, "x": x, "y": y} for model, (x, y) in at]


def _ellipses(Q, groups, maps, noise, n_resamples, weights):
    """Covariances by method; none of UMAP, which no short way leads from one map to another."""
    redraws = {"pca": ellipses.redraw_pca, "mds": ellipses.redraw_mds(noise)}
    if "tsne" in maps:
        used = maps["tsne"].parameters
        redraws["tsne"] = ellipses.redraw_tsne(
            **{key: used[key] for key in ("metric", "perplexity", "published") if key in used}
        )
    with_ellipses = {m: (maps[m].coordinates, redraws[m]) for m in maps if m in redraws}
    if not with_ellipses or len(set(groups)) < 2:
        return {}
    how = {"n_resamples": n_resamples, "random_state": 0, "weights": weights}
    return ellipses.covariances(Q, groups, with_ellipses, **how)


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
