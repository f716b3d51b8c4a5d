"""What the map's page is made of, for as many planted models as wanted."""

import io

import numpy as np
import polars as pl
from PIL import Image
from planted import Case, plant

from modelmap import disagreement, metadata, pairs
from modelmap.datasets.thumbnails import thumbnail
from modelmap.geometry.divergence import squared_distances

GATE = [
    {"check": "finite", "value": 1.0, "limit": 1.0, "verdict": "pass"},
    {"check": "image_use", "value": 0.02, "limit": 0.1, "verdict": "flag"},
]
NOTES = {"near": "find the same samples likely", "values": "log-likelihood"}
NOTES |= {"more": "finds it likelier", "beyond": "mean", "images": ""}
FACTS = {"trustworthiness": 0.97, "neighbor_overlap": 0.8, "n_neighbors": 5, "chance": 0.1}


def page_content(folder, n_models, n_samples=300, **changes):
    """The arguments of `page_data`: t-SNE made up, UMAP absent, PCA with ellipses."""
    plant(folder, n_models, n_samples)
    case, rng = Case(folder), np.random.default_rng(2)
    L, names = case.Q / 10 - 30 - rng.gamma(9, 1, (n_models, 1)), case.models
    sheet = pl.DataFrame(case.sheet, infer_schema_length=None).with_columns(
        label=pl.format("{} {} {}", "family", "recipe", pl.int_range(pl.len()))
    )
    losses = {"nats_per_sample": -L.mean(axis=1), "bits_per_byte": rng.gamma(9, 0.1, n_models)}
    years = metadata.facts(case.sheet).select("model", "year")
    neighbors, distances = _distances(names, case.Q / 10)
    nearest = disagreement.nearest(names, neighbors)
    found = disagreement.most(case.Q / 10, nearest)
    samples = case.samples().with_columns(
        target=pl.format("A caption of sample {}, which is as long as captions are.", "sample_id"),
        prompt=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("What is this?")),
    )
    differing = disagreement.table(names, nearest, found, L, samples["sample_id"])
    scores = pl.DataFrame({"model": names, "b0": rng.normal(50, 9, n_models), "b1": 1.0})
    content = {
        "on_map": names,
        "models": sheet.with_columns(**losses).join(years, on="model"),
        "embeddings": _embeddings(names, case.Q, rng),
        "nearest": pairs.marked(neighbors, distances, 10),
        "differing": differing,
        "samples": samples,
        "images": dict.fromkeys(disagreement.groups(differing, samples), _image(rng)),
        "notes": NOTES,
        "origins": {names[0]: {"gate": GATE, "facts": {"repo": "some/repo", "commit": "0a1b"}}}
        | {name: {"note": "log-likelihoods that others have computed"} for name in names[1:]},
        "scores": scores.filter(pl.int_range(pl.len()) % 5 != 4),
    }
    return content | changes


def _distances(names, Q):
    """Tables of neighbors and distances, without the bootstrap that intervals take."""
    d2 = squared_distances(Q)
    order = np.argsort(np.where(np.eye(len(d2)), -1, d2), axis=1)[:, 1:11]
    rows = np.repeat(np.arange(len(d2)), order.shape[1])
    name, kl = pl.Series(names), d2[rows, order.ravel()] / 2
    neighbors = pl.DataFrame(
        {
            "model": name.gather(rows),
            "rank": np.tile(np.arange(1, order.shape[1] + 1), len(d2)),
            "neighbor": name.gather(order.ravel()),
            "kl_nats": kl,
            "low": 0.8 * kl,
            "high": 1.25 * kl,
            "p_nearest": 1 / (1 + kl),
        }
    )
    ends = {"model_a": pl.min_horizontal("model", "neighbor")}
    ends |= {"model_b": pl.max_horizontal("model", "neighbor")}
    marks = {"below_noise_floor": pl.col("kl_nats") < 0.1, "beyond_kl_limit": pl.col("rank") > 5}
    distances = neighbors.with_columns(**ends, **marks).unique(list(ends), maintain_order=True)
    return neighbors, distances


def _embeddings(names, Q, rng):
    U, S, _ = np.linalg.svd(Q, full_matrices=False)
    xy = np.pad(U * S, ((0, 0), (0, 1)))[:, :2]  # of a single model there is but one
    spread = xy + rng.normal(0, xy.std(axis=0), xy.shape)
    ellipses = {"ellipse_xx": 1.0, "ellipse_xy": 0.3, "ellipse_yy": 0.5}
    scale = 0.02 * xy.std() ** 2
    pca = {"model": names, "x": xy[:, 0], "y": xy[:, 1]}
    tsne = {"model": names, "x": spread[:, 0], "y": spread[:, 1]}
    of_pca = FACTS | {"explained_variance": [0.5, 0.2]}
    with_ellipses = pl.DataFrame(pca).with_columns(
        **{key: pl.lit(scale * value) for key, value in ellipses.items()}
    )
    return {
        "t-SNE": {"rows": pl.DataFrame(tsne), "facts": FACTS, "radius": None},
        "UMAP": {"reason": "needs at least 3 <models>, there are 2"},
        "PCA": {"rows": with_ellipses, "facts": of_pca, "radius": 2.5},
    }


def _image(rng):
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (64, 48, 3), dtype=np.uint8)).save(file, "PNG")
    return thumbnail(file.getvalue())
