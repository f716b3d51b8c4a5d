"""Would other models, other seeds or another method give the same picture?"""

from itertools import combinations

import numpy as np
import polars as pl

from modelmap.embeddings import embeddings
from modelmap.geometry import similarity
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.embedding import title
from modelmap.geometry.resampling import affordable
from modelmap.stability.measures import overlap, summarized, table_of, told, too_few, word

DISTANCES = "distances"
PCA, TSNE = "first components", "t-SNE"
FAMILY, RANDOM = "the family", "as many at random"
# t-SNE starts at principal components, so another seed alone changes nothing.
STARTS = {"tsne": {"init": "random"}, "umap": {}}
N_STARTS = 4
# Of many models fewer embeddings: each costs n_models.
STARTS_OF_MANY = {"most": 2e3, "least": 2}
LEFT_OUT_OF_MANY = {"most": 2e3, "least": 1}


def restarts(models, Q, settings, released):
    """Embed again with other seeds, t-SNE from random starts.

    Parameters
    ----------
    models : list of str
    Q : ndarray of shape (n_models, n_samples), centered, nats
    settings : dict of method to its settings
    released : dict, as of `embeddings.embeddings`

    Returns
    -------
    list of dict: method, random_state, model, x, y; none of a method that cannot place the models
    """
    rows = []
    for method, start in STARTS.items():
        own = settings[method]["random_state"]
        for i in range(1, 1 + affordable(N_STARTS, cost=len(models), **STARTS_OF_MANY)):
            key = {"method": method, "random_state": (own + i) % 2**32}
            again = settings[method] | {"random_state": key["random_state"]} | start
            rows += [key | row for row in _drawn(models, Q, method, again, released)]
    return rows


def pictures(drawn, models):
    """Coordinates of models in the order of their names, of methods that could place them.

    Parameters
    ----------
    drawn : iterable of (method, DataFrame with model, x, y)
    models : list of str, who is wanted

    Returns
    -------
    dict of method to ndarray of shape (n_models, 2)
    """
    return {
        method: _of(table, models).select("x", "y").to_numpy()
        for method, table in drawn
        if table.height
    }


def models(on, pictures, settings, released, how):
    """Leave models out, draw again, and compare with what was drawn of the rest with all.

    Distances between the rest stay what they are. Left out are the largest families, one at a time,
    and beside each as many models at random. Of models drawn from more, t-SNE is not drawn
    again: its picture is of all.

    Parameters
    ----------
    on : Map
    pictures : dict, from `pictures`
    settings : dict, of t-SNE
    released : dict, as of `embeddings.embeddings`
    how : How

    Returns
    -------
    table : DataFrame: left_out (the family), by (FAMILY, or RANDOM: as many), n_left_out, of (PCA
        or TSNE), the columns of `measures`
    verdict : str, what it shows, or why there is no row
    """
    keys = dict.fromkeys(("left_out", "by", "of"), pl.String) | {"n_left_out": pl.Int64}
    families, sizes = np.unique(np.array(on.families, dtype=str), return_counts=True)
    n = len(on.models)
    order = [i for i in np.lexsort([families, -sizes]) if n - sizes[i] >= similarity.LEAST]
    if why_not := too_few(on) or (
        "" if order else f"No family can be left out of {n} models: fewer than 4 would be left."
    ):
        return table_of([], keys), why_not
    rng, rows = np.random.default_rng(how.random_state), []
    G = similarity.gram(on.moments())
    n_drawn = affordable(how.n_repeats, cost=n, **LEFT_OUT_OF_MANY)
    for rank, i in enumerate(order[: how.n_draws(n)]):
        family = np.array(on.families) == families[i]
        for by, out in ((FAMILY, family), (RANDOM, rng.permutation(family))):
            key = {"left_out": str(families[i]), "by": by, "n_left_out": int(out.sum())}
            rows += [key | {"of": PCA} | row for row in _components(G, ~out, how)]
            if "tsne" in pictures and rank < n_drawn and not on.drawn_from:
                alone = _drawn(*_rest(on, ~out), "tsne", settings, released)
                found = _kept(pictures["tsne"][~out], alone, how)
                rows += [key | {"of": TSNE} | row for row in found]
    table = table_of(rows, keys)
    by_family = table.filter(by=FAMILY)
    worst = by_family.sort("above_chance", maintain_order=True)["left_out"][0]
    parts = by_family.filter(left_out=worst).partition_by("of", maintain_order=True)
    said = "; ".join(f"{some['of'][0]}: {told(some)}" for some in parts)
    return table, (
        f"Without one family the others make {word(by_family)}, at worst: without {worst}, {said}."
    )


