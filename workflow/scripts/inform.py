"""Tell how much a text and its image, or its prompt, tell of each other, model by model."""

from modelmap import frozen, gather, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
for file in snakemake.input.subset:
    n_samples = tables.provenance(file)["n_samples"]
    samples = gather.weighted(samples, tables.read(file, tables.SUBSET), n_samples)
models = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
scores = tables.read_scores(snakemake.input.scores)
rows = None
for file in snakemake.input.reference:  # none, or the frozen map
    held = frozen.read(file)
    samples, rows = frozen.known(samples, held), frozen.rows(held)
found = gather.informed(samples, scores, models, rows=rows)
output = snakemake.output
tables.write_vectors(output.matrix, tables.VISUAL, found.names, found.L)
tables.write(output.samples, tables.MATRIX_SAMPLES, found.samples)
tables.write(output.models, tables.MATRIX_MODELS, found.models)
