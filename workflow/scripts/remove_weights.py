"""Remove the weights of models that are scored on every dataset."""

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

print(retrieve.remove_weights(snakemake.params.scores))
