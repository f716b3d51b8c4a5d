"""Draw one embedding as figures, with some labels and with all."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures import map as maps
from modelmap.figures import style
from modelmap.figures.axes import axis_names
from modelmap.log import log_to

log_to(snakemake.log[0])

title = snakemake.params.title
embedding = tables.read(snakemake.input[0], tables.EMBEDDING)
facts = tables.provenance(snakemake.input[0])
models = pl.DataFrame(snakemake.params.models)
for labels, ending in (("representative", ""), ("all", "_all")):
    figure = maps.map_figure(
        embedding,
        models,
        axes=axis_names(title, facts.get("explained_variance")),
        title=title,
        labels=labels,
        reason=facts.get("absent"),
    )
    stem = f"map_{snakemake.wildcards.method}{ending}"
    style.save(figure, *[file for file in snakemake.output if Path(file).stem == stem])
