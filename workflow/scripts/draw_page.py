"""Draw the interactive map."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures import page
from modelmap.figures.axes import axis_names
from modelmap.log import log_to

log_to(snakemake.log[0])

models = pl.DataFrame(snakemake.params.models, infer_schema_length=None).join(
    tables.read(snakemake.input.models, tables.MATRIX_MODELS), on="model", how="left"
)
embeddings, reasons = {}, {}
for file, name in zip(snakemake.input.embeddings, snakemake.params.methods.values(), strict=True):
    facts = tables.provenance(file)
    if "absent" in facts:
        reasons[name] = facts["absent"]
    else:
        axes = axis_names(name, facts.get("explained_variance"))
        embeddings[name] = tables.read(file, tables.EMBEDDING), axes
neighbors = tables.read(snakemake.input.neighbors, tables.NEIGHBORS)
html = page.map_page(
    embeddings, models, neighbors, reasons=reasons, title=f"Map on {snakemake.wildcards.map}"
)
Path(snakemake.output[0]).write_text(html, encoding="utf-8")
