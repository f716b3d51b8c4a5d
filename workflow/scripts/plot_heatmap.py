"""Draw the distances of all pairs as a clustered heat map."""

import polars as pl

from modelmap import tables
from modelmap.figures import heatmap, style
from modelmap.log import log_to

log_to(snakemake.log[0])

distances = tables.read(snakemake.input[0], tables.DISTANCES)
models = pl.DataFrame(snakemake.params.models, infer_schema_length=None)
style.save(heatmap.distance_heatmap(distances, models), *snakemake.output)
