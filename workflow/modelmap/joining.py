"""Models that join a map that stays: where they stand on it, and what it would be drawn anew."""

import numpy as np
import polars as pl

from modelmap import embeddings
from modelmap.geometry import placing
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.embedding import Embedding


def placed(reference, models, Q, *, noise, methods):
    """Place models on the frozen map by every method.

    Parameters
    ----------
    reference : frozen.Reference
    models : list of str, sorted, those of the frozen map among them
    Q : ndarray of shape (n_models, n_samples), nats, centered with the frozen column means
    noise : dict of model to the variance of its rounding, nats²; None: not measured
    methods : names

    Returns
    -------
    dict, as `embeddings.embeddings` returns it, with n_frozen among the facts: models that were
        there before, whose points are what they were
    """
    d2, made = squared_distances(Q), {}
    for method in methods:
        before = reference.facts["embeddings"].get(method, {"absent": "not made then"})
        if "absent" in before:
            made[method] = [], {"absent": f"not on the frozen map: {before['absent']}"}
            continue
        frozen, old, new = _split(reference, method, models, Q, noise)
        xy = np.empty((len(models), 2))
        xy[old] = frozen.points
        xy[new] = placing.place(frozen, Q[new], noise=[noise.get(models[i]) for i in new])
        shares = before.get("explained_variance")
        shares = None if shares is None else np.array(shares)
        facts = embeddings.facts(Embedding(xy, frozen.parameters, shares), d2)
        rows = zip(models, xy.tolist(), strict=True)
        rows = [{"model": model, "x": x, "y": y} for model, (x, y) in rows]
        made[method] = rows, facts | {"n_frozen": len(old)}
    return made


def drift(reference, models, Q, made, *, noise):
    """How far models would move if the map were drawn anew with those that joined it.

    Parameters
    ----------
    reference, models, Q, noise : as for `placed`
    made : dict of method to DataFrame of tables.EMBEDDING, where they were placed; may be empty

    Returns
    -------
    DataFrame: method, model, joined (it was not on the frozen map), moved (share of the frozen
        map's diameter, the largest distance of two of its models; null where that is 0), x, y,
        x_redrawn, y_redrawn (of the map drawn anew, laid onto the frozen one by its models)
    """
    schema = {"method": pl.String, "model": pl.String, "joined": pl.Boolean, "moved": pl.Float64}
    schema |= dict.fromkeys(("x", "y", "x_redrawn", "y_redrawn"), pl.Float64)
    found = [pl.DataFrame(schema=schema)]
    for method, table in made.items():
        if table.is_empty():
            continue
        frozen, old, new = _split(reference, method, models, Q, noise)
        xy = table.select("x", "y").to_numpy()
        redrawn = np.empty_like(xy)
        redrawn[[*old, *new]] = placing.redraw(
            frozen, Q[new], xy[new], noise=[noise.get(models[i]) for i in new]
        )
        moved = np.linalg.norm(redrawn - xy, axis=1)
        columns = [[method] * len(models), models, np.isin(np.arange(len(models)), new)]
        columns += [moved / frozen.diameter if frozen.diameter else [None] * len(models)]
        found.append(pl.DataFrame([*columns, *xy.T, *redrawn.T], schema=schema))
    return pl.concat(found)


def summary(drifted, *, n_samples, n_samples_frozen):
    """Median and largest movement of a frozen map's models, and how many joined it, by method.

    Parameters
    ----------
    drifted : DataFrame that `drift` returned
    n_samples, n_samples_frozen : how many count, and how many did when the map was frozen: those
        that a model which joined misses count no more, and distances of all are of the others

    Returns
    -------
    DataFrame: method, n_frozen, n_joined, median, largest (shares of the map's diameter),
        n_samples, n_samples_frozen
    """
    old = ~pl.col("joined")
    return drifted.group_by("method", maintain_order=True).agg(
        n_frozen=old.sum(),
        n_joined=pl.col("joined").sum(),
        median=pl.col("moved").filter(old).median(),
        largest=pl.col("moved").filter(old).max(),
        n_samples=pl.lit(n_samples),
        n_samples_frozen=pl.lit(n_samples_frozen),
    )


def _split(reference, method, models, Q, noise):
    """The frozen map by one method, and the rows of Q that are its models, and that are new."""
    made = reference.facts["embeddings"][method]
    at = {model: i for i, model in enumerate(models)}
    old = [at[model] for model in made["models"]]
    new = sorted(set(range(len(models))) - set(old))
    points = np.column_stack([made["x"], made["y"]])
    v = [noise.get(model) for model in made["models"]]
    return placing.Frozen(Q[old], points, method, made["parameters"], v), old, new
