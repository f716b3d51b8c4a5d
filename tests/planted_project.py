"""A project of as many synthetic models as wanted, to look at what a run makes of them.

    PYTHONPATH=workflow:tests python tests/planted_project.py FOLDER N_MODELS
    cd FOLDER && snakemake -s path/to/Snakefile --configfile config.yaml --cores 2

Its log-likelihoods are planted (planted.plant), and read by the workflow as a matrix of others.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from planted import N_BENCHMARKS, Case, plant
from workflow_runs import write_sheet

LABELS = ['<b>bold</b> & "quoted"', "日本語の視覚言語モデル", "a" + " very" * 14 + " long name"]


def write_project(folder, n_models, n_samples=400):
    """Write config.yaml, models.tsv, benchmarks.tsv and the matrix; some names are nasty.

    Every third family tells neither parameters nor dates, and every fifth model has no benchmarks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plant(folder, n_models, n_samples)
    case, rng = Case(folder), np.random.default_rng(1)
    L = case.Q / 10 - rng.gamma(9, 5, n_samples) - 10 * rng.random((n_models, 1)) - 30
    matrix = pl.DataFrame({"model": case.models, "log_likelihood": L.tolist()})
    matrix.write_parquet(folder / "matrix.parquet")
    case.samples().write_parquet(folder / "matrix.samples.parquet")
    sheet = [{key: value for key, value in row.items() if value} for row in case.sheet]
    for i, row in enumerate(sheet):
        row["label"] = LABELS[i] if i < len(LABELS) else f"{row['family']}-{i}-{row['recipe']}"
        row["generation"] = f"{row['family']} v{i % 3 + 1}"
        if int(row["family"][1:]) % 3 == 2:
            del row["params_b"], row["released"]
    columns = list(dict.fromkeys(key for row in sheet for key in row))
    write_sheet(folder / "models.tsv", [dict.fromkeys(columns, "") | row for row in sheet])
    scores = 50 + L.mean(axis=1)[:, None] / 4 + rng.normal(0, 6, (n_models, N_BENCHMARKS))
    table = pl.DataFrame({"name": case.models} | {f"b{i}": y for i, y in enumerate(scores.T)})
    table = table.filter(pl.int_range(n_models) % 5 != 4)
    table.write_csv(folder / "benchmarks.tsv", separator="\t")
    config = {
        "models": "models.tsv",
        "datasets": {"planted": {"source": "matrix", "path": "matrix.parquet"}},
        "benchmarks": {"table": "benchmarks.tsv"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "Q.npy").unlink()


if __name__ == "__main__":
    write_project(Path(sys.argv[1]), int(sys.argv[2]))
