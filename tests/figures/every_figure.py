"""Every figure of the workflow, of as many models as wanted, whatever these are called."""

import numpy as np
import polars as pl
from synthetic_zoo import make_zoo

from modelmap.figures import stability
from modelmap.figures.components import components_figure
from modelmap.figures.correlation import strata_correlation_figure
from modelmap.figures.divergences import divergence_figure, interpolation_figure
from modelmap.figures.drift import drift_figure
from modelmap.figures.heatmap import distance_heatmap
from modelmap.figures.map import map_figure
from modelmap.figures.prediction import prediction_figure
from modelmap.figures.scatter import correlation_figure
from modelmap.figures.shifts import shifts_figure
from modelmap.figures.strata import strata_figure
from modelmap.figures.subsets import errors_figure
from modelmap.figures.tree import tree_figure

NOTE = (
    "trustworthiness 0.97; the map keeps 77 % of each model's 5 nearest (26 % by chance), which is "
    "as long as notes are"
)
STRATA = ("animals", "at the table", "people", "streets")
BENCHMARKS = ("MMBench", "MMMU", "OCRBench", "mean")


def every_figure(k, n_families, **columns):
    """Draw all figures.

    Parameters
    ----------
    k, n_families : int
        Models and families.
    **columns : Series
        Put in place of those of the sheet: label, family, recipe.

    Returns
    -------
    dict of str to Figure
    """
    zoo = make_zoo(k, n_families)
    models = zoo.models.with_columns(**columns)
    rng = np.random.default_rng(1)
    makers = (maps, pairs, structure, losses, benchmarks, similarities, subsets, drift, theory)
    return {name: figure for make in makers for name, figure in make(zoo, models, rng).items()}


def maps(zoo, models, rng):
    how = {"axes": ("t-SNE 1", "t-SNE 2"), "title": "t-SNE", "note": NOTE}
    how["ellipses"] = (2.5, "95 % ellipse")
    spot = zoo.embedding.with_columns(ellipse_xx=0.1, ellipse_xy=0.02, ellipse_yy=0.06)
    forms = {"map": "representative", "map_all": "all", "map_column": "column"}
    found = {n: map_figure(spot, models, labels=f, **how)[0] for n, f in forms.items()}
    why = "needs at least 4 models, there are 2"
    none = map_figure(spot.clear(), models, labels="all", reason=why, **how)[0]
    share = 0.5 ** np.arange(1, 20)
    table = pl.DataFrame({"component": np.arange(1, 20), "share": share})
    table = table.with_columns(cumulative=pl.col("share").cum_sum() / share.sum())
    return found | {"map_absent": none, "pca_variance": components_figure(table)}


def pairs(zoo, models, rng):
    xy = zoo.embedding.select("x", "y").to_numpy()
    d2 = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    return {"heatmap": distance_heatmap(models["model"].to_list(), d2, models)[0]}


