"""Remove the weights of models that are scored on every dataset."""

import os

from modelmap import retrieve
from modelmap.log import log_to

terminal = os.fdopen(os.dup(2), "w")
log_to(snakemake.log[0])

said = retrieve.remove_weights(snakemake.params.scores)
print(said)
print(said, file=terminal)
