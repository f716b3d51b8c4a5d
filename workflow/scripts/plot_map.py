"""Draw every embedding as figures, with some labels and with all."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures import map as maps
from modelmap.figures import style
from modelmap.figures.axes import axis_names
from modelmap.log import log_to

log_to(snakemake.log[0])

models = pl.DataFrame(snakemake.params.models, infer_schema_length=None)
methods = snakemake.params.methods
for source, (method, title) in zip(snakemake.input.embeddings, methods.items(), strict=True):
    embedding, facts = tables.read(source, tables.EMBEDDING), tables.provenance(source)
    for labels, ending in (("representative", ""), ("all", "_all")):
        figure = maps.map_figure(
            embedding,
            models,
            axes=axis_names(title, facts.get("explained_variance")),
            title=title,
            labels=labels,
            reason=facts.get("absent"),
        )
        stem = f"map_{method}{ending}"
        style.save(figure, *[file for file in snakemake.output if Path(file).stem == stem])
