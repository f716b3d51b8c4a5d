"""Choose subsets of a dataset, and tell how far distances from them are off."""

from modelmap import subsets, tables
from modelmap.figures import style
from modelmap.figures.subsets import errors_figure
from modelmap.log import log_to

log_to(snakemake.log[0])

how, output = snakemake.params.how, snakemake.output
families = {row["model"]: row["family"] for row in snakemake.params.models}
models, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")

table, note = subsets.errors(models, Q, samples, list(map(families.get, models)), **how)
table.write_csv(output.errors, separator="\t")
style.save(errors_figure(table, note=note), output.figure, *output.figures)

made_of = {key: tables.provenance(snakemake.input.coordinates)[key] for key in ("clip", "adjust")}
how = {key: how[key] for key in ("methods", "sizes", "random_state")}
drawn = subsets.choose(models, Q, samples, **how)
for file, (rows, facts) in zip(output.subsets, drawn, strict=True):
    tables.write(file, tables.SUBSET, rows, facts | made_of)
