"""What one model more does to a map of the others, each model of the zoo in turn.

    python tests/benchmarks/freezing.py > docs/frozen.md

reads results/matrix, which `make map` makes.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow"))

from modelmap import tables  # noqa: E402
from modelmap.geometry import placing  # noqa: E402
from modelmap.geometry.centering import double_center  # noqa: E402
from modelmap.geometry.divergence import squared_distances  # noqa: E402
from modelmap.geometry.embedding import embed  # noqa: E402

TITLES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "mds": "MDS"}

TEXT = """# Models that join a frozen map

Written by `python tests/benchmarks/freezing.py > docs/frozen.md`, from the zoo's results. Each
model is left out in turn: a map of the others is frozen, the model joins it, and the map is drawn
anew with it. *moves*: how far the others are then from where they were, as a share of the map's
diameter (the largest distance of two of them), after rotation, reflection and shift. On the frozen
map itself they do not move at all.

"""
HEADER = """| | moves, median: usually | at worst | the farthest | median, free | near |
|---|---|---|---|---|---|"""
NOTES = """
PCA and MDS are computed anew. t-SNE and UMAP go downhill in their own loss from where models are,
and old models are held: for all to move by a tenth of the diameter the loss must fall by {worth:g}
nats (`placing.WORTH`). The figures of those two are small by that choice, which is made so that a
model more moves a median of at most 2 % and no model by more than 10 %; *free* is without it. Their
optima are many and flat: a map drawn freely is another one each time.

*near*: how often a model's nearest neighbor on the map it joined is among its three nearest by d².

**PCA and MDS do not meet these limits on the texts**, and nothing was chosen so that they would.
The first three components of the {n_texts} models have {shares} of the variance: the
second and the third are nearly equal, and one model more decides which of them is drawn. Drawing
with the frozen axes would move nothing, but that is the frozen map itself; its models are laid
onto their old points by rotation already, and what still moves is what the new map shows
otherwise. Where few models are far apart in more than two dimensions, PCA has no axes to keep.
"""


def settings():
    """The zoo's embeddings, defaults of the schema filled in."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    known = schema["properties"]["map"]["properties"]
    chosen = yaml.safe_load((ROOT / "config/config.yaml").read_text())["map"]
    return {
        method: {key: part["default"] for key, part in known[method]["properties"].items()}
        | chosen.get(method, {})
        for method in TITLES
    }


def read(name):
    """Log-likelihoods of the kept models of a map, and the noise of each."""
    stem = f"results/matrix/{name}"
    files = {"matrix": f"{stem}.parquet", "samples": f"{stem}.samples.parquet"}
    files["models"] = f"{stem}.models.parquet"
    _, _, L = tables.read_kept(**files)
    models = tables.read(files["models"], tables.MATRIX_MODELS).filter("kept")
    return L, models["noise_nats2"].to_list()


def join(L, noise, i, method, how):
    """Leave model i out, freeze, let it join; (median, largest, free median, is it near?)."""
    others = np.delete(np.arange(len(L)), i)
    v = [noise[k] for k in others]
    made = embed(
        double_center(L[others]), method, **how, **({"noise": v} if method == "mds" else {})
    )
    Q = double_center(L, column_means=L[others].mean(axis=0))
    frozen = placing.Frozen(Q[others], made.coordinates, method, made.parameters, v)
    at = placing.place(frozen, Q[[i]], noise=[noise[i]])
    found = []
    for worth in (placing.WORTH, 0.0):
        drawn = placing.redraw(frozen, Q[[i]], at, noise=[noise[i]], worth=worth)[:-1]
        moved = np.linalg.norm(drawn - frozen.points, axis=1) / frozen.diameter
        found.append((np.median(moved), moved.max()))
    nearest = ((frozen.points - at) ** 2).sum(axis=1).argmin()
    true = np.argsort(squared_distances(Q)[i, others], kind="stable")[:3]
    return {
        "method": TITLES[method],
        "median": found[0][0],
        "largest": found[0][1],
        "free": found[1][0],
        "near": bool(nearest in true),
    }


def table(name):
    """A map's figures as a Markdown table."""
    L, noise = read(name)
    rows = [
        join(L, noise, i, method, how) for method, how in settings().items() for i in range(len(L))
    ]
    lines = [f"## {name}: {len(L)} models, {L.shape[1]} samples", ""]
    lines.append(HEADER)
    for method, some in pl.DataFrame(rows).group_by("method", maintain_order=True):
        shares = [some["median"].median(), some["median"].max(), some["largest"].max()]
        shares.append(some["free"].median())
        cells = [f"{100 * share:.1f} %" for share in shares]
        lines.append(f"| {method[0]} | {' | '.join(cells)} | {some['near'].sum()} of {len(L)} |")
    return "\n".join(lines) + "\n"


def main():
    L, _ = read("texts")
    first, second, third, *_ = embed(double_center(L), "pca").explained_variance
    shares = f"{100 * first:.0f}, {100 * second:.0f} and {100 * third:.0f} %"
    about = {"n_texts": len(L), "shares": shares, "worth": placing.WORTH}
    print(TEXT + table("scenes") + "\n" + table("texts") + NOTES.format(**about), end="")


if __name__ == "__main__":
    main()
