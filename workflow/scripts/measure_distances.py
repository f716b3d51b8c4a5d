"""Measure the distances of all pairs of models, and rank each model's neighbors."""

from modelmap import pairs, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

models, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
noise = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
noise = dict(noise.select("model", "noise_nats2").rows())
how = snakemake.params.how
distances, neighbors = pairs.distances_and_neighbors(
    models, Q, samples, noise=[noise[model] for model in models], **how
)
tables.write(snakemake.output.distances, tables.DISTANCES, distances, how)
tables.write(snakemake.output.neighbors, tables.NEIGHBORS, neighbors, how)
