"""Say what the numbers of a map show, in tables."""

from pathlib import Path

import numpy as np
import polars as pl

from modelmap import labels, pairs, structure, tables
from modelmap.figures import findings
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
distances = tables.read(snakemake.input.distances, tables.DISTANCES)
models = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
names = models.filter("kept")["model"].to_list()
families = pairs.families(names, np.load(snakemake.input.square, mmap_mode="r"), params.models)
contrasts = pairs.contrasts(distances, params.contrasts)
families.write_csv(output.families, separator="\t")
contrasts.write_csv(output.contrasts, separator="\t")
kin = {"labels": labels.TOGETHER, "suspects": structure.SUSPECTS}
kin |= {"recipes": structure.RECIPES, "variance": structure.VARIANCE}
kin = {k: pl.read_csv(snakemake.input[k], separator="\t", schema=s) for k, s in kin.items()}
gates = sorted(Path(snakemake.input.gate).glob("*.parquet"))
page = findings.findings_page(
    models=models,
    neighbors=tables.read(snakemake.input.neighbors, tables.NEIGHBORS),
    families=families,
    contrasts=contrasts,
    counts=pairs.counts(distances),
    gates={path.stem: tables.read(path, tables.GATE) for path in gates},
    kin=kin,
    labels={row["model"]: row["label"] for row in params.models},
    title=snakemake.wildcards.map,
)
Path(output.page).write_text(page, encoding="utf-8")
