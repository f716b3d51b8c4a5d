"""Make the samples of one dataset."""

from modelmap import tables
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

block = snakemake.params.block
subset = {}
for file in snakemake.input.subset:
    subset = {"file": file, "ids": tables.read(file, tables.SUBSET)["sample_id"].to_list()}
rows, facts = samples.read(block, subset)
tables.write(snakemake.output[0], tables.SAMPLES, rows, provenance=block | facts)
