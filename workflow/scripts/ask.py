"""Draw the questions of the zoo's benchmark."""

from modelmap import tables
from modelmap.datasets import samples, scenes
from modelmap.log import log_to

log_to(snakemake.log[0])

rows = samples.with_partners(scenes.questions(snakemake.params.n_questions, seed=0), seed=0)
tables.write(snakemake.output[0], tables.SAMPLES, rows)
