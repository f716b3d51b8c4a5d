"""Ask whether a map would be the same with other samples, models, seeds or methods."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures import stability as figures
from modelmap.figures import style
from modelmap.log import log_to
from modelmap.stability import measures, redrawn
from modelmap.stability.samples import samples, strata

log_to(snakemake.log[0])

params, given = snakemake.params, snakemake.input
counted = tables.read(given.samples, tables.MATRIX_SAMPLES).filter("kept")
placed = tables.read_vectors(given.coordinates, tables.COORDINATES)
weights = tables.weights(counted)
how = measures.How(**params.how)
on = measures.map_of(*placed, counted["group"].to_list(), params.models, weights)
on = on.some(how.random_state)
drawn = [
    (tables.provenance(file)["method"], tables.read(file, tables.EMBEDDING))
    for file in given.embeddings
]
pictures = redrawn.pictures(drawn, on.models)
released = {row["model"]: row["released"] for row in params.released}
again = tables.read(given.restarts, tables.RESTARTS)
sheet = pl.DataFrame(params.models, infer_schema_length=None)
left_out = redrawn.models(on, pictures, params.tsne, released, how)
found = {
    "samples": (figures.samples_figure, *samples(on, how)),
    "models": (figures.left_out_figure, *left_out, sheet),
    "seeds": (figures.seeds_figure, *redrawn.seeds(on, pictures, again, how)),
    "methods": (figures.methods_figure, *redrawn.methods(on, pictures, how)),
    "strata": (figures.strata_figure, *strata(on, counted["stratum"].to_list(), how)),
}
for view, (figure, table, note, *more) in found.items():
    text, *images = [file for file in snakemake.output if Path(file).stem == view]
    table.write_csv(text, separator="\t")
    style.save(figure(table, note + on.aside, *more), *images)
