"""Measure the distances of all pairs of models, and rank each model's neighbors."""

from numpy.lib.format import open_memmap

from modelmap import pairs, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

models, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
noise = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
noise = dict(noise.select("model", "noise_nats2").rows())
output, how = snakemake.output, snakemake.params.how
weights = tables.weights(samples)
square = open_memmap(output.square, "w+", shape=(len(models), len(models)))
distances, neighbors, facts = pairs.distances_and_neighbors(
    models, Q, samples, noise=[noise[model] for model in models], **how, weights=weights, out=square
)
square.flush()
facts = how | facts | pairs.counts(distances)
tables.write(output.distances, tables.DISTANCES, distances, facts)
tables.write(output.neighbors, tables.NEIGHBORS, neighbors, facts)
