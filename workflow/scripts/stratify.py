"""Tell the loss of each model on each stratum of a dataset, as a table and a figure."""

import polars as pl

from modelmap import strata, tables
from modelmap.figures import strata as figures
from modelmap.figures import style
from modelmap.log import log_to

log_to(snakemake.log[0])

models, samples, L = tables.read_kept(**snakemake.input)
how = {"level": snakemake.params.level, "weights": tables.weights(samples)}
table = strata.losses(models, samples, L, **how)
table.write_csv(snakemake.output[0], separator="\t")
figure = figures.strata_figure(
    table, pl.DataFrame(snakemake.params.models, infer_schema_length=None)
)
style.save(figure, *snakemake.output[1:])
