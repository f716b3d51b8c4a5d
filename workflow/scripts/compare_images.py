"""Tell what an image is worth to each model and sample, by one measure."""

from modelmap import gather, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
scores = tables.read_scores(snakemake.input.scores)
names, values = gather.visual(samples, scores, measure=snakemake.wildcards.measure)
tables.write_vectors(snakemake.output[0], tables.VISUAL, names, values)
