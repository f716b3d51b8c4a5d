"""How long a map takes, and how much memory: `python tests/benchmarks/geometry.py` prints Markdown.

Planted families of models, two threads, every step in a process of its own: time and peak memory,
beside a plain call of scipy, scikit-learn or umap-learn in the same run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "workflow")]

import numpy as np  # noqa: E402
from measured import peak_memory  # noqa: E402
from planted import Case, plant  # noqa: E402

K, N, MANY = 1018, 10_000, 10_000
N_BOOTSTRAP, N_PERMUTATIONS, N_ELLIPSES = 1000, 1000, 100
SOME = 10  # resamples of a plain bootstrap that are timed, and scaled to N_BOOTSTRAP
LIMIT_S, LIMIT_GB = 180, 4
OF_MANY = ", many models"
THREADS = "2"
PACKAGES = "numpy", "scipy", "scikit-learn", "umap-learn"
EMBEDDINGS = {
    "PCA": ("pca", {}),
    "MDS": ("mds", {}),
    "t-SNE": (
        "tsne",
        {"perplexity": 30, "metric": "euclidean", "max_iter": 2000, "random_state": 42},
    ),
    "UMAP": ("umap", {"n_neighbors": 15, "min_dist": 0.1, "random_state": 42}),
}


class Step(NamedTuple):
    """What is measured; a plain call does a share of its work, and its time is divided by that."""

    name: str
    run: object
    rival: str = ""
    plain: object = None
    share: float = 1.0


def center(case):
    """Double-center, and the shares of length and difficulty."""
    from modelmap.adjustment import adjust
    from modelmap.geometry.centering import double_center

    Q = double_center(case.Q)
    adjust(case.models, Q, n_bytes=case.groups % 99, difficulty=case.Q[0], off=[])


def distances(case):
    """Squared distances into a file."""
    from modelmap.geometry.divergence import squared_distances

    out = np.lib.format.open_memmap(case.folder / "d2.npy", "w+", shape=(case.n, case.n))
    squared_distances(case.Q, out)
    out.flush()


def intervals(case):
    """Squared distances with intervals of all pairs."""
    from modelmap.geometry.divergence import squared_distance_intervals

    squared_distance_intervals(case.Q, case.groups, level=0.95)


def neighbors(case):
    """All that the rule `measure_distances` does, its files too."""
    from modelmap import pairs, tables

    out = np.lib.format.open_memmap(case.folder / "d2.npy", "w+", shape=(case.n, case.n))
    how = {"noise": [0.01] * case.n, "level": 0.95, "n_bootstrap": N_BOOTSTRAP, "out": out}
    found = pairs.distances_and_neighbors(case.models, case.Q, case.samples(), **how)
    tables.write(case.folder / "distances.parquet", tables.DISTANCES, found[0])
    tables.write(case.folder / "neighbors.parquet", tables.NEIGHBORS, found[1])


def tree(case):
    """Neighbor joining with bootstrap support."""
    from modelmap import structure

    structure.grow(case.placed(), case.groups, n_bootstrap=N_BOOTSTRAP)


def kin(case):
    """Undeclared parents, shifts by recipe, partition of variance, what stands together."""
    from modelmap import structure
    from modelmap.labels import labels

    on = case.placed()
    structure.suspect_pairs(on, level=0.95)
    structure.recipes(on, case.Q[0], {}, n_permutations=10_000)
    structure.variance(on, n_permutations=10_000)
    labels(on, n_permutations=10_000)


def prediction(case):
    """Nested ridge of all benchmarks, baselines, p by permutation of families."""
    from modelmap import predict

    predict.predict(
        case.scored(), protocol="default", n_permutations=N_PERMUTATIONS, random_state=0
    )


def embed(title):
    """One of the embeddings."""

    def run(case):
        from modelmap.geometry import embedding

        method, params = EMBEDDINGS[title]
        if method == "mds":
            params = {"noise": [0.01] * case.n}
        embedding.embed(case.Q, method, **params)

    return run


def ellipses(case):
    """Embeddings as the rule `embed` has them, where ellipses are: with those, and faithfulness."""
    from modelmap.embeddings import embeddings

    settings = {method: {} if method == "mds" else how for method, how in EMBEDDINGS.values()}
    del settings["umap"]
    noise = dict.fromkeys(case.models, 0.01)
    how = {"noise": noise, "released": {}, "groups": case.groups, "n_ellipses": N_ELLIPSES}
    embeddings(case.models, case.Q, settings, **how)


def stability(case):
    """Maps of other samples, and of kinds of samples."""
    from modelmap.stability.measures import How
    from modelmap.stability.samples import samples, strata

    on, how = case.map(), How(n_repeats=20, n_neighbors=10, n_components=10, random_state=0)
    samples(on, how)
    strata(on, case.samples()["stratum"].to_list(), how)


def subsets(case):
    """Errors of subsets by three methods and five sizes."""
    from modelmap import subsets

    how = {"methods": ["uniform", "ls", "kl"], "sizes": [0.02, 0.05, 0.1, 0.2, 0.5]}
    how |= {"n_repeats": 100, "random_state": 0}
    subsets.errors(case.models, case.Q, case.samples(), case.families, **how)


def plain_distances(case):
    """Pair by pair."""
    from scipy.spatial.distance import pdist

    pdist(case.Q, "sqeuclidean")


def plain_products(case):
    """All pairs at once."""
    from sklearn.metrics import euclidean_distances

    euclidean_distances(case.Q, squared=True)


def plain_bootstrap(case):
    """Some resamples of all distances, with who is nearest in each."""
    from sklearn.metrics import euclidean_distances

    rng = np.random.default_rng(0)
    for _ in range(SOME):
        drawn = case.Q[:, rng.integers(case.Q.shape[1], size=case.Q.shape[1])]
        d2 = euclidean_distances(drawn - drawn.mean(axis=1, keepdims=True), squared=True)
        np.fill_diagonal(d2, np.inf)
        d2.argmin(axis=1)


def plain_linkage(case):
    """A tree of average linkage, without support."""
    from scipy.cluster.hierarchy import linkage

    linkage(case.Q, "average")


def plain_pca(case):
    """scikit-learn's default solver, all components."""
    from sklearn.decomposition import PCA

    PCA().fit_transform(case.Q)


