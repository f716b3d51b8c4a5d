"""Tell what an image is worth to each model and sample, by one measure."""

from pathlib import Path

import polars as pl

from modelmap import gather, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
shards = {}
for file in snakemake.input.scores:  # results/scores/{dataset}/{model}/{shard}.parquet
    shards.setdefault(Path(file).parent.name, []).append(tables.read(file, tables.SCORES))
scores = {model: pl.concat(frames) for model, frames in shards.items()}
names, values = gather.visual(samples, scores, measure=snakemake.wildcards.measure)
tables.write_vectors(snakemake.output[0], tables.VISUAL, names, values)
