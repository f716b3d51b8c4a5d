"""Merge models of the zoo into one."""

from pathlib import Path

from modelmap.log import log_to
from modelmap.zoo import merging

log_to(snakemake.log[0])

parents = [Path(file).parent for file in snakemake.input]
merging.merge(parents, Path(snakemake.output[0]).parent)
