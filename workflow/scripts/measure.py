"""Measure the zoo's benchmark: the share of questions each model answers right."""

from pathlib import Path

import polars as pl

from modelmap import benchmarks, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
shards = {}
for file in snakemake.input.scores:  # results/scores/zoo-questions/{model}/{shard}.parquet
    shards.setdefault(Path(file).parent.name, []).append(tables.read(file, tables.SCORES))
answers = {
    model: benchmarks.multiple_choice(samples, pl.concat(frames))
    for model, frames in shards.items()
}
table, by_rule = benchmarks.answer_tables(answers)
table.write_csv(snakemake.output.table, separator="\t")
by_rule.write_csv(snakemake.output.by_rule, separator="\t")
