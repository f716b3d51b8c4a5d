"""Draw the distances of all pairs as a clustered heat map."""

import numpy as np
import polars as pl

from modelmap import tables
from modelmap.figures import heatmap, style
from modelmap.log import log_to

log_to(snakemake.log[0])

names = tables.read(snakemake.input.models, tables.MATRIX_MODELS).filter("kept")["model"].to_list()
d2 = np.load(snakemake.input.square, mmap_mode="r")
models = pl.DataFrame(snakemake.params.models, infer_schema_length=None)
figure, drawn = heatmap.distance_heatmap(names, d2, models)
style.save(figure, *snakemake.output, data=drawn)
