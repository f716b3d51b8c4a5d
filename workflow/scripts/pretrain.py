"""Train one language model of the zoo."""

from pathlib import Path

from modelmap.datasets import stdlib
from modelmap.log import log_to
from modelmap.zoo import training

log_to(snakemake.log[0])

training.pretrain(
    snakemake.params.recipe,
    Path(snakemake.output[0]).parent,
    draw_texts=stdlib.draw_texts,
    threads=snakemake.threads,
)
