"""Synthetic models: tight families in the plane, recipes, lineage, one family missing."""

from types import SimpleNamespace

import numpy as np
import polars as pl

RECIPES = [None, "sft", "mpo", "merge", "", "quantize"]


def make_models(k, n_families):
    rows = []
    for i in range(k):
        turn, family = divmod(i, n_families)
        recipe = RECIPES[turn % len(RECIPES)]
        rows.append(
            {
                "model": f"m{i}",
                "label": f"Family{family}-{turn}.5-{2 * turn + 1}B-{recipe or 'base'}",
                "family": f"Family{family}" if i != 5 else None,
                "generation": str(turn % 3),
                "recipe": recipe,
                "parent": f"m{family}" if recipe else "",
                "nats_per_sample": 40.0 + i,
                "nats_per_token": 2.0 if i else None,
                "bits_per_byte": 0.8,
            }
        )
    return pl.DataFrame(rows)


def make_zoo(k, n_families=4, seed=0):
    rng = np.random.default_rng(seed)
    models = make_models(k, n_families)
    centers = rng.normal(0, 10, (n_families, 2))
    xy = centers[np.arange(k) % n_families] + rng.normal(0, 1, (k, 2))
    d2 = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    name = models["model"].to_list()
    pairs = [(name[i], name[j], d2[i, j]) for i in range(k) for j in range(i + 1, k)]
    near = [
        (name[i], rank, name[j], d2[i, j] / 2, d2[i, j] / 2.5, d2[i, j] / 1.5, 0.9)
        for i in range(k)
        for rank, j in enumerate(np.argsort(d2[i])[1:6], start=1)
    ]
    schema = ["model", "rank", "neighbor", "kl_nats", "low", "high", "p_nearest"]
    distances = pl.DataFrame(pairs, ["model_a", "model_b", "d2_nats2"], orient="row")
    return SimpleNamespace(
        models=models,
        embedding=pl.DataFrame({"model": name, "x": xy[:, 0], "y": xy[:, 1]}),
        distances=distances.with_columns(kl_nats=pl.col("d2_nats2") / 2),
        neighbors=pl.DataFrame(near, schema, orient="row"),
    )
