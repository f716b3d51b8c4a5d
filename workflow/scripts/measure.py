"""Measure the zoo's benchmark: the share of questions each model answers right."""

from modelmap import benchmarks, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
answers = {
    model: benchmarks.multiple_choice(samples, tables.read(file, tables.SCORES))
    for model, file in zip(snakemake.params.models, snakemake.input.answers, strict=True)
}
table, by_rule = benchmarks.answer_tables(answers)
table.write_csv(snakemake.output.table, separator="\t")
by_rule.write_csv(snakemake.output.by_rule, separator="\t")
