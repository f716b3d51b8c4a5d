"""Compare the maps of all datasets, in pairs."""

from pathlib import Path

from modelmap import tables
from modelmap.figures import style
from modelmap.figures.stability import datasets_figure
from modelmap.log import log_to
from modelmap.stability import measures
from modelmap.stability.datasets import datasets

log_to(snakemake.log[0])

maps = {}
for coordinates, samples in zip(snakemake.input.coordinates, snakemake.input.samples, strict=True):
    counted = tables.read(samples, tables.MATRIX_SAMPLES).filter("kept")
    groups, weights = counted["group"].to_list(), tables.weights(counted)
    placed = tables.read_vectors(coordinates, tables.COORDINATES)
    name = Path(coordinates).parent.name
    maps[name] = measures.map_of(*placed, groups, snakemake.params.models, weights)
table, verdict = datasets(maps, measures.How(**snakemake.params.how))
text, *images = snakemake.output
table.write_csv(text, separator="\t")
style.save(datasets_figure(table, verdict), *images)
