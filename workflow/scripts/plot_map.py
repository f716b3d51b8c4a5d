"""Draw every embedding, with some names, with all, and for a column; and PCA's variance."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures import components, style
from modelmap.figures import map as maps
from modelmap.figures.axes import axis_names, faithfulness
from modelmap.geometry.hotelling import radius
from modelmap.log import log_to

log_to(snakemake.log[0])

params, files = snakemake.params, snakemake.output
models, level = pl.DataFrame(params.models, infer_schema_length=None), params.level
for source, (method, title) in zip(snakemake.input.embeddings, params.methods.items(), strict=True):
    facts, ellipses = tables.provenance(source), None
    if "resamples" in facts:
        ellipses = radius(level, facts["resamples"]), f"{100 * level:g} % ellipse"
    embedding = tables.read(source, tables.EMBEDDING)
    for labels, endings in maps.endings(embedding.height).items():
        figure, drawn = maps.map_figure(
            embedding,
            models,
            axes=axis_names(title, facts.get("explained_variance")),
            title=title,
            labels=labels,
            note=faithfulness(facts),
            ellipses=ellipses,
            reason=facts.get("absent"),
        )
        stems = [f"map_{method}{ending}" for ending in endings]
        paths = [file for file in files if Path(file).stem in stems]
        style.save(figure, *paths, data=drawn)

table = pl.read_csv(snakemake.input.components, separator="\t")
figure = components.components_figure(table)
style.save(figure, *[file for file in files if Path(file).stem == "pca_variance"])
