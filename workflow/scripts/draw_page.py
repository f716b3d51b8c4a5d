"""Draw the interactive map."""

from pathlib import Path

import polars as pl

from modelmap import disagreement, metadata, pairs, portraits, tables
from modelmap.datasets.thumbnails import thumbnails
from modelmap.figures.page import map_page
from modelmap.figures.page_data import N_NEAREST, page_data
from modelmap.log import log_to

log_to(snakemake.log[0])

params, files = snakemake.params, snakemake.input
losses = tables.read(files.models, tables.MATRIX_MODELS)
sheet = pl.DataFrame(params.models, infer_schema_length=None)
years = metadata.facts(params.models).select("model", "year")
neighbors = tables.read(files.neighbors, tables.NEIGHBORS)
distances = tables.read(files.distances, tables.DISTANCES)
on_map, differing, samples = portraits.differing(files, neighbors, information=params.information)
groups = disagreement.groups(differing, samples)
data = page_data(
    on_map=on_map,
    models=sheet.join(losses, on="model", how="left").join(years, on="model", how="left"),
    embeddings=portraits.embeddings(files.embeddings, params.methods.values(), level=params.level),
    nearest=pairs.marked(neighbors, distances, N_NEAREST),
    differing=differing,
    samples=samples,
    images=thumbnails(files.texts[0], groups) if params.shows_images else {},
    notes=params.notes,
    origins=portraits.origins(files.scores, params.not_scored),
    scores=portraits.scores(files.benchmarks, losses, params.models),
)
html = map_page(data, title=f"Map on {snakemake.wildcards.map}")
Path(snakemake.output[0]).write_text(html, encoding="utf-8")
