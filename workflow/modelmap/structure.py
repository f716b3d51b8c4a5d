"""Tables of what stands behind a map: a tree, undeclared parents, recipes, what is known."""

from typing import NamedTuple

import numpy as np
import polars as pl

from modelmap.geometry import lineage, partition, suspects, tree
from modelmap.geometry.correlation import benjamini_hochberg
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.resampling import affordable
from modelmap.metadata import lineage_labels, parents, year

FACTORS = ("language_model", "vision_encoder", "tokenizer", "recipe", "released")
# Models of which a tree with support (20 resamples: 5 minutes), and one without, is grown.
MOST_WITH_SUPPORT, MOST_OF_A_TREE = 2000, 5000
# Of many models fewer: n_models³ times as many resamples, products with an n_models² matrix times
# as many permutations are affordable, and at least so many.
RESAMPLES = {"most": 3e9, "least": 20}
PERMUTATIONS = {"most": 2e10, "least": 99}

SUSPECTS = {"model_a": pl.String, "model_b": pl.String, "kl_nats": pl.Float64}
SUSPECTS |= {"closer": pl.Float64, "declared": pl.Boolean, "p": pl.Float64, "suspect": pl.Boolean}
RECIPES = {"recipe": pl.String, "n_shifts": pl.Int64, "n_lineages": pl.Int64}
RECIPES |= dict.fromkeys(("length_nats", "difficulty_share", "cosine"), pl.Float64)
RECIPES |= dict.fromkeys(("null_cosine", "p", "p_adjusted", "p_sign"), pl.Float64)
RECIPES |= {"n_permutations": pl.Int64}
VARIANCE = {"factor": pl.String, "n_models": pl.Int64, "n_levels": pl.Int64}
VARIANCE |= dict.fromkeys(("r2", "r2_adjusted", "r2_unique", "p"), pl.Float64)
VARIANCE |= {"permuted": pl.String, "n_permutations": pl.Int64}


class Placed(NamedTuple):
    """The models of a map, and what the sheet says of them."""

    models: list  # names, sorted
    Q: np.ndarray  # (n_models, n_samples), centered, nats
    d2: np.ndarray  # (n_models, n_models), nats²
    sheet: list  # a dict per model: family, recipe, parents (indices), and the other columns
    lineage: np.ndarray  # (n_models,), labels

    @property
    def families(self):
        """Labels; a model without a family is one of its own."""
        return [row["family"] or row["model"] for row in self.sheet]


def placed(models, Q, metadata):
    """Bring coordinates and the rows of the sheet together.

    Parameters
    ----------
    models : list of str
    Q : ndarray of shape (n_models, n_samples), nats
    metadata : list of dict: model, family, recipe, parent (names, comma-separated), …; of the
        whole sheet, as lineages pass through models that are not on the map
    """
    rows, made_from = {r["model"]: r for r in metadata}, parents(models, metadata)
    sheet = [rows[name] | {"parents": made} for name, made in zip(models, made_from, strict=True)]
    return Placed(models, Q, squared_distances(Q), sheet, lineage_labels(models, metadata))


