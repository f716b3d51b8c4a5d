"""Download a model's weights, for a score job that is to run."""

from pathlib import Path

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

retrieve.fetch(retrieve.read(snakemake.input[0]), images=snakemake.params.images)
Path(snakemake.output[0]).touch()