def structure(zoo, models, rng):
    k = models.height
    parent = np.r_[(np.arange(k) + 2 * k) // 2, (np.arange(k, 2 * k - 2) + 2 * k) // 2]
    nodes = pl.DataFrame(
        {
            "node": np.arange(2 * k - 1),
            "parent": [*np.minimum(parent, 2 * k - 2).tolist(), None],
            "model": [*models["model"], *[None] * (k - 1)],
            "length": rng.uniform(1, 4, 2 * k - 1),
            "support": [*[None] * k, *rng.uniform(0.5, 1, k - 2), None],
        }
    )
    arrows = models.filter(pl.col("recipe").fill_null("") != "").select("model", "recipe")
    arrows = arrows.with_columns(x=rng.normal(size=arrows.height), y=rng.normal(size=arrows.height))
    table = arrows.select("recipe").unique().with_columns(cosine=pl.lit(-0.5), p=pl.lit(0.01))
    return {
        "tree": tree_figure(nodes, models, note=NOTE)[0],
        "lineage": shifts_figure(arrows, table, models, shares=(0.6, 0.2)),
    }


def losses(zoo, models, rng):
    rows = [
        {"model": model, "stratum": stratum, "bits_per_byte": (x := rng.uniform(1, 2))}
        | {"bits_per_byte_low": x - 0.05, "bits_per_byte_high": x + 0.05}
        for model in models["model"]
        for stratum in ("all", *STRATA)
    ]
    return {"strata": strata_figure(pl.DataFrame(rows), models)}


def benchmarks(zoo, models, rng):
    k = models.height
    points = models.select("model", x=rng.normal(40, 3, k), y=rng.normal(60, 9, k))
    labels = {"x_label": "mean negative log-likelihood (nats per sample)", "y_label": "MMBench"}
    scores = pl.concat(
        models.select(
            "model", score=(s := rng.normal(60, 9, k)), predicted=s + rng.normal(0, 3, k)
        ).with_columns(benchmark=pl.lit(name))
        for name in BENCHMARKS[:-1]
    )
    note = "R² = 0.61 [0.20, 0.83] with families held out; p = 0.002"
    said = [(name, note) for name in BENCHMARKS[:-1]] + [("mean", "no model has this benchmark")]
    axes = {"x_label": "score", "y_label": "predicted from the map"}
    cells = pl.DataFrame(
        [
            {"stratum": s, "benchmark": b, "pearson": rng.uniform(-1, 1), "p_adjusted": 0.04}
            for s in STRATA
            for b in BENCHMARKS
        ]
    ).with_columns(note=pl.lit(None))
    missing = points.with_columns(y=pl.lit(None, dtype=pl.Float64))
    return {
        "scatter": correlation_figure(points, models, x="x", y="y", note=note, **labels)[0],
        "scatter_missing": correlation_figure(
            missing, models, x="x", y="y", note="no model has this benchmark", **labels
        )[0],
        "prediction": prediction_figure(scores, models, said, **axes),
        "leakage": prediction_figure(scores.filter(benchmark="MMMU"), models, said[1:2], **axes),
        "correlation_strata": strata_correlation_figure(cells, level=0.95),
    }


def similarities(zoo, models, rng):
    measures = ("cka", "overlap", "procrustes")
    chance = {"chance": 0.1, "low": 0.7, "high": 0.95, "above_chance": 0.8}
    samples = pl.DataFrame(
        [
            {"n_samples": n, "against": against, "measure": measure} | chance
            for n in (50, 100, 200, 500, 1000)
            for against in ("all samples", "as many others")
            for measure in measures
        ]
    )
    out = pl.DataFrame(
        [
            {"left_out": family, "by": "family", "n_left_out": 4, "of": of, "measure": "overlap"}
            | {"above_chance": rng.uniform()}
            for family in models["family"].fill_null("unknown").unique().sort()
            for of in ("distances", "t-SNE")
        ]
    )
    kinds = [(a, b) for i, a in enumerate(STRATA) for b in STRATA[i + 1 :]]
    values = {"value": 0.87, "chance": 0.1, "above_chance": 0.8, "ceiling": 0.95}
    strata = pl.DataFrame(
        [
            {"stratum_a": a, "stratum_b": b, "measure": measure} | values
            for a, b in kinds
            for measure in measures
        ]
    )
    methods = strata.filter(measure="overlap").rename(
        {"stratum_a": "method_a", "stratum_b": "method_b"}
    )
    datasets = strata.rename({"stratum_a": "map_a", "stratum_b": "map_b"})
    datasets = datasets.with_columns(n_models=pl.lit(models.height))
    seeds = pl.DataFrame(
        [
            {"method": m, "seed_a": a, "seed_b": 7, "measure": "overlap", "above_chance": 0.7}
            for m in ("t-SNE", "UMAP")
            for a in (None, 3)
        ]
    )
    return {
        "samples": stability.samples_figure(samples, NOTE),
        "models": stability.left_out_figure(out, NOTE, models),
        "seeds": stability.seeds_figure(seeds, NOTE),
        "methods": stability.methods_figure(methods, NOTE),
        "stability_strata": stability.strata_figure(strata, NOTE),
        "datasets": stability.datasets_figure(datasets, NOTE),
        "seeds_absent": stability.seeds_figure(seeds.clear(), NOTE),
    }


def subsets(zoo, models, rng):
    rows = [
        {"evaluated_on": on, "method": method, "size": size, "n_samples": 1000 * size}
        | {"tau1": (t := 0.02 / size**0.5), "tau1_low": 0.8 * t, "tau1_high": 1.3 * t}
        for on in ("held out", "all")
        for method in ("uniform", "ls", "kl")
        for size in (0.05, 0.1, 0.3, 1)
    ]
    return {"errors": errors_figure(pl.DataFrame(rows), note=NOTE)}


def drift(zoo, models, rng):
    k = models.height
    methods = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "mds": "MDS"}
    moved = [
        zoo.embedding.with_columns(
            pl.lit(method).alias("method"),
            (pl.int_range(k) % 9 == 3).alias("joined"),
            x_redrawn=pl.col("x") + rng.normal(0, 0.5, k),
            y_redrawn=pl.col("y") + rng.normal(0, 0.5, k),
        )
        for method in methods
    ]
    summary = pl.DataFrame({"method": list(methods), "median": 0.01, "largest": 0.1})
    summary = summary.with_columns(n_samples=pl.lit(990), n_samples_frozen=pl.lit(1000))
    return {"drift": drift_figure(pl.concat(moved), summary, models, titles=methods)}


def theory(zoo, models, rng):
    some = models.head(30)
    names, families = some["model"].to_list(), some["family"].fill_null("unknown").to_list()
    rows = [
        {"model_a": a, "model_b": names[j], "kl_ab": x * 0.8, "kl_ba": x * 1.2, "kl_mean": x}
        | {"estimate": x * rng.uniform(0.8, 1.2), "same_family": families[i] == families[j]}
        for i, a in enumerate(names)
        for j in range(i)
        for x in [rng.lognormal(2)]
    ]
    agreement = pl.DataFrame(
        {"estimate": "estimate", "kl": "mean", "pairs": "all", "n_pairs": len(rows)}
        | {"pearson": 0.9, "spearman": 0.9, "pearson_log": 0.9, "ratio": 1.0}
    )
    ab = [(a, b) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)]
    corners = dict(zip(("origin", "first", "second"), some["label"], strict=False))
    between = pl.DataFrame(
        [
            corners | {"a": a, "b": b, "expected": 40 + a + 2 * b, "actual": 40 + a + 1.9 * b}
            for a, b in ab
        ]
    )
    summary = pl.DataFrame([corners | {"pearson": 0.9, "spearman": -0.9, "angle_degrees": 60.0}])
    return {
        "text_kl": divergence_figure(pl.DataFrame(rows), models, agreement),
        "interpolation": interpolation_figure(between, summary),
    }