def seeds(on, pictures, again, how):
    """Compare the neighborhoods on embeddings that differ in their seed alone.

    Parameters
    ----------
    on : Map
    pictures : dict, from `pictures`
    again : DataFrame of the rows of `restarts`
    how : How

    Returns
    -------
    table : DataFrame: method, seed_a (null: the map as drawn), seed_b, the columns of `measures`
    verdict : str, what it shows, or why there is no row
    """
    keys = {"method": pl.String, "seed_a": pl.Int64, "seed_b": pl.Int64}
    if why_not := too_few(on):
        return table_of([], keys), why_not
    k, rows = similarity.few(len(on.models), how.n_neighbors), []
    for method in dict.fromkeys(again["method"]):
        near = {None: _near(pictures[method], k)} if method in pictures else {}
        for seed in dict.fromkeys(again.filter(method=method)["random_state"]):
            one = _of(again.filter(method=method, random_state=seed), on.models)
            near[seed] = _near(one.select("x", "y").to_numpy(), k)
        key = {"method": title(method)}
        rows += [
            key | {"seed_a": a, "seed_b": b} | row
            for a, b in combinations(near, 2)
            for row in summarized([{"overlap": overlap(near[a], near[b])}])
        ]
    table = table_of(rows, keys)
    if table.is_empty():
        return table, "No method with a seed could draw these models."
    parts = table.partition_by("method", maintain_order=True)
    said = (
        f"{some['method'][0]} {some['value'].mean():.2f} (least {some['value'].min():.2f})"
        for some in parts
    )
    return table, (
        f"Another seed gives {word(table)}, at worst. Of the {_nearest(k)} on one picture, so many "
        f"are on another: {', '.join(said)}; chance {table['chance'][0]:.2f}."
    )


def methods(on, pictures, how):
    """Compare the neighborhoods that methods show, with each other and with those in truth.

    Parameters
    ----------
    on : Map
    pictures : dict, from `pictures`
    how : How

    Returns
    -------
    table : DataFrame: method_a, method_b (DISTANCES: before any embedding), the columns of
        `measures`
    verdict : str, what it shows, or why there is no row
    """
    keys = dict.fromkeys(("method_a", "method_b"), pl.String)
    if why_not := too_few(on):
        return table_of([], keys), why_not
    k = similarity.few(len(on.models), how.n_neighbors)
    near = {DISTANCES: similarity.nearest(squared_distances(on.Q), k)}
    near |= {title(method): _near(xy, k) for method, xy in pictures.items()}
    rows = [
        {"method_a": a, "method_b": b} | row
        for a, b in combinations(near, 2)
        for row in summarized([{"overlap": overlap(near[a], near[b])}])
    ]
    table = table_of(rows, keys)
    if table.is_empty():
        return table, "No method could draw these models."
    faithful = table.filter(method_a=DISTANCES).sort("value", descending=True, maintain_order=True)
    said = ", ".join(f"{m} {v:.2f}" for m, v in faithful.select("method_b", "value").iter_rows())
    return table, (
        f"Another method gives {word(table)}, at worst. Of the {_nearest(k)} by distance, so many "
        f"are nearest on the picture: {said}; chance {table['chance'][0]:.2f}."
    )


def _of(table, models):
    return table.filter(pl.col("model").is_in(models)).sort("model")


def _components(G, rest, how):
    """Procrustes between the first components of the rest alone, and of all."""
    n = similarity.few(int(rest.sum()), how.n_components)
    alone = similarity.components(G[np.ix_(rest, rest)], n)
    within = similarity.scaled(similarity.components(G, n)[rest])
    return summarized([{"procrustes": how.procrustes(within, alone)}])


def _rest(on, rest):
    names = [name for name, stays in zip(on.models, rest, strict=True) if stays]
    return names, on.Q[rest] - on.Q[rest].mean(axis=0)


def _kept(before, rows, how):
    """Neighbor overlap of the rest among all, and drawn alone."""
    if not rows:
        return []
    k = similarity.few(len(before), how.n_neighbors)
    alone = np.array([[row["x"], row["y"]] for row in rows])
    return summarized([{"overlap": overlap(_near(before, k), _near(alone, k))}])


def _drawn(models, Q, method, settings, released):
    """Rows model, x, y, by name; none where the method cannot place the models."""
    how = {"noise": {}, "released": released, "groups": None, "n_ellipses": 0}
    return embeddings(models, Q, {method: settings}, **how)[method][0]


def _near(coordinates, k):
    return similarity.nearest(squared_distances(coordinates), k)


def _nearest(k):
    return f"{k} nearest models" if k > 1 else "nearest model"