def plain_tsne(case):
    """scikit-learn's, of the same settings."""
    from sklearn.manifold import TSNE

    TSNE(perplexity=30, max_iter=2000, init="pca", random_state=42, n_jobs=1).fit_transform(case.Q)


def plain_umap(case):
    """umap-learn's, of the same settings."""
    from umap import UMAP

    UMAP(n_neighbors=15, min_dist=0.1, random_state=42, n_jobs=1).fit_transform(case.Q)


def plain_prediction(case):
    """One permutation: five folds, the penalty by leave-one-out."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold

    scored = case.scored()
    Y = scored.scores(scored.benchmarks)
    for train, _ in GroupKFold(5).split(Y, groups=scored.groups()):
        RidgeCV(alphas=np.logspace(1, 8, 8)).fit(case.Q[train], Y[train])


WHOLE = "distances, intervals, neighbors"
STEPS = [
    Step("center", center),
    Step("distances", distances, "scipy pdist", plain_distances),
    Step("intervals", intervals, "percentile bootstrap", plain_bootstrap, SOME / N_BOOTSTRAP),
    Step(WHOLE, neighbors, "bootstrap of who is nearest", plain_bootstrap, SOME / N_BOOTSTRAP),
    Step("tree with support", tree, "scipy linkage, no support", plain_linkage),
    Step("PCA", embed("PCA"), "scikit-learn PCA", plain_pca),
    Step("t-SNE", embed("t-SNE"), "scikit-learn TSNE", plain_tsne),
    Step("UMAP", embed("UMAP"), "umap-learn UMAP", plain_umap),
    Step(
        "prediction", prediction, "RidgeCV, each permutation", plain_prediction, 1 / N_PERMUTATIONS
    ),
    Step("MDS", embed("MDS")),
    Step("PCA, MDS, t-SNE with ellipses", ellipses),
    Step("suspects, recipes, variance, labels", kin),
    Step("stability: samples, strata", stability),
    Step("subsets", subsets),
]
LARGE = [  # each the same as a step above, of many models
    Step(f"distances{OF_MANY}", distances, "scikit-learn euclidean_distances", plain_products),
    Step(f"{WHOLE}{OF_MANY}", neighbors),
]
# what is held against the limits; "distances" and "intervals" are parts of WHOLE
MAP = ("center", WHOLE, "tree with support", "PCA", "t-SNE", "UMAP", "prediction")


def main():
    """Measure, and print the tables."""
    options = _options()
    if options.step:
        print(json.dumps(measure_here(options.step, options.plain, Path(options.folder))))
        return
    from benchmarks.scoring import describe_run

    print(describe_run(HERE, PACKAGES), end="\n\n")
    small = (64, 300) if options.quick else (K, N)
    large = (128, 300) if options.quick else (MANY, N)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = compare(STEPS, Path(folder), *small)
        print(table(found, *small), end="\n\n")
        print(whole(found), end="\n\n", flush=True)
        many = compare(LARGE, Path(folder), *large)
        print(table(many, *large), end="\n\n")
        print(growth(found, many, f"{small[0]:,} to {large[0]:,} models"))


def whole(found):
    """What stands against the limits."""
    seconds = sum(found[name][0]["seconds"] for name in MAP)
    peak = max(found[name][0]["gb"] for name in MAP)
    return (
        "all: matrix to distances with intervals, neighbors, tree, PCA, t-SNE, UMAP, prediction: "
        f"**{seconds:.0f} s, {peak:.2f} GB** (limit {LIMIT_S} s, {LIMIT_GB} GB)"
    )


def growth(found, many, between):
    """How much more the steps of LARGE take than those of fewer models."""
    lines = []
    for name, (mine, _) in many.items():
        name = name.removesuffix(OF_MANY)
        times, more = (mine[key] / found[name][0][key] for key in ("seconds", "gb"))
        lines.append(f"- {name}, from {between}: {times:.1f} × time, {more:.1f} × memory")
    return "\n".join(lines)


def compare(steps, folder, n_models, n_samples):
    """Measure every step, and its plain rival, one after another."""
    plant(folder, n_models, n_samples)
    found = {}
    for step in steps:
        mine = measure(step.name, folder)
        rival = measure(step.name, folder, plain=True) if step.plain else None
        found[step.name] = mine, rival
        print(step.name, mine, rival, file=sys.stderr, flush=True)
    return found


def table(found, n_models, n_samples):
    """Markdown of what `compare` found."""
    steps = {step.name: step for step in [*LARGE, *STEPS]}
    lines = [
        f"{n_models:,} models, {n_samples:,} samples (a matrix of "
        f"{8e-9 * n_models * n_samples:.2f} GB), {THREADS} threads.",
        "",
        "| step | seconds | CPU seconds | peak GB | plain call | seconds | peak GB | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (mine, rival) in found.items():
        times = (f"{mine[key]:.1f}" for key in ("seconds", "cpu_seconds"))
        row = [name, *times, f"{mine['gb']:.2f}", "", "", "", ""]
        if rival:
            seconds = rival["seconds"] / steps[name].share
            row[4:] = steps[name].rival, f"{seconds:.1f}", f"{rival['gb']:.2f}"
            row += [f"{seconds / mine['seconds']:.1f}"]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def measure(name, folder, *, plain=False):
    """Run one step in a process of its own: seconds without reading, peak memory in GB."""
    command = [sys.executable, str(HERE), "--step", name, "--folder", str(folder)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), THREADS)
    done = subprocess.run(
        [*command, *(["--plain"] if plain else [])],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_here(name, plain, folder):
    """Run one step in this process."""
    case = Case(folder)
    step = next(step for step in [*STEPS, *LARGE] if step.name == name)
    run = step.plain if plain else step.run
    begin, cpu = time.perf_counter(), time.process_time()
    run(case)
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
    return spent | {"gb": peak_memory()}


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few models and samples")
    parser.add_argument("--folder", help="where the matrices lie (default: the temporary folder)")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
