"""Tell the share of questions that each model answers right, by its options' log-likelihoods."""

import polars as pl

from modelmap import benchmarks, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
scores = tables.read_scores(snakemake.input.scores)
everything = samples.with_columns(stratum=pl.lit(None, pl.String))
answers = {
    model: benchmarks.multiple_choice(samples, frame)
    | benchmarks.multiple_choice(everything, frame)
    for model, frame in scores.items()
}
_, by_rule = benchmarks.answer_tables(answers)
by_rule.write_csv(snakemake.output[0], separator="\t")
