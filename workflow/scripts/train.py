"""Train one model of the zoo."""

from pathlib import Path

from modelmap.datasets import scenes
from modelmap.log import log_to
from modelmap.zoo import training

log_to(snakemake.log[0])

training.train(
    snakemake.params.recipe,
    [str(Path(file).parent) for file in snakemake.input],
    Path(snakemake.output[0]).parent,
    draw_pairs=scenes.draw_pairs,
    draw_texts=scenes.draw_texts,
    prompt=snakemake.params.prompt,
    threads=snakemake.threads,
)