def grow(on, groups, *, n_bootstrap, weights=None):
    """Grow the tree of a map by neighbor joining, with bootstrap support.

    Of many models fewer resamples are drawn, as RESAMPLES says; of more than MOST_WITH_SUPPORT
    none, and of more than MOST_OF_A_TREE there is no tree: both take time as n_models³.

    Parameters
    ----------
    on : Placed
    groups : ndarray of shape (n_samples,), labels
    n_bootstrap : int, the most resamples
    weights : ndarray of shape (n_samples,), those of the coordinates; None: all alike

    Returns
    -------
    newick : str; where there are too few models or too many, a tree without leaves behind a comment
        that says so
    nodes : DataFrame: node, parent, model, length, support; rooted at the midpoint
    note : str, how it was made
    """
    n = len(on.models)
    note = _no_tree(n)
    schema = {"node": pl.Int64, "parent": pl.Int64, "model": pl.String}
    schema |= dict.fromkeys(("length", "support"), pl.Float64)
    if note:
        return f"[{note}];\n", pl.DataFrame(schema=schema), note
    n_resamples = affordable(n_bootstrap, **RESAMPLES, cost=n**3)
    grown, note = tree.neighbor_joining(on.d2), "neighbor joining on squared distances, "
    if n <= MOST_WITH_SUPPORT:
        how = {"n_bootstrap": n_resamples, "random_state": 0, "weights": weights}
        grown = tree.with_support(grown, on.Q, groups, **how)
        note += f"{n_resamples} resamples"
    else:
        note += f"without support, which is asked of {MOST_WITH_SUPPORT:,} models at most"
    rooted = tree.midpoint_rooted(grown)
    nodes = {
        "node": range(len(rooted.parent)),
        "parent": [None if p < 0 else int(p) for p in rooted.parent],
        "model": on.models + [None] * (len(rooted.parent) - n),
        "length": rooted.length,
        "support": [None if np.isnan(s) else float(s) for s in rooted.support],
    }
    if grown.n_negative:
        note += (
            f"; {grown.n_negative} of {2 * n - 3} branches estimated as negative (down to "
            f"−{-grown.lowest:.3g} nats²) and set to zero"
        )
    return tree.newick(grown, on.models) + "\n", pl.DataFrame(nodes, schema), note


def _no_tree(n_models):
    """Why there is no tree; nothing where there is one."""
    if n_models < 3:
        return f"A tree needs at least 3 models with scores, there are {n_models}."
    if n_models > MOST_OF_A_TREE:
        return (
            f"No tree is grown of {n_models} models, only of up to {MOST_OF_A_TREE}: it takes time "
            "as the cube of their number. distances.npy has all distances."
        )
    return ""


def suspect_pairs(on, *, level):
    """Pairs of lineages that are each other's nearest, and declared pairs beside them as a ruler.

    Returns
    -------
    DataFrame: model_a, model_b (of a declared pair the parent), kl_nats, closer, declared, p,
        suspect; the closest first. `closer`: how many times nearer to each other than to any other
        lineage, or, if undeclared, than sibling lineages usually are, if that is less.
    """
    declared = [(p, i) for i, row in enumerate(on.sheet) for p in row["parents"]]
    found = suspects.undeclared(on.d2, on.lineage, on.families)
    near = suspects.closeness(on.d2, on.lineage, declared)
    rows = [(*pair, x, True, None) for pair, x in zip(declared, near, strict=True)]
    rows += [
        (*pair, x, False, p) for pair, x, p in zip(found.pairs, found.closer, found.p, strict=True)
    ]
    table = [
        (
            on.models[a],
            on.models[b],
            on.d2[a, b] / 2,
            x,
            known,
            p,
            p is not None and p <= 1 - level,
        )
        for a, b, x, known, p in rows
    ]
    return (
        pl.DataFrame(table, SUSPECTS, orient="row")
        .fill_nan(None)
        .sort("suspect", "closer", descending=True, nulls_last=True, maintain_order=True)
    )


