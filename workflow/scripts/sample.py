"""Make the samples of one dataset."""

from modelmap import tables
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

block = snakemake.params.block
rows, facts = samples.read(block)
tables.write(snakemake.output[0], tables.SAMPLES, rows, provenance=block | facts)
