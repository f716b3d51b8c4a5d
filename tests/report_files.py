"""What a run leaves for its report, of as many models as wanted, without a run."""

import shutil

import numpy as np
import polars as pl

from modelmap import tables
from modelmap.figures import style

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "mds": "MDS"}
FIGURES = {"map": METHODS.values(), "heatmap": ["distances"], "tree": ["tree"], "strata": ["x"]}
DISTANCES = {"n_pairs": 1, "n_below_noise_floor": 0, "n_beyond_kl_limit": None, "kl_limit": 0.15}
STATUS = ("model", "dataset", "status", "reason", "repo", "commit", "dtype", "attention", "device")

HELD = {"dtype": "float32", "attention": "sdpa", "device": "cpu"}


def write_run(
    folder, names, *, absent=(), benchmarks=True, scored=True, image=True, name="planted"
):
    """Write the files of a map under `folder`; return the arguments of `report`."""
    of = folder / "results/map/planted"
    of.mkdir(parents=True)
    files = _written_tables(of, names, absent)
    drawn = _drawn(of / "drawn", len(names))
    results = []
    for caption, whats in FIGURES.items():
        for i, what in enumerate(whats):
            results.append([_copied(drawn, of / f"{caption}_{i}.svg"), caption, "figure", what])
    suspects = pl.DataFrame({"model_a": names, "p": np.geomspace(1e-9, 1, len(names))})
    suspects.write_csv(of / "suspects.tsv", separator="\t")
    results.append([str(of / "suspects.tsv"), "suspects", "table", "undeclared parents"])
    results += [
        [str(of / f"{kind}.parquet"), kind, "table", kind] for kind in ("neighbors", "models")
    ]
    if benchmarks:
        for i in range(3):
            _copied(drawn, of / "figures" / f"b{i}.svg")
        results.append([str(of / "figures"), "correlation", "figure", "{benchmark}"])
    gate = folder / "results/gate/planted"
    gate.mkdir(parents=True)
    check = {"check": names[0], "value": 1.0, "limit": None, "verdict": "flag"}
    checks = [check | {"check": name} for name in (names[0], *["image_used"] * image)]
    tables.write(gate / "m.parquet", tables.GATE, checks)
    return {
        "results": [[*row, name] for row in results],
        "maps": {name: files},
        "page": folder / "results/report.html",
        "status": _status(folder / "results/status.tsv", names, scored),
        "gates": [gate],
        "files": [of / "suspects.tsv"],
    }


def _written_tables(of, names, absent):
    rng = np.random.default_rng(0)
    facts = {"kept": True, "samples_ok": 400, "reason": None}
    models = [{"model": n, "nats_per_sample": rng.gamma(9, 9)} | facts for n in sorted(names)]
    tables.write(of / "models.parquet", tables.MATRIX_MODELS, models)
    samples = [{"sample_id": str(i), "group": str(i // 2), "kept": i > 3} for i in range(40)]
    tables.write(of / "samples.parquet", tables.MATRIX_SAMPLES, samples)
    near = [
        {"model": a, "rank": rank, "neighbor": b, "kl_nats": rank * rng.random()}
        for i, a in enumerate(names)
        for rank, b in enumerate((names * 2)[i + 1 : i + 11], 1)
    ]
    tables.write(of / "neighbors.parquet", tables.NEIGHBORS, near)
    tables.write(of / "distances.parquet", tables.DISTANCES, [], DISTANCES)
    told = {"parameters": {"perplexity": 4.0}, "n_neighbors": 5}
    told |= {"neighbor_overlap": 0.9, "chance": 0.2, "trustworthiness": 0.98}
    found = {"n_noise_measured": 6, "n_negative_eigenvalues": 0, "negative_share": 0.0}
    for method in METHODS:
        facts = {"absent": f"too few models for {names[0]}"} if method in absent else told
        facts = told | {"parameters": found} if method == "mds" else facts
        tables.write(of / f"{method}.parquet", tables.EMBEDDING, [], facts)
    embeddings = {method: of / f"{method}.parquet" for method in METHODS}
    files = {name: of / f"{name}.parquet" for name in ("models", "samples", "distances")}
    return files | {"embeddings": embeddings}


def _status(path, names, scored):
    rows = [dict.fromkeys(STATUS, name) | {"dataset": "planted"} | HELD for name in names]
    rows[-1] |= {"dtype": "bfloat16"}
    if not scored:
        rows = [row | dict.fromkeys(HELD) for row in rows]
    frame = pl.DataFrame(rows).with_columns(
        status=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("refused")).otherwise(pl.lit("ok")),
        **{f"samples_{key}": pl.lit(400) for key in ("ok", "missing")},
        **dict.fromkeys(("seconds", "peak_memory", "peak_device_memory"), pl.lit(1.5e9)),
    )
    frame.write_csv(path, separator="\t")
    return path


def _drawn(stem, n):
    """One real figure, of as many points."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    x, y = np.random.default_rng(0).random((2, n))
    for i in range(n):  # each a marker of its own, as on the maps
        axes.plot(x[i], y[i], "os^D"[i % 4], color=style.PALETTE[i % 40])
    style.save(figure, *(stem.with_suffix(f".{ending}") for ending in ("svg", "png", "pdf")))
    plt.close(figure)
    return stem.with_suffix(".svg")


def _copied(drawn, svg):
    svg.parent.mkdir(exist_ok=True)
    for ending in (".svg", ".png", ".pdf"):
        shutil.copy(drawn.with_suffix(ending), svg.with_suffix(ending))
    return str(svg)