def recipes(on, difficulty, noise, *, n_permutations, weights=None):
    """What recipes do: shifts from parent to child, difficulty projected off.

    Parameters
    ----------
    on : Placed
    difficulty : ndarray of shape (n_samples,), mean log-likelihood over models
    noise : dict of model to the variance of its rounding (nats²; None: not measured)
    n_permutations : int, the most; of many shifts fewer, see PERMUTATIONS
    weights : ndarray of shape (n_samples,), those of the coordinates; None: all alike

    Returns
    -------
    table : DataFrame: recipe, n_shifts, n_lineages, length_nats (mean root mean square of a shift),
        difficulty_share (of its square), cosine, null_cosine, p, p_adjusted (after Benjamini and
        Hochberg over recipes), p_sign, n_permutations
    arrows : DataFrame: model, recipe, x, y (nats, from the parent at the origin)
    shares : the shares of the squared lengths that x and y show
    """
    parents = [row["parents"] for row in on.sheet]
    children, moved = lineage.shifts(on.Q, parents)
    projected, share = lineage.without(moved, difficulty, weights)
    v = np.array([noise.get(name) or 0.0 for name in on.models])
    v = np.array([v[i] + v[parents[i]].sum() / len(parents[i]) ** 2 for i in children])
    names = np.array([on.sheet[i]["recipe"] or "unknown" for i in children], dtype=str)
    n_permutations = affordable(n_permutations, **PERMUTATIONS, cost=len(children) ** 2)
    found = lineage.common_direction(
        lineage.cosines(projected, v),
        names,
        on.lineage[children],
        n_permutations=n_permutations,
        random_state=0,
    )
    length = np.sqrt(np.mean(moved**2, axis=1)) if len(children) else np.empty(0)
    adjusted = benjamini_hochberg([test.p for test in found.values()])
    rows = [
        {
            "recipe": recipe,
            "length_nats": length[names == recipe].mean(),
            "difficulty_share": share[names == recipe].mean(),
            "p_adjusted": p,
            "n_permutations": n_permutations,
        }
        | test._asdict()
        for p, (recipe, test) in zip(adjusted, found.items(), strict=True)
    ]
    table = pl.DataFrame(rows, RECIPES).fill_nan(None)
    xy, shares = lineage.plane(projected)
    arrows = {"model": [on.models[i] for i in children], "recipe": names.tolist()}
    arrows |= {"x": xy[:, 0], "y": xy[:, 1]}
    arrow_schema = {"model": pl.String, "recipe": pl.String, "x": pl.Float64, "y": pl.Float64}
    return table, pl.DataFrame(arrows, arrow_schema), shares.tolist()


def variance(on, *, n_permutations):
    """Which share of the squared distances goes with each column of the sheet.

    Returns
    -------
    DataFrame: factor, n_models (that have it), n_levels (0: a number), r2, r2_adjusted, r2_unique
        (lost when it alone is left out, over the models that have all usable factors), p, permuted,
        n_permutations (of many models fewer, see PERMUTATIONS); a row per column of FACTORS,
        numbers null where it does not vary or is not known
    """
    known = {factor: _values(on.sheet, factor) for factor in FACTORS}
    rows = []
    for factor, (have, values) in known.items():
        n_levels = 0 if factor == "released" else len(set(values))
        row = {"factor": factor, "n_models": len(have), "n_levels": n_levels}
        if len(have) > 2:
            cost = len(have) ** 2 * max(n_levels, 1)
            n_drawn = affordable(n_permutations, **PERMUTATIONS, cost=cost)
            families = [on.families[i] for i in have]
            found = partition.share(
                on.d2[np.ix_(have, have)],
                values,
                on.lineage[have],
                families,
                n_permutations=n_drawn,
                random_state=0,
            )
            row |= found._asdict() | {"n_permutations": n_drawn}
        rows.append(row)
    table = pl.DataFrame(rows, VARIANCE).fill_nan(None)
    usable = {row["factor"]: known[row["factor"]] for row in table.rows(named=True) if row["r2"]}
    unique = _unique_shares(on.d2, usable)
    return table.with_columns(
        r2_unique=pl.Series([unique.get(f) for f in table["factor"]], dtype=pl.Float64),
        permuted=pl.col("permuted").replace("", None),
    )


def _values(sheet, factor):
    """The models that have a factor, and its values: dates as years with fractions."""
    have = [i for i, row in enumerate(sheet) if row[factor]]
    values = [sheet[i][factor] for i in have]
    return have, [year(text) for text in values] if factor == "released" else values


def _unique_shares(d2, usable):
    """What each factor explains beyond all others, over the models that have all."""
    have = sorted(set.intersection(*(set(have) for have, _ in usable.values()))) if usable else []
    if len(have) < 3:
        return {}
    d2 = d2[np.ix_(have, have)]
    columns = {
        factor: partition.columns([dict(zip(*known, strict=True))[i] for i in have])
        for factor, known in usable.items()
    }
    every = np.hstack([np.ones((len(have), 1)), *columns.values()])
    if np.linalg.matrix_rank(every) >= len(have):
        return {}
    whole = partition.explained(d2, every)
    return {
        factor: max(
            0.0, round(whole - partition.explained(d2, np.hstack([every[:, :1], *others])), 12)
        )
        for factor in columns
        for others in [[columns[other] for other in columns if other != factor]]
    }
